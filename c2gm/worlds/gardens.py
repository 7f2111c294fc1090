"""What only the picture shows of a plot: gardens, hedges, walls, pools, aprons, containers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from .plots import Buildings

GARDEN_QUARTERS = (
    "villas",
    "grid houses",
    "curved houses",
    "terraces",
    "desert villas",
    "backland",
    "farm",
)
POOL_SHARE = {"temperate": 0.05, "dry": 0.2, "desert": 0.14}


@dataclass
class Details:
    """Painted things that no map shows, polygons in local metres.

    Attributes:
        lots: gardens, and a number in 0..1 for each that decides its tone.
        hedges: strips of shrubs between gardens.
        walls: thin walls.
        patios: paved ground behind houses.
        pools: swimming pools.
        aprons: paved ground round halls.
        boxes: containers, lorries and stored goods.
        clutter: small bright or dark things in gardens.
    """

    lots: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=object))
    tones: np.ndarray = field(default_factory=lambda: np.zeros(0))
    hedges: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=object))
    walls: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=object))
    patios: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=object))
    pools: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=object))
    aprons: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=object))
    boxes: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=object))
    clutter: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=object))


def details(
    houses: Buildings, plots: np.ndarray, homes: np.ndarray, climate: str, rng: np.random.Generator
) -> Details:
    """Details round buildings.

    Args:
        houses: all buildings.
        plots: polygons.
        homes: index of each building's plot.
        climate: of the town.
        rng: source of chance.
    """
    found = Details()
    own = np.isin(houses.quarters, GARDEN_QUARTERS) & (houses.heights > 2.7)
    corners, sites = houses.corners[own], plots[homes[own]]
    if len(corners):
        _gardens(found, corners, sites, climate, rng)
    halls = np.isin(houses.quarters, ["industry", "commercial", "slabs"])
    if halls.any():
        grown = shapely.buffer(
            shapely.polygons(houses.corners[halls]),
            rng.uniform(3, 13, int(halls.sum())),
            cap_style="square",
            join_style="mitre",
        )
        aprons = shapely.intersection(grown, plots[homes[halls]])
        found.aprons = aprons[rng.random(len(aprons)) < 0.8]
    return found


def _gardens(
    found: Details, corners: np.ndarray, sites: Any, climate: str, rng: np.random.Generator
) -> None:
    count = len(corners)
    along, width = _unit(corners[:, 1] - corners[:, 0])
    inward, depth = _unit(corners[:, 3] - corners[:, 0])
    side = rng.uniform(2.5, 6.5, (2, count))
    front, back = rng.uniform(5, 12, count), depth + rng.uniform(7, 20, count)
    first = corners[:, 0] - along * side[0][:, None]
    last = corners[:, 1] + along * side[1][:, None]
    near, far = -inward * front[:, None], inward * back[:, None]
    ring = np.stack([first + near, last + near, last + far, first + far], 1)
    lots = shapely.intersection(shapely.polygons(ring), sites)
    found.lots, found.tones = lots, rng.random(count)
    fenced = rng.random(count) < (0.85 if climate == "desert" else 0.6)
    fences = shapely.linestrings(np.stack([first + far, last + far, last + near], 1)[fenced])
    fences = shapely.intersection(fences, sites[fenced])
    green = np.zeros(len(fences), dtype=bool)
    if climate != "desert":
        green = rng.random(len(fences)) < 0.65
    found.hedges = shapely.buffer(fences[green], rng.uniform(0.4, 1.1, int(green.sum())))
    found.walls = shapely.buffer(fences[~green], 0.3)
    patio = rng.random(count) < 0.6
    found.patios = _behind(
        corners[patio], along[patio], inward[patio], depth[patio], rng, (4, 9), 0.2
    )
    found.clutter = _clutter(ring, rng)
    pool = rng.random(count) < POOL_SHARE[climate]
    pools = _behind(corners[pool], along[pool], inward[pool], depth[pool], rng, (4, 8), 4.0)
    found.pools = pools[shapely.covers(sites[pool], pools)]


def _clutter(rings: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paving, beds, sheds' doors, trampolines: small rectangles at random in gardens [n,4,2]."""
    own = np.repeat(np.arange(len(rings)), rng.poisson(3.0, len(rings)))
    corners = rings[own]
    u, v = rng.uniform(0.08, 0.92, (2, len(own), 1))
    along, down = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    middle = corners[:, 0] + along * u + down * v
    half = rng.uniform(0.4, 1.7, (2, len(own), 1))
    right, up = _unit(along)[0] * half[0], _unit(down)[0] * half[1]
    shapes: np.ndarray = shapely.polygons(
        np.stack(
            [middle - right - up, middle + right - up, middle + right + up, middle - right + up], 1
        )
    )
    return shapes


def _behind(
    corners: np.ndarray,
    along: np.ndarray,
    inward: np.ndarray,
    depth: np.ndarray,
    rng: np.random.Generator,
    size: tuple[float, float],
    gap: float,
) -> np.ndarray:
    """Rectangles behind houses."""
    count = len(corners)
    start = corners[:, 0] + inward * (depth + gap)[:, None] + along * rng.uniform(0, 6, (count, 1))
    across = along * rng.uniform(*size, (count, 1))
    down = inward * rng.uniform(size[0] * 0.7, size[1] * 0.6, (count, 1))
    shapes: np.ndarray = shapely.polygons(
        np.stack([start, start + across, start + across + down, start + down], 1)
    )
    return shapes


def stored_boxes(yard: Any, rng: np.random.Generator) -> np.ndarray:
    """Rows of containers, lorries and goods on a yard (a rectangle)."""
    corners = np.array(yard.exterior.coords)[:4]
    along, length = _unit((corners[1] - corners[0])[None])
    down, depth = _unit((corners[3] - corners[0])[None])
    boxes = []
    for row in np.arange(5.0, depth[0] - 8, rng.uniform(8, 18)):
        place = 4.0
        while place < length[0] - 14:
            size = float(rng.choice([6.1, 12.2])), float(rng.uniform(2.4, 5.5))
            if rng.random() < 0.55:
                start = corners[0] + along[0] * place + down[0] * row
                across, under = along[0] * size[0], down[0] * size[1]
                boxes.append([start, start + across, start + across + under, start + under])
            place += size[0] + rng.uniform(0.3, 5)
    return (
        shapely.polygons(np.array(boxes).reshape(-1, 4, 2)) if boxes else np.zeros(0, dtype=object)
    )


def _unit(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    length = np.hypot(*vectors.T)
    return vectors / np.maximum(length, 1e-9)[:, None], length
