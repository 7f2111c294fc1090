"""The value of a C2GM_AREA socket, and the windows that belong to an area at a zoom."""

from __future__ import annotations

from dataclasses import dataclass

from ..c2gm.cascade.plan import Stage, make_plan
from ..c2gm.cascade.settings import GenerateSettings
from ..c2gm.errors import AreaError
from ..c2gm.grid import MAX_LATITUDE, Window

Bounds = tuple[float, float, float, float]
WORLD: Bounds = (-180.0, -MAX_LATITUDE, 180.0, MAX_LATITUDE)
MAX_WINDOWS = 256  # 300 MB of pictures


@dataclass(frozen=True)
class PickedArea:
    """An area with what its imagery limits.

    Attributes:
        bounds: (west, south, east, north) in degrees WGS 84.
        zooms: Zooms, ascending.
        imagery_bounds: Where there is imagery; nothing is painted beyond.
        attribution: Credit of the imagery.
    """

    bounds: Bounds
    zooms: tuple[int, ...]
    imagery_bounds: Bounds = WORLD
    attribution: str = ""

    def stage(self, zoom: int) -> Stage:
        """Tiles and windows of one zoom, as the Cascade Sampler would paint them.

        Raises:
            AreaError: the imagery does not reach the area, or there are too many tiles.
        """
        settings = GenerateSettings(bounds=self.bounds, stages=((zoom, None),))
        (stage,) = make_plan(settings, self.imagery_bounds).stages
        return stage

    def windows(self, zoom: int) -> list[Window]:
        """The windows of a stage, row by row from the north-west: the order of every batch.

        Raises:
            AreaError: too many for one batch.
        """
        windows = self.stage(zoom).windows
        if len(windows) > MAX_WINDOWS:
            raise AreaError(
                f"Zoom {zoom} of this area has {len(windows)} windows, more than the "
                f"{MAX_WINDOWS} of one batch. Pick a smaller area, or use the Cascade Sampler."
            )
        return [Window(tile.x % (1 << zoom), tile.y, zoom) for tile in windows]


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
