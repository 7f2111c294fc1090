"""The ledger of a job: one SQLite file with tiles, window pictures and their states.

The unit of work is one painted batch: its pictures, the tiles that it completes and all their
states are one transaction, so that a killed process loses at most one batch and a resumed one
blends the same bytes. The file is held with SQLite's exclusive lock while a process works on it;
the operating system gives the lock back when the process dies, however it dies.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mercantile import Tile

from ..errors import DiskFull, JobError, JobLocked
from ..grid import TILE_SIZE, Window

if TYPE_CHECKING:
    from typing_extensions import Self

FILE_NAME = "job.sqlite"
PID_NAME = "process.txt"
TILES_A_PAGE = 64
STATES_A_PAGE = 10_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS job_key (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS windows (
    z INTEGER, x INTEGER, y INTEGER, state INTEGER NOT NULL, picture BLOB, valid BLOB,
    PRIMARY KEY (z, x, y));
CREATE TABLE IF NOT EXISTS tiles (
    z INTEGER, x INTEGER, y INTEGER, state INTEGER NOT NULL, pixels BLOB, sha256 BLOB,
    PRIMARY KEY (z, x, y));
"""


class State(IntEnum):
    """State of a window or a tile."""

    PENDING = 0  # never stored: no row
    PAINTED = 1
    EMPTY = 2  # no valid imagery pixel: nothing to paint


