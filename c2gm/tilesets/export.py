"""Copies of tile sets: as another kind, with other pictures, or several joined into one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from mercantile import Tile

from ..errors import TilesetError
from .open import check_name, create_tileset, open_tileset
from .recode import SAME, Recoder, Recoding
from .storing import TileSetWriter, check_room, stored_bytes
from .unfinished_export import UnfinishedExport

OnCopied = Callable[[int, int], None]


def export_tileset(
    source: str | Path | Sequence[str | Path],
    destination: str | Path,
    *,
    overwrite: bool = False,
    append: bool = False,
    recoding: Recoding = SAME,
    deduplicate: bool = False,
    on_progress: OnCopied | None = None,
) -> int:
    """Copy a tile set to another kind, or join several; returns the tiles that the copy has.

    Pictures are copied byte for byte unless a recoding is given. An export with a recoding that
    was stopped goes on when it is called again: what it had coded lies in a file beside the copy.

    Args:
        source: What is copied; of several the last wins where they overlap.
        destination: Name of the copy, which appears when it is whole.
        overwrite: Replace a tile set of c2gm's that has the name.
        append: Keep the tiles of the destination, if there is one, that the source does not have.
        recoding: Other pictures.
        deduplicate: Store equal pictures of MBTiles once.
        on_progress: Told (tiles done, of how many) after every tile.

    Raises:
        TilesetError: a source is damaged (names the tile), the destination is taken, or another
            process exports to it.
        DiskFull: the disk is full, or will be; the destination is as before.
    """
    destination = Path(destination)
    check_name(destination)
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
    total = sum(_tiles_in(path) for path, _ in parts)
    if recoding.keeps_bytes:
        needed = sum(stored_bytes(path) for path, _ in parts)
        check_room(destination, needed * (2 if destination.suffix == ".pmtiles" else 1))
    with ExitStack() as stack:
        # Closed last: what it keeps goes when the copy has its name.
        unfinished = stack.enter_context(UnfinishedExport(destination))
        new = stack.enter_context(
            create_tileset(
                destination,
                joined_metadata(told, recoding),
                overwrite=overwrite or append,
                deduplicate=deduplicate,
                tiles_to_come=total,
            )
        )
        if isinstance(new, TileSetWriter):
            unfinished.note(new.temporary)
        copied = (pair for path, how in parts for pair in _pictures_of(path, how, unfinished))
        for done, (tile, picture) in enumerate(copied, start=1):
            new.put_bytes(tile, picture)
            if on_progress is not None:
                on_progress(done, total)
        return sum(1 for zoom in new.zooms for _ in new.tiles(zoom))


def _pictures_of(
    path: Path, recoding: Recoding, unfinished: UnfinishedExport
) -> Iterator[tuple[Tile, bytes]]:
    """Tiles of a tile set by zoom, column and row, with the pictures that the copy gets."""
    with open_tileset(path) as tileset:
        tiles = (tile for zoom in tileset.zooms for tile in tileset.tiles(zoom))
        found = ((tile, tileset.get_bytes(tile)) for tile in tiles)
        old = ((tile, picture) for tile, picture in found if picture is not None)
        yield from (
            old if recoding.keeps_bytes else unfinished.pictures(old, Recoder(tileset, recoding))
        )


def _tiles_in(path: Path) -> int:
    with open_tileset(path) as tileset:
        return sum(1 for zoom in tileset.zooms for _ in tileset.tiles(zoom))


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
