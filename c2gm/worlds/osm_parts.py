"""What lies on a piece of real ground: its vectors by kind, houses, gardens and car parks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from ..cartography.map_objects import MapObjects
from .footprints import Houses, houses
from .nearness import near_lines
from .shapes import LONGEST_EDGE

Bounds = tuple[float, float, float, float]

REACH = 120.0  # metres round a scene's bounds from which shadows and crowns may reach in
GARDEN_REACH = 17.0  # metres of garden round a house
LARGEST_PARK = 12_000.0  # m2; larger "sand" is rock or gravel, no car park


@dataclass(frozen=True)
class Look:
    """How a place looks from above.

    Attributes:
        climate: "temperate", "dry" or "desert".
        seed: decides colours, sun and every chance.
        growth: density of trees where no map tells, about 0.3 to 2.
    """

    climate: str
    seed: int
    growth: float = 1.0


@dataclass(frozen=True)
class GroundParts:
    """What lies within a scene's reach, by kind, metres.

    Attributes:
        bounds: (left, bottom, right, top) of the reach.
        areas: polygons by `AREA_KINDS`, without buildings and car parks.
        lines: by `LINE_KINDS`.
        trees: mapped ones, float64 [n,2].
        houses: on the footprints.
        gardens: polygons.
        car_parks: polygons.
    """

    bounds: Bounds
    areas: dict[str, np.ndarray]
    lines: dict[str, np.ndarray]
    trees: np.ndarray
    houses: Houses
    gardens: np.ndarray
    car_parks: np.ndarray

    @property
    def extent(self) -> float:
        """Area of the bounds, m2."""
        return _area(self.bounds)


class GroundIndex:
    """All objects of an extract, found by place."""

    def __init__(self, objects: MapObjects, look: Look) -> None:
        """Take objects in metres on the ground from any origin."""
        self._look = look
        # cut edges once, whole: clipped shapes then keep the vertices of unclipped ones
        self._areas = {
            kind: _Index(shapely.segmentize(_polygons(shapes), LONGEST_EDGE))
            for kind, shapes in objects.areas.items()
        }
        self._lines = {kind: _Index(shapes) for kind, shapes in objects.lines.items()}
        self._trees = objects.trees

    def parts(self, bounds: Bounds) -> GroundParts:
        """What lies within bounds and `REACH` metres round them."""
        left, bottom, right, top = bounds
        reach = (left - REACH, bottom - REACH, right + REACH, top + REACH)
        areas = {kind: index.clipped(reach) for kind, index in self._areas.items()}
        lines = {kind: index.touching(reach) for kind, index in self._lines.items()}
        footprints = areas.pop("building", np.zeros(0, dtype=object))
        if "building" in self._areas:
            footprints = self._areas["building"].touching(reach)
        density = float(shapely.area(footprints).sum()) / _area(reach)
        built = houses(
            footprints, density=density, climate=self._look.climate, seed=self._look.seed
        )
        near = (self._trees > reach[:2]).all(1) & (self._trees < reach[2:]).all(1)
        sand = areas.get("sand", np.zeros(0, dtype=object))
        small = shapely.area(sand) < LARGEST_PARK
        paved = near_lines(sand, lines, ("service", "driveway", "street", "main_road"), 12.0)
        car_parks = sand[small & paved]
        areas["sand"] = sand[~(small & paved)]
        return GroundParts(
            reach, areas, lines, self._trees[near], built, _gardens(built.shapes), car_parks
        )


class _Index:
    """Shapes that are found by place."""

    def __init__(self, shapes: np.ndarray) -> None:
        self._shapes = shapes
        self._tree = shapely.STRtree(shapes)

    def touching(self, bounds: Bounds) -> np.ndarray:
        """Whole shapes that touch bounds."""
        found: np.ndarray = self._shapes[np.sort(self._tree.query(shapely.box(*bounds)))]
        return found

    def clipped(self, bounds: Bounds) -> np.ndarray:
        """Shapes that touch bounds, cut where they are large."""
        shapes = self.touching(bounds).copy()
        large = shapely.get_num_coordinates(shapes) > 60
        shapes[large] = shapely.intersection(shapes[large], shapely.box(*bounds))
        parts = shapely.get_parts(shapes)
        kept: np.ndarray = parts[(shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0.5)]
        return kept


def _gardens(shapes: np.ndarray) -> np.ndarray:
    """Ground that is nearer to a house than to any other and not far from it."""
    area = shapely.area(shapes)
    own = shapes[(area > 45) & (area < 700)]
    if len(own) < 3:
        alone: np.ndarray = shapely.buffer(own, GARDEN_REACH / 2)
        return alone
    middles = shapely.get_coordinates(shapely.point_on_surface(own))
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(middles)))
    house, cell = shapely.STRtree(cells).query(shapely.points(middles), predicate="within")
    near = shapely.buffer(own[house], GARDEN_REACH, cap_style="square", join_style="mitre")
    parts = shapely.get_parts(shapely.intersection(near, cells[cell]))
    gardens: np.ndarray = parts[(shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 20)]
    return gardens


def _polygons(shapes: np.ndarray) -> np.ndarray:
    parts = shapely.get_parts(shapely.make_valid(np.asarray(shapes, dtype=object)))
    parts = shapely.get_parts(parts)
    polygons: np.ndarray = parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)]
    return polygons


def _area(bounds: Bounds) -> float:
    return (bounds[2] - bounds[0]) * (bounds[3] - bounds[1])
