"""Borders of classes with their steps taken off, each border once for both of its sides.

Corners go in the order of the triangles that they make with their neighbours, the smallest first
(Visvalingam and Whyatt 1993). A corner stays if its triangle holds a corner of any border, so no
border ever crosses or touches another, and classes keep sharing theirs.
"""

from __future__ import annotations

import heapq

import numpy as np

Point = tuple[int, int]
Line = list[Point]


class Borders:
    """The borders of a class raster, simplified as they are asked for.

    Args:
        values: Class of every pixel, [H,W].
        tolerance: Pixels; corners go whose triangle is no larger than the square of it.
    """

    def __init__(self, values: np.ndarray, tolerance: float) -> None:
        self._most = tolerance**2
        self._junction, corner, self._across, self._down = _corners(values)
        self._present = corner.astype(np.uint8)
        self._simple: dict[tuple[Point, Point], Line] = {}
        self._straight: set[tuple[Point, Point]] = set()

    def ring(self, corners: np.ndarray) -> np.ndarray:
        """A closed ring of a polygon, int [N,2] as (column, row), simplified.

        The ring is cut where borders meet; each part is simplified once, for both its sides.
        """
        points = _every_corner(corners)[:-1]
        meets = np.flatnonzero(self._junction[points[:, 1], points[:, 0]])
        if not len(meets):
            return np.array(self._loop(_turns(points)))
        turned = np.roll(points, -int(meets[0]), axis=0)
        stops = [*(meets - meets[0]).tolist(), len(turned)]
        closed = np.concatenate([turned, turned[:1]])
        ring: Line = []
        for first, last in zip(stops[:-1], stops[1:], strict=True):
            ring += self._part(closed[first : last + 1])[:-1]
        return np.array([*ring, ring[0]])

    def _part(self, points: np.ndarray) -> Line:
        """The border between two junctions, as it was simplified when it was first met."""
        second, last = tuple(points[1].tolist()), tuple(points[-2].tolist())
        start, end = tuple(points[0].tolist()), tuple(points[-1].tolist())
        known = self._simple.get((start, second))
        if known is not None:
            return known
        line = [start, *map(tuple, points[1:-1][_bends(points)].tolist()), end]
        line = self._simplified(line, least=4 if start == end else 2)
        self._simple[start, second] = line
        self._simple[end, last] = line[::-1]
        return line

    def _loop(self, line: Line) -> Line:
        """A border that meets no other, begun at its first corner in reading order."""
        first = line.index(min(line))
        line = [*line[first:], *line[: first + 1]]
        known = self._simple.get((line[0], line[1]))
        if known is None:
            known = self._simplified(line, least=4)
            self._simple[line[0], line[1]] = known
            self._simple[line[0], line[-2]] = known[::-1]
        return known

    def _simplified(self, line: Line, least: int) -> Line:
        """A line without the corners that matter little; its ends stay, and `least` points."""
        count = len(line)
        before, after = list(range(-1, count - 1)), list(range(1, count + 1))
        heap = [(_area(line[i - 1], line[i], line[i + 1]), i) for i in range(1, count - 1)]
        heap = [entry for entry in heap if entry[0] <= self._most]
        heapq.heapify(heap)
        gone = [False] * count
        left = count
        while heap and left > least:
            size, i = heapq.heappop(heap)
            if gone[i]:
                continue
            j, k = before[i], after[i]
            corner = (line[j], line[i], line[k])
            if size != _area(*corner) or self._is_needed(*corner):
                continue
            if left == 3 and not self._may_be_straight(line[0], line[-1]):
                break
            gone[i] = True
            left -= 1
            self._present[line[i][1], line[i][0]] -= 1
            after[j], before[k] = k, j
            for m in (j, k):
                if 0 < m < count - 1:
                    area = _area(line[before[m]], line[m], line[after[m]])
                    if area <= self._most:
                        heapq.heappush(heap, (area, m))
        return [point for point, is_gone in zip(line, gone, strict=True) if not is_gone]

    def _may_be_straight(self, start: Point, end: Point) -> bool:
        """Whether no other border is already the straight line between two junctions."""
        ends = (min(start, end), max(start, end))
        (left, top), (right, bottom) = ends
        runs = (
            top == bottom and self._across[top, left:right].all(),
            left == right and self._down[top:bottom, left].all(),
        )
        if ends in self._straight or any(runs):
            return False
        self._straight.add(ends)
        return True

    def _is_needed(self, a: Point, b: Point, c: Point) -> bool:
        """Whether a triangle holds a corner beside its own three."""
        left, right = min(a[0], b[0], c[0]), max(a[0], b[0], c[0])
        top, bottom = min(a[1], b[1], c[1]), max(a[1], b[1], c[1])
        inside = self._present[top : bottom + 1, left : right + 1]
        for row, column in np.argwhere(inside).tolist():
            point = (left + column, top + row)
            if point in (a, b, c):
                continue
            sides = (_turn(a, b, point), _turn(b, c, point), _turn(c, a, point))
            if min(sides) >= 0 or max(sides) <= 0:
                return True
        return False


def _corners(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Borders on the grid of pixel corners, bool: where three meet and where one turns [H+1,W+1];
    pixel sides to the right [H+1,W] and downwards [H,W+1] that are borders.

    The raster's own four corners count as junctions, so that none is cut off.
    """
    around = np.pad(values.astype(np.int16), 1, constant_values=-1)
    across, down = around[:-1] != around[1:], around[:, :-1] != around[:, 1:]
    left, right, up, below = across[:, :-1], across[:, 1:], down[:-1], down[1:]
    meets = left.astype(np.uint8) + right + up + below > 2
    meets[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    turns = (left | right) & (up | below)
    return meets, turns | meets, across[:, 1:-1], down[1:-1]


def _every_corner(ring: np.ndarray) -> np.ndarray:
    """All pixel corners along a closed ring of straight runs, int [N,2]."""
    steps = np.diff(ring, axis=0)
    lengths = np.abs(steps).sum(axis=1)
    unit = np.sign(steps)
    every = np.repeat(unit, lengths, axis=0)
    return np.concatenate([ring[:1], ring[:1] + np.cumsum(every, axis=0)])


def _bends(points: np.ndarray) -> np.ndarray:
    """Which inner points of a line are not on a straight run."""
    steps = np.diff(points, axis=0)
    bends: np.ndarray = (steps[1:] != steps[:-1]).any(axis=1)
    return bends


def _turns(points: np.ndarray) -> Line:
    """The points of a ring, first not repeated, at which it turns."""
    around = np.concatenate([points[-1:], points, points[:1]])
    return [tuple(point) for point in points[_bends(around)].tolist()]


def _turn(a: Point, b: Point, c: Point) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _area(a: Point, b: Point, c: Point) -> float:
    return abs(_turn(a, b, c)) / 2
