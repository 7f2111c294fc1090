"""Cross-scale: how much of a map changes from one zoom to the next?

The tiles of zoom z are averaged down to zoom z - 1 and compared with it. Generalisation itself is
a difference, so the map's value is divided by the truth's: 1 is right, near 0 means that the finer
zoom is a mere enlargement, above 2 that the zooms contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from mercantile import Tile

from ..grid import TILE_SIZE
from ..painting.window_inputs import ReadTile, over_ground


def zoom_change(read: ReadTile, parents: Iterable[Tile]) -> float | None:
    """Mean absolute difference of tiles to their four children averaged, in grey levels.

    Tiles without all four children do not count; None where none is left.
    """
    total, count = 0.0, 0
    for parent in parents:
        difference = _difference(read, parent)
        if difference is not None:
            total += difference
            count += 1
    return total / count if count else None


def _difference(read: ReadTile, parent: Tile) -> float | None:
    pixels = read(parent)
    if pixels is None:
        return None
    half = TILE_SIZE // 2
    averaged = np.empty((TILE_SIZE, TILE_SIZE, 3))
    for down in range(2):
        for right in range(2):
            child = read(Tile(2 * parent.x + right, 2 * parent.y + down, parent.z + 1))
            if child is None:
                return None
            mean = over_ground(child).reshape(half, 2, half, 2, 3).mean((1, 3))
            averaged[down * half : (down + 1) * half, right * half : (right + 1) * half] = mean
    return float(np.abs(averaged - over_ground(pixels)).mean())
