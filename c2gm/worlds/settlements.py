"""Where people live in a world: cities, towns, villages and hamlets, and how each is built."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from .chance import generator
from .relief import Relief
from .topology import Bounds, Node, Topology

NOTHING, HAMLET, VILLAGE, TOWN, CITY = range(5)
LARGEST_RADIUS = 4200.0  # metres from a centre to the farthest ground that is built on
_BLOCK = 4  # nodes a side of the part of the lattice that has one town or city
_RADII = {HAMLET: (70, 170), VILLAGE: (190, 430), TOWN: (600, 1350), CITY: (1500, 2900)}
_Quarters = tuple[str, str, str]
_VILLAGE_QUARTERS: tuple[_Quarters, ...] = (("old", "villas", "villas"), ("villas",) * 3)
_GROWN_QUARTERS: tuple[_Quarters, ...] = (
    ("old", "perimeter", "villas"),
    ("old", "terraces", "villas"),
    ("old", "villas", "villas"),
    ("perimeter", "slabs", "terraces"),
    ("perimeter", "perimeter", "terraces"),
)
_PLANNED_QUARTERS: tuple[_Quarters, ...] = (
    ("commercial", "grid houses", "curved houses"),
    ("grid houses", "curved houses", "curved houses"),
    ("slabs", "grid houses", "grid houses"),
    ("perimeter", "grid houses", "curved houses"),
)
_DESERT_QUARTERS: tuple[_Quarters, ...] = (
    ("slabs", "desert villas", "desert villas"),
    ("commercial", "desert villas", "desert villas"),
    ("old", "desert villas", "desert villas"),
)
_SECTOR_USES = ("industry", "commercial", "slabs", "terraces")


@dataclass(frozen=True)
class Sector:
    """A slice of a town with a use of its own: beyond a share of its reach, within an angle."""

    use: str
    middle: float
    half: float
    begins: float


@dataclass(frozen=True)
class Settlement:
    """A place where people live.

    Attributes:
        node: of the road graph, its centre.
        rank: HAMLET to CITY.
        centre: metres of EPSG:3857.
        radius: mean distance to its rim.
        core_radius: metres within which the densest quarter stands.
        quarters: core, middle, rim.
        planned: whether its streets follow one grid, of `heading` in radians.
        swells: (waves, height, phase) of its uneven rim.
    """

    node: Node
    rank: int
    centre: tuple[float, float]
    radius: float
    core_radius: float
    quarters: _Quarters
    planned: bool
    heading: float
    park_share: float
    swells: tuple[tuple[int, float, float], ...]
    sectors: tuple[Sector, ...]

    def reach(self, angle: np.ndarray) -> np.ndarray:
        """Distance of the rim in a direction."""
        swell = np.ones_like(angle)
        for waves, height, phase in self.swells:
            swell = swell + height * np.cos(waves * angle + phase)
        rim: np.ndarray = self.radius * swell
        return rim

    def outline(self) -> Any:
        """Its ground, a polygon."""
        turns = np.linspace(0, 2 * np.pi, 120)
        rim = self.reach(turns)[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
        return shapely.Polygon(rim + np.array(self.centre)).buffer(0)

    def share_of_reach(self, x: float, y: float) -> tuple[float, float]:
        """(distance of a point by that of the rim behind it, direction)."""
        run = x - self.centre[0], y - self.centre[1]
        angle = float(np.arctan2(run[1], run[0]))
        return float(np.hypot(*run) / self.reach(np.array(angle))), angle

    def quarter(self, x: float, y: float, luck: float) -> str:
        """The quarter that stands at a point; `luck` 0..1 makes borders uneven."""
        share, angle = self.share_of_reach(x, y)
        share *= 0.85 + 0.3 * luck
        for sector in self.sectors:
            off = abs((angle - sector.middle + np.pi) % (2 * np.pi) - np.pi)
            if share > sector.begins and off < sector.half:
                return sector.use
        core, ring, rim = self.quarters
        if share * self.radius < self.core_radius:
            return core
        return ring if share < 0.55 else rim


class Settlements:
    """All settlements of a seed's world."""

    def __init__(
        self,
        seed: int,
        topology: Topology,
        relief: Relief,
        *,
        climate: str,
        density: float,
        planned: float,
    ) -> None:
        """Take how dense they lie (1 usual) and which share of the towns has a grid."""
        self._seed, self.topology, self._climate = seed, topology, climate
        self._relief = relief
        self._density, self._planned = density, planned
        self.rank = lru_cache(maxsize=1 << 15)(self._rank)
        self.at = lru_cache(maxsize=1 << 13)(self._at)

    def within(self, bounds: Bounds) -> list[Settlement]:
        """Settlements whose ground can touch bounds."""
        left, bottom, right, top = bounds
        room = LARGEST_RADIUS
        nodes = self.topology.nodes_within((left - room, bottom - room, right + room, top + room))
        found = [place for node in nodes if (place := self.at(node)) is not None]
        box = shapely.box(*bounds)
        return [s for s in found if shapely.Point(s.centre).distance(box) < 1.5 * s.radius]

    def planned_near(self, node: Node) -> bool:
        """Whether the settlement at a node has a grid."""
        place = self.at(node)
        return place is not None and place.planned

    def _rank(self, node: Node) -> int:
        x, y = self.topology.place(node)
        if float(self._relief.height(np.array(x), np.array(y))) < 1.0:
            return NOTHING
        block = node[0] // _BLOCK, node[1] // _BLOCK
        rng = generator(self._seed, 40, *block)
        capital = tuple(int(v) for v in rng.integers(_BLOCK, size=2))
        if (node[0] % _BLOCK, node[1] % _BLOCK) == capital:
            return CITY if rng.random() < 0.22 * self._density else TOWN
        luck = generator(self._seed, 41, *node).random() / self._density
        if luck < 0.05:
            return TOWN
        if luck < 0.38:
            return VILLAGE
        return HAMLET if luck < 0.6 else NOTHING

    def _at(self, node: Node) -> Settlement | None:
        rank = self.rank(node)
        if rank == NOTHING:
            return None
        rng = generator(self._seed, 42, *node)
        radius = rng.uniform(*_RADII[rank])
        planned = bool(rank >= TOWN and rng.random() < self._planned)
        return Settlement(
            node=node,
            rank=rank,
            centre=self.topology.place(node),
            radius=radius,
            core_radius=radius * rng.uniform(0.16, 0.34),
            quarters=self._quarters(rank, planned, rng),
            planned=planned,
            heading=0.0 if rng.random() < 0.4 else rng.uniform(0, np.pi),
            park_share=rng.uniform(0.04, 0.12),
            swells=tuple(
                (waves, rng.uniform(0.03, 0.13), rng.uniform(0, 2 * np.pi))
                for waves in (2, 3, 5, 7)
            ),
            sectors=self._sectors(rank, rng),
        )

    def _quarters(self, rank: int, planned: bool, rng: np.random.Generator) -> _Quarters:
        if self._climate == "desert":
            choices = _DESERT_QUARTERS if rank >= TOWN else (("desert villas",) * 3,)
        elif rank < TOWN:
            choices = _VILLAGE_QUARTERS
        else:
            choices = _PLANNED_QUARTERS if planned else _GROWN_QUARTERS
        return choices[int(rng.integers(len(choices)))]

    def _sectors(self, rank: int, rng: np.random.Generator) -> tuple[Sector, ...]:
        """Industry, shops and estates at the rim of towns."""
        if rank < TOWN:
            return ()
        count = int(rng.integers(1, 4)) if rank == TOWN else int(rng.integers(3, 7))
        uses = rng.choice(_SECTOR_USES, count, p=(0.4, 0.25, 0.2, 0.15))
        return tuple(
            Sector(
                str(use),
                rng.uniform(-np.pi, np.pi),
                rng.uniform(0.18, 0.42),
                rng.uniform(0.3, 0.65),
            )
            for use in uses
        )
