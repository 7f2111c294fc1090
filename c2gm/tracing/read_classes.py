"""The classes of a part of a map, tile borders forgotten: what areas and lines are traced from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import TilesetError
from ..evaluation.blocks import BLOCK_TILES, read_block
from ..evaluation.edges import near
from ..evaluation.groups import ROADS
from ..evaluation.reading import read_picture
from ..evaluation.roads import skeleton
from ..grid import TILE_SIZE, PixelBox, TileRange, tiles_in_bounds
from ..legend import CLASS_ID
from ..tilesets.base import TileSet
from .thinning import thinned

Bounds = tuple[float, float, float, float]
NOTHING = 255  # class of pixels without a map
MAX_PIXELS = 400_000_000  # of one tracing, a byte each and about four more while it runs
_REACH = 128  # px beside a block that its middle lines and fillings may depend on
_RAILWAY = CLASS_ID["railway"]
_PATH = CLASS_ID["path"]
_RIM = 4.0  # px


@dataclass(frozen=True)
class Classes:
    """What a part of a map shows.

    Attributes:
        box: Its pixels of the world grid.
        areas: Class ids uint8 [H,W]; under roads, railways and paths goes on what lies beside
            them, and where there is no map it is NOTHING.
        lines: Class ids uint8 [H,W] on the middle lines of roads and railways, 0 elsewhere.
    """

    box: PixelBox
    areas: np.ndarray
    lines: np.ndarray


def read_classes(tileset: TileSet, zoom: int, bounds: Bounds | None = None) -> Classes:
    """Read a map's classes at a zoom.

    Args:
        tileset: The map, in the colours of the legend.
        zoom: One of its zooms.
        bounds: Area in degrees (west, south, east, north); all tiles that touch it are read.

    Raises:
        TilesetError: no such zoom, no tile in the area, or too large an area.
    """
    extent = _extent(tileset, zoom, bounds)
    box = extent.box
    if box.width * box.height > MAX_PIXELS:
        raise TilesetError(
            f"{len(extent):,} tiles of zoom {zoom} are too many to trace in one go (at most "
            f"{MAX_PIXELS // TILE_SIZE**2:,}). Name a smaller area, or a lower zoom."
        )
    areas = np.full((box.height, box.width), NOTHING, dtype=np.uint8)
    lines = np.zeros_like(areas)
    for block in _blocks(extent):
        outer = block.grown(1)
        mosaic = read_block(tileset.get, outer)
        cut = slice(TILE_SIZE - _REACH, _REACH - TILE_SIZE)
        inner = slice(_REACH, -_REACH)
        ids = read_picture(mosaic.rgb[cut, cut]).classes
        rows = slice(block.box.top - box.top, block.box.bottom - box.top)
        columns = slice(block.box.left - box.left, block.box.right - box.left)
        valid = mosaic.valid[cut, cut][inner, inner]
        areas[rows, columns] = np.where(valid, _ground_under(ids)[inner, inner], NOTHING)
        lines[rows, columns] = np.where(valid, _middle_lines(ids)[inner, inner], 0)
    return Classes(box, areas, lines)


def _extent(tileset: TileSet, zoom: int, bounds: Bounds | None) -> TileRange:
    """The smallest rectangle that holds the map's tiles in the area."""
    if zoom not in tileset.zooms:
        known = ", ".join(map(str, tileset.zooms))
        raise TilesetError(f"The map has no zoom {zoom}; it has {known}.")
    asked = None if bounds is None else tiles_in_bounds(bounds, zoom)
    found: TileRange | None = None
    for tile in tileset.tiles(zoom):
        if asked is None or tile in asked:
            one = TileRange(zoom, tile.x, tile.y, tile.x, tile.y)
            found = one if found is None else found.union(one)
    if found is None:
        raise TilesetError(f"The map has no tile of zoom {zoom} in that area.")
    return found


def _blocks(extent: TileRange) -> list[TileRange]:
    return [
        TileRange(
            extent.zoom,
            left,
            top,
            min(left + BLOCK_TILES - 1, extent.right),
            min(top + BLOCK_TILES - 1, extent.bottom),
        )
        for top in range(extent.top, extent.bottom + 1, BLOCK_TILES)
        for left in range(extent.left, extent.right + 1, BLOCK_TILES)
    ]


def _ground_under(ids: np.ndarray) -> np.ndarray:
    """Classes with lines taken off: their pixels take the class beside them."""
    from scipy.ndimage import distance_transform_edt

    is_line = np.isin(ids, (*ROADS, _RAILWAY, _PATH))
    # Mixed colours at the rim of a line are read as ground.
    is_line |= near(is_line, _RIM) & (ids == 0)
    if is_line.all():
        return np.zeros_like(ids)
    nearest = distance_transform_edt(is_line, return_distances=False, return_indices=True)
    beside: np.ndarray = ids[tuple(nearest)]
    return beside


def _middle_lines(ids: np.ndarray) -> np.ndarray:
    """Class ids on middle lines, 0 elsewhere."""
    from scipy.ndimage import distance_transform_edt

    lines = np.zeros_like(ids)
    for group in (ROADS, (_RAILWAY,)):
        mask = np.isin(ids, group)
        if mask.any():
            middle = skeleton(mask, thinned)
            nearest = distance_transform_edt(~mask, return_distances=False, return_indices=True)
            lines[middle] = ids[tuple(nearest)][middle]
    return lines
