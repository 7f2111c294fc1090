"""Open and create tile sets; the kind follows from the name or from what is there."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import TilesetError
from .base import StoredTileSet
from .mbtiles import SQLITE_MAGIC, MBTilesReader, MBTilesWriter
from .mbtiles_shared import SharedMBTilesWriter
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
    deduplicate: bool = False,
    tiles_to_come: int = 0,
) -> StoredTileSet:
    """A new tile set: MBTiles or PMTiles by the name's ending, else an XYZ folder.

    Args:
        path: Name of the file or folder; its folder is made if missing.
        metadata: Text by key: name, attribution, description and keys of your own. Bounds, centre,
            zooms, format and tile counts are filled in from the tiles.
        overwrite: Replace a tile set of c2gm's that has the name, at the very end and in one step.
        overwrite_foreign: Replace a file that c2gm did not write, too. A folder never: much may
            lie in it.
        deduplicate: Store equal pictures of MBTiles once, behind a view; PMTiles always does.
        tiles_to_come: How many tiles it is going to have, so that a full disk can tell what is
            missing; 0 if nobody knows.

    Raises:
        TilesetError: the name is taken, or ends like another kind of file.
    """
    path = Path(path)
    check_name(path)
    if path.suffix.lower() in FILE_SUFFIXES:
        own = SharedMBTilesWriter if deduplicate else MBTilesWriter
        writer = own if path.suffix.lower() == ".mbtiles" else PMTilesWriter
        return writer(
            path,
            metadata,
            overwrite=overwrite,
            overwrite_foreign=overwrite_foreign,
            tiles_to_come=tiles_to_come,
        )
    return XYZWriter(path, metadata, overwrite=overwrite, tiles_to_come=tiles_to_come)


def check_name(path: Path) -> None:
    """Refuse a path that no tile set is written to, before any work.

    Raises:
        TilesetError: it names nothing, like `.`, or ends like another kind of file, or nearly like
            a tile set's.
    """
    if path.name in ("", ".."):
        raise TilesetError(f"{path} is no name for a tile set. Give a file or a folder.")
    suffix = path.suffix.lower()
    misspelt = suffix not in FILE_SUFFIXES and difflib.get_close_matches(suffix, FILE_SUFFIXES)
    if suffix in _OTHER_SUFFIXES or misspelt:  # it would become a folder of that name
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
