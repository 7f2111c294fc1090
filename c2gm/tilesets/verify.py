"""Find what is wrong with a tile set before anybody else does.

Every tile is read and decoded once; memory does not grow with the map. Our maps may have gaps
where there was no imagery, so a missing tile is one that the stored `tile_counts` of its zoom
count, or whose parent or children exist without it (and are more than the rim of the imagery), or,
where no counts are stored, a single gap between four neighbours.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import mercantile
import numpy as np
from mercantile import Tile

from ..errors import TilesetError
from ..grid import TILE_SIZE, TileRange, tiles_in_bounds
from ..imagery.base import Imagery
from .base import StoredTileSet
from .faults import Fault, Faults
from .mbtiles import SQLITE_MAGIC, MBTilesReader
from .metadata import Extents
from .open import open_tileset
from .pictures import BadPicture, decode_picture, picture_kind
from .pmtiles import PMTilesReader
from .unfinished_export import SUFFIX as UNFINISHED
from .verify_imagery import check_imagery
from .verify_look import check_look
from .verify_metadata import check_metadata, lie_mirrored, read_bounds, stored_counts
from .verify_pmtiles import check_pmtiles
from .xyz import SUFFIXES, XYZReader, is_number

__all__ = ["Fault", "verify_tileset"]

_LEFTOVER = re.compile(
    rf"-wal$|-journal$|-shm$|\.[0-9a-f]{{8}}\.(tmp|old)$|{re.escape(UNFINISHED)}(-journal)?$"
)
RIM_PIXELS = 2 * TILE_SIZE  # opaque ones: a row and a column
_MOST_ADDRESSES = 10_000  # rows beyond the grid that are looked at


def verify_tileset(
    path: str | Path, *, look: bool = False, imagery: Imagery | None = None
) -> list[Fault]:
    """The faults of a tile set of any kind; an empty list means that it is sound.

    Args:
        path: The file or folder.
        look: Also look at the pictures: repeats, seams, parents, colours of the house style.
        imagery: What the map was drawn from; checks that the map covers it and lies on it.

    Raises:
        TilesetError: nothing is there.
        ImageryError: the imagery cannot be read.
    """
    path = Path(path)
    if not os.path.exists(path):
        raise TilesetError(f"{path} does not exist. Give an .mbtiles or .pmtiles file or a folder.")
    faults = Faults()
    _check_leftovers(path, faults)
    try:
        if path.is_file():
            _check_length(path, faults)
        with open_tileset(path) as tileset:
            if isinstance(tileset, MBTilesReader):
                _check_database(tileset, faults)
                _check_index(tileset, faults)
                _check_addresses(tileset, faults)
            elif isinstance(tileset, XYZReader):
                _check_names(tileset, faults)
            elif isinstance(tileset, PMTilesReader):
                check_pmtiles(tileset, faults)
            _check_tiles(tileset, faults)
            if look:
                check_look(tileset, faults)
            if imagery is not None:
                check_imagery(tileset, imagery, faults)
    except TilesetError as error:
        faults.add("unreadable", str(error))
    return faults.result()


def _check_leftovers(path: Path, faults: Faults) -> None:
    """What an interrupted program left beside the tile set."""
    for entry in sorted(path.absolute().parent.glob(f"{_escaped(path.name)}?*")):
        if _LEFTOVER.fullmatch(entry.name[len(path.name) :]):
            faults.add(
                "leftover",
                f"{entry.name} is left over from an interrupted run. If no program is writing "
                "this map now, delete it.",
            )


def _escaped(name: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", name)


def _check_length(path: Path, faults: Faults) -> None:
    """Pages that the header of SQLite promises against the length of the file."""
    with path.open("rb") as file:
        header = file.read(100)
    # SQLite itself trusts the count only if these two counters agree.
    is_sqlite = len(header) == 100 and header.startswith(SQLITE_MAGIC)
    if not is_sqlite or header[24:28] != header[92:96]:
        return
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    promised = page_size * int.from_bytes(header[28:32], "big")
    if path.stat().st_size < promised:
        faults.add(
            "truncated",
            f"{path.name} has {path.stat().st_size} bytes of {promised}; the end is missing. "
            "Copy it again.",
        )


def _check_database(tileset: MBTilesReader, faults: Faults) -> None:
    for (line,) in tileset.query("PRAGMA quick_check(20)"):
        if line != "ok":
            faults.add("damaged-database", f"SQLite finds: {line}. Copy or make the file again.")


def _check_index(tileset: MBTilesReader, faults: Faults) -> None:
    """A table of tiles needs an index that keeps a tile from being there twice; a view has none."""
    if not list(
        tileset.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'tiles'")
    ):
        return
    indices = tileset.query("SELECT name FROM pragma_index_list('tiles') WHERE \"unique\" = 1")
    wanted = {"zoom_level", "tile_column", "tile_row"}
    for (name,) in indices:
        columns = tileset.query("SELECT name FROM pragma_index_info(?)", (str(name),))
        if {column for (column,) in columns} == wanted:
            return
    faults.add(
        "no-index",
        f"The table of tiles of {tileset.path.name} has no unique index: it is slow to read and "
        "may hold a tile twice. Write it anew with c2gm export.",
    )


def _check_addresses(tileset: MBTilesReader, faults: Faults) -> None:
    """Rows of the table that are no tile of the grid; readers pass over them in silence."""
    rows = tileset.query(
        # Cut short: a stranger's may hold megabytes instead of numbers.
        "SELECT substr(zoom_level, 1, 20), substr(tile_column, 1, 20), substr(tile_row, 1, 20) "
        "FROM tiles WHERE "
        "typeof(zoom_level) != 'integer' OR typeof(tile_column) != 'integer' "
        "OR typeof(tile_row) != 'integer' OR zoom_level NOT BETWEEN 0 AND 30 "
        "OR tile_column < 0 OR tile_column >= (1 << zoom_level) "
        "OR tile_row < 0 OR tile_row >= (1 << zoom_level) LIMIT ?",
        (_MOST_ADDRESSES,),
    )
    for zoom, column, row in rows:
        _add_outside_grid(faults, f"Row (zoom {zoom}, column {column}, row {row})")


def _add_outside_grid(faults: Faults, what: str) -> None:
    faults.add("outside-grid", f"{what} is no tile: numbers go from 0 to 2^zoom - 1. Delete it.")


def _check_names(tileset: XYZReader, faults: Faults) -> None:
    """Names in an XYZ folder that are no tile of the grid, or are one twice."""
    for zoom_folder in _numbered(tileset.path):
        zoom = int(zoom_folder.name)
        for column in _numbered(zoom_folder):
            if not (0 <= zoom <= 30 and 0 <= int(column.name) < 1 << zoom):
                _add_outside_grid(faults, f"Folder {zoom}/{column.name}")
                continue
            _check_column(column, zoom, faults)


def _numbered(folder: Path) -> list[Path]:
    """Folders in a folder that are named by whole numbers, negative ones too."""
    entries = (entry for entry in folder.iterdir() if is_number(entry.name.removeprefix("-")))
    return sorted((entry for entry in entries if entry.is_dir()), key=lambda entry: int(entry.name))


def _check_column(column: Path, zoom: int, faults: Faults) -> None:
    name = f"{zoom}/{column.name}"
    seen: set[str] = set()
    for file in sorted(column.iterdir()):
        if file.suffix in (".tmp", ".part"):
            faults.add(
                "leftover", f"{name}/{file.name} is left over from an interrupted run. Delete it."
            )
        if file.suffix not in SUFFIXES or not is_number(file.stem.removeprefix("-")):
            continue
        if not 0 <= int(file.stem) < 1 << zoom:
            _add_outside_grid(faults, f"File {name}/{file.name}")
        elif file.stem in seen:
            tile = Tile(int(column.name), int(file.stem), zoom)
            faults.add("duplicate-tile", "is there twice. Delete the one that is wrong.", tile)
        seen.add(file.stem)


def _check_tiles(tileset: StoredTileSet, faults: Faults) -> None:
    """Metadata against tiles, then every tile by itself and with its neighbours."""
    metadata = tileset.metadata
    found = _extents(tileset)
    check_metadata(metadata, found, faults)
    bounds = read_bounds(metadata)
    if lie_mirrored(metadata, found):
        _add_mirrored(tileset, faults)
        bounds = None  # else every single tile lies outside
    counts = stored_counts(metadata)
    for zoom in sorted(found.counts):
        stated = tiles_in_bounds(bounds, zoom) if bounds else None
        whole = counts is not None and counts.get(zoom) == found.counts[zoom]
        previous: Tile | None = None
        for tile in tileset.tiles(zoom):
            if tile == previous:
                faults.add("duplicate-tile", "is there twice. Make the map again.", tile)
                continue
            _check_place(tile, stated, faults)
            _check_picture(tileset, tile, faults)
            _check_family(tileset, tile, found, faults)
            if previous is not None and previous.x == tile.x and not whole:
                _check_gap(tileset, previous, tile, faults)
            previous = tile


def _extents(tileset: StoredTileSet) -> Extents:
    found = Extents()
    for zoom in tileset.zooms:
        previous: Tile | None = None
        for tile in tileset.tiles(zoom):
            if tile != previous:
                found.add(tile)
            previous = tile
    return found


def _add_mirrored(tileset: StoredTileSet, faults: Faults) -> None:
    if isinstance(tileset, MBTilesReader):
        sentence = (
            "All tiles lie mirrored about the equator against the bounds: the rows were written "
            "from the north, MBTiles counts them from the south. Set tile_row to "
            "2^zoom - 1 - tile_row."
        )
    else:
        sentence = (
            "All tiles lie mirrored about the equator against the bounds: the rows were counted "
            "from the south (TMS). Rename each y to 2^zoom - 1 - y."
        )
    faults.add("rows-flipped", sentence)


def _check_place(tile: Tile, stated: TileRange | None, faults: Faults) -> None:
    if stated is not None and tile not in stated:
        faults.add("tile-outside", "lies outside the bounds. Correct the bounds.", tile)


def _check_picture(tileset: StoredTileSet, tile: Tile, faults: Faults) -> None:
    try:
        picture = tileset.get_bytes(tile) or b""
        pixels = _decoded(picture)
    except BadPicture as error:
        faults.add(error.code, f"{error} Make it again.", tile)
        return
    kind = picture_kind(picture)
    stated = {_kind_of(tileset.metadata.get("format", ""))}
    if isinstance(tileset, XYZReader):
        file = tileset.file_of(tile)
        stated.add(_kind_of(file.suffix[1:]) if file else None)
    for other in sorted(stated - {None, kind}, key=str):
        faults.add("wrong-format", f"is {kind} but called {other}. Make it again.", tile)
    if pixels.shape[2] == 4 and not pixels[..., 3].any():
        faults.add("blank-tile", "is transparent everywhere. Delete it or make it again.", tile)


@lru_cache(maxsize=4)
def _decoded(picture: bytes) -> np.ndarray:
    """Pixels of a picture; a sea of equal pictures is decoded once."""
    return decode_picture(picture)


def _kind_of(name: str) -> str | None:
    """The kind of picture that a format or a suffix names; None if it names none."""
    name = name.lower().removeprefix("image/")
    return {"jpeg": "jpg"}.get(name, name) or None


def _check_family(tileset: StoredTileSet, tile: Tile, found: Extents, faults: Faults) -> None:
    """A tile needs its parent and at least one child, where the pyramid has these zooms."""
    if tile.z - 1 in found.counts:
        parent = mercantile.parent(tile)
        if parent not in tileset and tile == _first(mercantile.children(parent), tileset):
            there = [child for child in mercantile.children(parent) if child in tileset]
            if not all(_is_rim(tileset, child) for child in there):
                faults.add("parent-missing", "is missing though it has children. Paint it.", parent)
    if tile.z + 1 in found.counts and _first(mercantile.children(tile), tileset) is None:
        if not _is_rim(tileset, tile):
            faults.add("children-missing", f"has no tile at zoom {tile.z + 1}. Paint them.", tile)


def _is_rim(tileset: StoredTileSet, tile: Tile) -> bool:
    """Whether imagery only just reached a tile, so that no pixel of the next zoom may be on it."""
    try:
        pixels = _decoded(tileset.get_bytes(tile) or b"")
    except BadPicture:
        return False
    return pixels.shape[2] == 4 and int(np.count_nonzero(pixels[..., 3])) <= RIM_PIXELS


def _first(tiles: Iterable[Tile], tileset: StoredTileSet) -> Tile | None:
    """The first, by x then y, that the tile set has."""
    return next((tile for tile in sorted(tiles) if tile in tileset), None)


def _check_gap(tileset: StoredTileSet, above: Tile, below: Tile, faults: Faults) -> None:
    """A single tile missing in a column, with neighbours on all four sides."""
    if below.y - above.y != 2:
        return
    tile = Tile(below.x, below.y - 1, below.z)
    sides = ((tile.x + step) % (1 << tile.z) for step in (-1, 1))
    if all(Tile(x, tile.y, tile.z) in tileset for x in sides):
        faults.add("tile-missing", "is missing between four neighbours. Paint it.", tile)
