"""Selection of lines: what a map of this zoom has no room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from .strokes import strokes

Shapes = np.ndarray[Any, np.dtype[np.object_]]
_TOUCH = 0.05  # metres: lines nearer than this count as connected
_SHORTEST_BRANCH = 4.0  # times the distance: what a parallel line must have of its own
_WAY_BACK = 15.0  # times the distance: how far back a branch is followed to where it left


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
    network = shapely.union_all(lines)
    edges = shapely.get_parts(shapely.line_merge(network))
    crossings = shapely.intersection(network, shapely.union_all(others))
    ends = shapely.get_coordinates([shapely.get_point(edges, 0), shapely.get_point(edges, -1)])
    place = np.unique(np.round(ends, 2), axis=0, return_inverse=True)[1].ravel()
    free = np.bincount(place)[place] == 1
    tree = shapely.STRtree(shapely.get_parts(crossings))
    free[tree.query(shapely.points(ends), predicate="dwithin", distance=_TOUCH)[0]] = False
    stub = free[: len(edges)] | free[len(edges) :]
    kept: Shapes = edges[~(stub & (shapely.length(edges) < length))]
    return kept


def drop_orphans(lines: Mapping[str, Shapes], least: Mapping[str, float]) -> dict[str, Shapes]:
    """The lines of a network without those of pieces that hang together with nothing else.

    Args:
        lines: line strings by kind; all kinds are one network.
        least: by kind, the length that a piece of the network needs so that its lines of this
            kind stay.

    Returns:
        Line strings by kind.
    """
    kinds = [kind for kind, shapes in lines.items() if len(shapes)]
    if not kinds or not any(least.get(kind, 0.0) for kind in kinds):
        return dict(lines)
    shapes = np.concatenate([lines[kind] for kind in kinds])
    lengths = shapely.length(shapes)
    piece = _pieces(shapes)
    length_of_piece = np.bincount(piece, weights=lengths)[piece]
    kept = dict(lines)
    first = 0
    for kind in kinds:
        rows = slice(first, first + len(lines[kind]))
        kept[kind] = lines[kind][length_of_piece[rows] >= least.get(kind, 0.0)]
        first = rows.stop
    return kept


def _pieces(shapes: Shapes) -> np.ndarray:
    """The number of the connected piece that each line belongs to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, other = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=_TOUCH)
    links = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(len(shapes),) * 2)
    labels: np.ndarray = connected_components(links, directed=False)[1]
    return labels


def thin_parallels(lines: Shapes, distance: float) -> Shapes:
    """Of lines that run side by side the longest, and what branches off from it.

    Lines go straight on through forks, so that a line counts with its whole length.

    Args:
        lines: line strings.
        distance: lines nearer than this to a longer one fall away; a part that leads away from it
            stays, with the way back to where it left.

    Returns:
        Line strings, the longest first.
    """
    if not len(lines):
        return lines
    longest = strokes(shapely.get_parts(shapely.line_merge(shapely.union_all(lines))))
    longest = longest[np.argsort(-shapely.length(longest), kind="stable")]
    one, other = shapely.STRtree(longest).query(longest, predicate="dwithin", distance=distance)
    kept: list[list[Any]] = []
    for index, stroke in enumerate(longest):
        rivals = [line for rival in other[one == index] if rival < index for line in kept[rival]]
        kept.append(_branches(stroke, rivals, distance) if rivals else [stroke])
    return np.array([line for group in kept for line in group], dtype=object)


def _branches(stroke: Any, rivals: list[Any], distance: float) -> list[Any]:
    """Parts of a line that lead away from others, each with its way back to them."""
    network = shapely.union_all(np.array(rivals, dtype=object))
    away = shapely.get_parts(shapely.difference(stroke, shapely.buffer(network, distance)))
    touches = shapely.points(shapely.get_coordinates(shapely.intersection(stroke, network)))
    touch = np.sort(shapely.line_locate_point(stroke, touches))
    branches = []
    for part in away:
        if part.length < _SHORTEST_BRANCH * distance:
            continue
        tips = shapely.points(shapely.get_coordinates(part)[[0, -1]])
        begin, end = np.sort(shapely.line_locate_point(stroke, tips))
        before = touch[(touch <= begin) & (touch >= begin - _WAY_BACK * distance)]
        after = touch[(touch >= end) & (touch <= end + _WAY_BACK * distance)]
        branches.append(
            _between(
                stroke,
                float(before[-1]) if len(before) else float(begin),
                float(after[0]) if len(after) else float(end),
            )
        )
    return branches


def _between(line: Any, begin: float, end: float) -> Any:
    """The part of a line between two places along it."""
    points = shapely.get_coordinates(line)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    inner = points[(along > begin) & (along < end)]
    tips = [np.interp((begin, end), along, column) for column in points.T]
    first, last = np.stack(tips, axis=1)
    return shapely.linestrings(np.concatenate([first[None], inner, last[None]]))
