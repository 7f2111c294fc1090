"""The foot of a map sheet: legend, scale bar and credit, drawn below a stitched picture."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..legend import FLAT_CLASSES, LEGEND
from .metadata import NOTICE

PAPER, INK, RIM = (255, 255, 255), (40, 42, 48), (150, 152, 158)
_LEAST, _LARGEST = 11, 30  # px of the letters


@dataclass(frozen=True)
class Foot:
    """What stands below a map.

    Attributes:
        legend: The classes and their colours.
        scale_bar: A bar of a round length on the ground.
        credit: Credit of the imagery, and that the map is generated; None leaves both out.
    """

    legend: bool = False
    scale_bar: bool = False
    credit: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.legend or self.scale_bar or self.credit is not None)


NO_FOOT = Foot()


def draw_foot(foot: Foot, width: int, metres_per_pixel: float) -> np.ndarray:
    """The foot of a map as wide as the map, uint8 [h,width,3]; of height 0 where it is empty.

    Args:
        foot: What it shows.
        width: Pixels.
        metres_per_pixel: On the ground, in the middle of the map.
    """
    if foot.empty:
        return np.empty((0, width, 3), dtype=np.uint8)
    sheet = _Sheet(width)
    if foot.scale_bar:
        sheet.add_scale_bar(metres_per_pixel)
    if foot.legend:
        sheet.add_legend()
    if foot.credit is not None:
        sheet.add_text(f"{NOTICE}. {foot.credit}".strip())
    return sheet.picture()


def round_length(metres: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50 ... (and 0.5, 0.2 ...) that is not above a length."""
    power = 10.0 ** math.floor(math.log10(metres))
    return max(step * power for step in (1, 2, 5) if step * power <= metres * 1.000001)


def length_text(metres: float) -> str:
    """`200 m`, `1.5 km`."""
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"


class _Sheet:
    """Rows of things, laid out from the left and broken where the width ends."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.size = min(max(width // 64, _LEAST), _LARGEST)
        self.font = letters(self.size)
        self.gap = self.size // 2
        self.row = int(self.size * 1.7)
        self.top = self.gap
        self.canvas = Image.new("RGB", (width, self.gap), PAPER)

    def _room(self, height: int) -> ImageDraw.ImageDraw:
        """Grow the canvas to hold this much below the top."""
        grown = Image.new("RGB", (self.width, self.top + height + self.gap), PAPER)
        grown.paste(self.canvas, (0, 0))
        self.canvas = grown
        return ImageDraw.Draw(grown)

    def add_scale_bar(self, metres_per_pixel: float) -> None:
        """A bar of at most a third of the width, its halves black and white."""
        metres = round_length(metres_per_pixel * self.width / 3)
        length = max(2, round(metres / metres_per_pixel))
        draw, middle = self._room(self.row), self.top + self.row // 2
        left, half, thick = self.gap, length // 2, max(2, self.size // 4)
        draw.rectangle((left, middle - thick, left + length, middle + thick), PAPER, INK)
        draw.rectangle((left, middle - thick, left + half, middle + thick), INK)
        draw.text(
            (left + length + self.gap, middle), length_text(metres), INK, self.font, anchor="lm"
        )
        self.top += self.row

    def add_legend(self) -> None:
        """A swatch and a name for every class."""
        left = self.gap
        draw = self._room(self.row)
        for entry in LEGEND[:FLAT_CLASSES]:
            wide = 2 * self.size + int(draw.textlength(entry.name, self.font)) + 2 * self.gap
            if left > self.gap and left + wide > self.width:
                left, self.top = self.gap, self.top + self.row
                draw = self._room(self.row)
            middle = self.top + self.row // 2
            box = (left, middle - self.size // 2, left + self.size, middle + self.size // 2)
            draw.rectangle(box, entry.colour, RIM)
            draw.text((box[2] + self.gap, middle), entry.name, INK, self.font, anchor="lm")
            left += wide
        self.top += self.row

    def add_text(self, text: str) -> None:
        """Words, broken into lines; without accents, which Pillow's own letters lack."""
        text = "".join(
            letter
            for letter in unicodedata.normalize("NFKD", text)
            if not unicodedata.combining(letter)
        )
        line, room = "", self.width - 2 * self.gap
        draw = self._room(self.row)
        for word in [*text.split(), ""]:
            longer = f"{line} {word}".strip()
            if word and (not line or draw.textlength(longer, self.font) <= room):
                line = longer
                continue
            draw = self._room(self.row)
            middle = self.top + self.row // 2
            draw.text((self.gap, middle), line, INK, self.font, anchor="lm")
            self.top += self.row
            line = word

    def picture(self) -> np.ndarray:
        """All of it, uint8 [h,width,3]."""
        return np.array(self.canvas)


def letters(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own letters of a size in pixels; before 10.1 they had one size."""
    try:
        return ImageFont.load_default(size)
    except TypeError:
        return ImageFont.load_default()
