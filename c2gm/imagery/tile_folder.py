"""Tiles of imagery in a folder, `{z}/{x}/{y}.png|jpg|jpeg|webp`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from mercantile import Tile

from ..errors import ImageryError
from ..grid import TileRange
from ..words import printable
from .fingerprint import WHOLE_BYTES
from .tiles import LARGEST_PICTURE, LARGEST_ZOOM, RECIPE, measure_tile, surrounding_tiles

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_SAMPLES = 256  # tiles read for the fingerprint of a large folder
_MAX_JSON_BYTES = 1 << 20


class TileFolder:
    """The tiles of a folder; see `TileStore`."""

    averaged = LARGEST_ZOOM

    def __init__(self, folder: Path) -> None:
        """List the tiles.

        Raises:
            ImageryError: there are none.
        """
        self._folder = folder
        self._tiles = _list_tiles(folder)
        if not self._tiles:
            raise ImageryError(
                f"{folder} holds no map tiles. Give a folder laid out as {{z}}/{{x}}/{{y}}.png "
                "(or .jpg, .webp), a folder of rasters, or one raster file."
            )
        self.name = folder.resolve().name
        self.zooms = tuple(sorted(self._tiles))
        self.attribution = _attribution(folder)
        self.fingerprint = self._hash_tiles()

    def extent(self, zoom: int) -> TileRange:
        """The smallest range of tiles around all of a zoom."""
        return surrounding_tiles(self._tiles[zoom], zoom)

    def tile_size(self) -> int:
        """Pixels along the side of its tiles, by the first of the finest zoom."""
        zoom = self.zooms[-1]
        x, y = min(self._tiles[zoom])
        tile = Tile(x, y, zoom)
        return measure_tile(self.picture(tile), self.label(tile))

    def picture(self, tile: Tile) -> bytes | None:
        """The picture file of a tile, or None where there is no tile.

        Raises:
            ImageryError: it cannot be read.
        """
        suffix = self._tiles.get(tile.z, {}).get((tile.x, tile.y))
        if suffix is None:
            return None
        path = self._path(tile.z, tile.x, tile.y, suffix)
        try:
            with path.open("rb") as file:
                return file.read(LARGEST_PICTURE + 1)
        except OSError as error:
            raise ImageryError(f"Tile {path} cannot be read: {error.strerror}.") from error

    def label(self, tile: Tile) -> str:
        """What to call a tile in messages: its file."""
        suffix = self._tiles.get(tile.z, {}).get((tile.x, tile.y), "")
        return str(self._path(tile.z, tile.x, tile.y, suffix))

    def close(self) -> None:
        """Nothing is held open."""

    def _path(self, zoom: int, x: int, y: int, suffix: str) -> Path:
        return self._folder / str(zoom) / str(x) / f"{y}{suffix}"

    def _hash_tiles(self) -> str:
        """SHA-256 of names, sizes and contents; of large folders only some contents."""
        digest = hashlib.sha256(RECIPE.encode())
        files = [
            self._path(zoom, x, y, suffix)
            for zoom, tiles in sorted(self._tiles.items())
            for (x, y), suffix in sorted(tiles.items())
        ]
        total = 0
        for path in files:
            size = path.stat().st_size
            total += size
            digest.update(f"{path.relative_to(self._folder).as_posix()} {size};".encode())
        step = 1 if total <= WHOLE_BYTES else max(1, len(files) // _SAMPLES)
        for path in files[::step]:
            with path.open("rb") as file:
                digest.update(hashlib.sha256(file.read(LARGEST_PICTURE)).digest())
        return digest.hexdigest()


def holds_tiles(folder: Path) -> bool:
    """Whether a folder has folders that are named like zooms."""
    return any(_number(entry.name) is not None and entry.is_dir() for entry in folder.iterdir())


def _list_tiles(folder: Path) -> dict[int, dict[tuple[int, int], str]]:
    """Suffix of each tile: zoom -> (x, y) -> ".png"; other files are ignored."""
    found: dict[int, dict[tuple[int, int], str]] = {}
    for zoom_folder in folder.iterdir():
        zoom = _number(zoom_folder.name)
        if zoom is None or zoom > LARGEST_ZOOM or not zoom_folder.is_dir():
            continue
        tiles: dict[tuple[int, int], str] = {}
        for column in zoom_folder.iterdir():
            x = _number(column.name)
            if x is None or x >> zoom or not column.is_dir():
                continue
            for file in column.iterdir():
                y = _number(file.stem)
                if y is not None and not y >> zoom and file.suffix.lower() in _SUFFIXES:
                    tiles[x, y] = file.suffix
        if tiles:
            found[zoom] = tiles
    return found


def _number(text: str) -> int | None:
    """The number that a canonical decimal text names ("7", not "07")."""
    if not (text.isascii() and text.isdigit() and len(text) < 11):
        return None
    return int(text) if str(int(text)) == text else None


def _attribution(folder: Path) -> str:
    """The credit in the folder's metadata.json, if it has one."""
    try:
        with (folder / "metadata.json").open("rb") as file:
            metadata = json.loads(file.read(_MAX_JSON_BYTES))
    except (OSError, ValueError, RecursionError):
        return ""
    credit = metadata.get("attribution", "") if isinstance(metadata, dict) else ""
    return printable(credit) if isinstance(credit, str) else ""
