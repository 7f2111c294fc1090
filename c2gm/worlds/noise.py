"""Noise that is a function of the place: the same world pixel has the same value in any box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..grid import PixelBox

COARSE = 4  # pixels
TABLE = 512  # cells a side, a power of two; the noise repeats after so many lattice cells


@dataclass(frozen=True)
class PixelGrid:
    """Centres of a box's pixels in metres from the town's centre, x to the east, y to the north."""

    x: np.ndarray
    y: np.ndarray
    resolution: float


class WorldNoise:
    """Value noise on turned lattices of any period, from one seeded table of random numbers."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 77])
        self._table = rng.random((TABLE, TABLE), dtype=np.float32).ravel() * 2 - 1

    def octave(self, grid: PixelGrid, *, period: float, salt: int) -> np.ndarray:
        """Smooth noise of one wavelength in metres, float32 [H,W] in -1..1, other for each salt.

        Lattices are turned by another angle for each salt, so that no rows or columns show.
        """
        turn = 0.4 + 2.39996 * salt  # the golden angle: no two salts lie along each other
        cosine, sine = np.cos(turn) / period, np.sin(turn) / period
        column, across = _lattice((grid.x * cosine)[None] + (grid.y * sine)[:, None])
        row, down = _lattice((grid.y * cosine)[:, None] - (grid.x * sine)[None])
        here = (column + salt * 37) & (TABLE - 1)
        lower = ((row + salt * 61) & (TABLE - 1)) * TABLE
        right = (here + 1) & (TABLE - 1)
        upper = (lower + TABLE) & (TABLE * TABLE - 1)
        first, second = self._table[lower + here], self._table[upper + here]
        first += (self._table[lower + right] - first) * across
        second += (self._table[upper + right] - second) * across
        noise: np.ndarray = first + (second - first) * down
        return noise


def _lattice(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cell of a lattice and smoothed share of the way through it, int32 and float32 [H,W]."""
    lower = np.floor(cells)
    share = (cells - lower).astype(np.float32)
    return lower.astype(np.int32), share * share * (3 - 2 * share)


def grain(
    noise: WorldNoise, grid: PixelGrid, *, periods: tuple[float, ...], salt: int
) -> np.ndarray:
    """Sum of the octaves that the grid can show, float32 [H,W], std about 1 for all of them."""
    total = np.zeros((len(grid.y), len(grid.x)), dtype=np.float32)
    for index, period in enumerate(periods):
        if period >= 1.2 * grid.resolution:
            total += noise.octave(grid, period=period, salt=salt + index)
    return total * np.float32(2.2 / max(1.0, len(periods) ** 0.5))


def coarse_span(first: int, last: int) -> np.ndarray:
    """Every `COARSE`-th pixel of the world from before `first` to after `last`, int64."""
    return np.arange(first // COARSE, -(-last // COARSE) + 1) * COARSE


def enlarged(values: np.ndarray, box: PixelBox) -> np.ndarray:
    """Values of the coarse pixels round a box at each of its pixels, float32 [...,H,W].

    What changes slowly is made on every `COARSE`-th pixel of the world, [...,h,w] of
    `coarse_span`, at a sixteenth of the cost; between them it is interpolated, in any box alike.
    """
    column, s = _between(box.left, box.width)
    row, t = _between(box.top, box.height)
    wide = values[..., column] + (values[..., column + 1] - values[..., column]) * s
    upper = wide[..., row, :]
    both: np.ndarray = upper + (wide[..., row + 1, :] - upper) * t[:, None]
    return both


def _between(first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The coarse pixel before each of some pixels and the share of the way to the next."""
    place = np.arange(count) + first % COARSE
    return place // COARSE, (place % COARSE).astype(np.float32) / np.float32(COARSE)
