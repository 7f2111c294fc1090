"""Open, create and copy tile sets; the kind follows from the name or from what is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import TilesetError
from .base import StoredTileSet
from .mbtiles import SQLITE_MAGIC, MBTilesReader, MBTilesWriter
from .pmtiles import MAGIC, PMTilesReader, PMTilesWriter
from .xyz import XYZReader, XYZWriter

FILE_SUFFIXES = (".mbtiles", ".pmtiles")
_OTHER_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".html", ".gpkg", ".zip", ".json")


def create_tileset(
    path: str | Path,
    metadata: Mapping[str, str],
    *,
    overwrite: bool = False,
    overwrite_foreign: bool = False,
) -> StoredTileSet:
    """A new tile set: MBTiles or PMTiles by the name's ending, else an XYZ folder.

    Args:
        path: Name of the file or folder; its folder is made if missing.
        metadata: Text by key: name, attribution, description and keys of your own. Bounds, centre,
            zooms, format and tile counts are filled in from the tiles.
        overwrite: Replace a tile set of c2gm's that has the name, at the very end and in one step.
        overwrite_foreign: Replace a file that c2gm did not write, too. A folder never: much may
            lie in it.

    Raises:
        TilesetError: the name is taken, or ends like another kind of file.
    """
    path = Path(path)
    check_name(path)
    if path.suffix.lower() in FILE_SUFFIXES:
        writer = MBTilesWriter if path.suffix.lower() == ".mbtiles" else PMTilesWriter
        return writer(path, metadata, overwrite=overwrite, overwrite_foreign=overwrite_foreign)
    return XYZWriter(path, metadata, overwrite=overwrite)


def check_name(path: Path) -> None:
    """Refuse a path that no tile set is written to, before any work.

    Raises:
        TilesetError: it names nothing, like `.`, or ends like another kind of file.
    """
    if path.name in ("", ".."):
        raise TilesetError(f"{path} is no name for a tile set. Give a file or a folder.")
    if path.suffix.lower() in _OTHER_SUFFIXES:
        raise TilesetError(
            f"{path.name}: tile sets are written as .mbtiles, .pmtiles or as a folder, not as "
            f"{path.suffix}. Give such a name."
        )


def open_tileset(path: str | Path) -> StoredTileSet:
    """A tile set that is there, for reading: an MBTiles or PMTiles file, or an XYZ folder.

    Raises:
        TilesetError: nothing is there, or it is no tile set.
    """
    path = Path(path)
    if os.path.isdir(path):
        return XYZReader(path)
    if not os.path.exists(path):
        raise TilesetError(f"{path} does not exist. Give an .mbtiles or .pmtiles file or a folder.")
    return PMTilesReader(path) if _is_pmtiles(path) else MBTilesReader(path)


def _is_pmtiles(path: Path) -> bool:
    """Whether a file begins as PMTiles does, or is named so and is no SQLite file."""
    try:
        with path.open("rb") as file:
            first = file.read(len(SQLITE_MAGIC))
    except OSError:
        return False
    named = path.suffix.lower() == ".pmtiles"
    return first.startswith(MAGIC) or (named and first != SQLITE_MAGIC)


def export_tileset(source: str | Path, destination: str | Path, *, overwrite: bool = False) -> int:
    """Copy a tile set to another kind, pictures byte for byte; returns the number of tiles.

    Raises:
        TilesetError: the source is damaged (names the tile), or the destination is taken.
        DiskFull: the disk is full; the destination is as before.
    """
    if Path(source).resolve() == Path(destination).resolve():
        raise TilesetError(f"{source} cannot be exported onto itself. Give another name.")
    copied = 0
    with open_tileset(source) as old:
        with create_tileset(destination, old.metadata, overwrite=overwrite) as new:
            for zoom in old.zooms:
                for tile in old.tiles(zoom):
                    picture = old.get_bytes(tile)
                    if picture is not None:
                        new.put_bytes(tile, picture)
                        copied += 1
    return copied
