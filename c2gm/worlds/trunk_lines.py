"""Motorways with their ramps and railways with their yards, in pieces of a world."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from .relief import Bounds
from .roads import Road, Roads
from .routes import PIECE, Piece, Routes
from .settlements import TOWN, Settlements
from .trunk import MOTORWAY_GAP, diamond
from .waters import Waters

RAMP_REACH = 320.0  # metres from a crossing to the end of its ramps
_APART = 1100.0  # metres between interchanges
_LONGEST_BRIDGE = 1500.0  # metres; motorways and railways end at wider waters


@dataclass(frozen=True)
class TrunkLines:
    """What crosses districts, lines in metres of EPSG:3857.

    Attributes:
        axes: middles of motorways.
        carriageways: their two sides.
        ramps: from motorways to main roads.
        railways: lines.
        yards: sidings.
    """

    axes: list[Any]
    carriageways: list[Any]
    ramps: list[Any]
    railways: list[Any]
    yards: list[Any]


class Trunks:
    """The motorways and railways of a seed's world."""

    def __init__(
        self,
        motorways: list[Routes],
        railways: list[Routes],
        roads: Roads,
        settlements: Settlements,
        waters: Waters,
    ) -> None:
        self._motorways, self._railways = motorways, railways
        self._roads, self._settlements, self._waters = roads, settlements, waters
        self._ramps = lru_cache(maxsize=1 << 10)(self._ramps_at)
        self._dry = lru_cache(maxsize=1 << 11)(self._dry_line)
        self._yard = lru_cache(maxsize=1 << 10)(self._yard_beside)

    def within(self, bounds: Bounds) -> TrunkLines:
        """Pieces that touch bounds, whole."""
        left, bottom, right, top = bounds
        near = left - RAMP_REACH, bottom - RAMP_REACH, right + RAMP_REACH, top + RAMP_REACH
        found = TrunkLines([], [], [], [], [])
        box = shapely.box(*bounds)
        for family, routes in enumerate(self._motorways):
            for piece in routes.pieces(near):
                found.axes.extend(self._dry("motorway", family, piece, 0.0))
                for side in (-MOTORWAY_GAP, MOTORWAY_GAP):
                    found.carriageways.extend(self._dry("motorway", family, piece, side))
            crossing = [r for r in self._roads.within(near) if r.kind == "main_road"]
            ramps = [ramp for road in crossing for ramp in self._ramps(family, road)]
            found.ramps.extend(ramp for ramp in ramps if ramp.intersects(box))
        for family, routes in enumerate(self._railways):
            for piece in routes.pieces(near):
                found.railways.extend(self._dry("railway", family, piece, 0.0))
                found.yards.extend(self._yard(family, piece))
        return found

    def _dry_line(self, kind: str, family: int, piece: Piece, offset: float) -> tuple[Any, ...]:
        """The parts of a piece that do not run through a sea or a large lake."""
        routes = (self._motorways if kind == "motorway" else self._railways)[family]
        line = routes.line(piece, offset)
        # both carriageways end where the axis does, and gaps are seen whole from either side
        axis = routes.stretch(piece, 0.0, 2)
        wet = shapely.get_parts(axis.intersection(self._waters.still(axis.bounds)))
        gaps = wet[shapely.length(wet) > _LONGEST_BRIDGE]
        if not len(gaps):
            return (line,)
        left_out = shapely.union_all(shapely.buffer(gaps, 2 * MOTORWAY_GAP, cap_style="flat"))
        dry = shapely.get_parts(line.difference(left_out))
        return tuple(part for part in dry if part.length > 1)

    def _ramps_at(self, family: int, road: Road) -> tuple[Any, ...]:
        """Ramps where a main road crosses a motorway, unless a more important one is near."""
        ramps: list[Any] = []
        routes = self._motorways[family]
        for piece in routes.pieces(road.course.bounds):
            point = _crossing(routes.line(piece, 0.0), road)
            if point is None or not self._wins(routes, road, point):
                continue
            axis = routes.stretch(piece, 0.0, 1)
            if self._waters.still(axis.bounds).intersects(axis):
                continue
            ramps.extend(diamond(axis, road.course, axis.project(point), 46.0))
        return tuple(ramps)

    def _wins(self, routes: Routes, road: Road, point: Any) -> bool:
        room = _APART
        bounds = point.x - room, point.y - room, point.x + room, point.y + room
        own = _weight(road, self._settlements)
        for other in self._roads.within(bounds):
            if other.ends == road.ends or other.kind != "main_road":
                continue
            for piece in routes.pieces(bounds):
                place = _crossing(routes.line(piece, 0.0), other)
                if place is not None and place.distance(point) < room:
                    if _weight(other, self._settlements) > own:
                        return False
        return True

    def _yard_beside(self, family: int, piece: Piece) -> tuple[Any, ...]:
        """Sidings beside some pieces of railway in towns."""
        routes = self._railways[family]
        rng = routes.chance(piece)
        middle = routes.line(piece, 0.0).interpolate(0.5, normalized=True)
        x, y = middle.coords[0]
        towns = [s for s in self._settlements.within((x, y, x, y)) if s.rank >= TOWN]
        if rng.random() > 0.45 or all(s.share_of_reach(x, y)[0] > 1 for s in towns):
            return ()
        side = float(rng.choice([-1, 1]))
        first, count = rng.uniform(0.05, 0.3) * PIECE, int(rng.integers(2, 8))
        sidings = []
        for number in range(1, count + 1):
            line = routes.line(piece, side * 4.8 * number)
            points = np.array(line.coords)
            share = np.arange(len(points)) / (len(points) - 1) * PIECE
            start, end = first + 25 * number, first + rng.uniform(300, 520) - 25 * number
            chosen = points[(share >= start) & (share <= end)]
            if len(chosen) > 3:
                sidings.append(shapely.LineString(chosen))
        water = self._waters.still(middle.buffer(PIECE).bounds)
        return tuple(line for line in sidings if not line.intersects(water))


def _crossing(line: Any, road: Road) -> Any:
    """The first point where a road and a line cross, or None."""
    points = shapely.get_parts(shapely.intersection(line, road.course))
    points = points[shapely.get_type_id(points) == 0]
    if not len(points) or not any(part.distance(points[0]) < 1 for part in road.parts):
        return None
    return points[0]


def _weight(road: Road, settlements: Settlements) -> tuple[int, float]:
    ranks = settlements.rank(road.ends[0]) + settlements.rank(road.ends[1])
    return ranks, float(road.course.length)
