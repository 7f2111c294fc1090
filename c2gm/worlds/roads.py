"""Roads between places, and the districts of ground between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from .chance import generator
from .relief import Bounds
from .settlements import HAMLET, TOWN, VILLAGE, Settlements
from .topology import FaceKey, Node, Topology
from .waters import Waters

SWAY = 0.08  # greatest distance of a road from the straight line, share of its length
_LONGEST_BRIDGE = 170.0  # metres; wider waters end a road
_SHORTEST_STUB = 250.0


@dataclass(frozen=True)
class Road:
    """A road between two nodes.

    Attributes:
        ends: its nodes, the smaller first.
        kind: "main_road", "street" (a lane) or "track".
        course: its whole line, over water too: the border of districts.
        parts: what of it is there.
    """

    ends: tuple[Node, Node]
    kind: str
    course: Any
    parts: tuple[Any, ...]


@dataclass(frozen=True)
class District:
    """A face of the road graph: ground that is planned as one.

    Attributes:
        key: its nodes, counter-clockwise.
        shape: polygon whose rim runs in the middle of its roads.
        roads: round it.
    """

    key: FaceKey
    shape: Any
    roads: tuple[Road, ...]


class Roads:
    """The roads between the places of a seed's world."""

    def __init__(
        self, seed: int, topology: Topology, settlements: Settlements, waters: Waters
    ) -> None:
        self._seed, self.topology = seed, topology
        self._settlements, self._waters = settlements, waters
        self.road = lru_cache(maxsize=1 << 12)(self._road)
        self._course = lru_cache(maxsize=1 << 13)(self._course_between)
        self.district = lru_cache(maxsize=1 << 11)(self._district)

    def districts(self, bounds: Bounds) -> list[District]:
        """Districts that touch bounds, in the order of their keys."""
        box = shapely.box(*bounds)
        keys = sorted(self.topology.faces_around(bounds))
        return [d for key in keys if (d := self.district(key)).shape.intersects(box)]

    def within(self, bounds: Bounds) -> list[Road]:
        """Roads that touch bounds, in the order of their ends."""
        room = 2.5 * self.topology.spacing
        left, bottom, right, top = bounds
        nodes = self.topology.nodes_within((left - room, bottom - room, right + room, top + room))
        pairs = sorted((a, b) for a in nodes for b in self.topology.neighbours(a) if a < b)
        box = shapely.box(*bounds)
        return [self.road(*pair) for pair in pairs if self._course(*pair).intersects(box)]

    def _district(self, key: FaceKey) -> District:
        pairs = [(min(a, b), max(a, b)) for a, b in zip(key, (*key[1:], key[0]), strict=True)]
        roads = [self.road(*pair) for pair in dict.fromkeys(pairs)]
        rim = shapely.polygonize([shapely.union_all([road.course for road in roads])])
        shape = max(shapely.get_parts(rim), key=lambda part: part.area)
        return District(key, shape, tuple(roads))

    def _road(self, first: Node, last: Node) -> Road:
        course = self._course(first, last)
        kind = self._kind(first, last)
        left, bottom, right, top = course.bounds
        water = self._waters.still((left - 50, bottom - 50, right + 50, top + 50))
        wet = shapely.intersection(course, water)
        if wet.is_empty or wet.length < _LONGEST_BRIDGE:
            return Road((first, last), kind, course, (course,))
        ends = [course.coords[0], course.coords[-1]]
        dry = shapely.get_parts(course.difference(water.buffer(12)))
        parts = tuple(
            part
            for part in dry
            if part.length > _SHORTEST_STUB and (part.coords[0] in ends or part.coords[-1] in ends)
        )
        return Road((first, last), "street" if kind == "main_road" else kind, course, parts)

    def _kind(self, first: Node, last: Node) -> str:
        ranks = sorted((self._settlements.rank(first), self._settlements.rank(last)))
        luck = generator(self._seed, 60, *first, *last).random()
        if ranks[1] >= TOWN and (ranks[0] >= HAMLET or luck < 0.7):
            return "main_road"
        if ranks[0] >= VILLAGE or self._in_town(first, last):
            return "main_road"
        share = 0.45 if ranks[1] >= VILLAGE else 0.2
        if luck < share:
            return "main_road"
        return "street" if luck < 0.93 or ranks[1] >= VILLAGE else "track"

    def _in_town(self, first: Node, last: Node) -> bool:
        middle = np.mean([self.topology.place(first), self.topology.place(last)], axis=0)
        x, y = middle.tolist()
        near = self._settlements.within((x, y, x, y))
        return any(s.rank >= TOWN and s.share_of_reach(x, y)[0] < 1 for s in near)

    def _course_between(self, first: Node, last: Node) -> Any:
        """A line from node to node, swaying, points every 15 m or so."""
        rng = generator(self._seed, 61, *first, *last)
        start, end = (np.array(self.topology.place(node)) for node in (first, last))
        run = end - start
        length = float(np.hypot(*run))
        t = np.linspace(0, 1, max(6, int(length / 15)))
        calm = self._settlements.planned_near(first) or self._settlements.planned_near(last)
        sway = (0.1 if calm else rng.uniform(0.25, 1.0)) * SWAY * length
        side = np.zeros_like(t)
        for waves, share in ((1, 0.55), (2, 0.3), (rng.uniform(3, 6), 0.15)):
            side += share * np.sin(np.pi * waves * t + rng.uniform(-0.6, 0.6)) * rng.choice([-1, 1])
        side *= sway * np.sin(np.pi * t) ** 0.8
        normal = np.array([-run[1], run[0]]) / length
        points = start + t[:, None] * run + side[:, None] * normal
        points[0], points[-1] = start, end
        return shapely.LineString(points)
