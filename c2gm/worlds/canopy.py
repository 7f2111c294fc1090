"""Crowns of trees as a lumpy surface that the sun lights from one side."""

from __future__ import annotations

import numpy as np

from ..grid import PixelBox
from .canvas import Canvas
from .crowns import Crowns

RINGS = ((1.0, 96), (0.82, 150), (0.6, 200), (0.34, 240))  # share of the radius, height code
MARGIN = 7  # px that ruffling and lighting look beyond a box
REACH = 1.0  # metres between which slopes are taken
_LIT = 3  # px of the margin that lighting needs
_TORUS = 256  # px after which ruffling repeats
RUFFLE = 0.6  # metres that leaves and twigs stray, about


class Canopy:
    """All crowns of a scene, drawn as rings of height."""

    def __init__(self, crowns: tuple[Crowns, ...]) -> None:
        """Take crowns by shade."""
        self._groups = crowns
        places = [group.places for group in crowns] or [np.zeros((0, 2))]
        radii = [group.radii for group in crowns] or [np.zeros(0)]
        self._places, self._radii = np.concatenate(places), np.concatenate(radii)
        self.colour = _middle([group.colour for group in crowns])

    def colours(self, canvas: Canvas, *, fine: bool) -> None:
        """Draw the crowns in their colours."""
        for group in self._groups:
            red, green, blue = (int(value) for value in group.colour)
            outline = group.outline[:: 1 if fine else 2]
            canvas.fill_copies(outline, group.places, group.radii * 1.1, (red, green, blue))

    def shade(self, canvas: Canvas, away: np.ndarray) -> None:
        """Draw what the crowns shade as code (0, 0, 255), from the trunk to beyond the crown."""
        for height, share in ((0.5, 0.85), (1.25, 0.9)):
            cast = self._places + away * (height * self._radii)[:, None]
            canvas.fill_copies(_circle(7), cast, self._radii * share, (0, 0, 255))

    def heights(self, canvas: Canvas, towards: np.ndarray, *, fine: bool) -> None:
        """Draw the heights of crowns as codes (height, 0, 0)."""
        for group in self._groups:
            outline = group.outline[:: 1 if fine else 2]
            canvas.fill_copies(outline, group.places, group.radii, (RINGS[0][1], 0, 0))
        for share, height in RINGS[1:] if fine else RINGS[2:3]:
            # tops lean to the light a little, as what is lit of them does
            places = self._places + towards * (0.18 * (1 - share) * self._radii)[:, None]
            canvas.fill_copies(_circle(8), places, self._radii * share, (height, 0, 0))


def ruffled(pixels: np.ndarray, box: PixelBox, resolution: float) -> np.ndarray:
    """Pixels [H,W,3] of a box, `_LIT` px cut off: each taken from nearby, as foliage frays rims."""
    cut = MARGIN - _LIT
    height, width = pixels.shape[0] - 2 * cut, pixels.shape[1] - 2 * cut
    stray = RUFFLE / resolution
    rows = (np.arange(box.top - _LIT, box.top - _LIT + height) % _TORUS)[:, None]
    columns = (np.arange(box.left - _LIT, box.left - _LIT + width) % _TORUS)[None]
    down, across = (
        np.clip(np.rint(field[rows, columns] * stray), -cut, cut).astype(np.intp)
        for field in _STRAYING
    )
    taken: np.ndarray = pixels[
        np.arange(cut, cut + height)[:, None] + down, np.arange(cut, cut + width)[None] + across
    ]
    return taken


def lit_side(heights: np.ndarray, towards: np.ndarray, resolution: float) -> np.ndarray:
    """How much crowns face the sun, about -1 to 1, float32 cut by `_LIT` px on each side.

    Args:
        heights: 0..1 with the margin.
        towards: the sun, x east, y north.
        resolution: metres a pixel.
    """
    pixels = min(_LIT, max(1.0, REACH / resolution))
    column, row = (int(round(value * pixels)) for value in (towards[0], -towards[1]))
    height, width = (side - 2 * _LIT for side in heights.shape)
    ahead = heights[_LIT + row :, _LIT + column :][:height, :width]
    behind = heights[_LIT - row :, _LIT - column :][:height, :width]
    facing: np.ndarray = behind - ahead
    return facing


def without_margin(pixels: np.ndarray) -> np.ndarray:
    """What `lit_side` tells of, of pixels that `ruffled` gave."""
    return pixels[_LIT:-_LIT, _LIT:-_LIT]


def _middle(colours: list[tuple[float, float, float]]) -> tuple[int, int, int]:
    red, green, blue = np.mean(colours or [(80, 90, 70)], axis=0).astype(int).tolist()
    return red, green, blue


def _circle(sides: int) -> np.ndarray:
    turns = np.linspace(0, 2 * np.pi, sides + 1)
    outline: np.ndarray = np.stack([np.cos(turns), np.sin(turns)], 1)
    outline[-1] = outline[0]
    return outline


def _straying() -> np.ndarray:
    """Two fields of std 1 on a torus, lumps of about two pixels, float32 [2,h,w]."""
    white = np.random.default_rng(83).normal(size=(2, _TORUS, _TORUS))
    soft = white + 0.8 * np.roll(white, 1, 1) + 0.8 * np.roll(white, 1, 2)
    soft += 0.6 * np.roll(white, (1, 1), (1, 2))
    fields: np.ndarray = (soft / soft.std()).astype(np.float32)
    return fields


_STRAYING = _straying()
