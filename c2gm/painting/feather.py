"""Feathering: a tile from the pictures of its own and the eight neighbouring windows.

Each window's weight rises over the 64 px that it shares with a neighbour by half a cosine, so that
neighbours sum to 1. The sum is taken once, in pixels, in a fixed order, and rounded once, so that
a tile's bytes depend on its windows alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..grid import HALO, TILE_SIZE, WINDOW_SIZE

OVERLAP = 2 * HALO


def feather_weights() -> np.ndarray:
    """Weights of one axis of a window, float32 [320]; neighbours 256 px apart sum to 1."""
    steps = np.arange(OVERLAP, dtype=np.float64)
    rise = (0.5 - 0.5 * np.cos(np.pi * (steps + 0.5) / OVERLAP)).astype(np.float32)
    weights = np.ones(WINDOW_SIZE, dtype=np.float32)
    weights[:OVERLAP] = rise
    weights[-OVERLAP:] = np.float32(1) - rise
    return weights


def feather_tile(pictures: Mapping[tuple[int, int], np.ndarray]) -> np.ndarray:
    """Blend window pictures into the tile that they surround.

    Windows that were not painted are left out of `pictures`; the others' weights are divided by
    their sum, which is 1 where none is missing.

    Args:
        pictures: (dx, dy) -> uint8 [320,320,3], each from -1 to 1; the tile's own is (0, 0).

    Returns:
        uint8 [256,256,3].
    """
    axis = feather_weights()
    total = np.zeros((TILE_SIZE, TILE_SIZE, 3), dtype=np.float32)
    weight_sum = np.zeros((TILE_SIZE, TILE_SIZE, 1), dtype=np.float32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if (dx, dy) not in pictures:
                continue
            in_tile_y, in_window_y = _overlap(dy)
            in_tile_x, in_window_x = _overlap(dx)
            weight = axis[in_window_y, None, None] * axis[None, in_window_x, None]
            picture = pictures[dx, dy][in_window_y, in_window_x].astype(np.float32)
            total[in_tile_y, in_tile_x] += weight * picture
            weight_sum[in_tile_y, in_tile_x] += weight
    blended: np.ndarray = np.rint(total / weight_sum).astype(np.uint8)
    return blended


def _overlap(offset: int) -> tuple[slice, slice]:
    """Where the window `offset` tiles away meets the tile: pixels of the tile, of the window."""
    first = max(0, offset * TILE_SIZE - HALO)
    last = min(TILE_SIZE, offset * TILE_SIZE + TILE_SIZE + HALO)
    start = first - (offset * TILE_SIZE - HALO)
    return slice(first, last), slice(start, start + last - first)
