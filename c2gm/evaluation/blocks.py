"""Blocks: neighbouring tiles as one mosaic, because roads and edges do not end at tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from mercantile import Tile

from ..grid import TILE_SIZE, TileRange, wrapped
from ..legend import GROUND
from ..painting.window_inputs import ReadTile, over_ground

BLOCK_TILES = 8  # tiles a side: 2048 px


@dataclass(frozen=True)
class Mosaic:
    """Neighbouring tiles as one picture.

    Attributes:
        rgb: uint8 [H,W,3]; ground colour where there is no tile or no opacity.
        valid: bool [H,W], True where there is an opaque pixel.
    """

    rgb: np.ndarray
    valid: np.ndarray


def blocks(tiles: Iterable[Tile]) -> Iterator[TileRange]:
    """Rectangles of at most 8 x 8 tiles, on a fixed grid, that hold the tiles of one zoom."""
    found: dict[tuple[int, int], list[Tile]] = {}
    for tile in tiles:
        found.setdefault((tile.y // BLOCK_TILES, tile.x // BLOCK_TILES), []).append(tile)
    for _, members in sorted(found.items()):
        columns, rows = [tile.x for tile in members], [tile.y for tile in members]
        yield TileRange(members[0].z, min(columns), min(rows), max(columns), max(rows))


def read_block(read: ReadTile, tiles: TileRange) -> Mosaic:
    """The pixels of a rectangle of tiles."""
    shape = (tiles.box.height, tiles.box.width)
    rgb = np.empty((*shape, 3), dtype=np.uint8)
    rgb[:] = GROUND
    valid = np.zeros(shape, dtype=bool)
    for tile, part in parts(tiles):
        pixels = read(wrapped(tile))
        if pixels is not None:
            rgb[part] = over_ground(pixels)
            valid[part] = True if pixels.shape[-1] == 3 else pixels[..., 3] > 0
    return Mosaic(rgb, valid)


def parts(tiles: TileRange) -> Iterator[tuple[Tile, tuple[slice, slice]]]:
    """Each tile of a rectangle and where it lies in the mosaic, rows first."""
    for tile in tiles:
        row, column = (tile.y - tiles.top) * TILE_SIZE, (tile.x - tiles.left) * TILE_SIZE
        yield tile, (slice(row, row + TILE_SIZE), slice(column, column + TILE_SIZE))
