"""PMTiles 3: one file that a web page reads by byte ranges, tiles along the Hilbert curve.

Equal pictures are stored once. A file is written in two passes: pictures come in any order into a
temporary file beside it, and are copied along the curve when it is closed.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from mercantile import Tile
from pmtiles.tile import (
    Compression,
    Entry,
    HeaderDict,
    TileType,
    deserialize_header,
    tileid_to_zxy,
    zxy_to_tileid,
)
from pmtiles.writer import finalize_header

from ..errors import TilesetError
from .metadata import is_ours
from .pictures import MAX_PICTURE_BYTES
from .pmtiles_directory import Entries, read_entries
from .storing import FileWriter, TileSetReader, sync_folder

HEADER_BYTES = 127
MAGIC = b"PMTiles"
SPECIFICATION = 3
_MAX_METADATA_BYTES = 1 << 20
_LARGEST_ZOOM = 30
_TILES_AT_ONCE = 1 << 16
_E7 = 10_000_000
_TYPES = {"png": TileType.PNG, "jpg": TileType.JPEG, "webp": TileType.WEBP}
_KINDS = {tile_type: kind for kind, tile_type in _TYPES.items()}


class PMTilesReader(TileSetReader):
    """A PMTiles file of pictures, opened for reading."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._lock = threading.Lock()
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise TilesetError(f"{path} cannot be read: {error.strerror}.") from error
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self.header = self._read_header()
            self.entries = self._read_entries()
            self._metadata = self._read_metadata()
        except TilesetError as error:
            self._file.close()
            raise TilesetError(f"{path.name} is no sound PMTiles file: {error}") from error
        except BaseException:
            self._file.close()
            raise

    @property
    def metadata(self) -> dict[str, str]:
        """All metadata as text; format, bounds, centre and zooms are those of the header."""
        return dict(self._metadata)

    @property
    def zooms(self) -> tuple[int, ...]:
        """Zooms that hold tiles, ascending."""
        return tuple(z for z in range(_LARGEST_ZOOM + 1) if self.entries.reach(*_ids(z)))

    def tiles(self, zoom: int) -> Iterator[Tile]:
        """Its tiles at a zoom, ordered by x, then y."""
        # Eight bytes a tile are held, whatever the map's size.
        keys = [places_on_curve(ids, zoom) for ids in self.entries.between(*_ids(zoom))]
        if not keys:
            return
        ordered = np.concatenate(keys)
        ordered.sort()
        for piece in np.array_split(ordered, len(ordered) // _TILES_AT_ONCE + 1):
            columns, rows = (piece >> 32).tolist(), (piece & 0xFFFFFFFF).tolist()
            for x, y in zip(columns, rows, strict=True):
                yield Tile(x, y, zoom)

    def get_bytes(self, tile: Tile) -> bytes | None:
        """The stored picture file of a tile, or None where there is no tile.

        Raises:
            TilesetError: the picture is far too large, or lies outside the file.
        """
        found = self.entries.find(_id_of(tile)) if _on_grid(tile) else None
        if found is None:
            return None
        offset, length = found
        name = f"Tile {tile.z}/{tile.x}/{tile.y} of {self.path.name}"
        if length > MAX_PICTURE_BYTES:
            raise TilesetError(f"{name} has {length} bytes, too many for a 256 px picture.")
        try:
            return self._read(self.header["tile_data_offset"] + offset, length, "picture")
        except TilesetError as error:
            raise TilesetError(f"{name} cannot be read: {error} Copy the file again.") from error

    def __contains__(self, tile: object) -> bool:
        """Whether there is such a tile; its picture is not read."""
        if not isinstance(tile, Tile) or not _on_grid(tile):
            return False
        return self.entries.find(_id_of(tile)) is not None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _read(self, offset: int, length: int, name: str) -> bytes:
        if offset + length > self._size:
            raise TilesetError(f"its {name} lies beyond the end of the file ({self._size} bytes).")
        with self._lock:
            try:
                self._file.seek(offset)
                data = self._file.read(length)
            except OSError as error:
                raise TilesetError(f"its {name} cannot be read ({error.strerror}).") from error
        if len(data) < length:
            raise TilesetError(f"its {name} is truncated.")
        return data

    def _read_header(self) -> HeaderDict:
        raw = self._read(0, HEADER_BYTES, "header") if self._size >= HEADER_BYTES else b""
        if not raw.startswith(MAGIC):
            raise TilesetError("it does not begin as such files do.")
        if raw[7] != SPECIFICATION:
            raise TilesetError(f"it is of version {raw[7]}, and only version 3 is read.")
        try:
            header = deserialize_header(raw)
        except ValueError as error:
            raise TilesetError(f"its header is damaged ({error}).") from error
        if header["tile_type"] not in _KINDS:
            kind = header["tile_type"].name.lower()
            raise TilesetError(f"its tiles are {kind}, not pictures (png, jpg or webp).")
        for name, part in (("internal", "directories"), ("tile", "tiles")):
            packing = header[f"{name}_compression"]
            allowed = (Compression.GZIP,) if name == "internal" else (Compression.NONE,)
            if packing not in allowed:
                raise TilesetError(
                    f"its {part} are packed by {packing.name.lower()}; only "
                    f"{allowed[0].name.lower()} is read."
                )
        return header

    def _read_entries(self) -> Entries:
        header = self.header
        return read_entries(
            self._read,
            (header["root_offset"], header["root_length"]),
            (header["leaf_directory_offset"], header["leaf_directory_length"]),
            self._size,
        )

    def _read_metadata(self) -> dict[str, str]:
        header = self.header
        length = header["metadata_length"]
        if length > _MAX_METADATA_BYTES:
            raise TilesetError(f"its metadata claims {length:,} bytes, too many to be any.")
        packed = self._read(header["metadata_offset"], length, "metadata")
        stored = _json_object(packed)
        texts = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in stored.items()
        }
        corners = ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")
        edges = [header[name] / _E7 for name in corners]
        told = {
            "bounds": ",".join(f"{edge:.7f}" for edge in edges),
            "center": f"{header['center_lon_e7'] / _E7:.7f},{header['center_lat_e7'] / _E7:.7f},"
            f"{header['center_zoom']}",
        }
        # Ours are stored to more places than the header has; both must be of the same place.
        texts = {**told, **texts} if is_ours(texts) else {**texts, **told}
        return {
            **texts,
            "format": _KINDS[header["tile_type"]],
            "minzoom": str(header["min_zoom"]),
            "maxzoom": str(header["max_zoom"]),
        }


