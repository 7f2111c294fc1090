"""Which points and shapes lie near others."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely


def within(points: np.ndarray, shapes: Any, distance: float) -> np.ndarray:
    """Which points lie in shapes or nearer than `distance` (metres) to them, bool [n]."""
    found = np.zeros(len(points), dtype=bool)
    if shapes is not None and len(shapes) and len(points):
        tree = shapely.STRtree(shapely.points(points))
        if distance > 0:
            hits = tree.query(shapes, predicate="dwithin", distance=distance)[1]
        else:
            hits = tree.query(shapes, predicate="intersects")[1]
        found[hits] = True
    return found


def near_lines(
    shapes: np.ndarray, lines: dict[str, np.ndarray], kinds: tuple[str, ...], distance: float
) -> np.ndarray:
    """Which shapes lie near a line of some kinds, bool [n]."""
    near = np.zeros(len(shapes), dtype=bool)
    tree = shapely.STRtree(shapes)
    for kind in kinds:
        if len(shapes) and kind in lines:
            near[tree.query(lines[kind], predicate="dwithin", distance=distance)[1]] = True
    return near
