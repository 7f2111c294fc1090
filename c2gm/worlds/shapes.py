"""Coloured shapes of a town, kept as flat arrays so that a box's share is drawn in few calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

LONGEST_EDGE = 12.0  # metres; a canvas has this margin, so that no edge in view is clipped


@dataclass(frozen=True)
class ShapeSet:
    """Polygons sorted by colour.

    Attributes:
        vertices: float64 [n,2], metres from the town's centre.
        codes: matplotlib path codes, uint8 [n].
        starts: first vertex of each shape and the end, int64 [shapes + 1].
        bounds: (left, bottom, right, top) of each shape, float64 [shapes,4].
        colours: uint8 [shapes,3].
        heights: metres, float64 [shapes] (0 unless given).
    """

    vertices: np.ndarray
    codes: np.ndarray
    starts: np.ndarray
    bounds: np.ndarray
    colours: np.ndarray

    def within(
        self, left: float, bottom: float, right: float, top: float
    ) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int, tuple[int, int, int]]]]:
        """Vertices and codes of the shapes that touch a rectangle, and the runs of one colour in
        them as (first, end, colour).
        """
        box = self.bounds
        seen = (box[:, 0] < right) & (box[:, 2] > left) & (box[:, 1] < top) & (box[:, 3] > bottom)
        chosen = np.flatnonzero(seen)
        if len(chosen) == 0:
            return self.vertices[:0], self.codes[:0], []
        ends = np.cumsum(self.starts[chosen + 1] - self.starts[chosen])
        picked = _ranges(self.starts[chosen], self.starts[chosen + 1])
        colours = self.colours[chosen]
        changes = np.flatnonzero((colours[1:] != colours[:-1]).any(1))
        firsts = [0, *ends[changes].tolist()]
        lasts = [*ends[changes].tolist(), int(ends[-1])]
        tints = colours[np.concatenate(([0], changes + 1))].tolist()
        runs = [
            (first, last, (tint[0], tint[1], tint[2]))
            for first, last, tint in zip(firsts, lasts, tints, strict=True)
        ]
        return self.vertices[picked], self.codes[picked], runs


def shape_set(polygons: Any, colours: np.ndarray) -> ShapeSet:
    """Shapes from polygons or multipolygons and one colour each (uint8 [n,3] or one colour)."""
    polygons = np.asarray(polygons, dtype=object).reshape(-1)
    colours = np.broadcast_to(np.asarray(colours, dtype=np.uint8), (len(polygons), 3))
    parts, origin = shapely.get_parts(polygons, return_index=True)
    keep = (shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)
    parts, colours = parts[keep], colours[origin[keep]]
    if len(parts) == 0:
        nothing = np.zeros(0, dtype=np.int64)
        return ShapeSet(np.zeros((0, 2)), nothing, nothing, np.zeros((0, 4)), np.zeros((0, 3)))
    order = np.lexsort(colours.T)
    # a polygon that nearly touches itself falls apart when its edges are divided
    parts, origin = shapely.get_parts(
        shapely.segmentize(parts[order], LONGEST_EDGE), return_index=True
    )
    order = order[origin]
    parts = shapely.orient_polygons(parts)
    vertices, ring_starts, starts = _rings(parts)
    codes = np.full(len(vertices), 2, dtype=np.uint8)
    codes[ring_starts[1:] - 1] = 79
    codes[ring_starts[:-1]] = 1
    return ShapeSet(vertices, codes, starts, shapely.bounds(parts), colours[order])


def _rings(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates, first vertex of each ring, first vertex of each polygon (ends included)."""
    _, vertices, (ring_starts, polygon_starts) = shapely.to_ragged_array(parts)
    return vertices, ring_starts, ring_starts[polygon_starts]


def _ranges(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Indices start..end-1 of each range, one after the other."""
    counts = ends - starts
    total = int(counts.sum())
    shifts = np.repeat(starts - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
    indices: np.ndarray = np.arange(total) + shifts
    return indices
