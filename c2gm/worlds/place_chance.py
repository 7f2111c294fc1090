"""Numbers drawn by points: the same point draws the same number in any scene that holds it."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

_CELL = 0.25  # metres; points of one cell draw the same number
_FIRST = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0xBF58476D1CE4E5B9)
_THIRD = np.uint64(0x94D049BB133111EB)


def chances(places: np.ndarray, seed: int, salt: int) -> np.ndarray:
    """One number in 0..1 for each place [n,2] in metres, float64 [n], other for each salt."""
    cells = np.floor(np.asarray(places, dtype=np.float64) / _CELL).astype(np.int64)
    return _uniform(cells[:, 0], cells[:, 1], seed, salt)


def shape_chances(shapes: Any, seed: int, salt: int) -> np.ndarray:
    """One number in 0..1 for each shape, by its first point, float64 [n]."""
    return chances(first_points(shapes), seed, salt)


def first_points(shapes: Any) -> np.ndarray:
    """First point of each shape (empty ones: the origin), float64 [n,2]."""
    shapes = np.asarray(shapes, dtype=object).reshape(-1)
    places = np.zeros((len(shapes), 2))
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    if len(owner):
        first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        places[owner[first]] = points[first]
    return places


def lattice(
    bounds: tuple[float, float, float, float], spacing: float, seed: int, salt: int
) -> np.ndarray:
    """Points about `spacing` metres apart within bounds, at places that no bounds move, [n,2]."""
    left, bottom, right, top = (value / spacing for value in bounds)
    columns = np.arange(int(np.floor(left)), int(np.ceil(right)))
    rows = np.arange(int(np.floor(bottom)), int(np.ceil(top)))
    column, row = (axis.ravel() for axis in np.meshgrid(columns, rows))
    shift = np.stack([_uniform(column, row, seed, salt + side) for side in (1000, 2000)], 1)
    points: np.ndarray = (np.stack([column, row], 1) + 0.02 + 0.96 * shift) * spacing
    return points


def _uniform(column: np.ndarray, row: np.ndarray, seed: int, salt: int) -> np.ndarray:
    """A splitmix64 of whole numbers as float64 in 0..1."""
    # three draws keyed one after the other: sums alone would repeat along diagonals
    key = _mixed(column.astype(np.int64).view(np.uint64) * _FIRST)
    key = _mixed(key ^ (row.astype(np.int64).view(np.uint64) * _SECOND))
    key = _mixed(key ^ (np.array([seed * 1_000_003 + salt], dtype=np.uint64) * _THIRD))
    uniform: np.ndarray = (key >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return uniform


def _mixed(key: np.ndarray) -> np.ndarray:
    key = (key ^ (key >> np.uint64(30))) * _SECOND
    key = (key ^ (key >> np.uint64(27))) * _THIRD
    mixed: np.ndarray = key ^ (key >> np.uint64(31))
    return mixed
