"""Chance that depends on a place alone: the same numbers however and whenever they are asked."""

from __future__ import annotations

import numpy as np

_MASK = (1 << 64) - 1
_COLUMN, _ROW, _SALT = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9


def generator(seed: int, salt: int, *numbers: int) -> np.random.Generator:
    """A source of chance of its own for each seed, purpose and place of a lattice."""
    folded = [2 * n if n >= 0 else -2 * n - 1 for n in numbers]
    return np.random.default_rng([seed, salt, *folded])


class ValueNoise:
    """Smooth noise of one wavelength over the endless plane, -1 to 1.

    Only sums and products of float64 are used, so a point has the same value in any array.
    """

    def __init__(self, seed: int, salt: int, period: float) -> None:
        """Take a wavelength in metres."""
        rng = generator(seed, salt)
        turn, self._start = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1, 2)
        self._axes = np.array([np.cos(turn), np.sin(turn)]) / period
        self._key = int(rng.integers(1 << 62))

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Values at points, float64 of the shape of `x` and `y` (metres)."""
        cosine, sine = self._axes
        u = x * cosine + y * sine + self._start[0]
        v = y * cosine - x * sine + self._start[1]
        column, row = np.floor(u), np.floor(v)
        s, t = u - column, v - row
        s, t = s * s * (3 - 2 * s), t * t * (3 - 2 * t)
        i, j = column.astype(np.int64), row.astype(np.int64)
        i, j = np.atleast_1d(i), np.atleast_1d(j)  # scalars would warn when they wrap around
        lower = self._at(i, j) * (1 - s) + self._at(i + 1, j) * s
        upper = self._at(i, j + 1) * (1 - s) + self._at(i + 1, j + 1) * s
        noise: np.ndarray = (lower * (1 - t) + upper * t) * 2 - 1
        return noise.reshape(np.shape(x))

    def _at(self, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Random numbers 0..1 of lattice points (a splitmix64 of their indices)."""
        bits = column.astype(np.uint64) * np.uint64(_COLUMN)
        bits = bits + row.astype(np.uint64) * np.uint64(_ROW)
        bits = bits + np.full(1, (self._key * _SALT) & _MASK, dtype=np.uint64)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = bits ^ (bits >> np.uint64(31))
        values: np.ndarray = (bits >> np.uint64(11)).astype(np.float64) / float(1 << 53)
        return values
