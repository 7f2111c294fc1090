"""What a town is like before anything is laid out: its kind, climate and measures, by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLIMATES = ("temperate", "dry", "desert")


@dataclass(frozen=True)
class Profile:
    """Kind of a town and what follows from it.

    Attributes:
        kind: one of `KINDS`.
        climate: one of `CLIMATES`.
        trunk: how main roads run: "spokes", "grid" or "cross".
        urban_radius: metres from the centre within which cells are built on.
        core_radius: metres within which the densest quarter stands.
        quarters: (core, middle, rim) quarter of cells by distance.
        water: "river", "lakes", "coast" or "none" (lakes may come besides).
        motorway: whether one crosses the town.
        railway: whether one crosses the town.
    """

    kind: str
    climate: str
    trunk: str
    urban_radius: float
    core_radius: float
    quarters: tuple[str, str, str]
    water: str
    motorway: bool
    railway: bool
    park_share: float
    tree_density: float


@dataclass(frozen=True)
class _Kind:
    climates: tuple[tuple[str, float], ...]
    trunks: tuple[str, ...]
    urban_radius: tuple[float, float]
    core_radius: tuple[float, float]
    quarters: tuple[tuple[str, str, str], ...]
    motorway: float
    railway: float
    park_share: float
    trees: tuple[float, float]


KINDS = {
    "old town": _Kind(
        climates=(("temperate", 0.75), ("dry", 0.25)),
        trunks=("spokes",),
        urban_radius=(1000, 1900),
        core_radius=(250, 480),
        quarters=(
            ("old", "perimeter", "villas"),
            ("old", "terraces", "villas"),
            ("old", "villas", "villas"),
            ("perimeter", "slabs", "terraces"),
        ),
        motorway=0.3,
        railway=0.5,
        park_share=0.1,
        trees=(0.6, 1.4),
    ),
    "grid suburb": _Kind(
        climates=(("temperate", 0.55), ("dry", 0.45)),
        trunks=("grid",),
        urban_radius=(1600, 2600),
        core_radius=(200, 500),
        quarters=(
            ("commercial", "grid houses", "curved houses"),
            ("grid houses", "curved houses", "curved houses"),
            ("slabs", "grid houses", "grid houses"),
            ("commercial", "terraces", "curved houses"),
        ),
        motorway=0.4,
        railway=0.25,
        park_share=0.1,
        trees=(0.3, 2.2),
    ),
    "desert villas": _Kind(
        climates=(("desert", 0.9), ("dry", 0.1)),
        trunks=("grid",),
        urban_radius=(1100, 2400),
        core_radius=(0, 450),
        quarters=(
            ("slabs", "desert villas", "desert villas"),
            ("commercial", "desert villas", "desert villas"),
            ("desert villas", "desert villas", "industry"),
        ),
        motorway=0.45,
        railway=0.1,
        park_share=0.08,
        trees=(0.15, 0.6),
    ),
    "village": _Kind(
        climates=(("temperate", 0.8), ("dry", 0.2)),
        trunks=("cross", "spokes"),
        urban_radius=(300, 750),
        core_radius=(60, 180),
        quarters=(("old", "villas", "villas"), ("villas", "villas", "villas")),
        motorway=0.2,
        railway=0.3,
        park_share=0.06,
        trees=(0.5, 1.5),
    ),
    "industry": _Kind(
        climates=(("temperate", 0.6), ("dry", 0.25), ("desert", 0.15)),
        trunks=("grid", "spokes"),
        urban_radius=(1000, 1900),
        core_radius=(300, 700),
        quarters=(
            ("industry", "industry", "terraces"),
            ("commercial", "industry", "villas"),
            ("industry", "slabs", "grid houses"),
        ),
        motorway=0.85,
        railway=0.7,
        park_share=0.06,
        trees=(0.3, 1.0),
    ),
}
KIND_SHARES = {
    "old town": 0.27,
    "grid suburb": 0.23,
    "desert villas": 0.2,
    "village": 0.16,
    "industry": 0.14,
}
WATERS = (("river", 0.4), ("lakes", 0.28), ("coast", 0.22), ("none", 0.1))


def profile(seed: int) -> Profile:
    """The profile of a seed."""
    rng = np.random.default_rng([seed, 1])
    name = _pick(rng, tuple(KIND_SHARES.items()))
    kind = KINDS[name]
    return Profile(
        kind=name,
        climate=_pick(rng, kind.climates),
        trunk=str(rng.choice(kind.trunks)),
        urban_radius=rng.uniform(*kind.urban_radius),
        core_radius=rng.uniform(*kind.core_radius),
        quarters=kind.quarters[rng.integers(len(kind.quarters))],
        water=_pick(rng, WATERS),
        motorway=bool(rng.random() < kind.motorway),
        railway=bool(rng.random() < kind.railway),
        park_share=kind.park_share,
        tree_density=rng.uniform(*kind.trees),
    )


def _pick(rng: np.random.Generator, shares: tuple[tuple[str, float], ...]) -> str:
    names = [name for name, _ in shares]
    weights = np.array([share for _, share in shares])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]
