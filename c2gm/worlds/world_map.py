"""The true map of a world, the same to the last pixel whatever box is asked.

Generalisation looks around: whether lines join, which of two tracks stays, where a simplified edge
turns depends on what lies near, and a little on what lies far. So the ground is divided into
blocks, each generalised with the same ground round it whoever asks, and each block is drawn by
cells that are always drawn whole. A box is put together from them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from mercantile import Tile

from ..cartography.generalise import generalise
from ..cartography.pyramid import METATILE, tile_groups
from ..cartography.render import MapDrawing
from ..grid import TILE_SIZE, Area, PixelBox, mercator_resolution, tile_box, wrapped
from .districts import grown
from .world import World

LARGEST_BLOCK_ZOOM = 14  # a block is a tile of this zoom, or of its own zoom where that is lower
REACH = 100.0  # px: how far generalisation looks for what it draws (a piece of network: 30 to 75)
_LEAST_REACH = 200.0  # metres: the same at high zooms, where areas close by metres
_CELL = METATILE * TILE_SIZE  # px: side of what is drawn at once, where blocks are not smaller
_KEPT_BLOCKS = 4  # in memory: those round a corner
_KEPT_CELLS = 8  # of 3 MiB


class WorldMap:
    """The map of a world at one zoom, in the house style.

    Args:
        world: whose map.
        zoom: zoom of 256 px tiles.
    """

    def __init__(self, world: World, zoom: int) -> None:
        self.zoom = zoom
        self.block = TILE_SIZE << max(0, zoom - LARGEST_BLOCK_ZOOM)  # px, side
        self._world = world
        self._cell = min(self.block, _CELL)
        self._drawing = lru_cache(maxsize=_KEPT_BLOCKS)(self._drawing_of)
        self._picture = lru_cache(maxsize=_KEPT_CELLS)(self._picture_of)
        self._classes = lru_cache(maxsize=_KEPT_CELLS)(self._classes_of)

    def picture(self, box: PixelBox) -> np.ndarray:
        """The map as uint8 [H,W,3], antialiased."""
        return self._joined(box, self._picture, (3,))

    def classes(self, box: PixelBox) -> np.ndarray:
        """Class ids of the legend, uint8 [H,W], see `MapDrawing.classes`."""
        return self._joined(box, self._classes, ())

    def _joined(
        self, box: PixelBox, drawn: Callable[[int, int], np.ndarray], channels: tuple[int, ...]
    ) -> np.ndarray:
        """The cells that a box touches, cut to the box."""
        if box.zoom != self.zoom:
            raise ValueError(f"The map is of zoom {self.zoom}, the box of zoom {box.zoom}.")
        joined = np.zeros((box.height, box.width, *channels), dtype=np.uint8)
        for left in range(box.left // self._cell * self._cell, box.right, self._cell):
            for top in range(box.top // self._cell * self._cell, box.bottom, self._cell):
                first, last = max(left, box.left), min(left + self._cell, box.right)
                upper, lower = max(top, box.top), min(top + self._cell, box.bottom)
                cell = drawn(left, top)
                joined[upper - box.top : lower - box.top, first - box.left : last - box.left] = (
                    cell[upper - top : lower - top, first - left : last - left]
                )
        return joined

    def _picture_of(self, left: int, top: int) -> np.ndarray:
        return self._drawing_at(left, top).picture(self._cell_box(left, top))

    def _classes_of(self, left: int, top: int) -> np.ndarray:
        return self._drawing_at(left, top).classes(self._cell_box(left, top))

    def _cell_box(self, left: int, top: int) -> PixelBox:
        return PixelBox(self.zoom, left, top, left + self._cell, top + self._cell)

    def _drawing_at(self, left: int, top: int) -> MapDrawing:
        return self._drawing(left // self.block, top // self.block)

    def _drawing_of(self, column: int, row: int) -> MapDrawing:
        """The drawing of a block, made from its ground and what lies in reach of it."""
        left, top = column * self.block, row * self.block
        box = PixelBox(self.zoom, left, top, left + self.block, top + self.block)
        reach = max(REACH * mercator_resolution(self.zoom), _LEAST_REACH)
        objects = self._world.objects(grown(box.mercator_bounds(), reach))
        # A metre of the plane is a metre of the world, at every latitude.
        shown = generalise(objects, self.zoom, metre=1.0)
        return MapDrawing(shown, self.zoom, generalised=True)


def draw_world(world: World, area: Area, put: Callable[[Tile, np.ndarray], None]) -> int:
    """Draw every tile of an area of a world; returns how many.

    Args:
        world: whose map.
        area: bounds and zooms.
        put: takes each tile, uint8 [256,256,3].
    """
    count = 0
    for zoom in area.zooms:
        world_map = WorldMap(world, zoom)
        # Block after block, so that each is made once.
        for tiles in tile_groups(area.tiles(zoom), world_map.block // TILE_SIZE):
            for tile in map(wrapped, tiles):
                put(tile, world_map.picture(tile_box(tile)))
            count += len(tiles)
    return count