class PMTilesWriter(FileWriter):
    """A PMTiles file being written; see `TileSetWriter` for what happens when it fails."""

    writings = 2  # as they come, then in their order

    def _wrote_ours(self) -> bool:
        try:
            with PMTilesReader(self.path) as tileset:
                return is_ours(tileset.metadata)
        except TilesetError:
            return False

    def _begin(self) -> None:
        self._pictures: dict[bytes, tuple[int, int]] = {}  # digest -> offset and length
        self._tiles: dict[int, bytes] = {}  # tile id -> digest
        self._length = 0
        self._loose = self.temporary.with_name(f"{self.temporary.stem}-pictures.tmp")
        self._file = self._loose.open("xb+")

    def get_bytes(self, tile: Tile) -> bytes | None:
        """The picture file of a tile written before, or None."""
        self._check_open()
        digest = self._tiles.get(_id_of(tile)) if _on_grid(tile) else None
        return None if digest is None else self._picture(digest)

    def __contains__(self, tile: object) -> bool:
        """Whether the tile was written before."""
        return isinstance(tile, Tile) and _on_grid(tile) and _id_of(tile) in self._tiles

    def tiles(self, zoom: int) -> Iterator[Tile]:
        """Tiles written so far at a zoom, ordered by x, then y."""
        self._check_open()
        first, end = _ids(zoom)
        places = [tileid_to_zxy(number) for number in self._tiles if first <= number < end]
        for _, x, y in sorted(places):
            yield Tile(x, y, zoom)

    def _store(self, tile: Tile, picture: bytes) -> bool:
        digest = hashlib.sha256(picture).digest()
        if digest not in self._pictures:
            self._file.seek(self._length)
            self._file.write(picture)
            self._pictures[digest] = (self._length, len(picture))
            self._length += len(picture)
        number = _id_of(tile)
        is_new = number not in self._tiles
        self._tiles[number] = digest
        return is_new

    def _stored_bytes(self) -> int:
        return self._length

    def _picture(self, digest: bytes) -> bytes:
        offset, length = self._pictures[digest]
        self._file.seek(offset)
        return self._file.read(length)

    def _finish(self, metadata: dict[str, str]) -> None:
        entries, order, length = self._along_the_curve()
        parts = finalize_header(
            header_of(metadata), len(self._tiles), entries, len(order), metadata, True, length
        )
        with self.temporary.open("xb") as file:
            file.writelines(parts)
            for digest in order:
                file.write(self._picture(digest))
            file.flush()
            os.fsync(file.fileno())
        self._file.close()
        self._loose.unlink()
        self._check_target()  # somebody may have taken the name meanwhile
        os.replace(self.temporary, self.path)
        sync_folder(self.path.parent)

    def _along_the_curve(self) -> tuple[list[Entry], list[bytes], int]:
        """Entries by tile id, equal neighbours as runs; pictures in their order; their bytes."""
        entries: list[Entry] = []
        placed: dict[bytes, int] = {}
        length = 0
        for number in sorted(self._tiles):
            digest = self._tiles[number]
            size = self._pictures[digest][1]
            if digest not in placed:
                placed[digest] = length
                length += size
            last = entries[-1] if entries else None
            follows = last is not None and number == last.tile_id + last.run_length
            if last is not None and follows and last.offset == placed[digest]:
                last.run_length += 1
            else:
                entries.append(Entry(number, placed[digest], size, 1))
        return entries, list(placed), length

    def _discard(self) -> None:
        if hasattr(self, "_file"):
            with suppress(OSError):
                self._file.close()
            # What made writing fail may keep this from working; the first error is the one to tell.
            for file in (self._loose, self.temporary):
                with suppress(OSError):
                    file.unlink(missing_ok=True)


