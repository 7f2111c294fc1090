"""The ledger of a job: one SQLite file with tiles, window pictures and their states.

The unit of work is one painted batch: its pictures, the tiles that it completes and all their
states are one transaction, so that a killed process loses at most one batch and a resumed one
blends the same bytes. The file is held with SQLite's exclusive lock while a process works on it;
the operating system gives the lock back when the process dies, however it dies.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mercantile import Tile

from ..errors import DiskFull, JobError, JobLocked
from ..grid import Window
from . import litter
from .work import PackedTile, PackedWindow, State, Work, pack_tile, pack_window

if TYPE_CHECKING:
    from typing_extensions import Self

FILE_NAME = "job.sqlite"
PID_NAME = "process.txt"
TILES_A_PAGE = 64
STATES_A_PAGE = 10_000
MOST_VALUE_BYTES = 4 << 20  # a packed window is a tenth of it
MOST_KEY_BYTES = 1 << 20
# Table -> its columns, as SQLite writes them down.
TABLES = {
    "job_key": "(name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "windows": "(z INTEGER, x INTEGER, y INTEGER, state INTEGER NOT NULL, picture BLOB, "
    "valid BLOB, PRIMARY KEY (z, x, y))",
    "tiles": "(z INTEGER, x INTEGER, y INTEGER, state INTEGER NOT NULL, pixels BLOB, "
    "sha256 BLOB, PRIMARY KEY (z, x, y))",
    "blocks": "(z INTEGER, x INTEGER, y INTEGER, attempts INTEGER, worker TEXT, sha256 BLOB)",
}


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
        if hasattr(self._db, "setlimit"):  # Python 3.11
            self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_VALUE_BYTES)
        try:
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.execute("PRAGMA page_size=8192")
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("BEGIN EXCLUSIVE")
            self._db.execute("COMMIT")  # the lock stays with the connection
            self._make_tables()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise JobLocked(self._holder()) from None
            raise
        (self.folder / PID_NAME).write_text(f"{os.getpid()}\n", encoding="ascii")

    def _make_tables(self) -> None:
        """Make what is missing, and refuse what is not ours: views and triggers can run for ever.

        Spaces and the case of letters do not count: earlier versions wrote them otherwise.
        """
        query = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_autoindex%'"
        for name, sql in self._db.execute(query).fetchmany(100):
            if name not in TABLES or _bare(str(sql)) != _bare(
                f"CREATE TABLE {name} {TABLES[name]}"
            ):
                raise JobError(
                    f"{self.folder / FILE_NAME} is no job of this program: it holds "
                    f"{str(name)[:40]!r}. Delete it."
                )
        for name, columns in TABLES.items():
            self._db.execute(f"CREATE TABLE IF NOT EXISTS {name} {columns}")

    def _holder(self) -> str:
        try:
            with (self.folder / PID_NAME).open("rb") as file:
                pid = file.read(20).strip()
        except OSError:
            pid = b""
        who = f"Process {int(pid)}" if pid.isdigit() else "Another process"
        return f"{who} works on the job {self.folder}. Wait until it ends, or stop it."

    # Settings -------------------------------------------------------------------------------

    def read_key(self) -> dict[str, Any]:
        """The job key by name; empty in a new job.

        Raises:
            JobError: it cannot be read.
        """
        key: dict[str, Any] = {}
        read = 0
        with _explained(self.folder), self._lock:
            for name, value in self._db.execute("SELECT name, value FROM job_key"):
                read += len(str(name)) + len(str(value))
                try:
                    key[str(name)] = json.loads(value)
                except (TypeError, ValueError, RecursionError):
                    raise self._contradicted("its key cannot be read") from None
                if read > MOST_KEY_BYTES:
                    raise self._contradicted("its key is too long")
        return key

    def has_work(self) -> bool:
        """Whether anything is stored."""
        query = "SELECT EXISTS (SELECT 1 FROM windows) OR EXISTS (SELECT 1 FROM tiles)"
        with _explained(self.folder), self._lock:
            return bool(self._db.execute(query).fetchone()[0])

    def write_key(self, key: dict[str, Any]) -> None:
        """Store the job key."""
        rows = [(name, json.dumps(value, sort_keys=True)) for name, value in key.items()]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO job_key VALUES (?, ?)", rows)

    def clear(self) -> None:
        """Forget the key and all work."""
        with self._transaction() as db:
            for table in TABLES:
                db.execute(f"DELETE FROM {table}")

    # Work -----------------------------------------------------------------------------------

    def store(self, work: Work) -> None:
        """Store a unit of work in one transaction."""
        dropped = set(work.dropped)
        painted = {
            window: pack_window(picture, valid)
            for window, (picture, valid) in work.windows.items()
            if window not in dropped
        }
        painted |= {w: packed for w, packed in work.packed_windows.items() if w not in dropped}
        gone = dropped & {*work.windows, *work.packed_windows} | set(work.painted_windows)
        painted |= dict.fromkeys(gone, PackedWindow(None, None))
        windows = [(*_place(w), State.PAINTED, p.picture, p.valid) for w, p in painted.items()]
        windows += [(*_place(window), State.EMPTY, None, None) for window in work.empty_windows]
        finished = {tile: pack_tile(pixels) for tile, pixels in work.tiles.items()}
        tiles = [
            (*_place(tile), packed.state, packed.pixels, packed.sha256)
            for tile, packed in (finished | work.packed_tiles).items()
        ]
        with self._transaction() as db:
            db.executemany("INSERT INTO windows VALUES (?,?,?,?,?,?)", windows)
            db.executemany("INSERT INTO tiles VALUES (?,?,?,?,?,?)", tiles)
            db.executemany(
                "UPDATE windows SET picture = NULL, valid = NULL WHERE z=? AND x=? AND y=?",
                [_place(window) for window in dropped if window not in painted],
            )
            if work.block is not None:
                db.execute("INSERT INTO blocks VALUES (?,?,?,?,?,?)", astuple(work.block))

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
        try:
            return PackedWindow(*row).entry()
        except ValueError:
            raise self._damaged("Window", window) from None

    def tile(self, tile: Tile) -> np.ndarray | None:
        """Pixels of a finished tile, uint8 [256,256,3 or 4], or None where it has none.

        Raises:
            JobError: the stored tile is damaged.
        """
        packed = self.packed_tile(tile)
        return None if packed is None else self._unpacked(tile, packed)

    def packed_tile(self, tile: Tile) -> PackedTile | None:
        """A finished tile as it is stored, or None where there is none."""
        with _explained(self.folder), self._lock:
            row = self._db.execute(
                "SELECT pixels, sha256 FROM tiles WHERE z=? AND x=? AND y=?", _place(tile)
            ).fetchone()
        return None if row is None else PackedTile(*row)

    def tiles(self, zoom: int) -> Iterator[tuple[Tile, np.ndarray]]:
        """Finished tiles of a zoom with their pixels, ordered by x, then y."""
        columns = "x, y, pixels, sha256"
        for x, y, blob, sha256 in self._rows("tiles", columns, zoom, page=TILES_A_PAGE):
            pixels = self._unpacked(Tile(x, y, zoom), PackedTile(blob, sha256))
            if pixels is not None:
                yield Tile(x, y, zoom), pixels

    def _unpacked(self, tile: Tile, packed: PackedTile) -> np.ndarray | None:
        try:
            return packed.unpacked()
        except ValueError:
            raise self._damaged("Tile", tile) from None

    def _damaged(self, what: str, item: Window | Tile) -> JobError:
        return JobError(f"{what} {_name(item)} of the job {self.folder} is damaged. Begin anew.")

    def window_states(self, zoom: int) -> Iterator[tuple[int, int, int]]:
        """(x, y, state) of the windows of a zoom that are done."""
        return self._rows("windows", "x, y, state", zoom, page=STATES_A_PAGE)

    def tile_states(self, zoom: int) -> Iterator[tuple[int, int, int]]:
        """(x, y, state) of the tiles of a zoom that are done.

        Raises:
            JobError: a tile is said to be what it is not.
        """
        columns = "x, y, state, pixels IS NULL"
        for x, y, state, without in self._rows("tiles", columns, zoom, page=STATES_A_PAGE):
            if (state == State.EMPTY) != bool(without):
                raise self._contradicted(f"tile {zoom}/{x}/{y} is not what it is said to be")
            yield x, y, state

    def _contradicted(self, reason: str) -> JobError:
        return JobError(
            f"The job {self.folder} is damaged: {reason}. Delete the folder and begin anew."
        )

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
        for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", litter.FILE_NAME):
            (self.folder / name).unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _place(item: Window | Tile) -> tuple[int, int, int]:
    return item.z, item.x % (1 << item.z), item.y


def _name(item: Window | Tile) -> str:
    return "/".join(str(part) for part in _place(item))


def _bare(sql: str) -> str:
    """A statement without what does not count in it."""
    return "".join(sql.split()).lower().replace('"', "").replace("ifnotexists", "")


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn a full disk and a damaged file into errors of ours."""
    try:
        yield
    except sqlite3.Error as error:
        if "disk is full" in str(error):
            raise disk_full(folder) from error
        if "unable to open" in str(error) or "readonly" in str(error):
            raise _not_writable(folder, error) from error
        raise JobError(
            f"{folder / FILE_NAME} is no job or is damaged ({error}). Delete it."
        ) from error
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
