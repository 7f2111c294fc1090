"""XYZ folder: {z}/{x}/{y}.png, rows from the north, with metadata.json and tiles.json."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from mercantile import Tile

from ..errors import TilesetError
from .metadata import is_ours, tile_json
from .pictures import MAX_PICTURE_BYTES
from .storing import TileSetReader, TileSetWriter, sync_folder

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
METADATA_FILES = ("metadata.json", "tiles.json")
MAX_JSON_BYTES = 1 << 20


def numbers_in(folder: Path) -> list[int]:
    """Folders in a folder whose names are whole numbers, ascending."""
    if not folder.is_dir():
        return []
    return sorted(
        int(entry.name) for entry in folder.iterdir() if is_number(entry.name) and entry.is_dir()
    )


def is_number(name: str) -> bool:
    """Whether a name is a plain whole number, written the one way that tiles are named."""
    return name.isascii() and name.isdigit() and (name == "0" or name[0] != "0") and len(name) < 11


class XYZReader(TileSetReader):
    """An XYZ folder, opened for reading; PNG, JPEG or WebP, with or without metadata."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._metadata = read_metadata(path)
        if not self._metadata and not self.zooms:
            raise TilesetError(
                f"{path} is no XYZ folder: it has neither {{z}}/{{x}}/{{y}}.png nor metadata.json. "
                "Give the folder that holds the zooms."
            )

    @property
    def metadata(self) -> dict[str, str]:
        """All metadata as text; empty if the folder has none."""
        return dict(self._metadata)

    @property
    def zooms(self) -> tuple[int, ...]:
        """Zooms that hold tiles, ascending."""
        zooms = (zoom for zoom in numbers_in(self.path) if zoom <= 30)
        return tuple(zoom for zoom in zooms if next(self.tiles(zoom), None) is not None)

    def tiles(self, zoom: int) -> Iterator[Tile]:
        """Its tiles at a zoom, ordered by x, then y."""
        side = 1 << zoom
        for x in numbers_in(self.path / str(zoom)):
            if x >= side:
                continue
            rows = {
                int(file.stem)
                for file in (self.path / str(zoom) / str(x)).iterdir()
                if file.suffix in SUFFIXES and is_number(file.stem)
            }
            for y in sorted(row for row in rows if row < side):
                yield Tile(x, y, zoom)

    def get_bytes(self, tile: Tile) -> bytes | None:
        """The picture file of a tile, or None where there is no tile.

        Raises:
            TilesetError: the file cannot be read, or is far too large.
        """
        file = self.file_of(tile)
        if file is None:
            return None
        try:
            with file.open("rb") as stream:
                return stream.read(MAX_PICTURE_BYTES + 1)
        except OSError as error:
            raise TilesetError(f"{file} cannot be read: {error.strerror}.") from error

    def __contains__(self, tile: object) -> bool:
        """Whether there is such a tile; its picture is not read."""
        return isinstance(tile, Tile) and self.file_of(tile) is not None

    def file_of(self, tile: Tile) -> Path | None:
        """The picture file of a tile, or None where there is no tile."""
        column = self.path / str(tile.z) / str(tile.x)
        files = (column / f"{tile.y}{suffix}" for suffix in SUFFIXES)
        return next((file for file in files if file.is_file()), None)

    def close(self) -> None:
        """Nothing is held open."""


class XYZWriter(TileSetWriter):
    """An XYZ folder being written; see `TileSetWriter` for what happens when it fails."""

    def _check_target(self) -> None:
        if not os.path.exists(self.path):
            return
        if not self.path.is_dir():
            raise TilesetError(f"{self.path} is a file, not a folder. Give another name.")
        entries = [entry.name for entry in self.path.iterdir()]
        if entries and not self._overwrite:
            raise TilesetError(f"{self.path} exists already. Give another name, or --force.")
        # Replacing a folder deletes it; that must never hit anything but a map of ours.
        foreign = sorted(
            name for name in entries if not (is_number(name) or name in METADATA_FILES)
        )
        if foreign:
            raise TilesetError(
                f"{self.path} holds more than a tile set ({foreign[0]}), so it is not written "
                "over. Give the name of a new folder."
            )
        if entries and not is_ours(read_metadata(self.path)):
            raise TilesetError(
                f"{self.path} was not written by c2gm, so it is not written over. Delete it "
                "yourself, or give the name of a new folder."
            )

    def _begin(self) -> None:
        self.temporary.mkdir()
        self._write_json("metadata.json", self._metadata)

    def get_bytes(self, tile: Tile) -> bytes | None:
        """The picture file of a tile written before, or None."""
        self._check_open()
        file = self._file(tile)
        return file.read_bytes() if file.exists() else None

    def __contains__(self, tile: object) -> bool:
        """Whether the tile was written before."""
        return isinstance(tile, Tile) and self._file(tile).exists()

    def tiles(self, zoom: int) -> Iterator[Tile]:
        """Tiles written so far at a zoom, ordered by x, then y."""
        self._check_open()
        for x in numbers_in(self.temporary / str(zoom)):
            rows = (int(file.stem) for file in (self.temporary / str(zoom) / str(x)).iterdir())
            yield from (Tile(x, y, zoom) for y in sorted(rows))

    def _file(self, tile: Tile) -> Path:
        return self.temporary / str(tile.z) / str(tile.x) / f"{tile.y}.{self._kind}"

    def _store(self, tile: Tile, picture: bytes) -> bool:
        file = self._file(tile)
        is_new = not file.exists()
        if is_new:
            file.parent.mkdir(parents=True, exist_ok=True)
        _write_durably(file, picture)
        return is_new

    def _finish(self, metadata: dict[str, str]) -> None:
        self._write_json("metadata.json", metadata)
        self._write_json("tiles.json", tile_json(metadata))
        for folder, _, _ in os.walk(self.temporary):
            sync_folder(Path(folder))
        self._check_target()  # somebody may have taken the name meanwhile
        # Windows cannot rename onto a folder, so the old one steps aside first.
        old = self.temporary.with_suffix(".old")
        if self.path.exists():
            os.rename(self.path, old)
        try:
            os.rename(self.temporary, self.path)
        except OSError:
            if old.exists():
                os.rename(old, self.path)
            raise
        sync_folder(self.path.parent)
        shutil.rmtree(old, ignore_errors=True)

    def _discard(self) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)

    def _write_json(self, name: str, content: Mapping[str, object]) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        _write_durably(self.temporary / name, text.encode("utf-8"))


def _write_durably(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def read_metadata(folder: Path) -> dict[str, str]:
    """Metadata of an XYZ folder as text: metadata.json, or else what tiles.json says.

    Raises:
        TilesetError: a file is there but is no JSON object.
    """
    for name in METADATA_FILES:
        file = folder / name
        if not file.is_file():  # a pipe of a stranger would never end
            continue
        try:
            with file.open("rb") as stream:
                content = json.loads(stream.read(MAX_JSON_BYTES + 1)[:MAX_JSON_BYTES])
        except (OSError, ValueError, RecursionError) as error:
            raise TilesetError(f"{file} is no readable JSON ({error}).") from error
        if not isinstance(content, dict):
            raise TilesetError(f"{file} is not a JSON object of names and values.")
        return {str(key): _as_text(value) for key, value in content.items()}
    return {}


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, (int, float)) for item in value):
        return ",".join(str(item) for item in value)  # bounds and center of TileJSON
    return "" if value is None else json.dumps(value, ensure_ascii=False)
