"""What a seed's world is like as a whole, and the nets and fields that all its ground shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chance import ValueNoise, generator
from .relief import FieldAreas, Relief
from .roads import Roads
from .roundabouts import Roundabouts
from .routes import Family, Routes
from .settlements import Settlements
from .topology import Topology
from .trunk_lines import Trunks
from .waters import Waters

CLIMATES = (("temperate", 0.58), ("dry", 0.22), ("desert", 0.2))
_PLANNED = {"temperate": (0.1, 0.6), "dry": (0.2, 0.8), "desert": (0.8, 1.0)}
_WET = {"temperate": (0.7, 1.4), "dry": (0.25, 0.6), "desert": (0.0, 0.22)}
_WOODS = {"temperate": (-0.5, 0.15), "dry": (-0.75, -0.2), "desert": (-2.0, -1.0)}


@dataclass(frozen=True)
class Country:
    """The common ground of a world.

    Attributes:
        seed: of the world.
        climate: "temperate", "dry" or "desert".
        tree_density: of trees outside woods, 1 is usual.
        relief: heights.
        waters: sea, lakes, rivers.
        woods: where woods grow.
        beaches: where shores are sandy.
        settlements: towns and villages.
        roads: between them, and the districts they enclose.
        trunks: motorways and railways.
        roundabouts: where main roads meet.
    """

    seed: int
    climate: str
    tree_density: float
    relief: Relief
    waters: Waters
    woods: FieldAreas
    beaches: FieldAreas
    settlements: Settlements
    roads: Roads
    trunks: Trunks
    roundabouts: Roundabouts


def country(seed: int) -> Country:
    """The country of a seed."""
    rng = generator(seed, 10)
    names = [name for name, _ in CLIMATES]
    climate = names[int(rng.choice(len(names), p=[share for _, share in CLIMATES]))]
    relief = Relief(seed, mean_height=rng.uniform(12, 75))
    wet = rng.uniform(*_WET[climate])
    waters = Waters(seed, relief, wet=0.0 if wet < 0.08 else wet)
    topology = Topology(seed, spacing=rng.uniform(1450, 1900))
    settlements = Settlements(
        seed,
        topology,
        relief,
        climate=climate,
        density=rng.uniform(0.7, 1.5),
        planned=rng.uniform(*_PLANNED[climate]),
    )
    roads = Roads(seed, topology, settlements, waters)
    heading = rng.uniform(0, np.pi)
    families = [
        Family(heading + turn, distance, rng.uniform(0, distance))
        for turn, distance in (
            (0.0, rng.uniform(7_000, 13_000)),
            (rng.uniform(1.2, 1.9), rng.uniform(11_000, 19_000)),
            (rng.uniform(0.3, 0.9), rng.uniform(8_000, 14_000)),
        )
    ]
    routes = [Routes(seed, 50 + 20 * k, family) for k, family in enumerate(families)]
    trunks = Trunks(routes[:2], routes[2:], roads, settlements, waters)
    woods, clumps = ValueNoise(seed, 20, 1500.0), ValueNoise(seed, 21, 420.0)
    edges = ValueNoise(seed, 22, 120.0)

    def openness(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        total: np.ndarray = woods(x, y) + 0.5 * clumps(x, y) + 0.1 * edges(x, y)
        return total

    return Country(
        seed=seed,
        climate=climate,
        tree_density=rng.uniform(
            *{"desert": (0.15, 0.6), "dry": (0.3, 1.2)}.get(climate, (0.6, 1.6))
        ),
        relief=relief,
        waters=waters,
        woods=FieldAreas(openness, rng.uniform(*_WOODS[climate])),
        beaches=FieldAreas(ValueNoise(seed, 23, 900.0), -0.1),
        settlements=settlements,
        roads=roads,
        trunks=trunks,
        roundabouts=Roundabouts(seed, roads, trunks, waters),
    )
