"""The sea: OpenStreetMap has its coast as lines only, with the land on their left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

_ASIDE = 0.5  # metres from the coast at which a face is asked whether it is sea


def sea(coast: Sequence[Any], extent_of: Sequence[Any]) -> list[Any]:
    """Polygons of the sea in the box around some shapes.

    Args:
        coast: lines with the land on the left, the sea on the right.
        extent_of: shapes that span the box in which the sea is closed.
    """
    box = shapely.box(*shapely.total_bounds(np.array(list(extent_of), dtype=object)))
    shore = shapely.intersection(shapely.union_all(np.array(list(coast), dtype=object)), box)
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all([shore, box.boundary])]))
    right, left = _beside(coast)
    votes = np.zeros(len(faces))
    for points, weight in ((right, 1), (left, -1)):
        face = shapely.STRtree(shapely.points(points)).query(faces, predicate="contains")[0]
        votes += weight * np.bincount(face, minlength=len(faces))
    return list(faces[votes > 0])


def _beside(coast: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Points to the right and to the left of the middle of each piece of coast."""
    points, line_of = shapely.get_coordinates(
        np.array(list(coast), dtype=object), return_index=True
    )
    joined = line_of[1:] == line_of[:-1]
    start, end = points[:-1][joined], points[1:][joined]
    along = end - start
    length = np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    aside = np.stack([along[:, 1], -along[:, 0]], axis=1) / length * _ASIDE
    middle = (start + end) / 2
    return middle + aside, middle - aside
