"""MBTiles 1.3: one SQLite file, rows counted from the south (TMS).

Files of strangers are opened read-only, with SQLite's defences on: no trusted schema, no memory
map, a budget of work between two rows, a limit on the size of a picture.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mercantile import Tile

from ..errors import TilesetError
from ..words import printable
from .metadata import is_ours
from .pictures import MAX_PICTURE_BYTES
from .storing import FileWriter, TileSetReader, sync_folder

APPLICATION_ID = 0x4D504258  # "MPBX", registered with SQLite for MBTiles
SQLITE_MAGIC = b"SQLite format 3\x00"
QUERY_SECONDS = 1.0  # without a row, of a small file; an endless view of a stranger ends here
_SLOWEST_DISK = 10e6  # bytes a second; large files may take as long as it takes to read them
_TILES_A_COMMIT = 1000
_ROWS_A_FETCH = 1000
_MAX_METADATA_ROWS = 10_000
_MAX_METADATA_CHARACTERS = 4 << 20
_MAX_VALUE_BYTES = 2 * MAX_PICTURE_BYTES  # of one value; too large pictures are named before
METADATA_SCHEMA = """
CREATE TABLE metadata (name TEXT NOT NULL, value TEXT NOT NULL);
CREATE UNIQUE INDEX metadata_index ON metadata (name);
"""
_TILES_SCHEMA = """
CREATE TABLE tiles (
    zoom_level INTEGER NOT NULL,
    tile_column INTEGER NOT NULL,
    tile_row INTEGER NOT NULL,
    tile_data BLOB NOT NULL
);
CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row);
"""


def flipped_row(tile: Tile) -> int:
    """The row counted from the south (TMS)."""
    return (1 << int(tile.z)) - 1 - int(tile.y)


class MBTilesReader(TileSetReader):
    """An MBTiles file, opened for reading; other programs' files and views included."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._lock = threading.Lock()
        self._deadline = 0.0
        self._seconds = QUERY_SECONDS + _bytes_on_disk(path) / _SLOWEST_DISK
        self._connection = connect_read_only(path)
        try:
            self._connection.set_progress_handler(self._out_of_time, 100_000)
            self._check_tables()
            self._metadata = self._read_metadata()
        except BaseException:
            self._connection.close()
            raise

    @property
    def metadata(self) -> dict[str, str]:
        """All metadata as text; empty if the file has none."""
        return dict(self._metadata)

    @property
    def zooms(self) -> tuple[int, ...]:
        """Zooms that hold tiles, ascending."""
        found: list[int] = []
        # From zoom to zoom by the index: a DISTINCT would walk through all tiles.
        sql = "SELECT min(zoom_level) FROM tiles WHERE zoom_level > ? AND zoom_level <= 30"
        while True:
            ((zoom,),) = self.query(sql, (found[-1] if found else -1,))
            if not isinstance(zoom, int):
                return tuple(found)
            found.append(zoom)

    def tiles(self, zoom: int) -> Iterator[Tile]:
        """Its tiles at a zoom, ordered by x, then y."""
        side = 1 << zoom
        rows = self.query(
            "SELECT tile_column, tile_row FROM tiles WHERE zoom_level = ? "
            "AND tile_column BETWEEN 0 AND ? AND tile_row BETWEEN 0 AND ? "
            "ORDER BY tile_column, tile_row DESC",
            (zoom, side - 1, side - 1),
        )
        for column, row in rows:
            if isinstance(column, int) and isinstance(row, int):
                yield Tile(column, side - 1 - row, zoom)

    def get_bytes(self, tile: Tile) -> bytes | None:
        """The stored picture file of a tile, or None where there is no tile.

        Raises:
            TilesetError: the file is damaged, or the picture is far too large.
        """
        address = (tile.z, tile.x, flipped_row(tile))
        where = "FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ? LIMIT 1"
        # The size is asked first: SQLite would otherwise hand over gigabytes.
        for (size,) in self.query(f"SELECT length(tile_data) {where}", address):
            if size is not None and size > MAX_PICTURE_BYTES:
                raise TilesetError(
                    f"Tile {tile.z}/{tile.x}/{tile.y} of {self.path.name} has {size} bytes, "
                    "too many for a 256 px picture."
                )
        for (data,) in self.query(f"SELECT tile_data {where}", address):
            return data if isinstance(data, bytes) else str(data or "").encode()
        return None

    def __contains__(self, tile: object) -> bool:
        """Whether there is such a tile; its picture is not read."""
        if not isinstance(tile, Tile):
            return False
        sql = (
            "SELECT 1 FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ? LIMIT 1"
        )
        return any(self.query(sql, (tile.z, tile.x, flipped_row(tile))))

    def query(
        self, sql: str, values: tuple[int | str, ...] = (), *, rows_a_fetch: int = _ROWS_A_FETCH
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a query; errors of SQLite become ours.

        A second, and as long as a slow disk takes for the file, may pass between two fetches.
        """
        with self._lock, self._own_errors():
            cursor = self._connection.execute(sql, values)
            rows = cursor.fetchmany(rows_a_fetch)
        while rows:
            yield from rows
            with self._lock, self._own_errors():
                rows = cursor.fetchmany(rows_a_fetch)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _out_of_time(self) -> int:
        return int(time.monotonic() > self._deadline)

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        self._deadline = time.monotonic() + self._seconds
        try:
            yield
        except sqlite3.Error as error:
            raise read_error(self.path, error) from error

    def _check_tables(self) -> None:
        names = {
            name for (name,) in self.query("SELECT name FROM sqlite_master WHERE type != 'index'")
        }
        if "tiles" not in names:
            raise TilesetError(
                f"{self.path.name} is an SQLite file without a table of tiles, so it is no "
                "MBTiles file. Give another file."
            )
        self._has_metadata = "metadata" in names

    def _read_metadata(self) -> dict[str, str]:
        if not self._has_metadata:
            return {}
        # Row by row: a stranger's may have megabytes each.
        rows = self.query(
            "SELECT substr(name, 1, 1000), substr(value, 1, 1048576) FROM metadata LIMIT ?",
            (_MAX_METADATA_ROWS,),
            rows_a_fetch=1,
        )
        found: dict[str, str] = {}
        room = _MAX_METADATA_CHARACTERS
        for name, value in rows:
            found[str(name)] = "" if value is None else str(value)
            room -= len(found[str(name)]) + len(str(name))
            if room < 0:
                raise TilesetError(
                    f"{self.path.name} has more than {_MAX_METADATA_CHARACTERS >> 20} MiB of "
                    "metadata. Give another file."
                )
        return found


class MBTilesWriter(FileWriter):
    """An MBTiles file being written; see `TileSetWriter` for what happens when it fails."""

    schema = METADATA_SCHEMA + _TILES_SCHEMA

    def _wrote_ours(self) -> bool:
        try:
            with MBTilesReader(self.path) as tileset:
                return is_ours(tileset.metadata)
        except TilesetError:
            return False

    def _begin(self) -> None:
        self._uncommitted = 0
        with self._sqlite_errors():
            # No journal: this file is either finished and renamed, or thrown away.
            self._connection = sqlite3.connect(
                self.temporary, isolation_level=None, check_same_thread=False
            )
            for pragma in (
                "page_size = 4096",
                f"application_id = {APPLICATION_ID}",
                "journal_mode = OFF",
                "synchronous = OFF",
                "locking_mode = EXCLUSIVE",
            ):
                self._connection.execute(f"PRAGMA {pragma}").fetchall()
            self._connection.executescript(self.schema)
            self._connection.execute("BEGIN")
            self._write_metadata(self._metadata)

    def get_bytes(self, tile: Tile) -> bytes | None:
        """The picture file of a tile written before, or None."""
        self._check_open()
        row = self._connection.execute(
            "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?",
            (tile.z, tile.x, flipped_row(tile)),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def __contains__(self, tile: object) -> bool:
        """Whether the tile was written before."""
        return isinstance(tile, Tile) and self.get_bytes(tile) is not None

    def tiles(self, zoom: int) -> Iterator[Tile]:
        """Tiles written so far at a zoom, ordered by x, then y."""
        self._check_open()
        rows = self._connection.execute(
            "SELECT tile_column, tile_row FROM tiles WHERE zoom_level = ? "
            "ORDER BY tile_column, tile_row DESC",
            (zoom,),
        )
        for column, row in rows:
            yield Tile(column, (1 << zoom) - 1 - row, zoom)

    def _store(self, tile: Tile, picture: bytes) -> bool:
        with self._sqlite_errors():
            is_new = self._write_row(tile, picture)
            self._uncommitted += 1
            if self._uncommitted >= _TILES_A_COMMIT:
                self._connection.execute("COMMIT")
                self._connection.execute("BEGIN")
                self._uncommitted = 0
        return is_new

    def _write_row(self, tile: Tile, picture: bytes) -> bool:
        """Insert or replace a tile; whether it was not there before."""
        address = (tile.z, tile.x, flipped_row(tile))
        replaced = self._connection.execute(
            "UPDATE tiles SET tile_data = ? "
            "WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?",
            (picture, *address),
        ).rowcount
        if not replaced:
            self._connection.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", (*address, picture))
        return not replaced

    def _complete(self) -> None:
        """What is left to do when all tiles are there."""

    def _finish(self, metadata: dict[str, str]) -> None:
        with self._sqlite_errors():
            self._complete()
            self._write_metadata(metadata)
            self._connection.execute("COMMIT")
            # What other programs find: the ordinary journal, no left-over beside the file.
            self._connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            faults = self._connection.execute("PRAGMA quick_check").fetchall()
        self._connection.close()
        if faults != [("ok",)]:
            raise TilesetError(
                f"{self.path.name} came out damaged ({faults[0][0]}). Check the disk and try again."
            )
        with self.temporary.open("rb+") as file:
            os.fsync(file.fileno())
        self._check_target()  # somebody may have taken the name meanwhile
        os.replace(self.temporary, self.path)
        sync_folder(self.path.parent)

    def _discard(self) -> None:
        if hasattr(self, "_connection"):
            self._connection.close()
        for suffix in ("", "-journal", "-wal", "-shm"):
            # What made writing fail may keep this from working; the first error is the one to tell.
            with suppress(OSError):
                self.temporary.with_name(self.temporary.name + suffix).unlink(missing_ok=True)

    def _write_metadata(self, metadata: Mapping[str, str]) -> None:
        self._connection.execute("DELETE FROM metadata")
        self._connection.executemany("INSERT INTO metadata VALUES (?, ?)", list(metadata.items()))

    @contextmanager
    def _sqlite_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._write_error(error) from error

    def _write_error(self, error: sqlite3.Error) -> Exception:
        if "full" in str(error):
            return OSError(errno.ENOSPC, str(error))
        return TilesetError(f"{self.path} cannot be written: {error}.")


def _bytes_on_disk(path: Path) -> int:
    """Bytes that there are to read: a stranger's file may claim terabytes of nothing."""
    try:
        status = path.stat()
    except OSError:
        return 0  # opening it tells why
    blocks = getattr(status, "st_blocks", None)
    return int(status.st_size) if blocks is None else int(blocks) * 512


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot change the file nor leave anything beside it.

    Raises:
        TilesetError: no SQLite file, or one that cannot be read.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise TilesetError(f"{path} cannot be read: {error.strerror}.") from error
    if not header.startswith(SQLITE_MAGIC) or len(header) < 100:
        raise TilesetError(
            f"{path.name} is not an MBTiles file: it does not begin as SQLite files do."
        )
    wal = path.with_name(path.name + "-wal")
    has_wal = wal.exists() and wal.stat().st_size > 0
    # A file in WAL mode without its log is complete; opened as usual, SQLite would want to write
    # beside it, which read-only media refuse.
    immutable = "&immutable=1" if header[18] == 2 and not has_wal else ""
    try:
        connection = sqlite3.connect(
            f"{_sqlite_address(path)}?mode=ro{immutable}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise read_error(path, error) from error
    try:
        if hasattr(connection, "setlimit"):  # Python 3.11
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except sqlite3.Error as error:
        connection.close()
        raise read_error(path, error) from error
    return connection


def _sqlite_address(path: Path) -> str:
    """file: address of a path; shares of Windows need two slashes more than the standard has."""
    address = path.resolve().as_uri()
    is_share = not address.startswith("file:///")
    return address.replace("file://", "file:////", 1) if is_share else address


def read_error(path: Path, error: sqlite3.Error) -> TilesetError:
    """The error of ours for what SQLite says of a file."""
    # SQLite quotes what it cannot read.
    text = printable(error, 200)
    if "interrupted" in text:
        return TilesetError(
            f"{path.name} gave no tile for too long; its table of tiles is a view "
            "without end, or the disk hangs. Give another file."
        )
    if "unable to open" in text or "readonly" in text:
        return TilesetError(
            f"{path} cannot be opened: another program is writing it or was interrupted (see "
            f"{path.name}-wal or -journal beside it). Let that program finish it first."
        )
    return TilesetError(f"{path.name} is damaged or incomplete ({text}). Copy or make it again.")
