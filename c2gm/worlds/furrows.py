"""Lines of a field across its furrows: the furrows, tracks of machines, streaks of growth."""

from __future__ import annotations

import numpy as np

STREAKS = (4.3, 11.0, 29.0)  # metres; each of them as wide as half of it
_VALUES = np.random.default_rng(20).random(512, dtype=np.float32) * 2 - 1


def field_lines(across: np.ndarray, spacing: float, resolution: float) -> np.ndarray:
    """Relative change of light at places across the furrows, float32 like `across`.

    Args:
        across: metres.
        spacing: of furrows, metres; machines pass every eight of them.
        resolution: metres a pixel; what is thinner than two pixels fades.
    """
    change = np.zeros(across.shape, dtype=np.float32)
    fading = min(1.0, max(0.0, 2 - 4 * resolution / spacing))
    if fading > 0:
        share = _share(across / spacing)
        change += (np.abs(share - np.float32(0.5)) * 4 - 1) * np.float32(0.13 * fading)
    passing = 8 * spacing
    if resolution < 0.2 * passing:
        share = _share(across / passing)
        width = max(0.9, resolution) / passing
        track = (np.abs(share - np.float32(0.5)) < width / 2).astype(np.float32)
        change -= track * np.float32(0.2)
    for number, period in enumerate(STREAKS):
        if period > 2 * resolution:
            cells = across / period + 97 * number + 13 * spacing
            lower = np.floor(cells)
            share = (cells - lower).astype(np.float32)
            share *= share * (3 - 2 * share)
            index = lower.astype(np.int64)
            first, second = _VALUES[index & 511], _VALUES[(index + 1) & 511]
            change += (first + (second - first) * share) * np.float32(0.17)
    return change


def _share(cells: np.ndarray) -> np.ndarray:
    share: np.ndarray = (cells - np.floor(cells)).astype(np.float32)
    return share
