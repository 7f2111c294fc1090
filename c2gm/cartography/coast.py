"""The sea: OpenStreetMap has its coast as lines only, with the land on their left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

_ASIDE = 0.5  # metres from the coast at which a face is asked whether it is sea
_ON_THE_RIM = 1e-3  # metres: coast nearer than this to the rim of the box ends there


def sea(coast: Sequence[Any], extent_of: Sequence[Any]) -> list[Any]:
    """Polygons of the sea in the box around some shapes.

    Coast that ends inside the box, because an extract was cut there, goes on to the next end of
    another coast or to the rim, whichever is nearer: else sea and land would be one face.

    Args:
        coast: lines with the land on the left, the sea on the right; islands may be polygons.
        extent_of: shapes that span the box in which the sea is closed.
    """
    lines = _directed(coast)
    box = shapely.box(*shapely.total_bounds(np.array(list(extent_of), dtype=object)))
    shore = shapely.intersection(shapely.line_merge(shapely.multilinestrings(lines), True), box)
    links = _links(shapely.get_parts(shore), box.boundary)
    faces = shapely.get_parts(
        shapely.polygonize([shapely.union_all(np.array([shore, *links, box.boundary]))])
    )
    right, left = _beside(lines)
    votes = np.zeros(len(faces))
    for points, weight in ((right, 1), (left, -1)):
        face = shapely.STRtree(shapely.points(points)).query(faces, predicate="contains")[0]
        votes += weight * np.bincount(face, minlength=len(faces))
    return list(faces[votes > 0])


def _directed(coast: Sequence[Any]) -> list[Any]:
    """The coast as lines with the land on the left, islands counter-clockwise."""
    lines: list[Any] = []
    for shape in shapely.get_parts(np.array(list(coast), dtype=object)):
        if shapely.get_dimensions(shape) == 2:
            ring = shapely.get_exterior_ring(shapely.orient_polygons(shape))
            lines.append(shapely.linestrings(shapely.get_coordinates(ring)))
        else:
            lines.append(shape)
    return lines


def _links(shore: np.ndarray, rim: Any) -> list[Any]:
    """Straight lines that lead the loose ends of the shore on."""
    shore = shore[shapely.get_type_id(shore) == 1]
    ends = np.concatenate([shapely.get_point(shore, 0), shapely.get_point(shore, -1)])
    places = np.round(shapely.get_coordinates(ends), 3)
    place, count = np.unique(places, axis=0, return_counts=True, return_inverse=True)[1:]
    loose = ends[(count[place.ravel()] == 1) & (shapely.distance(ends, rim) > _ON_THE_RIM)]
    links: list[Any] = []
    for end in loose:
        others = loose[loose != end]
        to_rim = shapely.shortest_line(end, rim)
        lines = [to_rim, *shapely.shortest_line(end, others)]
        links.append(lines[int(np.argmin(shapely.length(lines)))])
    return links


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
