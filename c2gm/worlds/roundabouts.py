"""Roundabouts: main roads that meet at a place lead into a ring round it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from .chance import generator
from .relief import Bounds
from .roads import Road, Roads
from .topology import Node
from .trunk_lines import Trunks
from .waters import Waters

LARGEST_RADIUS = 24.0  # metres from the middle to the middle of the carriageway
_SMALLEST_RADIUS = 15.0
_SHARE = 0.35  # of the places where one could be
_ROOM = 45.0  # metres beyond the ring that are free of water, motorways and railways
_NARROWEST = 0.7  # radians between two roads
_STEP = 0.17  # radians between two points of the ring


@dataclass(frozen=True)
class Roundabout:
    """A ring where main roads meet.

    Attributes:
        island: the disc within the middle of the carriageway.
        mouths: by the other end of each road the place where it opens into the ring.
        arcs: by the same the ring from there counter-clockwise to the next mouth.
    """

    island: Any
    mouths: dict[Node, Any]
    arcs: dict[Node, Any]


class Roundabouts:
    """The roundabouts of a seed's world, and the roads as they lead into them."""

    def __init__(self, seed: int, roads: Roads, trunks: Trunks, waters: Waters) -> None:
        self._seed, self._roads = seed, roads
        self._trunks, self._waters = trunks, waters
        self.at = lru_cache(maxsize=1 << 11)(self._at)

    def islands(self, bounds: Bounds) -> list[Any]:
        """The discs of all roundabouts whose middle lies in bounds."""
        nodes = sorted(self._roads.topology.nodes_within(bounds))
        return [found.island for node in nodes if (found := self.at(node)) is not None]

    def parts(self, road: Road) -> tuple[Any, ...]:
        """What of a road is there, with the arcs of rings that begin at its mouths."""
        first, last = (self.at(node) for node in road.ends)
        if first is None and last is None:
            return road.parts
        # A road with a roundabout is whole, see _at.
        line, arcs = road.course, []
        for here, there, found in ((*road.ends, first), (*road.ends[::-1], last)):
            if found is None:
                continue
            line = _outside(line, found.mouths[there], starts=here == road.ends[0])
            arcs.append(found.arcs[there])
        return (line, *arcs)

    def _at(self, node: Node) -> Roundabout | None:
        """The roundabout of a node, if it has one; known from its roads and surroundings alone."""
        ends = sorted(self._roads.topology.neighbours(node))
        rng = generator(self._seed, 62, *node)
        if len(ends) < 3 or rng.random() > _SHARE:
            return None
        roads = [self._roads.road(min(node, end), max(node, end)) for end in ends]
        if any(road.kind != "main_road" or road.parts != (road.course,) for road in roads):
            return None
        radius = rng.uniform(_SMALLEST_RADIUS, LARGEST_RADIUS)
        middle = np.array(self._roads.topology.place(node))
        if self._is_crossed(shapely.Point(middle).buffer(radius + _ROOM)):
            return None
        mouths = [_mouth(road.course, middle, radius) for road in roads]
        return _ring(middle, radius, dict(zip(ends, mouths, strict=True)))

    def _is_crossed(self, disc: Any) -> bool:
        trunks = self._trunks.within(disc.bounds)
        lines = [*trunks.axes, *trunks.ramps, *trunks.railways, *trunks.yards]
        rivers = [reach.line for reach in self._waters.reaches(disc.bounds)]
        still = self._waters.still(disc.bounds)
        return any(shape.intersects(disc) for shape in (*lines, *rivers, still))


def _mouth(course: Any, middle: np.ndarray, radius: float) -> Any:
    """Where a road that begins or ends in the middle leaves the ring, point float64 [2]."""
    points = shapely.get_coordinates(course)
    if np.hypot(*(points[0] - middle)) > np.hypot(*(points[-1] - middle)):
        points = points[::-1]
    outer = int(np.argmax(np.hypot(*(points - middle).T) >= radius))
    start, run = points[outer - 1] - middle, points[outer] - points[outer - 1]
    a, b, c = run @ run, 2 * start @ run, start @ start - radius**2
    share = (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
    return points[outer - 1] + share * run


def _ring(middle: np.ndarray, radius: float, mouths: dict[Node, Any]) -> Roundabout | None:
    """The ring through the mouths, or None where two of them lie too near."""
    angles = {end: float(np.arctan2(*(mouth - middle)[::-1])) for end, mouth in mouths.items()}
    ends = sorted(mouths, key=lambda end: angles[end])
    arcs = {}
    for end, following in zip(ends, (*ends[1:], ends[0]), strict=True):
        turn = (angles[following] - angles[end]) % (2 * np.pi)
        if turn < _NARROWEST:
            return None
        on_the_way = angles[end] + np.linspace(0, turn, max(3, int(turn / _STEP)))[1:-1]
        points = middle + radius * np.stack([np.cos(on_the_way), np.sin(on_the_way)], axis=1)
        arcs[end] = shapely.linestrings(np.vstack([mouths[end], points, mouths[following]]))
    return Roundabout(shapely.Point(middle).buffer(radius), mouths, arcs)


def _outside(line: Any, mouth: np.ndarray, *, starts: bool) -> Any:
    """A line from the mouth of a ring in which it starts or ends."""
    points = shapely.get_coordinates(line)
    place = shapely.line_locate_point(line, shapely.Point(mouth))
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    if starts:
        return shapely.linestrings(np.vstack([mouth, points[along > place + 0.01]]))
    return shapely.linestrings(np.vstack([points[along < place - 0.01], mouth]))
