"""What an export keeps beside its copy until that is whole, so that a stopped one goes on.

Coding pictures anew takes most of an export, a hundred tiles a second where thousands are copied.
A coded picture is found again by the bytes that it was coded from and by how, whatever became of
the maps that were copied. The temporary name of the copy is noted too: what a machine that died
left under it is cleared away by the next export to the same name, which nobody else can do
meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import PIL
from mercantile import Tile

from ..errors import TilesetError
from .metadata import GENERATOR
from .recode import Recoder
from .storing import clear_temporaries

if TYPE_CHECKING:
    from typing_extensions import Self

SUFFIX = ".c2gm-export"
AHEAD = 2 * (os.cpu_count() or 1)  # pictures that are coded while others are written
_COMMIT_SECONDS = 1.0  # of coding that a kill may lose
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pictures (source BLOB PRIMARY KEY, coded BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS copies (temporary TEXT NOT NULL);
"""


class UnfinishedExport:
    """A SQLite file beside a copy that is being written.

    It is only a help: where it cannot be written, or not any longer, the export goes on without.

    Raises:
        TilesetError: another process exports to the same name.
    """

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(out.name + SUFFIX)
        self._out = out
        self._connection: sqlite3.Connection | None = None
        self._committed = time.monotonic()
        try:
            self._begin()
        except sqlite3.Error as error:
            if "locked" in str(error):
                self._close()
                raise TilesetError(
                    f"Another export writes {out}. Wait until it has ended, or give another name."
                ) from error
            self.forget()  # damaged, or there is no place to write to
            with suppress(sqlite3.Error):
                self._begin()

    def _begin(self) -> None:
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = DELETE"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        self._connection.execute("BEGIN EXCLUSIVE")
        self._connection.execute("COMMIT")
        self._connection.executescript(_SCHEMA)
        for (stem,) in self._connection.execute("SELECT temporary FROM copies").fetchall():
            clear_temporaries(self._out, str(stem))
        self._connection.execute("BEGIN")
        self._connection.execute("DELETE FROM copies")

    def note(self, temporary: Path) -> None:
        """Write down the temporary name of the copy before a tile is written under it."""
        if self._connection is None:
            return
        try:
            self._connection.execute("INSERT INTO copies VALUES (?)", (temporary.stem,))
            self._commit()
        except sqlite3.Error:
            self.forget()

    def pictures(
        self, old: Iterable[tuple[Tile, bytes]], recoder: Recoder
    ) -> Iterator[tuple[Tile, bytes]]:
        """Tiles in their order with their new picture files, kept ones or coded on all processors.

        Raises:
            TilesetError: an old picture is damaged.
        """
        ahead: deque[tuple[Tile, bytes, bytes | Future[bytes]]] = deque()
        pool = ThreadPoolExecutor(os.cpu_count())
        try:
            for tile, picture in old:
                digest = _digest(picture, recoder)
                kept = self._find(digest)
                new = pool.submit(recoder.picture, tile, picture) if kept is None else kept
                ahead.append((tile, digest, new))
                if len(ahead) >= AHEAD:
                    yield self._next(ahead)
            while ahead:
                yield self._next(ahead)
        finally:
            pool.shutdown(cancel_futures=True)

    def _next(self, ahead: deque[tuple[Tile, bytes, bytes | Future[bytes]]]) -> tuple[Tile, bytes]:
        tile, digest, new = ahead.popleft()
        if isinstance(new, bytes):
            return tile, new
        coded = new.result()
        self._keep(digest, coded)
        return tile, coded

    def _find(self, digest: bytes) -> bytes | None:
        if self._connection is None:
            return None
        try:
            row = self._connection.execute(
                "SELECT coded FROM pictures WHERE source = ?", (digest,)
            ).fetchone()
        except sqlite3.Error:
            self.forget()
            return None
        return None if row is None else bytes(row[0])

    def _keep(self, digest: bytes, coded: bytes) -> None:
        if self._connection is None:
            return
        try:
            self._connection.execute(
                "INSERT OR REPLACE INTO pictures VALUES (?, ?)", (digest, coded)
            )
            if time.monotonic() - self._committed >= _COMMIT_SECONDS:
                self._commit()
        except sqlite3.Error:  # a full disk most of all: the copy needs the room more
            self.forget()

    def _commit(self) -> None:
        assert self._connection is not None
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN")
        self._committed = time.monotonic()

    def forget(self) -> None:
        """Delete the file: the copy is whole, or there is no room for both."""
        self._close()
        for suffix in ("", "-journal"):
            with suppress(OSError):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _close(self) -> None:
        if self._connection is None:
            return
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        self._connection.close()
        self._connection = None

    def _keeps_any(self) -> bool:
        if self._connection is None:
            return False
        with suppress(sqlite3.Error):
            found = self._connection.execute("SELECT 1 FROM pictures LIMIT 1").fetchone()
            return found is not None
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if exc and exc[0] is not None and self._keeps_any():
            self._close()
        else:
            self.forget()


def _digest(picture: bytes, recoder: Recoder) -> bytes:
    """What a coded picture is found by."""
    palette = b"" if recoder.palette is None else recoder.palette.tobytes()
    how = f"{GENERATOR} {PIL.__version__} {recoder.recoding}".encode()
    return hashlib.sha256(how + b"\0" + palette + b"\0" + picture).digest()
