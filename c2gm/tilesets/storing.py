"""What all kinds of stored tile sets share: reading, and writing that ends with one rename."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mercantile import Tile

from ..errors import C2GMError, DiskFull, TilesetError
from .metadata import Extents, final_metadata, first_metadata
from .pictures import check_magic, decode_tile, encode_png

if TYPE_CHECKING:
    from typing_extensions import Self

_FULL_ERRNOS = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_FULL_WINERRORS = (39, 112)  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL


class TileSetReader(ABC):
    """A stored tile set, opened for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def get_bytes(self, tile: Tile) -> bytes | None:
        """The stored picture file of a tile, or None where there is no tile."""

    @abstractmethod
    def __contains__(self, tile: object) -> bool:
        """Whether there is such a tile; its picture is not read."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files."""

    def get(self, tile: Tile) -> np.ndarray | None:
        """Pixels uint8 [256,256,3] or [256,256,4], or None where there is no tile.

        Raises:
            TilesetError: the tile is there but is not a 256 px picture.
        """
        picture = self.get_bytes(tile)
        return None if picture is None else decode_tile(picture, tile, self.path.name)

    def put(self, tile: Tile, pixels: np.ndarray) -> None:
        """Refused: the tile set is open for reading."""
        self.put_bytes(tile, b"")

    def put_bytes(self, tile: Tile, picture: bytes) -> None:
        """Refused: the tile set is open for reading."""
        raise TilesetError(f"{self.path.name} is open for reading. Write into a new tile set.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class TileSetWriter(ABC):
    """A tile set being written under a temporary name in the folder of its own.

    It appears under its name when it is closed without an exception; after any failure the
    temporary files are gone and whatever had the name before is untouched.

    Args:
        path: Its name.
        metadata: Text by key.
        overwrite: Whether a tile set that has the name is replaced.
        tiles_to_come: How many tiles it is going to have, so that a full disk can tell what is
            missing; 0 if nobody knows.
    """

    writings = 1  # of each picture, until the tile set is complete

    def __init__(
        self,
        path: Path,
        metadata: Mapping[str, str],
        *,
        overwrite: bool,
        tiles_to_come: int = 0,
    ) -> None:
        self.path = path
        self.temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        self._overwrite = overwrite
        self._tiles_to_come = tiles_to_come
        self._put_bytes = 0
        bare = path.name.removesuffix(".mbtiles").removesuffix(".pmtiles")
        self._metadata = first_metadata(metadata, bare)
        self._extents = Extents()
        self._kind: str | None = None
        self._is_open = False
        if os.path.islink(path):
            raise TilesetError(f"{path} is a link. Give the name of the file or folder itself.")
        self._check_target()
        with self._own_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._begin()
        self._is_open = True

    @abstractmethod
    def _check_target(self) -> None:
        """Refuse a name that must not be written over."""

    @abstractmethod
    def _begin(self) -> None:
        """Make the temporary file or folder, metadata first."""

    @abstractmethod
    def _store(self, tile: Tile, picture: bytes) -> bool:
        """Store a picture; True if the tile was not there before."""

    @abstractmethod
    def _finish(self, metadata: dict[str, str]) -> None:
        """Make the temporary file or folder complete, durable and move it to its name."""

    @abstractmethod
    def _discard(self) -> None:
        """Close and delete all that is temporary."""

    @abstractmethod
    def get_bytes(self, tile: Tile) -> bytes | None:
        """The picture file of a tile written before, or None."""

    @abstractmethod
    def __contains__(self, tile: object) -> bool:
        """Whether the tile was written before."""

    @abstractmethod
    def tiles(self, zoom: int) -> Iterator[Tile]:
        """Tiles written so far at a zoom, ordered by x, then y."""

    @property
    def metadata(self) -> dict[str, str]:
        """All metadata as text; bounds and zooms come when it is closed."""
        return dict(self._metadata)

    @property
    def zooms(self) -> tuple[int, ...]:
        """Zooms written so far, ascending."""
        return tuple(sorted(self._extents.counts))

    def get(self, tile: Tile) -> np.ndarray | None:
        """Pixels of a tile written before, or None."""
        picture = self.get_bytes(tile)
        return None if picture is None else decode_tile(picture, tile, self.path.name)

    def put(self, tile: Tile, pixels: np.ndarray) -> None:
        """Store a tile, uint8 [256,256,3] or [256,256,4]; one that is there already is replaced.

        Raises:
            TilesetError: the tile is none of the grid, or the pixels have another shape.
            DiskFull: the disk is full; what had the name before is whole.
        """
        self.put_bytes(tile, encode_png(pixels))

    def put_bytes(self, tile: Tile, picture: bytes) -> None:
        """Store a picture file as it is.

        Raises:
            TilesetError: not a picture, or of another kind than the tiles before it.
            DiskFull: the disk is full; what had the name before is whole.
        """
        self._check_open()
        self._check_picture(tile, picture)
        with self._own_errors():
            if self._store(tile, picture):
                self._extents.add(tile)
                self._put_bytes += len(picture)

    def close(self) -> None:
        """Finish and move to the name.

        Raises:
            TilesetError: no tile was written, writing failed before, or the name is taken.
            DiskFull: the disk is full; what had the name before is whole.
        """
        if not self._is_open:
            return
        with self._own_errors():
            if self._kind is None:
                raise TilesetError(f"{self.path.name} has no tiles, so it was not written.")
            self._metadata = final_metadata(self._metadata, self._extents, self._kind)
            self._finish(self._metadata)
        self._is_open = False

    def discard(self) -> None:
        """Give up: nothing appears under the name."""
        if self._is_open:
            self._is_open = False
            self._discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if exc and exc[0] is not None:
            self.discard()
        else:
            self.close()

    def _check_open(self) -> None:
        if not self._is_open:
            raise TilesetError(f"{self.path.name} is closed; nothing more can be written to it.")

    def _check_picture(self, tile: Tile, picture: bytes) -> None:
        name = f"Tile {tile.z}/{tile.x}/{tile.y}"
        side = 1 << max(tile.z, 0)
        if not (0 <= tile.z <= 30 and 0 <= tile.x < side and 0 <= tile.y < side):
            raise TilesetError(f"{name} is no tile of the web map grid.")
        try:
            kind = check_magic(picture)
        except TilesetError as error:
            raise TilesetError(f"{name} {error}") from error
        if self._kind not in (None, kind):
            raise TilesetError(
                f"{name} is {kind}, the tiles before it are {self._kind}. "
                "A tile set has one kind of picture."
            )
        self._kind = kind

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        """Whatever fails leaves no temporary file and becomes an error of ours."""
        try:
            yield
        except BaseException as error:
            self._is_open = False
            needed = self._needed_bytes()
            self._discard()
            if isinstance(error, OSError):
                raise write_error(self.path, error, needed) from error
            raise

    def _needed_bytes(self) -> float:
        """About how many bytes it takes until it is complete, by those so far; 0 if unknown."""
        stored = sum(self._extents.counts.values())
        if not stored or not self._tiles_to_come:
            return 0
        return self._stored_bytes() / stored * max(self._tiles_to_come, stored) * self.writings

    def _stored_bytes(self) -> int:
        """Bytes of the pictures so far."""
        return self._put_bytes


class FileWriter(TileSetWriter):
    """A tile set that is one file; a stranger's file is written over only when told so."""

    def __init__(
        self,
        path: Path,
        metadata: Mapping[str, str],
        *,
        overwrite: bool,
        overwrite_foreign: bool = False,
        tiles_to_come: int = 0,
    ) -> None:
        self._overwrite_foreign = overwrite_foreign
        replaces = overwrite or overwrite_foreign
        super().__init__(path, metadata, overwrite=replaces, tiles_to_come=tiles_to_come)

    @abstractmethod
    def _wrote_ours(self) -> bool:
        """Whether the file that has the name is a tile set that c2gm wrote."""

    def _check_target(self) -> None:
        check_free(self.path, overwrite=self._overwrite)
        there = os.path.exists(self.path)  # no error where the disk refuses the name
        if there and not self._overwrite_foreign and not self._wrote_ours():
            raise TilesetError(
                f"{self.path} was not written by c2gm, so it is not written over. Delete it "
                "yourself, or give another name."
            )


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a file name that is taken; a folder or a link is never written over.

    Raises:
        TilesetError: says which.
    """
    if os.path.isdir(path):
        raise TilesetError(f"{path} is a folder. Give another name.")
    if os.path.islink(path):
        raise TilesetError(f"{path} is a link. Give the name of the file itself.")
    if os.path.exists(path) and not overwrite:
        raise TilesetError(f"{path} exists already. Give another name, or --force.")


def write_error(path: Path, error: OSError, needed: float = 0) -> C2GMError:
    """The error of ours that says why a tile set could not be written.

    Args:
        path: What was written.
        error: Why it failed.
        needed: About how many bytes the whole takes; 0 if unknown.
    """
    if error.errno in _FULL_ERRNOS or getattr(error, "winerror", None) in _FULL_WINERRORS:
        return disk_full(path, needed)
    if isinstance(error, PermissionError):
        return TilesetError(
            f"{path} cannot be written ({error.strerror}). Close programs that have it open, "
            "or choose a folder that you may write to."
        )
    return TilesetError(f"{path} cannot be written: {error.strerror or error}.")


def stored_bytes(path: Path) -> int:
    """Bytes of a tile set on disk, a file or a folder."""
    if path.is_file():
        return path.stat().st_size
    files = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    return sum(file.stat().st_size for file in files)


def clear_temporaries(path: Path, stem: str) -> None:
    """Delete what a writer of a tile set that died left under its temporary name.

    Args:
        path: Of the tile set; what its writers do not name so is never deleted.
        stem: Of the temporary name.
    """
    if not re.fullmatch(re.escape(path.name) + r"\.[0-9a-f]{8}", stem):
        return
    for left in path.parent.glob(f"{escape(stem)}*.tmp*"):
        with suppress(OSError):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()


def check_room(path: Path, needed: int) -> None:
    """Refuse to begin writing what the disk cannot hold.

    Args:
        path: What is going to be written; its folder need not be there yet.
        needed: Bytes.

    Raises:
        DiskFull: says how much is missing.
    """
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(
            f"{path.name} needs about {needed / 1e6:.1f} MB in {folder}, where {free / 1e6:.1f} MB "
            f"are free: {(needed - free) / 1e6:.1f} MB are missing. Nothing was written or changed."
        )


def disk_full(path: Path, needed: float = 0) -> DiskFull:
    """The error for a disk that filled up while `path` was written.

    Args:
        path: What was written, of which nothing is left.
        needed: About how many bytes the whole takes; 0 if unknown.
    """
    free = 0
    with suppress(OSError):
        free = shutil.disk_usage(path.parent).free
    room = f"{free / 1e6:.1f} MB are free in {path.parent}"
    if needed > free:
        room += f", about {(needed - free) / 1e6:.1f} MB more are needed"
    return DiskFull(
        f"The disk is full before {path.name} was complete; what had that name before is "
        f"untouched. Now {room}. Free some space and run the same command again."
    )


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut, where the system can (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES):
            raise  # some network file systems know no fsync of folders
    finally:
        os.close(descriptor)
