"""Noise that is a function of the place: the same world pixel has the same value in any box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TABLE = 512  # cells a side; the noise repeats after so many lattice cells


@dataclass(frozen=True)
class PixelGrid:
    """Centres of a box's pixels in metres from the town's centre, x to the east, y to the north."""

    x: np.ndarray
    y: np.ndarray
    resolution: float


class WorldNoise:
    """Value noise on lattices of any period, from one seeded table of random numbers."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 77])
        self._table = rng.random((TABLE, TABLE), dtype=np.float32) * 2 - 1

    def octave(self, grid: PixelGrid, *, period: float, salt: int) -> np.ndarray:
        """Smooth noise of one wavelength in metres, float32 [H,W] in -1..1, other for each salt."""
        rows, row_share = self._lattice(grid.y, period, salt * 61)
        columns, column_share = self._lattice(grid.x, period, salt * 37)
        lowest = int(rows.min())
        band = self._table[np.arange(lowest, int(rows.max()) + 2) % TABLE]
        first = band[:, columns % TABLE]
        across = first + (band[:, (columns + 1) % TABLE] - first) * column_share
        steps = across[1:] - across[:-1]
        noise: np.ndarray = steps[rows - lowest]
        noise *= row_share[:, None]
        noise += across[rows - lowest]
        return noise

    @staticmethod
    def _lattice(metres: np.ndarray, period: float, shift: int) -> tuple[np.ndarray, np.ndarray]:
        cells = metres / period
        lower = np.floor(cells)
        share = (cells - lower).astype(np.float32)
        return lower.astype(np.int64) + shift, share * share * (3 - 2 * share)


def grain(
    noise: WorldNoise, grid: PixelGrid, *, periods: tuple[float, ...], salt: int
) -> np.ndarray:
    """Sum of the octaves that the grid can show, float32 [H,W], std about 1 for all of them."""
    total = np.zeros((len(grid.y), len(grid.x)), dtype=np.float32)
    for index, period in enumerate(periods):
        if period >= 1.2 * grid.resolution:
            total += noise.octave(grid, period=period, salt=salt + index)
    return total * np.float32(2.2 / max(1.0, len(periods) ** 0.5))