@dataclass
class Work:
    """What one transaction stores.

    Attributes:
        windows: Painted windows: picture uint8 [H,W,3] and valid bool [256,256] of its tile.
        empty_windows: Windows without a valid imagery pixel.
        tiles: Finished tiles: pixels uint8 [256,256,3 or 4], None where the tile has none.
        dropped: Windows whose pictures no tile needs any more.
    """

    windows: dict[Window, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    empty_windows: list[Window] = field(default_factory=list)
    tiles: dict[Tile, np.ndarray | None] = field(default_factory=dict)
    dropped: list[Window] = field(default_factory=list)


class Ledger:
    """The ledger in a job folder, locked for this process until it is closed.

    Raises:
        JobLocked: another process works on the job.
        JobError: the file is no ledger.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / FILE_NAME, timeout=1, isolation_level=None, check_same_thread=False
            )
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise

    def _open(self) -> None:
        try:
            self._db.execute("PRAGMA page_size=8192")
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("BEGIN EXCLUSIVE")
            self._db.execute("COMMIT")  # the lock stays with the connection
            self._db.executescript(SCHEMA)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise JobLocked(self._holder()) from None
            raise
        (self.folder / PID_NAME).write_text(f"{os.getpid()}\n", encoding="ascii")

    def _holder(self) -> str:
        try:
            pid = (self.folder / PID_NAME).read_text(encoding="ascii").strip()
        except OSError:
            pid = ""
        who = f"Process {pid}" if pid else "Another process"
        return f"{who} works on the job {self.folder}. Wait until it ends, or stop it."

    # Settings -------------------------------------------------------------------------------

    def read_key(self) -> dict[str, Any]:
        """The job key by name; empty in a new job."""
        with _explained(self.folder), self._lock:
            rows = self._db.execute("SELECT name, value FROM job_key").fetchall()
        return {name: json.loads(value) for name, value in rows}

    def write_key(self, key: dict[str, Any]) -> None:
        """Store the job key."""
        rows = [(name, json.dumps(value, sort_keys=True)) for name, value in key.items()]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO job_key VALUES (?, ?)", rows)

    def clear(self) -> None:
        """Forget the key and all work."""
        with self._transaction() as db:
            for table in ("job_key", "windows", "tiles"):
                db.execute(f"DELETE FROM {table}")

    # Work -----------------------------------------------------------------------------------

    def store(self, work: Work) -> None:
        """Store a unit of work in one transaction."""
        dropped = set(work.dropped)
        painted = [
            (*_place(window), State.PAINTED, None, None)
            if window in dropped
            else (*_place(window), State.PAINTED, pack(picture), pack(np.packbits(valid)))
            for window, (picture, valid) in work.windows.items()
        ]
        empty = [(*_place(window), State.EMPTY, None, None) for window in work.empty_windows]
        tiles = [_tile_row(tile, pixels) for tile, pixels in work.tiles.items()]
        with self._transaction() as db:
            db.executemany("INSERT INTO windows VALUES (?,?,?,?,?,?)", [*painted, *empty])
            db.executemany("INSERT INTO tiles VALUES (?,?,?,?,?,?)", tiles)
            db.executemany(
                "UPDATE windows SET picture = NULL, valid = NULL WHERE z=? AND x=? AND y=?",
                [_place(window) for window in dropped if window not in work.windows],
            )

    def window(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Picture uint8 [H,W,3] of a painted window, and valid bool [256,256] of its tile.

        Raises:
            JobError: the job has no such picture.
        """
        with _explained(self.folder), self._lock:
            row = self._db.execute(
                "SELECT picture, valid FROM windows WHERE z=? AND x=? AND y=?", _place(window)
            ).fetchone()
        if row is None or row[0] is None:
            raise JobError(f"The job {self.folder} lacks window {_name(window)}. Begin it anew.")
        picture = unpack(row[0], 3)
        valid = np.unpackbits(unpack(row[1], 1)).reshape(TILE_SIZE, TILE_SIZE).astype(bool)
        return picture, valid

    def tile(self, tile: Tile) -> np.ndarray | None:
        """Pixels of a finished tile, uint8 [256,256,3 or 4], or None where it has none.

        Raises:
            JobError: the stored tile is damaged.
        """
        with _explained(self.folder), self._lock:
            row = self._db.execute(
                "SELECT pixels, sha256 FROM tiles WHERE z=? AND x=? AND y=?", _place(tile)
            ).fetchone()
        return None if row is None else self._unpacked(tile, *row)

    def tiles(self, zoom: int) -> Iterator[tuple[Tile, np.ndarray]]:
        """Finished tiles of a zoom with their pixels, ordered by x, then y."""
        columns = "x, y, pixels, sha256"
        for x, y, blob, sha256 in self._rows("tiles", columns, zoom, page=TILES_A_PAGE):
            pixels = self._unpacked(Tile(x, y, zoom), blob, sha256)
            if pixels is not None:
                yield Tile(x, y, zoom), pixels

    def _unpacked(self, tile: Tile, blob: bytes | None, sha256: bytes | None) -> np.ndarray | None:
        if blob is None:
            return None
        raw = zlib.decompress(blob)
        if hashlib.sha256(raw).digest() != sha256:
            raise JobError(f"Tile {_name(tile)} of the job {self.folder} is damaged. Begin anew.")
        return np.frombuffer(raw, dtype=np.uint8).reshape(TILE_SIZE, TILE_SIZE, -1)

    def window_states(self, zoom: int) -> Iterator[tuple[int, int, int]]:
        """(x, y, state) of the windows of a zoom that are done."""
        return self._rows("windows", "x, y, state", zoom, page=STATES_A_PAGE)

    def tile_states(self, zoom: int) -> Iterator[tuple[int, int, int]]:
        """(x, y, state) of the tiles of a zoom that are done."""
        return self._rows("tiles", "x, y, state", zoom, page=STATES_A_PAGE)

    def _rows(self, table: str, columns: str, zoom: int, *, page: int) -> Iterator[Any]:
        """Rows of a zoom ordered by x, then y; columns begin with x, y. Read page by page, so that
        memory stays small and others may write between pages.
        """
        query = f"SELECT {columns} FROM {table} WHERE z=? AND (x, y) > (?, ?) ORDER BY x, y LIMIT ?"
        last = (-1, 0)
        while True:
            with _explained(self.folder), self._lock:
                rows = self._db.execute(query, (zoom, *last, page)).fetchall()
            yield from rows
            if len(rows) < page:
                return
            last = rows[-1][0], rows[-1][1]

    # Open and close -------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _explained(self.folder), self._lock:
            self._db.execute("BEGIN")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file and the lock."""
        with self._lock:
            self._db.close()
        (self.folder / PID_NAME).unlink(missing_ok=True)

    def delete(self) -> None:
        """Close and delete the job's files, and the folder if nothing else is in it."""
        self.close()
        for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
            (self.folder / name).unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def pack(pixels: np.ndarray) -> bytes:
    """Pixels in few bytes, losslessly.

    zlib's fastest level: three to four times quicker than Pillow's fastest PNG, both ways, on maps
    and on noisy pictures alike, for files as large within a half.
    """
    return zlib.compress(np.ascontiguousarray(pixels).tobytes(), 1)


def unpack(blob: bytes, channels: int) -> np.ndarray:
    """The square picture [side,side,channels] of packed pixels; flat where channels is 1."""
    flat = np.frombuffer(zlib.decompress(blob), dtype=np.uint8)
    if channels == 1:
        return flat
    side = round((flat.size // channels) ** 0.5)
    return flat.reshape(side, side, channels)


def _tile_row(tile: Tile, pixels: np.ndarray | None) -> tuple[Any, ...]:
    if pixels is None:
        return (*_place(tile), State.EMPTY, None, None)
    raw = np.ascontiguousarray(pixels).tobytes()
    return (*_place(tile), State.PAINTED, zlib.compress(raw, 1), hashlib.sha256(raw).digest())


def _place(item: Window | Tile) -> tuple[int, int, int]:
    return item.z, item.x % (1 << item.z), item.y


def _name(item: Window | Tile) -> str:
    return "/".join(str(part) for part in _place(item))


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn a full disk and a damaged file into errors of ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if "disk is full" in str(error):
            raise disk_full(folder) from error
        if "not a database" in str(error) or "malformed" in str(error):
            raise JobError(f"{folder / FILE_NAME} is no job or is damaged. Delete it.") from error
        if "unable to open" in str(error) or "readonly" in str(error):
            raise _not_writable(folder, error) from error
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full(folder) from error
        raise _not_writable(folder, error) from error


def _not_writable(folder: Path, error: Exception) -> JobError:
    reason = error.strerror if isinstance(error, OSError) else error
    return JobError(
        f"The job folder {folder} cannot be written ({reason}). Choose a place that you may "
        "write to."
    )


def disk_full(folder: Path) -> DiskFull:
    """The error of a job whose disk filled up."""
    return DiskFull(
        f"The disk of {folder} is full. Make room there and give the same command again: "
        "the job goes on where it stopped."
    )
