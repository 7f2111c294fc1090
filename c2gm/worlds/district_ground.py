"""The ground of a district: where its town may build, where woods grow, what cuts it apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from .cells import Cell, cut_by, halved
from .country import Country
from .roads import District
from .settlements import VILLAGE, Settlement
from .trunk_lines import TrunkLines

_ARTERIAL_CELL = 800_000.0  # square metres; larger built-up cells are halved by a main road


@dataclass(frozen=True)
class DistrictGround:
    """What decides the use of ground, see `cells.Ground`."""

    country: Country
    settlements: list[Settlement]
    town: Any
    rng: np.random.Generator

    def use(self, shape: Any) -> str:
        """The quarter of the settlement that reaches a shape's built part most."""
        inner = shape.intersection(self.town)
        if inner.area < 3000:
            return self.rural()
        place = self._owner(inner)
        if place is None:
            return self.rural()
        x, y = inner.centroid.coords[0]
        if shape.area < 130_000 and self.rng.random() < place.park_share:
            return "park"
        share = place.share_of_reach(x, y)[0]
        if share * place.radius > 350 and self.rng.random() < 0.04:
            return self.rural()
        return place.quarter(x, y, self.rng.random())

    def rural(self) -> str:
        """Fields, or waste land in deserts."""
        desert = self.country.climate == "desert"
        return "open" if desert and self.rng.random() < 0.93 else "fields"

    def heading(self, shape: Any) -> float:
        """That of the town's grid, or along the shape."""
        place = self._owner(shape)
        if place is not None and place.planned and self.rng.random() < 0.7:
            return place.heading
        frame = np.array(shape.minimum_rotated_rectangle.exterior.coords)
        edges = np.diff(frame, axis=0)
        longest = edges[int(np.hypot(*edges.T).argmax())]
        return float(np.arctan2(longest[1], longest[0]))

    def halved(self, shape: Any) -> tuple[list[Any], Any]:
        """By a straight road in towns with a grid, else by a winding one."""
        place = self._owner(shape)
        if place is None or not place.planned or place.share_of_reach(*middle_of(shape))[0] > 1.2:
            return halved(shape, self.rng)
        turn = place.heading
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        spread = np.ptp(shapely.get_coordinates(shape) @ axes.T, axis=0)
        across = axes[1 - int(spread.argmax())] * 4000
        middle = np.array(middle_of(shape)) + self.rng.uniform(-50, 50, 2)
        count = 2 * int(np.hypot(*across) / 15)
        points = middle + np.linspace(-1, 1, count)[:, None] * across
        return cut_by(shape, shapely.LineString(points))

    def kind_of_cut(self, shape: Any) -> str:
        """Main roads through large quarters, else streets."""
        return "main_road" if shape.area > _ARTERIAL_CELL else "street"

    def _owner(self, shape: Any) -> Settlement | None:
        x, y = middle_of(shape)
        return min(self.settlements, key=lambda s: s.share_of_reach(x, y)[0], default=None)


def town_ground(district: District, settlements: list[Settlement], rng: np.random.Generator) -> Any:
    """Where may be built: the settlements' ground and arms of it along main roads."""
    discs = [place.outline() for place in settlements]
    reach = [
        shapely.Point(place.centre).buffer(place.radius * 1.4)
        for place in settlements
        if place.rank >= VILLAGE and not place.planned
    ]
    arms = [
        part.buffer(rng.uniform(60, 120))
        for road in district.roads
        if road.kind == "main_road"
        for part in road.parts
    ]
    arms_near = shapely.union_all(arms).intersection(shapely.union_all(reach))
    town = shapely.union_all([*discs, arms_near]).intersection(district.shape)
    shapely.prepare(town)
    return town


def open_pieces(
    shape: Any, water: Any, trunks: TrunkLines, streams: list[Any], islands: list[Any]
) -> list[Any]:
    """Ground clear of water, motorways, railways and the islands of roundabouts."""
    blocked = shapely.union_all(
        [
            water.buffer(12),
            shapely.union_all(trunks.axes).buffer(30),
            shapely.union_all(trunks.ramps).buffer(9),
            shapely.union_all([*trunks.railways, *trunks.yards]).buffer(11),
            shapely.union_all(streams).buffer(9),
            *islands,
        ]
    )
    opened = shape.difference(blocked).buffer(-4).buffer(4.01).intersection(shape)
    return [part for part in polygons(opened) if part.area > 2500]


def with_woods(country: Country, cells: list[Cell]) -> list[Cell]:
    """The cells with woods cut out of fields."""
    result = []
    for cell in cells:
        if cell.use != "fields":
            result.append(cell)
            continue
        woods = country.woods.within(cell.shape.bounds).intersection(cell.shape)
        woods = [part for part in polygons(woods) if part.area > 3000]
        rest = cell.shape.difference(shapely.union_all(woods))
        result += [Cell(part, "wood", 0.0) for part in woods]
        result += [replace(cell, shape=part) for part in polygons(rest) if part.area > 400]
    return result


def polygons(shape: Any) -> list[Any]:
    """The polygons of a geometry, nothing else of it."""
    return [part for part in shapely.get_parts(shape) if shapely.get_type_id(part) == 3]


def middle_of(shape: Any) -> tuple[float, float]:
    """Centroid of a shape."""
    return float(shape.centroid.x), float(shape.centroid.y)
