"""Seams: do tile borders show, as a line or as a smeared band?

A map's pixels step from neighbour to neighbour. If the steps across tile borders are as large on
average as all others, borders cannot be told apart. Both ratios are two-sided: independent tiles
give large ones, blending of pictures that disagree gives small ones (a blurred band).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from mercantile import Tile

from ..grid import HALO, TILE_SIZE
from ..painting.window_inputs import ReadTile, over_ground
from ..tilesets.base import TileSet

LEFT_OUT = 2  # px beside borders that count as neither border nor inside


@dataclass(frozen=True)
class SeamSteps:
    """Mean absolute steps between neighbouring pixels of a zoom, in grey levels.

    Attributes:
        border: Across tile borders.
        inside: Everywhere else, without the 2 px beside borders.
        band: Within the 32 px beside borders, where windows are feathered.
        middle: In the middle of tiles.
        borders: How many tile borders were seen.
    """

    border: float
    inside: float
    band: float
    middle: float
    borders: int

    @property
    def seam_ratio(self) -> float:
        """1 where borders cannot be told apart, larger where they show as lines."""
        return _ratio(self.border, self.inside)

    @property
    def band_ratio(self) -> float:
        """1 where the feathered band is as sharp as the middle, smaller where it is blurred."""
        return _ratio(self.band, self.middle)


def seam_steps(tileset: TileSet, zoom: int) -> SeamSteps | None:
    """Measure the steps of one zoom; None if it has no two neighbouring tiles.

    Pixels without opacity do not count.
    """
    return steps_of_tiles(tileset.get, tileset.tiles(zoom))


def steps_of_tiles(read: ReadTile, tiles: Iterable[Tile]) -> SeamSteps | None:
    """The same of any tiles of one zoom, and of the borders between them.

    Args:
        read: Pixels uint8 [256,256,3] or [256,256,4] of a tile, or None.
        tiles: The tiles.
    """
    chosen = set(tiles)
    sums = {name: _Mean() for name in ("border", "inside", "band", "middle")}
    borders = 0
    for tile in sorted(chosen):
        here = _pixels(read, tile)
        if here is None:
            continue
        for axis, neighbour in ((1, (tile.x + 1, tile.y)), (0, (tile.x, tile.y + 1))):
            steps = _steps(here, axis)
            sums["inside"].add(steps, axis, LEFT_OUT, TILE_SIZE - 1 - LEFT_OUT)
            sums["band"].add(steps, axis, LEFT_OUT, HALO)
            sums["band"].add(steps, axis, TILE_SIZE - 1 - HALO, TILE_SIZE - 1 - LEFT_OUT)
            sums["middle"].add(steps, axis, HALO, TILE_SIZE - 1 - HALO)
            beyond = _in_world(*neighbour, tile.z)
            there = _pixels(read, beyond) if beyond is not None and beyond in chosen else None
            if there is not None:
                rims = [_cut(here, axis, TILE_SIZE - 1), _cut(there, axis, 0)]
                pair = tuple(np.concatenate(parts, axis=axis) for parts in zip(*rims, strict=True))
                sums["border"].add(_steps((pair[0], pair[1]), axis), axis, 0, 1)
                borders += 1
    if not borders:
        return None
    means = {name: mean.value for name, mean in sums.items()}
    return SeamSteps(**means, borders=borders)


def seam_ratio(tileset: TileSet, zoom: int, *, truth: TileSet | None = None) -> float | None:
    """Mean step across tile borders over the mean step elsewhere; None without borders.

    Args:
        tileset: The map.
        zoom: One of its zooms.
        truth: A true map of the same place; its own ratio is divided out.
    """
    steps = seam_steps(tileset, zoom)
    if steps is None or truth is None:
        return None if steps is None else steps.seam_ratio
    true_steps = seam_steps(truth, zoom)
    return None if true_steps is None else _ratio(steps.seam_ratio, true_steps.seam_ratio)


Pixels = tuple[np.ndarray, np.ndarray]
"""Grey levels float32 [H,W,3] and opaque bool [H,W]."""


class _Mean:
    """A mean that grows."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._count = 0

    def add(self, steps: Pixels, axis: int, first: int, last: int) -> None:
        """Add the steps from index `first` up to `last` (left out) along an axis."""
        part = tuple(np.take(array, range(first, last), axis=axis) for array in steps)
        sizes, counted = part
        self._sum += float(sizes[counted].sum(dtype=np.float64))
        self._count += 3 * int(counted.sum())

    @property
    def value(self) -> float:
        return self._sum / self._count if self._count else 0.0


def _ratio(part: float, whole: float) -> float:
    if whole == 0:
        return 1.0 if part == 0 else float("inf")
    return part / whole


def _in_world(x: int, y: int, zoom: int) -> Tile | None:
    side = 1 << zoom
    return Tile(x % side, y, zoom) if 0 <= y < side else None


def _pixels(read: ReadTile, tile: Tile) -> Pixels | None:
    pixels = read(tile)
    if pixels is None:
        return None
    opaque = np.ones(pixels.shape[:2], dtype=bool) if pixels.shape[-1] == 3 else pixels[..., 3] > 0
    return over_ground(pixels).astype(np.float32), opaque


def _cut(pixels: Pixels, axis: int, index: int) -> Pixels:
    """One column or row, its axis kept."""
    return np.take(pixels[0], [index], axis=axis), np.take(pixels[1], [index], axis=axis)


def _steps(pixels: Pixels, axis: int) -> Pixels:
    """Absolute steps along an axis, and where both pixels are opaque."""
    levels, opaque = pixels
    first, second = (np.delete(opaque, index, axis=axis) for index in (-1, 0))
    return np.abs(np.diff(levels, axis=axis)), first & second
