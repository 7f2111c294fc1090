"""Compare Zooms: one ground several times, side by side with captions, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..c2gm.errors import ConfigError
from ..c2gm.grid import pixels_of_bounds, tiles_of_box
from ..c2gm.imagery.base import Imagery
from ..c2gm.map_scale import map_scale
from ..c2gm.tilesets.base import TileSet
from ..c2gm.tilesets.open import open_tileset
from ..c2gm.tilesets.sheet import INK, PAPER, letters
from ..c2gm.tilesets.stitch import picture_box, strips
from .areas import Bounds, PickedArea
from .imagery_look import PAPER as NO_IMAGERY
from .sheets import shrunk

GAP = 8  # px between panels
LETTERS = 16  # px
CAPTION = 28  # px
MAX_PIXELS = 16_000_000  # of one panel before it is brought to its size
TEXT_ZOOM = 20  # the finest with a map scale


@dataclass(frozen=True)
class Panel:
    """A picture uint8 [H,W,3] and what stands above it."""

    picture: np.ndarray
    caption: str


def parse_zooms(text: str, known: Sequence[int]) -> list[int]:
    """Zooms like `14,16,18`; all known ones of an empty text.

    Raises:
        ConfigError: it is no list of numbers, or the map has no such zoom.
    """
    if not text.strip():
        return list(known)
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError(f"Zooms {text!r} are no list of numbers. Write them like 14,16,18.")
    zooms = [int(part) for part in parts]
    missing = [zoom for zoom in zooms if zoom not in known]
    if missing:
        have = ", ".join(str(zoom) for zoom in known)
        raise ConfigError(f"The map has no zoom {missing[0]}; its zooms are {have}.")
    return zooms


def zoom_panels(path: Path, area: PickedArea, zooms: str, width: int) -> list[Panel]:
    """A panel for each zoom of a tile set, all of the area's bounds.

    Raises:
        C2GMError: no such zoom, or nothing of the map lies in the area.
    """
    with open_tileset(path) as tileset:
        return [
            Panel(_of_tileset(tileset, zoom, area.bounds, width), _scale_caption(zoom))
            for zoom in parse_zooms(zooms, tileset.zooms)
        ]


def _scale_caption(zoom: int) -> str:
    if zoom > TEXT_ZOOM:
        return f"zoom {zoom}"
    return f"zoom {zoom}, 1:{map_scale(zoom).denominator:,}"


def _of_tileset(tileset: TileSet, zoom: int, bounds: Bounds, width: int) -> np.ndarray:
    box = picture_box(tileset, zoom, bounds)
    whole = tiles_of_box(box).box
    factor = 1
    while whole.width * whole.height > MAX_PIXELS * factor**2 and factor < 256:
        factor *= 2
    picture = np.vstack(list(shrunk(strips(tileset, whole), factor)))
    top, left = (box.top - whole.top) // factor, (box.left - whole.left) // factor
    height, across = max(1, box.height // factor), max(1, box.width // factor)
    return sized(picture[top : top + height, left : left + across], width)


def imagery_panel(imagery: Imagery, bounds: Bounds, width: int) -> Panel:
    """The imagery of the same ground."""
    zoom = imagery.native_zoom
    while zoom and pixels_of_bounds(bounds, zoom).width >= 2 * width:
        zoom -= 1
    rgb, valid = imagery.read(pixels_of_bounds(bounds, zoom))
    shown = np.where(valid[..., None], rgb, np.array(NO_IMAGERY, dtype=np.uint8))
    return Panel(sized(shown, width), "imagery")


def sized(picture: np.ndarray, width: int) -> np.ndarray:
    """A picture at a width: enlarged in whole squares, as pixels are; shrunk smoothly."""
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    smaller = width < picture.shape[1]
    kind = Image.Resampling.LANCZOS if smaller else Image.Resampling.NEAREST
    return np.array(Image.fromarray(picture).resize((width, height), kind))


def side_by_side(panels: Sequence[Panel], captions: str) -> np.ndarray:
    """All panels in a row, uint8 [H,W,3]; a line of `captions` replaces a panel's own.

    Raises:
        ConfigError: there is nothing to compare.
    """
    if not panels:
        raise ConfigError("Nothing to compare: connect a tileset with its area, or pictures.")
    own = captions.splitlines()
    height = max(panel.picture.shape[0] for panel in panels)
    width = sum(panel.picture.shape[1] for panel in panels) + GAP * (len(panels) + 1)
    sheet = Image.new("RGB", (width, height + CAPTION + GAP), PAPER)
    draw, left = ImageDraw.Draw(sheet), GAP
    for index, panel in enumerate(panels):
        written = own[index].strip() if index < len(own) else ""
        draw.text(
            (left, CAPTION // 2), written or panel.caption, INK, letters(LETTERS), anchor="lm"
        )
        sheet.paste(Image.fromarray(panel.picture), (left, CAPTION))
        left += panel.picture.shape[1] + GAP
    return np.array(sheet)
