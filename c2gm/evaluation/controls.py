"""Maps that need no training and stand beside every score: the ground colour, and enlargements.

What a model draws is worth what lies above them: a tile of ground colour has an SSIM of 0.88, and
an enlarged reference a PSNR that looks good.
"""

from __future__ import annotations

import numpy as np
from mercantile import Tile

from ..grid import TILE_SIZE, tile_box
from ..legend import GROUND
from ..map_scale import zoom_step
from ..painting.window_inputs import read_mosaic
from ..references import enlarge_reference, parent_box
from .truth import Pyramid


class GroundColour:
    """Nothing but ground."""

    def get(self, tile: Tile) -> np.ndarray:
        """A tile of the ground colour, uint8 [256,256,3]."""
        return np.broadcast_to(np.array(GROUND, dtype=np.uint8), (TILE_SIZE, TILE_SIZE, 3))


class Enlarged:
    """A map enlarged from lower zooms, as references are: "copy the reference".

    Args:
        pyramid: The map.
        factor: From the zoom this many times coarser (2 or 4).
        zoom: Or always from this zoom, whatever the factor; below it, the map itself.

    A tile whose lower zoom is not there is None.
    """

    def __init__(
        self, pyramid: Pyramid, *, factor: int | None = None, zoom: int | None = None
    ) -> None:
        if (factor is None) == (zoom is None):
            raise ValueError("Give either a factor or a zoom to enlarge from.")
        self._pyramid, self._factor, self._zoom = pyramid, factor, zoom

    def get(self, tile: Tile) -> np.ndarray | None:
        """The enlarged tile, uint8 [256,256,3]."""
        step = zoom_step(self._factor) if self._factor else tile.z - (self._zoom or 0)
        if step <= 0:
            return self._pyramid.get(tile)
        parent = Tile(tile.x >> step, tile.y >> step, tile.z - step)
        if parent.z < 0 or self._pyramid.get(parent) is None:
            return None
        mosaic = read_mosaic(self._pyramid.get, parent_box(tile_box(tile), 1 << step))
        return enlarge_reference(mosaic, 1 << step)
