"""Open, create and copy tile sets; the kind follows from the name or from what is there."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import TilesetError
from .base import StoredTileSet
from .mbtiles import SQLITE_MAGIC, MBTilesReader, MBTilesWriter
from .mbtiles_shared import SharedMBTilesWriter
from .pmtiles import MAGIC, PMTilesReader, PMTilesWriter
from .recode import SAME, Recoder, Recoding, pictures_of
from .storing import check_room, stored_bytes
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

    Raises:
        TilesetError: the name is taken, or ends like another kind of file.
    """
    path = Path(path)
    check_name(path)
    if path.suffix.lower() in FILE_SUFFIXES:
        own = SharedMBTilesWriter if deduplicate else MBTilesWriter
        writer = own if path.suffix.lower() == ".mbtiles" else PMTilesWriter
        return writer(path, metadata, overwrite=overwrite, overwrite_foreign=overwrite_foreign)
    return XYZWriter(path, metadata, overwrite=overwrite)


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


def export_tileset(
    source: str | Path | Sequence[str | Path],
    destination: str | Path,
    *,
    overwrite: bool = False,
    append: bool = False,
    recoding: Recoding = SAME,
    deduplicate: bool = False,
) -> int:
    """Copy a tile set to another kind, or join several; returns the tiles that the copy has.

    Pictures are copied byte for byte unless a recoding is given.

    Args:
        source: What is copied; of several the last wins where they overlap.
        destination: Name of the copy, which appears when it is whole.
        overwrite: Replace a tile set of c2gm's that has the name.
        append: Keep the tiles of the destination, if there is one, that the source does not have.
        recoding: Other pictures.
        deduplicate: Store equal pictures of MBTiles once.

    Raises:
        TilesetError: a source is damaged (names the tile), or the destination is taken.
        DiskFull: the disk is full, or will be; the destination is as before.
    """
    destination = Path(destination)
    sources = [Path(one) for one in ([source] if isinstance(source, (str, Path)) else source)]
    for one in sources:
        if one.resolve() == destination.resolve():
            raise TilesetError(f"{one} cannot be exported onto itself. Give another name.")
    kept = [destination] if append and os.path.exists(destination) else []
    parts = [*((path, SAME) for path in kept), *((path, recoding) for path in sources)]
    if recoding.palette and len(parts) > 1:
        raise TilesetError(
            "A palette is made from one map. Join the maps first, then export the joined one."
        )
    told = [_metadata_of(path) for path, _ in parts]
    if recoding.keeps_bytes:
        needed = sum(stored_bytes(path) for path, _ in parts)
        check_room(destination, needed * (2 if destination.suffix == ".pmtiles" else 1))
    with create_tileset(
        destination,
        joined_metadata(told, recoding),
        overwrite=overwrite or append,
        deduplicate=deduplicate,
    ) as new:
        for path, how in parts:
            with open_tileset(path) as tileset:
                recoder = Recoder(tileset, how)
                for zoom in tileset.zooms:
                    for tile, picture in pictures_of(tileset, tileset.tiles(zoom), recoder):
                        new.put_bytes(tile, picture)
        return sum(1 for zoom in new.zooms for _ in new.tiles(zoom))


def _metadata_of(path: Path) -> dict[str, str]:
    with open_tileset(path) as tileset:
        return tileset.metadata


def joined_metadata(told: Sequence[Mapping[str, str]], recoding: Recoding) -> dict[str, str]:
    """Metadata of a copy: of the first part, with the credits of all.

    What was joined or whose pixels were changed is no longer what one job painted, so the key
    of the job goes: the command that made the map must not take the copy for its own.
    """
    metadata = {**told[0], **recoding.told()}
    credits = [part["attribution"] for part in told if part.get("attribution")]
    metadata["attribution"] = " · ".join(dict.fromkeys(credits))
    if len(told) > 1 or not recoding.keeps_pixels:
        for key in ("job_key", "c2gm_job"):
            metadata.pop(key, None)
    return metadata
