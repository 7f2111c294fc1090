"""Ground that training records are cut from: imagery, its true vectors, what its labels tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mercantile
import numpy as np

from ..cartography.map_objects import MapObjects
from ..grid import HALF_WORLD, PixelBox, mercator_resolution
from ..imagery.base import Imagery


@dataclass(frozen=True)
class Ground:
    """Imagery and the vectors of the same ground, and the part of it that may be used.

    Attributes:
        place: its name, of which the part before the first "-" is its kind.
        imagery: seen from above.
        objects: the vectors of the true map.
        bounds: (west, south, east, north) in degrees; what lies outside counts as no imagery.
        zooms: that records are made of.
        rule: what its labels tell, a name of `label_sets.LABEL_RULES`.
        unlabelled: where nothing is known, or None where everything is.
        least_valid: share of a window that must have imagery.
    """

    place: str
    imagery: Imagery
    objects: MapObjects
    bounds: tuple[float, float, float, float]
    zooms: tuple[int, ...]
    rule: str = "true map"
    unlabelled: UnlabelledGround | None = None
    least_valid: float = 0.6

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        """Imagery of a box as `Imagery.read` gives it, valid inside the bounds only."""
        rgb, valid = self.imagery.read(box)
        columns, rows = self.extent(box.zoom)
        inside_x = _inside(np.arange(box.left, box.right), columns)
        inside_y = _inside(np.arange(box.top, box.bottom), rows)
        return rgb, valid & inside_y[:, None] & inside_x[None, :]

    def extent(self, zoom: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """First and last column, first and last row of the bounds, in world pixels."""
        west, south, east, north = self.bounds
        res = mercator_resolution(zoom)
        left, bottom = mercantile.xy(west, south)
        right, top = mercantile.xy(east, north)
        columns = ((left + HALF_WORLD) / res, (right + HALF_WORLD) / res)
        rows = ((HALF_WORLD - top) / res, (HALF_WORLD - bottom) / res)
        return columns, rows


def _inside(places: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Pixels whose middle lies within limits, with room for the rounding of degrees."""
    middle = places + 0.5
    inside: np.ndarray = (middle > limits[0] - 0.01) & (middle < limits[1] + 0.01)
    return inside


_UNLABELLED, _ROAD = 0, 3  # classes of the masks


class UnlabelledGround:
    """Where a class raster does not tell what a map of the zoom shows.

    That is class 0, and its roads below `roads_from`, where a map shows main roads only: a mask
    has no ranks.
    """

    def __init__(self, path: Path, *, roads_from: int = 15) -> None:
        self.path = path
        self.roads_from = roads_from

    def read(self, box: PixelBox) -> np.ndarray:
        """True where such a class is nearest, bool [H,W]; outside the raster it is False."""
        import rasterio
        from rasterio.enums import Resampling
        from rasterio.transform import from_bounds
        from rasterio.warp import reproject

        outside = 255
        classes = np.full((box.height, box.width), outside, dtype=np.uint8)
        with rasterio.open(self.path) as source:
            reproject(
                source.read(1),
                classes,
                src_transform=source.transform,
                src_crs=source.crs,
                dst_transform=from_bounds(*box.mercator_bounds(), box.width, box.height),
                dst_crs="EPSG:3857",
                dst_nodata=outside,
                init_dest_nodata=True,
                resampling=Resampling.nearest,
            )
        unlabelled = classes == _UNLABELLED
        if box.zoom < self.roads_from:
            unlabelled |= classes == _ROAD
        result: np.ndarray = unlabelled
        return result
