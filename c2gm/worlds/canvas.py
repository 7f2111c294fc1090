"""A drawing canvas on the pixels of a box: polygons and discs, antialiased, by Agg."""

from __future__ import annotations

import math

import numpy as np

from ..grid import PixelBox, mercator_resolution
from .shapes import LONGEST_EDGE, ShapeSet

SUBPIXELS = 256  # Agg's own raster; vertices on it are drawn the same whatever the box


class Canvas:
    """Draws in metres from a centre that lies on a whole pixel of every zoom.

    Args:
        box: the pixels wanted; a margin on each side is drawn and cut off.
        centre: (column, row) of the origin at the box's zoom.
        background: colour of undrawn pixels.
        metre: metres of EPSG:3857 that one metre of the shapes takes.
        antialiased: whether edges blend; codes must not.
    """

    def __init__(
        self,
        box: PixelBox,
        centre: tuple[int, int],
        background: tuple[int, int, int],
        *,
        metre: float = 1.0,
        antialiased: bool = True,
    ) -> None:
        from matplotlib.backends.backend_agg import RendererAgg
        from matplotlib.transforms import IdentityTransform

        self._per_metre = metre / mercator_resolution(box.zoom)
        # edges that reach into the box end within the margin: clipping never shows inside
        self._margin = math.ceil(LONGEST_EDGE * self._per_metre) + 4
        grown = box.grown(self._margin)
        self._shift = np.array([centre[0] - grown.left, grown.bottom - centre[1]], dtype=np.float64)
        self._renderer = RendererAgg(grown.width, grown.height, 72)
        self._identity = IdentityTransform()
        left, top = -self._shift[0], grown.height - self._shift[1]
        self._view = (
            left / self._per_metre,
            -self._shift[1] / self._per_metre,
            (left + grown.width) / self._per_metre,
            top / self._per_metre,
        )
        self._gc = self._renderer.new_gc()
        self._gc.set_snap(False)
        self._gc.set_linewidth(0)
        self._gc.set_antialiased(antialiased)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], dtype=np.float64)
        self._draw(corners * (grown.width, grown.height), np.array([1, 2, 2, 2, 79]), background)

    def fill(self, shapes: ShapeSet) -> None:
        """Draw shapes in their own colours."""
        vertices, codes, runs = shapes.within(*self._view)
        pixels = self._pixels(vertices)
        for first, last, colour in runs:
            self._draw(pixels[first:last], codes[first:last], colour)

    def fill_copies(
        self,
        template: np.ndarray,
        places: np.ndarray,
        sizes: np.ndarray,
        colour: tuple[int, int, int],
    ) -> None:
        """Draw a closed outline [k,2] enlarged by `sizes` at each of the places [n,2]."""
        left, bottom, right, top = self._view
        x, y = places[:, 0], places[:, 1]
        seen = (x > left - 9) & (x < right + 9) & (y > bottom - 9) & (y < top + 9)
        if not seen.any():
            return
        vertices = places[seen][:, None] + template[None] * sizes[seen][:, None, None]
        codes = np.full(len(template), 2, dtype=np.uint8)
        codes[0], codes[-1] = 1, 79
        self._draw(self._pixels(vertices.reshape(-1, 2)), np.tile(codes, int(seen.sum())), colour)

    def pixels(self) -> np.ndarray:
        """The box's picture, uint8 [H,W,3]."""
        drawn = np.asarray(self._renderer.buffer_rgba())
        inner = slice(self._margin, -self._margin)
        picture: np.ndarray = drawn[inner, inner, :3]
        return picture

    def _pixels(self, metres: np.ndarray) -> np.ndarray:
        snapped = np.round(metres * (self._per_metre * SUBPIXELS)) / SUBPIXELS
        pixels: np.ndarray = snapped + self._shift
        return pixels

    def _draw(self, vertices: np.ndarray, codes: np.ndarray, colour: tuple[int, int, int]) -> None:
        from matplotlib.path import Path

        path = Path(vertices, codes)
        path.should_simplify = False
        face = (colour[0] / 255, colour[1] / 255, colour[2] / 255, 1.0)
        self._renderer.draw_path(self._gc, path, self._identity, face)
