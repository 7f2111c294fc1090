"""A procedural town: made-up ground by a seed, as map objects and as an aerial picture."""

from __future__ import annotations

import hashlib
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from mercantile import Tile

from ..cartography.map_objects import MapObjects
from ..errors import ImageryError
from ..grid import (
    HALF_WORLD,
    HALO,
    TILE_SIZE,
    PixelBox,
    TileRange,
    bounds_of,
    mercator_resolution,
    tile_box,
)
from .aerial import AerialPainter
from .layout import Layout, lay_out
from .scene import scene

GENERATOR_VERSION = 4
TOWN_ZOOM = 14
LOWEST_ZOOM, HIGHEST_ZOOM = 14, 19
CACHED_TILES = 160  # those of the demo: its page shows again what its map was painted from


class Town:
    """The town of a seed; everything is made when first asked for and is the same every time.

    It fills one zoom-14 tile near the equator (so metres of EPSG:3857 are metres on the ground)
    and the tile's halo.

    Attributes:
        seed: what decides everything.
        tile: its zoom-14 tile.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng = np.random.default_rng([seed, 0])
        side = 1 << TOWN_ZOOM
        self.tile = Tile(int(rng.integers(side)), side // 2 + int(rng.integers(-40, 40)), TOWN_ZOOM)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) of its tile in degrees WGS 84."""
        return bounds_of(TileRange(TOWN_ZOOM, self.tile.x, self.tile.y, self.tile.x, self.tile.y))

    def box(self, zoom: int) -> PixelBox:
        """All its pixels at a zoom: the tile and its halo of zoom 14.

        Raises:
            ImageryError: a town has no picture at this zoom.
        """
        if not LOWEST_ZOOM <= zoom <= HIGHEST_ZOOM:
            raise ImageryError(
                f"Town {self.seed} has no picture at zoom {zoom}. "
                f"Ask for zooms {LOWEST_ZOOM} to {HIGHEST_ZOOM}."
            )
        base, step = tile_box(self.tile).grown(HALO), zoom - TOWN_ZOOM
        return PixelBox(
            zoom, base.left << step, base.top << step, base.right << step, base.bottom << step
        )

    @cached_property
    def layout(self) -> Layout:
        """Its plan in metres from the tile's centre."""
        return lay_out(self.seed)

    @cached_property
    def objects(self) -> MapObjects:
        """Its vectors, metres of EPSG:3857."""
        from .vectors import map_objects

        return map_objects(self.layout, self._origin)

    def imagery(self, box: PixelBox) -> np.ndarray:
        """The aerial picture of a box at zooms 14 to 19, uint8 [H,W,3]."""
        return self._painter.paint(box)

    @cached_property
    def _painter(self) -> AerialPainter:
        column, row = self._centre
        return AerialPainter(scene(self.layout, self.seed), seed=self.seed, centre=(column, row))

    @property
    def _centre(self) -> tuple[int, int]:
        half = TILE_SIZE // 2
        return self.tile.x * TILE_SIZE + half, self.tile.y * TILE_SIZE + half

    @property
    def _origin(self) -> tuple[float, float]:
        resolution = mercator_resolution(TOWN_ZOOM)
        column, row = self._centre
        return -HALF_WORLD + column * resolution, HALF_WORLD - row * resolution


class TownImagery:
    """A town's aerial picture as imagery.

    Attributes: those of `imagery.base.Imagery`.
    """

    native_zoom = 18
    attribution = "procedural town, C2GM"

    def __init__(self, town: Town) -> None:
        self.name = f"town {town.seed}"
        self.bounds = town.bounds
        key = f"c2gm town {GENERATOR_VERSION} {town.seed}"
        self.fingerprint = hashlib.sha256(key.encode()).hexdigest()
        self._town = town
        self._tile = lru_cache(maxsize=CACHED_TILES)(self._paint)

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of a box and where the town is, see `imagery.base.Imagery.read`."""
        if (box.width, box.height) != (TILE_SIZE, TILE_SIZE):
            return self._paint(box)
        rgb, valid = self._tile(box)
        return rgb.copy(), valid.copy()

    def _paint(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        rgb = np.zeros((box.height, box.width, 3), dtype=np.uint8)
        valid = np.zeros((box.height, box.width), dtype=bool)
        whole = self._town.box(box.zoom)
        left, right = max(box.left, whole.left), min(box.right, whole.right)
        top, bottom = max(box.top, whole.top), min(box.bottom, whole.bottom)
        if left < right and top < bottom:
            part: Any = np.s_[top - box.top : bottom - box.top, left - box.left : right - box.left]
            rgb[part] = self._town.imagery(PixelBox(box.zoom, left, top, right, bottom))
            valid[part] = True
        return rgb, valid

    def close(self) -> None:
        """Nothing is open."""
