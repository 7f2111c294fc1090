"""A true map as tiles, drawn by metatiles that do not depend on the area that is asked.

A metatile is 4 x 4 tiles whose numbers begin at multiples of 4. It is always drawn whole, so that
every tile is the same to the last byte whatever part of the map it is asked with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from mercantile import Tile

from ..errors import AreaError
from ..grid import TILE_SIZE, Area, PixelBox, TileRange, tile_box, wrapped
from .map_objects import MapObjects
from .render import MapDrawing
from .symbols import Style

METATILE = 4  # tiles a side


@dataclass(frozen=True)
class Drawn:
    """How far the drawing of a map is: tiles of all zooms, and the zoom in hand."""

    zoom: int
    tiles_done: int
    tiles: int


def count_tiles(area: Area, *, at_most: int) -> dict[int, int]:
    """Tiles of each zoom of an area.

    Raises:
        AreaError: they are more than `at_most` in all.
    """
    counts = {zoom: len(area.tiles(zoom)) for zoom in area.zooms}
    if sum(counts.values()) > at_most:
        raise AreaError(
            f"The map would have {sum(counts.values()):,} tiles, more than {at_most:,}. "
            "Give fewer zooms or a smaller --bbox, or allow more with --max-tiles."
        )
    return counts


def draw_pyramid(
    objects: MapObjects,
    area: Area,
    put: Callable[[Tile, np.ndarray], None],
    *,
    style: Style | None = None,
    on_progress: Callable[[Drawn], None] | None = None,
) -> int:
    """Draw every tile of an area; returns how many.

    Memory holds the objects, their generalised form of one zoom, and one metatile.

    Args:
        objects: the whole vector world; what lies beyond the area matters at its rim.
        area: bounds and zooms.
        put: takes each tile, uint8 [256,256,3].
        style: by default the house style.
        on_progress: told at the start of each zoom and after every metatile.
    """
    total = sum(len(area.tiles(zoom)) for zoom in area.zooms)
    done = 0
    for zoom in area.zooms:
        if on_progress is not None:
            on_progress(Drawn(zoom, done, total))
        drawing = MapDrawing(objects, zoom, style=style)
        for tiles in tile_groups(area.tiles(zoom), METATILE):
            box = metatile_box(tiles[0])
            picture = drawing.picture(box)
            for tile in tiles:
                put(wrapped(tile), cut(picture, box, tile))
            done += len(tiles)
            if on_progress is not None:
                on_progress(Drawn(zoom, done, total))
    return done


def tile_groups(tiles: TileRange, side: int) -> Iterator[list[Tile]]:
    """The tiles of a range, those of one square of `side` x `side` tiles together.

    The numbers of a square begin at multiples of its side, whatever the range.
    """
    for column in range(tiles.left // side, tiles.right // side + 1):
        for row in range(tiles.top // side, tiles.bottom // side + 1):
            first_x, first_y = column * side, row * side
            yield [
                Tile._make((x, y, tiles.zoom))
                for x in range(max(first_x, tiles.left), min(first_x + side, tiles.right + 1))
                for y in range(max(first_y, tiles.top), min(first_y + side, tiles.bottom + 1))
            ]


def metatile_box(tile: Tile) -> PixelBox:
    """The pixels of the metatile of a tile, in the world itself (columns wrapped)."""
    side = METATILE * TILE_SIZE
    box = tile_box(wrapped(tile))
    left, top = box.left // side * side, box.top // side * side
    return PixelBox(box.zoom, left, top, left + side, top + side)


def cut(picture: np.ndarray, box: PixelBox, tile: Tile) -> np.ndarray:
    """A tile out of the picture of its metatile's box, in memory of its own."""
    place = tile_box(wrapped(tile))
    row, column = place.top - box.top, place.left - box.left
    return picture[row : row + TILE_SIZE, column : column + TILE_SIZE].copy()
