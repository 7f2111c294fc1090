"""Seams: do tile borders show, as a line or as a smeared band?

A map's pixels step from neighbour to neighbour. If the steps across tile borders are as large on
average as all others, borders cannot be told apart. Both ratios are two-sided: independent tiles
give large ones, blending of pictures that disagree gives small ones (a blurred band).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from mercantile import Tile

from ..grid import HALO, TILE_SIZE
from ..painting.window_inputs import ReadTile, over_ground
from ..tilesets.base import TileSet

LEFT_OUT = 2  # px beside borders that count as neither border nor inside
_BESIDE = [-24, -16, -8, 8, 16, 24]  # px from a border, at the same place of the latent grid

_INSIDE = slice(LEFT_OUT + 1, TILE_SIZE - LEFT_OUT)


@dataclass(frozen=True)
class SeamSteps:
    """Mean absolute steps between neighbouring pixels of a zoom, in grey levels.

    Attributes:
        border: Across tile borders.
        inside: Everywhere else, without the 2 px beside borders.
        band: Within the 32 px beside borders, where windows are feathered.
        middle: In the middle of tiles.
        borders: How many tile borders were seen.
        lines: Across each line of a tile, by its distance from the left or upper border, float
            [256]; the first is `border`.
    """

    border: float
    inside: float
    band: float
    middle: float
    borders: int
    lines: np.ndarray = field(compare=False, repr=False)

    @property
    def seam_ratio(self) -> float:
        """1 where borders cannot be told apart, larger where they show as lines."""
        return _ratio(self.border, self.inside)

    @property
    def seam_beside(self) -> float:
        """Steps across borders over those across lines 8, 16 and 24 px off.

        A decoder of latents may step more at every eighth pixel than elsewhere, and a border may
        lie where the ground has more lines. Neither tells a border from the lines beside it.
        """
        return _ratio(self.border, float(self.lines[_BESIDE].mean()))

    @property
    def band_ratio(self) -> float:
        """1 where the feathered band is as sharp as the middle, smaller where it is blurred."""
        return _ratio(self.band, self.middle)

    def spread(self, truth: SeamSteps | None = None) -> float | None:
        """Standard deviation of the seam ratio along lines that are no tile borders.

        What chance alone gives: how far from 1 the ratio may lie before borders show. On few tiles
        it is large, since a line holds more or fewer roads.

        Args:
            truth: Steps of a true map, whose ratio is divided out line by line.
        """
        ratios = _over(self.lines[_INSIDE], self.inside)
        if truth is not None:
            ratios = _over(ratios, _over(truth.lines[_INSIDE], truth.inside))
        known = ratios[np.isfinite(ratios)]
        return float(known.std()) if known.size else None


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
    sums, counts = np.zeros(TILE_SIZE), np.zeros(TILE_SIZE)
    borders = 0
    for tile in sorted(chosen):
        here = _pixels(read, tile)
        if here is None:
            continue
        for axis, neighbour in ((1, (tile.x + 1, tile.y)), (0, (tile.x, tile.y + 1))):
            _add(sums, counts, _steps(here, axis), axis, first=1)
            beyond = _in_world(*neighbour, tile.z)
            there = _pixels(read, beyond) if beyond is not None and beyond in chosen else None
            if there is not None:
                rims = [_cut(here, axis, TILE_SIZE - 1), _cut(there, axis, 0)]
                pair = tuple(np.concatenate(parts, axis=axis) for parts in zip(*rims, strict=True))
                _add(sums, counts, _steps((pair[0], pair[1]), axis), axis, first=0)
                borders += 1
    if not borders:
        return None

    def mean(lines: list[int]) -> float:
        return float(sums[lines].sum() / max(counts[lines].sum(), 1))

    distance = np.minimum(np.arange(TILE_SIZE), TILE_SIZE - np.arange(TILE_SIZE))
    return SeamSteps(
        border=mean([0]),
        inside=mean(list(np.flatnonzero(distance > LEFT_OUT))),
        band=mean(list(np.flatnonzero((distance > LEFT_OUT) & (distance <= HALO)))),
        middle=mean(list(np.flatnonzero(distance > HALO))),
        borders=borders,
        lines=sums / np.maximum(counts, 1),
    )


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


def _add(sums: np.ndarray, counts: np.ndarray, steps: Pixels, axis: int, *, first: int) -> None:
    """Add the steps across the lines from `first` on to the sums of all lines."""
    sizes, counted = steps
    lines = slice(first, first + sizes.shape[axis])
    sums[lines] += np.where(counted[..., None], sizes, 0).sum(axis=(1 - axis, 2), dtype=np.float64)
    counts[lines] += 3 * counted.sum(axis=1 - axis)


def _over(part: np.ndarray, whole: np.ndarray | float) -> np.ndarray:
    """The quotient, NaN where there is nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: np.ndarray = np.where(np.asarray(whole) > 0, part / whole, np.nan)
    return quotient


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
