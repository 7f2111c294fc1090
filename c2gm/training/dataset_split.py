"""Splits by place: whole blocks of a coarse tile grid, with a gap where two parts meet.

Ground that is only a few metres away looks the same, and references and halos reach over the
borders of tiles: a split tile by tile would test on what was trained on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import mercantile
from mercantile import Tile

from ..errors import ConfigError
from ..grid import HALO, TILE_SIZE, ground_resolution, tile_box
from .dataset_layout import PARTS

_LEAST_GAP = HALO + 16  # px: the halo of a window and the margin of a reference 4X


@dataclass(frozen=True)
class SplitConfig:
    """How ground is split.

    Attributes:
        block_zoom: zoom of the tiles that go to one part as a whole.
        gap: metres at a border of two parts that only the rarer part keeps; never less than what a
            window and its reference reach beyond their tile.
        shares: of train, val and test, which sum to 1.
        seed: shuffles the blocks.
    """

    block_zoom: int = 13
    gap: float = 200.0
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6 or self.shares[0] == 0:
            raise ConfigError(
                f"The shares {self.shares} of train, val and test must sum to 1, train above 0."
            )
        if self.gap < 0:
            raise ConfigError(f"A gap of {self.gap} m is below 0.")


def home_block(tile: Tile, block_zoom: int) -> Tile:
    """The block of a tile; of a tile larger than blocks, the one in its north-western corner."""
    step = tile.z - block_zoom
    if step >= 0:
        return Tile(tile.x >> step, tile.y >> step, block_zoom)
    return Tile(tile.x << -step, tile.y << -step, block_zoom)


def split_blocks(weights: Mapping[Tile, int], config: SplitConfig) -> dict[Tile, str]:
    """The part of each block: shares are met as nearly as whole blocks can.

    Args:
        weights: how much each block holds.
        config: shares and seed.

    Raises:
        ConfigError: there are fewer blocks than parts.
    """
    wanted = [part for part, share in zip(PARTS, config.shares, strict=True) if share]
    if len(weights) < len(wanted):
        raise ConfigError(
            f"The ground lies in {len(weights)} block(s) of zoom {config.block_zoom}, too few for "
            f"{', '.join(wanted)}. Give a higher --block-zoom, or --shares 1,0,0."
        )
    total, trained = sum(weights.values()), len(weights)
    order = sorted(weights, key=lambda block: _chance(block, config.seed))
    parts = dict.fromkeys(order, "train")
    for part, share in list(zip(PARTS, config.shares, strict=True))[:0:-1]:
        if not share:
            continue
        held, later = 0, wanted.index(part)  # parts that still need a block
        for block in order:
            if parts[block] != "train":
                continue
            # A block joins while that brings the share nearer; the first one always does.
            if trained == later or (held and held + weights[block] / 2 > share * total):
                break
            parts[block] = part
            held += weights[block]
            trained -= 1
    return parts


def _chance(block: Tile, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {block.z}/{block.x}/{block.y}".encode()).digest()


def part_of_tile(tile: Tile, parts: Mapping[Tile, str], config: SplitConfig) -> str | None:
    """The part of a tile, or None in the gap.

    The rarer part keeps its rim: test all, val what is far from test, train what is far from both.
    """
    bounds = mercantile.bounds(tile)
    resolution = ground_resolution(tile.z, (bounds.south + bounds.north) / 2)
    gap = max(_LEAST_GAP, math.ceil(config.gap / resolution))
    own = {parts[b] for b in _blocks_under(tile, 0, config.block_zoom) if b in parts}
    if len(own) != 1:
        return None
    part = own.pop()
    near = {parts[b] for b in _blocks_under(tile, gap, config.block_zoom) if b in parts}
    rarer = PARTS[PARTS.index(part) + 1 :]
    return None if near.intersection(rarer) else part


def _blocks_under(tile: Tile, gap: int, block_zoom: int) -> Iterable[Tile]:
    """Blocks that a tile grown by a gap touches; columns wrap."""
    box = tile_box(tile).grown(gap)
    step = tile.z - block_zoom
    size = float(TILE_SIZE) * 2.0**step  # px of the tile's zoom
    side = 1 << block_zoom
    for x in range(math.floor(box.left / size), math.ceil(box.right / size)):
        for y in range(math.floor(box.top / size), math.ceil(box.bottom / size)):
            if 0 <= y < side:
                yield Tile(x % side, y, block_zoom)


def thinned(tiles: Collection[Tile], most: int | None, seed: int) -> list[Tile]:
    """At most so many tiles, chosen by chance but always alike, sorted."""
    kept = sorted(tiles, key=lambda tile: _chance(tile, seed))[:most]
    return sorted(kept, key=lambda tile: (tile.z, tile.x, tile.y))
