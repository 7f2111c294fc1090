"""Generalisation of road networks: twin carriageways, narrow gaps and dead ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

Shapes = np.ndarray[Any, np.dtype[np.object_]]
_ROUND = 0.85  # compactness of a roundabout: a circle has 1, a hexagon 0.91, a square 0.79


def merge_twins(lines: Shapes, distance: float) -> Shapes:
    """Draw carriageways that run side by side onto their common middle.

    Each point moves half the way to the nearest other line abeam of it; points with the same place
    move together, so that what was connected stays so. This is done twice, because slip roads lie
    nearer than the other carriageway. Bends of one line (hairpins) and roundabouts are left alone.

    Args:
        lines: line strings.
        distance: lines further apart than this stay where they are.

    Returns:
        The lines between their forks.
    """
    if not len(lines):
        return lines
    lines = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines)))
    lines = shapely.segmentize(lines, distance / 2)
    points, line_of = shapely.get_coordinates(lines, return_index=True)
    place_of = np.unique(np.round(points, 3), axis=0, return_inverse=True)[1].ravel()
    fixed = _on_roundabouts(points, lines)
    for _ in range(2):
        shift = _halfway(points, line_of, place_of, distance)
        points = points + np.where(fixed[:, None], 0.0, _mean_by(shift, place_of))
    moved: Shapes = shapely.set_coordinates(lines.copy(), points)
    return moved


def _on_roundabouts(points: np.ndarray, lines: Shapes) -> np.ndarray:
    """Which points lie on the rim of a round face of the network, bool [n]."""
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines)]))
    compactness = 4 * np.pi * shapely.area(faces) / np.maximum(shapely.length(faces), 1e-9) ** 2
    rims = shapely.STRtree(shapely.boundary(faces[compactness > _ROUND]))
    fixed = np.zeros(len(points), dtype=bool)
    fixed[rims.query(shapely.points(points), predicate="dwithin", distance=0.01)[0]] = True
    return fixed


def _halfway(
    points: np.ndarray, line_of: np.ndarray, place_of: np.ndarray, distance: float
) -> np.ndarray:
    """Half the way from each point to the nearest other line abeam of it, float64 [n,2]."""
    joined = line_of[1:] == line_of[:-1]
    starts, ends = points[:-1][joined], points[1:][joined]
    line_of_segment = line_of[:-1][joined]
    segment_place = np.stack([place_of[:-1][joined], place_of[1:][joined]], axis=1)
    tree = shapely.STRtree(shapely.linestrings(np.stack([starts, ends], axis=1)))
    at, segment = tree.query(shapely.points(points), predicate="dwithin", distance=distance)
    own = line_of_segment[segment] == line_of[at]
    own |= (segment_place[segment] == place_of[at][:, None]).any(axis=1)
    at, segment = at[~own], segment[~own]
    heading = _headings(points, line_of)[at]
    along = ends[segment] - starts[segment]
    length = np.maximum(np.hypot(*along.T), 1e-9)
    along = along / length[:, None]
    travelled = ((points[at] - starts[segment]) * along).sum(axis=1).clip(0, length)
    offset = starts[segment] + along * travelled[:, None] - points[at]
    gap = np.hypot(*offset.T)
    parallel = np.abs((heading * along).sum(axis=1)) > 0.8
    abeam = np.abs((heading * offset).sum(axis=1)) <= 0.35 * gap
    near = parallel & abeam
    at, offset, gap = at[near], offset[near], gap[near]
    order = np.lexsort((gap, at))
    at, offset = at[order], offset[order]
    nearest = np.r_[True, at[1:] != at[:-1]] if len(at) else np.zeros(0, dtype=bool)
    shift = np.zeros_like(points)
    shift[at[nearest]] = offset[nearest] / 2
    return shift


def _headings(points: np.ndarray, line_of: np.ndarray) -> np.ndarray:
    """Unit direction of each point's line there."""
    before = np.r_[points[:1], points[:-1]]
    after = np.r_[points[1:], points[-1:]]
    first = np.r_[True, line_of[1:] != line_of[:-1]]
    last = np.r_[first[1:], True]
    before[first] = points[first]
    after[last] = points[last]
    direction = after - before
    unit: np.ndarray = direction / np.maximum(np.hypot(*direction.T), 1e-9)[:, None]
    return unit


def _mean_by(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Each row replaced by the mean of its group."""
    count = np.bincount(group)
    means = np.stack([np.bincount(group, weights=column) / count for column in values.T], axis=1)
    rows: np.ndarray = means[group]
    return rows


def narrow_gaps(lines: Shapes, *, width: float, gap: float) -> Shapes:
    """Polygons over the slits between lines that are drawn wide and nearly touch.

    Args:
        lines: line strings.
        width: width of their drawing.
        gap: wider slits stay open; 0 for all.

    Returns:
        Polygons that reach a little into the lines on both sides; corners of crossings are none.
    """
    if not gap:
        return np.zeros(0, dtype=object)
    drawn = shapely.union_all(shapely.buffer(lines, width / 2, quad_segs=4))
    closed = shapely.buffer(shapely.buffer(drawn, gap / 2), -gap / 2)
    slits = shapely.get_parts(shapely.difference(closed, drawn))
    slits = slits[shapely.area(slits) >= gap**2]
    polygons: Shapes = shapely.buffer(slits, gap / 4)
    return polygons


def drop_dead_ends(lines: Shapes, length: float, *, others: Shapes) -> Shapes:
    """The lines without the dead ends that are shorter than `length`.

    Args:
        lines: line strings, cut at no matter which crossings.
        length: shorter stubs fall away.
        others: lines that count as connection and are not returned.

    Returns:
        Line strings between crossings.
    """
    if not len(lines):
        return lines
    edges = shapely.get_parts(shapely.line_merge(shapely.union_all(lines)))
    crossings = shapely.intersection(shapely.union_all(lines), shapely.union_all(others))
    ends = shapely.get_coordinates([shapely.get_point(edges, 0), shapely.get_point(edges, -1)])
    place = np.unique(np.round(ends, 2), axis=0, return_inverse=True)[1].ravel()
    free = np.bincount(place)[place] == 1
    tree = shapely.STRtree(shapely.get_parts(crossings))
    free[tree.query(shapely.points(ends), predicate="dwithin", distance=0.05)[0]] = False
    stub = free[: len(edges)] | free[len(edges) :]
    kept: Shapes = edges[~(stub & (shapely.length(edges) < length))]
    return kept
