"""Generalisation of road networks: twin carriageways and narrow gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from .strokes import stroke_numbers

Shapes = np.ndarray[Any, np.dtype[np.object_]]
_EVENING_ROUNDS = 2
_LARGEST_CRUMB = 4.0  # times the square of the gap: holes in merged roads that are painted over
_ROUND = 0.85  # compactness of a roundabout: a circle has 1, a hexagon 0.91, a square 0.79


def merge_twins(lines: Shapes, distance: float) -> Shapes:
    """Draw carriageways that run side by side onto their common middle.

    Each point moves half the way to the nearest other stroke abeam of it; points that share a
    place move together, so that what was connected stays so. This is done twice, because slip
    roads lie nearer than the other carriageway. Bends of one stroke (hairpins) and roundabouts are
    left alone.

    Args:
        lines: line strings.
        distance: lines further apart than this stay where they are.

    Returns:
        The lines between their forks.
    """
    if not len(lines):
        return lines
    lines = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines)))
    stroke_of = stroke_numbers(lines)
    lines = shapely.segmentize(lines, distance / 2)
    points, line_of = shapely.get_coordinates(lines, return_index=True)
    place_of = np.unique(np.round(points, 3), axis=0, return_inverse=True)[1].ravel()
    fixed = _on_roundabouts(points, lines)
    for _ in range(2):
        shift = _halfway(points, line_of, place_of, distance, stroke_of[line_of])
        _carry_to_ends(shift, points, line_of, place_of, 2 * distance)
        shift = _mean_by(_evened(shift, line_of), place_of)
        points = points + np.where(fixed[:, None], 0.0, shift)
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
    points: np.ndarray,
    line_of: np.ndarray,
    place_of: np.ndarray,
    distance: float,
    stroke_of: np.ndarray,
) -> np.ndarray:
    """Half the way from each point to the nearest other stroke abeam of it, float64 [n,2]."""
    joined = line_of[1:] == line_of[:-1]
    starts, ends = points[:-1][joined], points[1:][joined]
    stroke_of_segment = stroke_of[:-1][joined]
    segment_place = np.stack([place_of[:-1][joined], place_of[1:][joined]], axis=1)
    tree = shapely.STRtree(shapely.linestrings(np.stack([starts, ends], axis=1)))
    at, segment = tree.query(shapely.points(points), predicate="dwithin", distance=distance)
    own = stroke_of_segment[segment] == stroke_of[at]
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


def _carry_to_ends(
    shift: np.ndarray, points: np.ndarray, line_of: np.ndarray, place_of: np.ndarray, reach: float
) -> None:
    """Let the loose ends of lines move as the nearest moved point before them does.

    Twins that were cut at different places have nothing abeam of their last points, and would
    spread there like a fork.
    """
    loose = np.bincount(place_of)[place_of] == 1
    first = np.flatnonzero(np.r_[True, line_of[1:] != line_of[:-1]])
    last = np.r_[first[1:], len(line_of)] - 1
    for begin, end in zip(first, last, strict=True):
        for tip, step in ((begin, 1), (end, -1)):
            if not loose[tip]:
                continue
            rows = np.arange(tip, end + 1) if step == 1 else np.arange(tip, begin - 1, -1)
            moved = np.flatnonzero(shift[rows].any(axis=1))
            if len(moved) and np.hypot(*(points[rows[moved[0]]] - points[tip])) <= reach:
                shift[rows[: moved[0]]] = shift[rows[moved[0]]]


def _evened(shift: np.ndarray, line_of: np.ndarray) -> np.ndarray:
    """Each shift as the mean with those of its neighbours, so that lines do not jump sideways."""
    inner = np.zeros(len(shift), dtype=bool)
    inner[1:-1] = (line_of[1:-1] == line_of[:-2]) & (line_of[1:-1] == line_of[2:])
    rows = np.flatnonzero(inner)
    for _ in range(_EVENING_ROUNDS):
        mean = (shift[rows - 1] + shift[rows] + shift[rows + 1]) / 3
        shift = shift.copy()
        shift[rows] = mean
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


def narrow_gaps(lines: Shapes, *, width: float, gap: float, beside: Shapes | None = None) -> Shapes:
    """Polygons over the slits between lines that are drawn wide and nearly touch.

    Args:
        lines: line strings.
        width: width of their drawing.
        gap: wider slits stay open; 0 for all.
        beside: polygons that are drawn in the same colour; slits along them count, too.

    Returns:
        Polygons that reach a little into the lines on both sides, and over small holes between
        them; corners of crossings and the insides of hairpins are none.
    """
    if not gap:
        return np.zeros(0, dtype=object)
    beside = np.zeros(0, dtype=object) if beside is None else beside
    bands = shapely.buffer(lines, width / 2, quad_segs=4)
    drawn = shapely.union_all(np.concatenate([bands, beside]))
    closed = shapely.buffer(shapely.buffer(drawn, gap / 2), -gap / 2)
    slits = shapely.get_parts(shapely.difference(closed, drawn))
    slits = slits[shapely.area(slits) >= gap**2]
    middle = shapely.point_on_surface(slits)
    sides = _strokes_near(middle, lines, width / 2 + gap)
    sides += np.bincount(
        shapely.STRtree(beside).query(middle, predicate="dwithin", distance=gap)[0],
        minlength=len(slits),
    )
    crumbs = np.concatenate([slits[sides > 1], _small_holes(drawn, gap)])
    polygons: Shapes = shapely.buffer(crumbs, gap / 4)
    return polygons


def _strokes_near(points: Shapes, lines: Shapes, reach: float) -> np.ndarray:
    """How many strokes lie near each point, int [n]; in a hairpin it is one."""
    edges = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines)))
    at, edge = shapely.STRtree(edges).query(points, predicate="dwithin", distance=reach)
    pairs = np.unique(np.stack([at, stroke_numbers(edges)[edge]]), axis=1)
    return np.bincount(pairs[0], minlength=len(points))


def _small_holes(drawn: Any, gap: float) -> Shapes:
    """Holes in the drawing that are mere crumbs; the islands of roundabouts are none."""
    rings, owner = shapely.get_rings(shapely.get_parts(drawn), return_index=True)
    holes = shapely.polygons(rings[np.r_[False, owner[1:] == owner[:-1]]])
    area, length = shapely.area(holes), np.maximum(shapely.length(holes), 1e-9)
    is_island = (4 * np.pi * area / length**2 > _ROUND) & (area > gap**2)
    crumbs: Shapes = holes[(area < _LARGEST_CRUMB * gap**2) & ~is_island]
    return crumbs
