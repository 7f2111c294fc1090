"""Trees of real ground: woods and single trees as mapped, the rest where trees would grow."""

from __future__ import annotations

import numpy as np

from .crowns import clumps, groves
from .nearness import PointIndex, within
from .osm_parts import GroundParts, Look
from .place_chance import chances, lattice

TREE_ROOM = {
    "motorway": 9.0,
    "main_road": 5.4,
    "street": 3.6,
    "service": 2.6,
    "track": 2.4,
    "railway": 6.0,
    "rail_yard": 5.0,
    "stream": 2.6,
}


def planted(ground: GroundParts, look: Look) -> np.ndarray:
    """Trees: x, y and radius, float64 [n,3]."""
    lines, seed = ground.lines, look.seed
    wood = lattice(ground.bounds, 4.8, seed, 71)
    wood = wood[chances(wood, seed, 70) < 0.5 + 0.25 * groves(wood) + 0.35 * clumps(wood)]
    wood = wood[within(wood, ground.area("wood").shapes)]
    garden = lattice(ground.bounds, 7.5, seed, 72)
    share = np.clip(0.34 * look.growth * (0.3 + 1.4 * groves(garden)), 0, 0.9)
    garden = garden[chances(garden, seed, 73) < share]
    garden = garden[within(garden, ground.gardens.shapes)]
    open_ground = lattice(ground.bounds, 9.0, seed, 74)
    share = 0.3 * look.growth * np.clip(2 * groves(open_ground) - 1.05, 0, 1)
    open_ground = open_ground[chances(open_ground, seed, 75) < share]
    open_ground = open_ground[~within(open_ground, ground.area("farmland").shapes)]
    bank = lattice(ground.bounds, 6.0, seed, 76)
    banks = bank[chances(bank, seed, 77) < 0.5 * look.growth * groves(bank)]
    banks = banks[PointIndex(banks).near(lines.get("stream"), 6.0)]
    groups = [
        _clumped(_sized(wood, (1.5, 5.6), seed)),
        _sized(garden, (1.1, 5.0), seed),
        _sized(open_ground, (1.1, 5.0), seed),
        _sized(banks, (1.4, 4.4), seed),
        _sized(ground.trees, (1.8, 4.6), seed),
    ]
    trees = np.concatenate(groups)
    planted: np.ndarray = trees[~_crowded(trees[:, :2], ground)]
    return planted


def _sized(places: np.ndarray, radii: tuple[float, float], seed: int) -> np.ndarray:
    """Places with radii: many small trees, few large ones."""
    size = radii[0] + (radii[1] - radii[0]) * chances(places, seed, 78) ** 1.9
    return np.column_stack([places, size])


def _clumped(trees: np.ndarray) -> np.ndarray:
    """Trees of a wood, larger where large ones stand together."""
    return trees * np.stack([np.ones(len(trees))] * 2 + [0.7 + 0.6 * clumps(trees)], 1)


def _crowded(points: np.ndarray, ground: GroundParts) -> np.ndarray:
    index = PointIndex(points)
    crowded = index.near(ground.houses.shapes, 1.2)
    crowded |= index.near(ground.area("water").shapes, 1.0)
    crowded |= index.near(ground.area("car_park").shapes, 0.0)
    for kind, room in TREE_ROOM.items():
        crowded |= index.near(ground.lines.get(kind), room)
    return crowded
