"""Layers: geometry in world pixels, ready to be cut out by box and handed to Agg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

LONGEST_PIECE = 24.0  # px: longer straight pieces are divided, see render.MARGIN
_GRID = 256.0  # Agg counts in 1/256 px
_MOST_VERTICES = 1000  # polygons with more are cut into cells, so that a box pays for its part only
_SMALLEST_CELL = 256  # px
_DASHES_TOGETHER = 16  # dashes that are found and drawn as one item
MOVE, LINE, CLOSE = 1, 2, 79  # matplotlib.path.Path's codes

Shapes = np.ndarray[Any, np.dtype[np.object_]]
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Layer:
    """Items of one kind: vertices float64 [n,2] in world pixels, path codes uint8 [n].

    Item i owns the vertices `first[i]` to `first[i + 1]`; `tree` finds items by their bounds.
    """

    vertices: np.ndarray
    codes: np.ndarray
    first: np.ndarray
    tree: shapely.STRtree
    filled: bool

    def within(self, bounds: Bounds) -> tuple[np.ndarray, np.ndarray] | None:
        """Vertices and codes of the items near bounds (left, top, right, bottom), or None."""
        items = np.sort(self.tree.query(shapely.box(*bounds)))
        if not len(items):
            return None
        lengths = self.first[items + 1] - self.first[items]
        skipped = np.repeat(self.first[items] - np.r_[0, np.cumsum(lengths)[:-1]], lengths)
        rows = np.arange(len(skipped)) + skipped
        return self.vertices[rows], self.codes[rows]


def area_layer(shapes: Shapes) -> Layer:
    """Polygons, filled: shells one way and holes the other, because Agg fills non-zero."""
    # A rim that touches itself, if only by the rounding of pixels, comes back in several parts.
    polygons = shapely.get_parts(
        shapely.segmentize(_in_cells(shapely.get_parts(shapes)), LONGEST_PIECE)
    )
    polygons = shapely.orient_polygons(polygons)
    rings, polygon_of = shapely.get_rings(polygons, return_index=True)
    vertices, ring_of = shapely.get_coordinates(rings, return_index=True)
    codes = np.full(len(vertices), LINE, dtype=np.uint8)
    starts = _starts(ring_of)
    codes[starts] = MOVE
    if len(vertices):  # slivers can vanish when their edges are divided
        codes[np.r_[starts[1:], len(vertices)] - 1] = CLOSE
    return _layer(vertices, codes, polygon_of[ring_of], filled=True)


def _in_cells(polygons: Shapes) -> Shapes:
    """The polygons with the large ones cut along whole world pixels, where no seam can show."""
    large = shapely.get_num_coordinates(polygons) > _MOST_VERTICES
    pieces = [piece for polygon in polygons[large] for piece in _halved(polygon)]
    return np.concatenate([polygons[~large], np.array(pieces, dtype=object)])


def _halved(polygon: Any) -> list[Any]:
    """The polygon halved across its longer side until its pieces are simple or small."""
    left, top, right, bottom = shapely.bounds(polygon)
    if shapely.get_num_coordinates(polygon) <= _MOST_VERTICES:
        return [polygon]
    if max(right - left, bottom - top) <= _SMALLEST_CELL:
        return [polygon]
    if right - left > bottom - top:
        middle = round((left + right) / 2)
        halves = ((left, top, middle, bottom), (middle, top, right, bottom))
    else:
        middle = round((top + bottom) / 2)
        halves = ((left, top, right, middle), (left, middle, right, bottom))
    parts = shapely.get_parts([shapely.intersection(polygon, shapely.box(*h)) for h in halves])
    polygons = parts[shapely.get_type_id(parts) == 3]
    return [piece for part in polygons for piece in _halved(part)]


def line_layer(shapes: Shapes, dash: tuple[float, float] | None = None) -> Layer:
    """Lines, whole or cut into dashes along their whole length."""
    # Simplified stubs may have lost their length, which GEOS refuses to cut.
    lines = shapely.segmentize(shapes[shapely.length(shapes) > 0], LONGEST_PIECE)
    vertices, line_of = shapely.get_coordinates(lines, return_index=True)
    if dash:
        vertices, dash_of = _dashes(vertices, line_of, dash)
        starts, item_of = _starts(dash_of), dash_of // _DASHES_TOGETHER
    else:
        starts, item_of = _starts(line_of), line_of
    codes = np.full(len(vertices), LINE, dtype=np.uint8)
    codes[starts] = MOVE
    return _layer(vertices, codes, item_of, filled=False)


def disc_layer(centres: np.ndarray, diameter: float) -> Layer:
    """Discs round points float64 [n,2]."""
    disc = shapely.buffer(shapely.Point(0, 0), diameter / 2, quad_segs=6)
    outline = shapely.get_coordinates(shapely.segmentize(disc, LONGEST_PIECE))
    codes = np.full(len(outline), LINE, dtype=np.uint8)
    codes[0], codes[-1] = MOVE, CLOSE
    return _layer(
        (centres[:, None] + outline).reshape(-1, 2),
        np.tile(codes, len(centres)),
        np.repeat(np.arange(len(centres)), len(outline)),
        filled=True,
    )


def _layer(vertices: np.ndarray, codes: np.ndarray, item_of: np.ndarray, *, filled: bool) -> Layer:
    vertices = np.round(vertices * _GRID) / _GRID
    starts = _starts(item_of)
    if len(starts):
        low = np.minimum.reduceat(vertices, starts)
        high = np.maximum.reduceat(vertices, starts)
    else:
        low = high = np.zeros((0, 2))
    tree = shapely.STRtree(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
    return Layer(vertices, codes, np.r_[starts, len(vertices)], tree, filled)


def _starts(owner: np.ndarray) -> np.ndarray:
    """Where each run of equal owners begins."""
    if not len(owner):
        return np.zeros(0, dtype=np.int64)
    starts: np.ndarray = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    return starts


def _dashes(
    vertices: np.ndarray, line_of: np.ndarray, dash: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of all dashes and the number of the dash that each belongs to."""
    drawn, left_out = dash
    period = drawn + left_out
    steps: np.ndarray = np.hypot(*np.diff(vertices, axis=0).T)
    # Lines follow each other on one axis of length, far enough apart that none mix.
    steps[line_of[1:] != line_of[:-1]] = period
    along = np.r_[0.0, np.cumsum(steps)]
    starts = _starts(line_of)
    begin, end = along[starts], along[np.r_[starts[1:], len(along)] - 1]
    count = np.maximum(1, np.ceil((end - begin) / period).astype(np.int64))
    line_of_dash = np.repeat(np.arange(len(starts)), count)
    number = np.arange(len(line_of_dash)) - np.repeat(np.cumsum(count) - count, count)
    dash_start = begin[line_of_dash] + number * period
    dash_end = np.minimum(dash_start + drawn, end[line_of_dash])
    # Vertices between the ends of a dash stay, so that dashes bend with their line.
    owner = np.atleast_1d(np.searchsorted(dash_start, along, side="right")) - 1
    inner = (along > dash_start[owner]) & (along < dash_end[owner])
    place = np.r_[dash_start, along[inner], dash_end]
    dash_of = np.r_[np.arange(len(dash_start)), owner[inner], np.arange(len(dash_start))]
    order = np.lexsort((place, dash_of))
    place = place[order]
    points = np.stack([np.interp(place, along, column) for column in vertices.T], axis=1)
    return points, dash_of[order]
