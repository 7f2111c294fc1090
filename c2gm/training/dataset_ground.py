"""Where a data set can be: imagery and complete vectors of the same ground, cut by blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mercantile
import numpy as np
import shapely
from mercantile import Tile

from ..cartography.map_objects import MapObjects
from ..errors import TrainingError, VectorError
from ..grid import HALF_WORLD, tile_box
from ..imagery.base import Imagery

Bounds = tuple[float, float, float, float]
MARGIN = 2000.0  # metres of EPSG:3857 around the tiles: further than generalisation looks


@dataclass(frozen=True)
class Coverage:
    """Bounds in degrees and, where it was given, the outline in EPSG:3857 that tiles must be in."""

    bounds: Bounds
    outline: Any | None = None

    @classmethod
    def of(
        cls, imagery: Imagery, objects: MapObjects, *, bounds: Bounds | None, within: str | None
    ) -> Coverage:
        """Where imagery and vectors meet, in the bounds and inside the polygons of a file.

        Raises:
            TrainingError: they do not meet.
        """
        outline = None if within is None else _outline(Path(within))
        limits = [imagery.bounds, _bounds_of(objects)]
        limits += [bounds] if bounds is not None else []
        limits += [_degrees(outline.bounds)] if outline is not None else []
        west, south = (max(limit[i] for limit in limits) for i in (0, 1))
        east, north = (min(limit[i] for limit in limits) for i in (2, 3))
        if west >= east or south >= north:
            raise TrainingError(
                f"{imagery.name} and the vectors have no ground in common: "
                + "; ".join(", ".join(f"{value:.4f}" for value in limit) for limit in limits)
                + " (west, south, east, north). Give both of the same place."
            )
        if outline is not None:
            shapely.prepare(outline)
        return cls((west, south, east, north), outline)

    def holds(self, tile: Tile) -> bool:
        """Whether a tile lies wholly inside."""
        tile_bounds = mercantile.bounds(tile)
        west, south, east, north = self.bounds
        slack = 1e-7
        if tile_bounds.west < west - slack or tile_bounds.east > east + slack:
            return False
        if tile_bounds.south < south - slack or tile_bounds.north > north + slack:
            return False
        if self.outline is None:
            return True
        square = shapely.box(*tile_box(tile).mercator_bounds())
        return bool(shapely.contains_properly(self.outline, square))


def _outline(path: Path) -> Any:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    from ..cartography.vectors import to_mercator

    if not path.exists():
        raise VectorError(f"There is no vector file {path}.")
    try:
        meta, _, wkb, _ = pyogrio.raw.read(path, columns=[])
    except (DataSourceError, DataLayerError) as error:
        raise VectorError(f"{path} cannot be read as vectors: {error}") from error
    shapes = shapely.force_2d(shapely.from_wkb(wkb, on_invalid="fix"))
    shapes = shapes[shapely.get_dimensions(shapes) == 2]
    if not len(shapes) or not meta["crs"]:
        raise VectorError(f"{path} holds no polygons with a coordinate system.")
    return shapely.union_all(
        shapely.transform(shapes, lambda points: to_mercator(points, meta["crs"]))
    )


def _bounds_of(objects: MapObjects) -> Bounds:
    """Degrees that the objects reach over."""
    arrays = [a for a in (*objects.areas.values(), *objects.lines.values()) if len(a)]
    corners = np.array([shapely.total_bounds(a) for a in arrays])
    if not len(corners):
        return (0.0, 0.0, 0.0, 0.0)
    return _degrees((*corners[:, :2].min(0), *corners[:, 2:].max(0)))


def _degrees(mercator_bounds: Iterable[float]) -> Bounds:
    left, bottom, right, top = (
        float(min(max(value, -HALF_WORLD), HALF_WORLD)) for value in mercator_bounds
    )
    west, south = mercantile.lnglat(left, bottom)
    east, north = mercantile.lnglat(right, top)
    return west, south, east, north


def cut_objects(objects: MapObjects, tiles: Mapping[str, Iterable[Tile]]) -> MapObjects:
    """The objects in and around some tiles, clipped there, so that a block costs its own share."""
    boxes = np.array(
        [tile_box(tile).mercator_bounds() for members in tiles.values() for tile in members]
    )
    left, bottom = boxes[:, :2].min(0) - MARGIN
    right, top = boxes[:, 2:].max(0) + MARGIN
    square = shapely.box(left, bottom, right, top)
    x, y = objects.trees.T
    near = (x > left) & (x < right) & (y > bottom) & (y < top)
    return MapObjects(
        areas=_clipped(objects.areas, square),
        lines=_clipped(objects.lines, square),
        trees=objects.trees[near],
    )


def _clipped(kinds: Mapping[str, np.ndarray], square: Any) -> dict[str, np.ndarray]:
    cut: dict[str, np.ndarray] = {}
    bounds = square.bounds
    for kind, shapes in kinds.items():
        limits = shapely.bounds(shapes)
        near = (limits[:, 0] < bounds[2]) & (limits[:, 2] > bounds[0])
        near &= (limits[:, 1] < bounds[3]) & (limits[:, 3] > bounds[1])
        inside = near & (limits[:, 0] >= bounds[0]) & (limits[:, 2] <= bounds[2])
        inside &= (limits[:, 1] >= bounds[1]) & (limits[:, 3] <= bounds[3])
        crossing = shapes[near & ~inside]
        if len(crossing):
            crossing = shapely.intersection(shapely.make_valid(crossing), square)
            crossing = crossing[~shapely.is_empty(crossing)]
        if inside.any() or len(crossing):
            cut[kind] = np.concatenate([shapes[inside], crossing])
    return cut
