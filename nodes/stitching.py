"""Window pictures and tile sets to one picture of an area, and such a picture to a tile set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from mercantile import Tile

from ..c2gm.errors import ConfigError
from ..c2gm.grid import TILE_SIZE, WINDOW_SIZE, TileRange, tiles_of_box, wrapped
from ..c2gm.legend import GROUND
from ..c2gm.painting.feather import feather_tile
from ..c2gm.painting.window_inputs import read_mosaic
from ..c2gm.tilesets.base import StoredTileSet
from ..c2gm.tilesets.open import create_tileset, open_tileset
from .areas import PickedArea


def stitch_windows(pictures: np.ndarray, area: PickedArea, zoom: int) -> np.ndarray:
    """The map of an area, uint8 [H,W,3], from its window pictures uint8 [N,320,320,3]; ground
    colour where there is no imagery.

    Raises:
        ConfigError: they are not the windows of the area.
    """
    windows = area.windows(zoom)
    _check_count(pictures, len(windows), WINDOW_SIZE, "windows")
    painted = {(window.x, window.y): pictures[i] for i, window in enumerate(windows)}
    tiles = tiles_of(area, zoom)
    side = 1 << zoom
    pictures_of = {}
    for tile in tiles:
        around = {
            (dx, dy): painted[place]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if (place := ((tile.x + dx) % side, tile.y + dy)) in painted
        }
        valid = area.valid(tile)
        drawn = feather_tile(around) if valid.any() else np.uint8(0)
        pictures_of[tile] = np.where(valid[..., None], drawn, np.array(GROUND, dtype=np.uint8))
    return _mosaic(tiles, pictures_of)


def stitch_tiles(pictures: np.ndarray, area: PickedArea, zoom: int) -> np.ndarray:
    """The map of an area, uint8 [H,W,3], from its tiles uint8 [N,256,256,3], row by row.

    Raises:
        ConfigError: they are not the tiles of the area.
    """
    tiles = tiles_of(area, zoom)
    _check_count(pictures, len(tiles), TILE_SIZE, "tiles")
    return _mosaic(tiles, dict(zip(tiles, pictures, strict=True)))


def stitch_tileset(path: Path, area: PickedArea, zoom: int) -> np.ndarray:
    """The map of an area, uint8 [H,W,3]; ground colour where the tile set has no tile.

    Raises:
        ConfigError: the tile set has nothing of the area at this zoom.
    """
    tiles = tiles_of(area, zoom)
    with open_tileset(path) as tileset:
        check_has_tiles(tileset, tiles, path.name)
        return read_mosaic(tileset.get, tiles.box)


def check_has_tiles(tileset: StoredTileSet, tiles: TileRange, name: str) -> None:
    """Refuse a tile set without any tile of a range.

    Raises:
        ConfigError: names the zooms that it has.
    """
    if not any(wrapped(tile) in tileset for tile in tiles):
        zooms = ", ".join(str(zoom) for zoom in tileset.zooms)
        raise ConfigError(
            f"{name} has no tile of this area at zoom {tiles.zoom}; its zooms are {zooms}. "
            "Choose one of them, or the area that was drawn."
        )


def save_picture(picture: np.ndarray, area: PickedArea, zoom: int, path: Path) -> int:
    """Write a picture of an area as the tiles of one zoom; returns how many have imagery.

    Raises:
        ConfigError: the picture has another size than the area.
        TilesetError: the name is taken by a file that C2GM did not write.
    """
    tiles = tiles_of(area, zoom)
    check_size(picture, tiles)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"name": path.stem, "attribution": area.attribution}
    written = 0
    with create_tileset(path, metadata, overwrite=True) as tileset:
        for tile, pixels in parent_tiles(picture, area, zoom).items():
            valid = area.valid(tile)
            if valid.any():
                tileset.put(tile, pixels if valid.all() else with_opacity(pixels, valid))
                written += 1
    return written


def with_opacity(pixels: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """A tile uint8 [256,256,4], transparent where there is no imagery, as the cascade writes it."""
    opacity = np.where(valid, np.uint8(255), np.uint8(0))[..., None]
    return np.concatenate([np.where(opacity > 0, pixels, np.uint8(0)), opacity], axis=-1)


def parent_tiles(picture: np.ndarray, area: PickedArea, zoom: int) -> Mapping[Tile, np.ndarray]:
    """The tiles that a picture of an area at a zoom is made of.

    Raises:
        ConfigError: the picture has another size than the area.
    """
    tiles = tiles_of(area, zoom)
    check_size(picture, tiles)
    rows = [np.split(row, picture.shape[1] // TILE_SIZE, axis=1) for row in _rows(picture)]
    return {wrapped(tile): rows[tile.y - tiles.top][tile.x - tiles.left] for tile in tiles}


def check_size(picture: np.ndarray, tiles: TileRange) -> None:
    """Refuse a picture that is not exactly as large as a range of tiles.

    Raises:
        ConfigError: it has another size.
    """
    height, width = picture.shape[:2]
    if (height, width) != (tiles.box.height, tiles.box.width):
        raise ConfigError(
            f"The picture is {width} x {height} px, but zoom {tiles.zoom} of the area is "
            f"{tiles.box.width} x {tiles.box.height}. Stitch the same area at the same zoom."
        )


def _rows(picture: np.ndarray) -> list[np.ndarray]:
    return np.split(picture, picture.shape[0] // TILE_SIZE, axis=0)


def tiles_of(area: PickedArea, zoom: int) -> TileRange:
    """The tiles of an area where there is imagery."""
    stage = area.stage(zoom)
    return stage.exported or tiles_of_box(stage.tiles.box)


def _mosaic(tiles: TileRange, pictures: Mapping[Tile, np.ndarray]) -> np.ndarray:
    mosaic = np.empty((tiles.box.height, tiles.box.width, 3), dtype=np.uint8)
    for tile in tiles:
        top, left = (tile.y - tiles.top) * TILE_SIZE, (tile.x - tiles.left) * TILE_SIZE
        mosaic[top : top + TILE_SIZE, left : left + TILE_SIZE] = pictures[tile]
    return mosaic


def _check_count(pictures: np.ndarray, count: int, size: int, what: str) -> None:
    if pictures.shape[:3] != (count, size, size):
        got = f"{pictures.shape[0]} pictures of {pictures.shape[2]} x {pictures.shape[1]} px"
        raise ConfigError(
            f"The area has {count} {what} of {size} x {size} px at this zoom, but {got} came. "
            "Take all of them from the Windows node of the same area and zoom, and set overlap "
            "to 64 for windows or 0 for tiles."
        )
