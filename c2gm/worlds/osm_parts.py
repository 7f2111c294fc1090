"""What lies on a piece of real ground: its vectors by kind, houses, gardens and car parks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import shapely

from ..cartography.map_objects import MapObjects
from .footprints import Houses, houses
from .nearness import near_lines
from .place_chance import first_points
from .shapes import LONGEST_EDGE

Bounds = tuple[float, float, float, float]

REACH = 120.0  # metres round a scene's bounds from which shadows and crowns may reach in
GARDEN_REACH = 17.0  # metres of garden round a house
PARKED_ALONG = ("service", "driveway", "street", "main_road")
WIDE_KINDS = ("wood", "water", "park", "sand", "built_up")  # may be far larger than a scene
MOST_UNCUT = 400  # vertices of a polygon that is not cut to a scene
SHARE_CELL = 200.0  # metres
DENSE = 0.22
LARGEST_PARK = 12_000.0  # m2; larger "sand" is rock or gravel, no car park


@dataclass(frozen=True)
class Look:
    """How a place looks from above.

    Attributes:
        climate: "temperate", "dry" or "desert".
        seed: decides colours, sun and every chance.
        growth: density of trees where no map tells, about 0.3 to 2.
        relief: how much slopes differ in light, 0 (flat) to 1 (mountains).
    """

    climate: str
    seed: int
    growth: float = 1.0
    relief: float = 0.0


@dataclass(frozen=True)
class Marked:
    """Shapes that may be cut, and a point of each whole shape, which draws its chances.

    Attributes:
        shapes: polygons, metres.
        marks: float64 [n,2].
    """

    shapes: np.ndarray
    marks: np.ndarray


NO_SHAPES = Marked(np.zeros(0, dtype=object), np.zeros((0, 2)))


@dataclass(frozen=True)
class GroundParts:
    """What lies within a scene's reach, by kind, metres.

    Attributes:
        bounds: (left, bottom, right, top) of the reach.
        areas: by `AREA_KINDS` and "car_park", without buildings.
        lines: by `LINE_KINDS`.
        trees: mapped ones, float64 [n,2].
        houses: on the footprints.
        gardens: of the houses.
        dense: whether the extract is mostly a dense city.
    """

    bounds: Bounds
    areas: dict[str, Marked]
    lines: dict[str, np.ndarray]
    trees: np.ndarray
    houses: Houses
    gardens: Marked
    dense: bool

    def area(self, kind: str) -> Marked:
        """Areas of a kind, which may be none."""
        return self.areas.get(kind, NO_SHAPES)


class GroundIndex:
    """All objects of an extract, found by place."""

    def __init__(self, objects: MapObjects, look: Look) -> None:
        """Take objects in metres on the ground from any origin."""
        self._look = look
        areas = {kind: _polygons(shapes) for kind, shapes in objects.areas.items()}
        self._buildings = _Index(areas.pop("building", NO_SHAPES.shapes))
        sand = areas.pop("sand", NO_SHAPES.shapes)
        paved = near_lines(sand, objects.lines, PARKED_ALONG, 12.0)
        paved &= shapely.area(sand) < LARGEST_PARK
        areas["sand"], areas["car_park"] = sand[~paved], sand[paved]
        self._areas = {kind: _Index(shapes) for kind, shapes in areas.items()}
        self._lines = {kind: _Index(shapes) for kind, shapes in objects.lines.items()}
        self._trees = objects.trees
        self._density = _BuiltShare(self._buildings.shapes)

    def parts(self, bounds: Bounds) -> GroundParts:
        """What lies within bounds and `REACH` metres round them."""
        left, bottom, right, top = bounds
        reach = (left - REACH, bottom - REACH, right + REACH, top + REACH)
        areas = {
            kind: index.clipped(reach) if kind in WIDE_KINDS else index.whole(reach)
            for kind, index in self._areas.items()
        }
        footprints = self._buildings.whole(reach)
        built = houses(
            footprints.shapes,
            density=self._density.at(footprints.marks),
            climate=self._look.climate,
            seed=self._look.seed,
        )
        inside = (self._trees > reach[:2]).all(1) & (self._trees < reach[2:]).all(1)
        return GroundParts(
            bounds=reach,
            areas=areas,
            lines={kind: index.whole(reach).shapes for kind, index in self._lines.items()},
            trees=self._trees[inside],
            houses=built,
            gardens=_gardens(built.shapes),
            dense=self._density.usual > DENSE,
        )


class _Index:
    """Shapes that are found by place."""

    def __init__(self, shapes: np.ndarray) -> None:
        self._marks = first_points(shapes)
        # cut edges once, whole: clipped shapes then keep the vertices of unclipped ones
        areas = shapely.get_dimensions(shapes) == 2
        self.shapes = np.where(areas, shapely.segmentize(shapes, LONGEST_EDGE), shapes)
        self._tree = shapely.STRtree(self.shapes)

    def whole(self, bounds: Bounds) -> Marked:
        """Shapes that touch bounds, as they are."""
        found = np.sort(self._tree.query(shapely.box(*bounds)))
        return Marked(self.shapes[found], self._marks[found])

    def clipped(self, bounds: Bounds) -> Marked:
        """Polygons that touch bounds, cut where they are large."""
        found = self.whole(bounds)
        shapes = found.shapes.copy()
        large = shapely.get_num_coordinates(shapes) > MOST_UNCUT
        shapes[large] = shapely.intersection(shapes[large], shapely.box(*bounds))
        parts, own = shapely.get_parts(shapes, return_index=True)
        kept = (shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0.5)
        return Marked(parts[kept], found.marks[own[kept]])


class _BuiltShare:
    """Share of the ground that buildings take, round any place."""

    def __init__(self, buildings: np.ndarray) -> None:
        places, area = first_points(buildings), shapely.area(buildings)
        self._shares: dict[tuple[int, int], float] = defaultdict(float)
        cells = np.floor(places / SHARE_CELL).astype(int)
        for (column, row), size in zip(cells.tolist(), area.tolist(), strict=True):
            self._shares[column, row] += size / SHARE_CELL**2
        shares = self.at(places)
        self.usual = float(np.median(shares)) if len(shares) else 0.0

    def at(self, places: np.ndarray) -> np.ndarray:
        """The share in the cell of each place [n,2], float64 [n]."""
        cells = np.floor(places / SHARE_CELL).astype(int).tolist()
        return np.array([self._shares.get((column, row), 0.0) for column, row in cells])


def _gardens(shapes: np.ndarray) -> Marked:
    """Ground that is nearer to a house than to any other and not far from it."""
    area = shapely.area(shapes)
    own = shapes[(area > 45) & (area < 700)]
    middles = shapely.get_coordinates(shapely.point_on_surface(own))
    if len(own) < 3:
        return Marked(shapely.buffer(own, GARDEN_REACH / 2), middles)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(middles)))
    house, cell = shapely.STRtree(cells).query(shapely.points(middles), predicate="within")
    near = shapely.buffer(own[house], GARDEN_REACH, cap_style="square", join_style="mitre")
    parts, index = shapely.get_parts(shapely.intersection(near, cells[cell]), return_index=True)
    kept = (shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 20)
    return Marked(parts[kept], middles[house[index[kept]]])


def _polygons(shapes: np.ndarray) -> np.ndarray:
    parts = shapely.get_parts(shapely.make_valid(np.asarray(shapes, dtype=object)))
    parts = shapely.get_parts(parts)
    polygons: np.ndarray = parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)]
    return polygons
