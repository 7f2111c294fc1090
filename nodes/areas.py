"""The value of a C2GM_AREA socket, and the windows that belong to an area at a zoom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mercantile import Tile

from ..c2gm.cascade.plan import Stage, make_plan
from ..c2gm.cascade.settings import GenerateSettings
from ..c2gm.errors import AreaError
from ..c2gm.grid import MAX_LATITUDE, TILE_SIZE, Area, Window, tile_box
from ..c2gm.imagery.base import Imagery

Bounds = tuple[float, float, float, float]
WORLD: Bounds = (-180.0, -MAX_LATITUDE, 180.0, MAX_LATITUDE)
NOWHERE: Bounds = (0.0, 0.0, 0.0, 0.0)
UNLIMITED = 10**12
MAX_WINDOWS = 256  # 300 MB of pictures


@dataclass(frozen=True)
class PickedArea:
    """An area, and the imagery that limits it.

    Attributes:
        bounds: (west, south, east, north) in degrees WGS 84.
        zooms: Zooms, ascending.
        imagery: Nothing is painted where it has no valid pixel; None sets no limits.
    """

    bounds: Bounds
    zooms: tuple[int, ...]
    imagery: Imagery | None = None

    @property
    def attribution(self) -> str:
        """Credit of the imagery."""
        return "" if self.imagery is None else self.imagery.attribution

    def stage(self, zoom: int) -> Stage:
        """Tiles and windows of one zoom, as the Cascade Sampler would paint them.

        Raises:
            AreaError: the imagery does not reach the area.
        """
        settings = GenerateSettings(bounds=self.bounds, stages=((zoom, None),), max_tiles=UNLIMITED)
        limits = WORLD if self.imagery is None else self.imagery.bounds
        (stage,) = make_plan(settings, limits).stages
        return stage

    def windows(self, zoom: int) -> list[Window]:
        """The windows of a stage that are painted, row by row from the north-west: the order of
        every batch. Those without imagery are left out.

        Raises:
            AreaError: too many for one batch, or none.
        """
        places = self.stage(zoom).windows
        if len(places) > MAX_WINDOWS:
            raise AreaError(
                f"Zoom {zoom} of this area has {len(places)} windows, more than the "
                f"{MAX_WINDOWS} of one batch. Pick a smaller area, or use the Cascade Sampler."
            )
        windows = [Window(tile.x % (1 << zoom), tile.y, zoom) for tile in places]
        if self.imagery is not None:
            read = self.imagery.read
            windows = [window for window in windows if read(window.box)[1].any()]
        if not windows:
            raise AreaError(f"The imagery has no valid pixel here at zoom {zoom}. Pick elsewhere.")
        return windows

    def valid(self, tile: Tile) -> np.ndarray:
        """Where a tile has imagery, bool [256,256]."""
        if self.imagery is None:
            return np.ones((TILE_SIZE, TILE_SIZE), dtype=bool)
        return self.imagery.read(tile_box(tile))[1]


def area_of(bounds: Bounds, zoom_min: int, zoom_max: int, imagery: Imagery | None) -> PickedArea:
    """The area of Pick Area's widgets; four zeros are the whole imagery.

    Raises:
        AreaError: they are no area.
    """
    if bounds == NOWHERE:
        if imagery is None:
            raise AreaError("Four zeros mean the whole imagery: connect it, or give an area.")
        bounds = imagery.bounds
    if zoom_min > zoom_max:
        raise AreaError(f"zoom_min {zoom_min} is above zoom_max {zoom_max}. Swap them.")
    area = Area(bounds, tuple(range(zoom_min, zoom_max + 1)))
    return PickedArea(area.bounds, area.zooms, imagery)


def parse_bounds(text: str) -> Bounds | None:
    """`west,south,east,north` in degrees; None of an empty text.

    Raises:
        AreaError: it is not four numbers.
    """
    if not text.strip():
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise AreaError(
            f"Bounds {text!r} are not four numbers. Give west,south,east,north in degrees."
        ) from None
    return west, south, east, north
