"""Bridges by which the streets of a town cross its rivers and streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

_APART = (160.0, 380.0)  # metres between the places where a bridge may stand
_REACH = 75.0  # metres from the bank to the farthest street that it may join
_STRAIGHT = 0.8  # cosine of the angle at which a bridge crosses, at least


@dataclass(frozen=True)
class Banks:
    """A place on a running water: its middle, the unit vector across it, half its width."""

    middle: np.ndarray
    across: np.ndarray
    half: float


def street_bridges(
    waters: list[tuple[Any, float]],
    streets: list[Any],
    town: Any,
    obstacles: Any,
    rng: np.random.Generator,
) -> list[Any]:
    """Lines that join streets on both banks, each over one water.

    Args:
        waters: Middle line of each running water and its width in metres.
        streets: Lines that a bridge may join.
        town: Where bridges may stand.
        obstacles: What none may touch: still water, motorways, railways.
        rng: Source of chance.
    """
    if not streets:
        return []
    tree = shapely.STRtree(np.array(streets, dtype=object))
    middles = shapely.union_all([line for line, _ in waters])
    bridges: list[Any] = []
    for line, width in waters:
        for banks in _places(line.intersection(town), width, rng):
            ends = [_joint(banks, side, streets, tree) for side in (-1, 1)]
            if ends[0] is None or ends[1] is None:
                continue
            bridge = shapely.LineString(ends)
            if _stands(bridge, banks, town, obstacles, middles):
                bridges.append(bridge)
    return bridges


def _places(water: Any, width: float, rng: np.random.Generator) -> list[Banks]:
    """Where bridges may stand along the parts of a water's line."""
    places = []
    for part in shapely.get_parts(water):
        if shapely.get_type_id(part) != 1:
            continue
        along = rng.uniform(20, _APART[1])
        while along < part.length - 5:
            points = [part.interpolate(along + step) for step in (-5, 0, 5)]
            before, middle, after = (np.array(point.coords[0]) for point in points)
            run = (after - before) / max(float(np.hypot(*(after - before))), 1e-9)
            places.append(Banks(middle, np.array([-run[1], run[0]]), width / 2))
            along += rng.uniform(*_APART)
    return places


def _joint(banks: Banks, side: int, streets: list[Any], tree: Any) -> Any:
    """The nearest point of a street on one bank, or None."""
    bank = shapely.Point(banks.middle + side * (banks.half + 20) * banks.across)
    best, nearest = None, _REACH
    for index in tree.query(bank, "dwithin", distance=_REACH).tolist():
        street = streets[index]
        point = street.interpolate(street.project(bank))
        inland = side * float((np.array(point.coords[0]) - banks.middle) @ banks.across)
        distance = point.distance(bank)
        if inland > banks.half + 8 and distance < nearest:
            best, nearest = point, distance
    return best


def _stands(bridge: Any, banks: Banks, town: Any, obstacles: Any, middles: Any) -> bool:
    """Whether a bridge crosses one water, nearly straight across, and touches nothing else."""
    ends = np.array(bridge.coords)
    run = (ends[1] - ends[0]) / max(bridge.length, 1e-9)
    if abs(float(run @ banks.across)) < _STRAIGHT or not town.covers(bridge):
        return False
    crossings = shapely.get_num_geometries(bridge.intersection(middles))
    return crossings == 1 and not bridge.intersects(obstacles)
