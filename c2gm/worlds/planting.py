"""Trees of a town: woods, parks, gardens, rows along streets, banks of rivers."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from .crowns import clumps
from .greenery import along_lines, scattered
from .parcels import Parcel
from .plots import Buildings
from .trunk import HALF_WIDTHS

ROAD_ROOM = {  # metres beside a carriageway without trees
    "motorway": 4.0,
    "main_road": 0.8,
    "street": 0.6,
    "service": 0.5,
    "track": 0.4,
    "footpath": 0.4,
}
GROWTH = {  # use: (spacing in metres, share at density 1, greatest share, radii)
    "villas": (6.4, 0.5, 0.95, (1.2, 5.4)),
    "grid houses": (6.4, 0.42, 0.95, (1.2, 5.4)),
    "curved houses": (6.4, 0.5, 0.97, (1.2, 5.8)),
    "terraces": (6.6, 0.34, 0.9, (1.2, 4.6)),
    "slabs": (7.4, 0.42, 0.9, (1.6, 5.2)),
    "desert villas": (7.0, 0.5, 0.8, (0.9, 2.8)),
    "perimeter": (7.6, 0.22, 0.7, (1.4, 4.4)),
    "old": (7.6, 0.15, 0.6, (1.3, 3.8)),
    "commercial": (12.0, 0.06, 0.4, (1.5, 3.0)),
    "industry": (13.0, 0.06, 0.4, (1.5, 3.4)),
    "verge": (7.0, 0.25, 0.9, (1.2, 4.4)),
    "open": (11.0, 0.35, 0.5, (0.5, 1.9)),
    "bare": (14.0, 0.1, 0.2, (0.6, 1.8)),
    "meadow": (7.5, 0.12, 0.6, (1.0, 4.8)),
}


def plant(
    parcels: list[Parcel],
    lines: dict[str, list[Any]],
    buildings: Buildings,
    water: Any,
    *,
    density: float,
    extra: list[np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Trees as float64 [n,3]: x, y, radius in metres; none on roads, rails, roofs or water.

    Args:
        parcels: pieces of ground; their use decides the growth.
        lines: roads by kind.
        buildings: where no tree stands.
        water: rivers and lakes.
        density: of the town's trees, 1 is usual.
        extra: more trees that were planted already.
        rng: source of chance.
    """
    groups = list(extra)
    for parcel in parcels:
        points, radii = _growth(parcel, density, rng)
        if len(points):
            if parcel.use != "wood":
                points = points[rng.random(len(points)) < _groves(points)]
            # many small trees, few large ones
            size = radii[0] + (radii[1] - radii[0]) * rng.beta(1.2, 2.1, len(points))
            if parcel.use == "wood":
                together = clumps(points)
                kept = rng.random(len(points)) < 0.6 + 0.4 * together
                points, size = points[kept], (size * (0.7 + 0.6 * together))[kept]
            groups.append(np.column_stack([points, size]))
    if rng.random() < 0.75:
        share = rng.uniform(0.15, 0.5) * min(1.0, density)
        avenues = lines["main_road"] + lines["street"]
        lined = [line for line in avenues if rng.random() < share]
        row = along_lines(lined, rng.uniform(8, 15), 6.5, rng)
        groups.append(np.column_stack([row, rng.uniform(1.8, 3.8, len(row))]))
    banks = [water.buffer(rng.uniform(4, 7)).boundary]
    banks += [stream.buffer(rng.uniform(2.5, 4)).boundary for stream in lines["stream"]]
    groups += [_bank_trees(bank, rng) for bank in banks if density > 0.3 and not bank.is_empty]
    trees = np.concatenate(groups) if groups else np.zeros((0, 3))
    planted: np.ndarray = trees[~_crowded(shapely.points(trees[:, :2]), lines, buildings, water)]
    return planted


def _growth(
    parcel: Parcel, density: float, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """Where trees grow on a parcel and between which radii."""
    if parcel.use == "wood":
        return scattered(parcel.shape, 5.4, rng, share=0.96), (1.7, 5.6)
    if parcel.use == "park":
        share = min(0.75, 0.35 * density * (0.3 + parcel.chance))
        return scattered(parcel.shape, 8.5, rng, share=share), (1.8, 5.4)
    if parcel.use not in GROWTH:
        return np.zeros((0, 2)), (1.0, 2.0)
    spacing, usual, most, radii = GROWTH[parcel.use]
    share = min(most, usual * density * (0.5 + parcel.chance))
    return scattered(parcel.shape, spacing, rng, share=share), radii


def _groves(points: np.ndarray) -> np.ndarray:
    """Share of the trees that stand at points, 0.1 to 1: groups and gaps of 30 to 100 m."""
    x, y = points[:, 0], points[:, 1]
    waves = np.sin(x / 17 + np.sin(y / 29)) + np.sin(y / 13 - x / 41) + np.sin((x + y) / 53)
    share: np.ndarray = np.clip(0.45 + 0.35 * waves, 0.1, 1)
    return share


def _bank_trees(shore: Any, rng: np.random.Generator) -> np.ndarray:
    steps = np.arange(0, shore.length, 6.5)
    # trees stand in groups: a slow wave of chance along the shore
    group = np.sin(steps / 37 + rng.uniform(0, 6)) + np.sin(steps / 101 + rng.uniform(0, 6))
    steps = steps[group + rng.normal(0, 0.6, len(steps)) > rng.uniform(0.2, 1.4)]
    points = shapely.get_coordinates(shapely.line_interpolate_point(shore, steps))
    points = points + rng.normal(0, 1.8, points.shape)
    return np.column_stack([points, rng.uniform(1.6, 4.2, len(points))])


def _crowded(
    points: np.ndarray, lines: dict[str, list[Any]], buildings: Buildings, water: Any
) -> np.ndarray:
    """Which points stand on roads, water, rails or roofs, bool [n]."""
    obstacles = [(buildings.polygons(), 1.0), (shapely.get_parts(water), 1.0)]
    obstacles.append((np.array(lines["railway"] + lines["rail_yard"], dtype=object), 5.0))
    obstacles.append((np.array(lines["stream"], dtype=object), 1.5))
    for kind, room in ROAD_ROOM.items():
        obstacles.append((np.array(lines[kind], dtype=object), HALF_WIDTHS[kind] + room))
    crowded = np.zeros(len(points), dtype=bool)
    tree = shapely.STRtree(points)
    for shapes, distance in obstacles:
        if len(shapes):
            crowded[tree.query(shapes, predicate="dwithin", distance=distance)[1]] = True
    return crowded
