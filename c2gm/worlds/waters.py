"""Sea, lakes, rivers and streams of a world: rivers follow the relief downhill."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from .chance import ValueNoise, generator
from .greenery import blob
from .relief import Bounds, FieldAreas, Relief

Node = tuple[int, int]
SPACING = 1350.0  # metres between the points that rivers run through
_FARTHEST_SOURCE = 16  # reaches upstream of a point that are counted
_LONGEST_REACH = 3500.0  # metres round a box in which a reach that touches it begins
_STREAM, _RIVER = 2, 6  # reaches upstream that make a stream, a river


@dataclass(frozen=True)
class Reach:
    """A river or stream between two points of the lattice.

    Attributes:
        start: its upper end.
        end: its lower end.
        line: its middle, downhill.
        width: metres; 0 for a stream, which is a line on maps.
    """

    start: Node
    end: Node
    line: Any
    width: float


class Waters:
    """All waters of a seed's world."""

    def __init__(self, seed: int, relief: Relief, *, wet: float) -> None:
        """Take how wet the land is: 1 usual, 0 for a desert without rivers."""
        self._seed, self._relief, self._wet = seed, relief, wet
        self._sea = FieldAreas(relief.height, 0.0, never_above=relief.lowest)
        self._bend = ValueNoise(seed, 30, 420.0), ValueNoise(seed, 31, 420.0)
        self.place = lru_cache(maxsize=1 << 14)(self._place)
        self.height_at = lru_cache(maxsize=1 << 14)(self._height_at)
        self.downhill = lru_cache(maxsize=1 << 14)(self._downhill)
        self.upstream = lru_cache(maxsize=1 << 13)(self._upstream)
        self.reach = lru_cache(maxsize=1 << 12)(self._reach)
        self._lake = lru_cache(maxsize=1 << 12)(self._lake_at)

    def still(self, bounds: Bounds) -> Any:
        """Sea and lakes in bounds, one geometry: what roads end at."""
        box = shapely.box(*bounds)
        waters = [lake for node in self._nodes(bounds) if (lake := self._lake(node)) is not None]
        waters = [lake for lake in waters if lake.intersects(box)]
        sea = self._sea.within(bounds)
        if not sea.is_empty:
            waters.append(sea)
        return shapely.union_all(waters).intersection(box) if waters else shapely.Polygon()

    def reaches(self, bounds: Bounds) -> list[Reach]:
        """Rivers and streams that touch bounds."""
        box = shapely.box(*bounds)
        found = [reach for node in self._nodes(bounds) if (reach := self.reach(node)) is not None]
        return [r for r in found if r.line.distance(box) <= r.width]

    def _height_at(self, node: Node) -> float:
        """Height of a point of the river lattice in metres."""
        x, y = self.place(node)
        return float(self._relief.coarse_height(np.array(x), np.array(y)))

    def _nodes(self, bounds: Bounds) -> list[Node]:
        left, bottom, right, top = bounds
        step = SPACING * 3**0.5 / 2
        rows = range(
            int(np.floor((bottom - _LONGEST_REACH) / step)),
            int(np.floor((top + _LONGEST_REACH) / step)) + 1,
        )
        columns = range(
            int(np.floor((left - _LONGEST_REACH) / SPACING)),
            int(np.floor((right + _LONGEST_REACH) / SPACING)) + 1,
        )
        return [(i, j) for j in rows for i in columns]

    def _place(self, node: Node) -> tuple[float, float]:
        i, j = node
        x, y = generator(self._seed, 32, i, j).uniform(-0.22, 0.22, 2) * SPACING
        return x + (i + 0.5 * (j % 2)) * SPACING, y + j * SPACING * 3**0.5 / 2

    def _around(self, node: Node) -> list[Node]:
        i, j = node
        side = j % 2  # odd rows of the triangular lattice lie half a step to the east
        near = [(i - 1, j), (i + 1, j)]
        for row in (j - 1, j + 1):
            near += [(i - 1 + side, row), (i + side, row)]
        return near

    def _downhill(self, node: Node) -> Node | None:
        """The lowest neighbour, or None where all lie higher."""
        lowest = min(self._around(node), key=self.height_at)
        return lowest if self.height_at(lowest) < self.height_at(node) else None

    def _upstream(self, node: Node, left: int = _FARTHEST_SOURCE) -> int:
        """Number of reaches whose water comes through a point."""
        if left == 0:
            return 0
        above = [other for other in self._around(node) if self.downhill(other) == node]
        return sum(1 + self._upstream(other, left - 1) for other in above)

    def _reach(self, node: Node) -> Reach | None:
        """The water that leaves a point, if there is enough and it is land."""
        below = self.downhill(node)
        if below is None or self._wet == 0 or self.height_at(node) < -3:
            return None
        flow = int(self.upstream(node) * self._wet)
        if flow < _STREAM:
            return None
        width = 0.0 if flow < _RIVER else min(70.0, 6.0 + 1.9 * (flow - _RIVER))
        return Reach(node, below, shapely.LineString(self._course(node, below)), width)

    def _course(self, node: Node, below: Node) -> np.ndarray:
        """Points every 15 m or so: a curve from one point to the next with bends by noise."""
        start, end = np.array(self.place(node)), np.array(self.place(below))
        after = self.downhill(below)
        out = (np.array(self.place(after)) - end) if after is not None else end - start
        t = np.linspace(0, 1, max(8, int(np.hypot(*(end - start)) / 15)))[:, None]
        # Hermite: leaves a point the same way whatever flows in, so that reaches join smoothly
        curve = (
            start * (2 * t**3 - 3 * t**2 + 1)
            + (end - start) * 0.9 * (t**3 - 2 * t**2 + t)
            + end * (3 * t**2 - 2 * t**3)
            + out * 0.9 * (t**3 - t**2)
        )
        bend = np.stack([noise(curve[:, 0], curve[:, 1]) for noise in self._bend], 1)
        bent: np.ndarray = curve + bend * 150 * np.minimum(1, 5 * t * (1 - t))
        return bent

    def _lake_at(self, node: Node) -> Any:
        """A lake where water gathers without a way on."""
        rng = generator(self._seed, 33, *node)
        height = self.height_at(node)
        pit = self.downhill(node) is None
        if self._wet == 0 or (not pit and (height < 2 or rng.random() > 0.035 * self._wet)):
            return None
        flow = min(30, self.upstream(node))
        radius = rng.uniform(60, 130) + (rng.uniform(4, 14) * flow if pit else 0.0)
        return blob(rng, np.array(self.place(node)), radius, rough=0.4)
