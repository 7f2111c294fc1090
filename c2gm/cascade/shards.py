"""Independent parts of a large area, so that any batch system can paint a country.

A shard is one tile of zoom 10, cut to the area: its tiles at higher zooms belong to no other shard.
With exact edges each shard paints for itself what its rims depend on, and because noise and windows
are fixed to the world, neighbouring shards fit to the byte (on machines that compute alike).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mercantile import Tile

from ..errors import AreaError
from ..grid import TileRange, bounds_of, tiles_in_bounds, wrapped

SHARD_ZOOM = 10

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Shard:
    """One part of an area.

    Attributes:
        tile: Its tile of zoom 10.
        bounds: (west, south, east, north) in degrees: the tile, cut to the area.
        tiles: Tiles of its map, all zooms together.
    """

    tile: Tile
    bounds: Bounds
    tiles: int

    @property
    def name(self) -> str:
        """Of its map's file, without ending."""
        return f"{self.tile.z}-{self.tile.x}-{self.tile.y}"


def shards_of(bounds: Bounds, zooms: tuple[int, ...]) -> Iterator[Shard]:
    """The shards of an area, row by row.

    Raises:
        AreaError: a zoom below 10, whose tiles would belong to several shards.
    """
    if min(zooms) < SHARD_ZOOM:
        raise AreaError(
            f"Shards are tiles of zoom {SHARD_ZOOM}; zoom {min(zooms)} is lower. "
            f"Paint it in one piece, or ask for zooms from {SHARD_ZOOM}."
        )
    for part in _parts(bounds):
        for tile in map(wrapped, tiles_in_bounds(part, SHARD_ZOOM)):
            cut = _cut(part, tile)
            count = sum(len(tiles_in_bounds(cut, zoom)) for zoom in zooms)
            yield Shard(tile, cut, count)


def _parts(bounds: Bounds) -> list[Bounds]:
    """The area, in two where it crosses the antimeridian."""
    west, south, east, north = bounds
    if west <= east:
        return [bounds]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def _cut(bounds: Bounds, tile: Tile) -> Bounds:
    west, south, east, north = bounds_of(TileRange(tile.z, tile.x, tile.y, tile.x, tile.y))
    east = 180.0 if east < west else east
    return (
        max(west, bounds[0]),
        max(south, bounds[1]),
        min(east, bounds[2]),
        min(north, bounds[3]),
    )
