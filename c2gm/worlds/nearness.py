"""Which points and shapes lie near others."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely


class PointIndex:
    """Points [n,2] in metres that are asked for their neighbours again and again."""

    def __init__(self, points: np.ndarray) -> None:
        self._count = len(points)
        self._tree = shapely.STRtree(shapely.points(points))

    def near(self, shapes: Any, distance: float) -> np.ndarray:
        """Which points lie in shapes (None: nowhere) or nearer than a distance, bool [n]."""
        found = np.zeros(self._count, dtype=bool)
        if shapes is not None and len(shapes) and self._count:
            if distance > 0:
                hits = self._tree.query(shapes, predicate="dwithin", distance=distance)[1]
            else:
                hits = self._tree.query(shapes, predicate="intersects")[1]
            found[hits] = True
        return found


def within(points: np.ndarray, shapes: Any) -> np.ndarray:
    """Which points [n,2] lie in shapes (None: nowhere), bool [n]."""
    return PointIndex(points).near(shapes, 0.0)


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