def header_of(metadata: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the header that metadata tells; the writer of the package fills in the rest."""
    west, south, east, north = (float(value) for value in metadata["bounds"].split(","))
    longitude, latitude, zoom = metadata["center"].split(",")
    return {
        "tile_type": _TYPES[metadata["format"]],
        "tile_compression": Compression.NONE,
        "min_lon_e7": round(west * _E7),
        "min_lat_e7": round(south * _E7),
        "max_lon_e7": round(east * _E7),
        "max_lat_e7": round(north * _E7),
        "center_zoom": int(zoom),
        "center_lon_e7": round(float(longitude) * _E7),
        "center_lat_e7": round(float(latitude) * _E7),
    }


def _json_object(packed: bytes) -> dict[str, Any]:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(packed, _MAX_METADATA_BYTES)
        if unpacker.unconsumed_tail:
            raise TilesetError(
                f"its metadata unpacks to more than {_MAX_METADATA_BYTES >> 20} MiB."
            )
        stored = json.loads(text or b"{}")
    except (zlib.error, ValueError, RecursionError) as error:
        raise TilesetError(f"its metadata is damaged ({error}).") from error
    if not isinstance(stored, dict):
        raise TilesetError("its metadata is not a JSON object.")
    return stored


def places_on_curve(ids: np.ndarray, zoom: int) -> np.ndarray:
    """Tiles of one zoom by their ids, uint64 [n]: column << 32 | row (PMTiles 3, appendix A)."""
    position = ids - _ids(zoom)[0]
    x, y = np.zeros_like(position), np.zeros_like(position)
    for level in range(zoom):
        half = 1 << level
        right = (position >> 1) & 1
        below = (position ^ right) & 1
        # The curve turns: a quarter's own columns and rows are swapped, or swapped and mirrored.
        turned = below == 0
        mirrored = turned & (right == 1)
        x, y = np.where(mirrored, half - 1 - x, x), np.where(mirrored, half - 1 - y, y)
        x, y = np.where(turned, y, x), np.where(turned, x, y)
        x, y = x + half * right, y + half * below
        position = position >> 2
    keys: np.ndarray = (x.astype(np.uint64) << np.uint64(32)) | y.astype(np.uint64)
    return keys


def _on_grid(tile: Tile) -> bool:
    if not 0 <= tile.z <= _LARGEST_ZOOM:
        return False
    side = 1 << tile.z
    return bool(0 <= tile.x < side and 0 <= tile.y < side)


def _id_of(tile: Tile) -> int:
    return int(zxy_to_tileid(tile.z, tile.x, tile.y))


def _ids(zoom: int) -> tuple[int, int]:
    """First id of a zoom, and that of the next: all tiles of lower zooms come before."""
    return ((1 << 2 * zoom) - 1) // 3, ((1 << 2 * (zoom + 1)) - 1) // 3
