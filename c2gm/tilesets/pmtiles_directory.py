"""Directories of PMTiles 3: which tiles lie where in the file.

Files of strangers are read here with limits: a directory is unpacked to a known size at most and
used once, a file holds no more entries and tiles than its size can mean, and leaves do not nest
deeper than the specification advises.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import TilesetError

MAX_ENTRIES = 6_000_000  # 150 MB in memory; larger maps are kept as several files
MAX_TILES = 1 << 24  # addressed by the entries, runs counted out
_FREE_ENTRIES, _BYTES_AN_ENTRY = 1 << 16, 1
_FREE_TILES, _BYTES_A_TILE = 1 << 15, 8
_MAX_DEPTH = 3
_MAX_DIRECTORY_BYTES = 2 << 20
_IDS_AT_ONCE = 1 << 20
_LONGEST_NUMBER = 9  # bytes of a varint; ten would leave 63 bits

ReadBytes = Callable[[int, int, str], bytes]
"""Offset, length and what it is -> bytes of the file, or TilesetError."""


@dataclass(frozen=True)
class Entries:
    """Entries of a file in the order of their ids, [n] each: ids and offsets int64, others int32.

    An entry is a run of `runs` tiles with consecutive ids that share one picture, `lengths` bytes
    long at `offsets` of the tile data.
    """

    ids: np.ndarray
    runs: np.ndarray
    lengths: np.ndarray
    offsets: np.ndarray

    def find(self, tile_id: int) -> tuple[int, int] | None:
        """Offset and length of a tile's picture, or None where there is none."""
        index = int(np.searchsorted(self.ids, tile_id, side="right")) - 1
        if index < 0 or tile_id - int(self.ids[index]) >= int(self.runs[index]):
            return None
        return int(self.offsets[index]), int(self.lengths[index])

    def contents(self) -> int:
        """Number of different pictures, told by where they lie."""
        return len(np.unique(self.offsets))

    def clustered(self) -> bool:
        """Whether every new picture lies right behind those before it."""
        _, firsts = np.unique(self.offsets, return_index=True)
        firsts = np.sort(firsts)
        ends = self.offsets[firsts] + self.lengths[firsts]
        return bool((self.offsets[firsts][1:] == ends[:-1]).all())

    def reach(self, first: int, end: int) -> bool:
        """Whether a tile has an id from `first` to before `end`."""
        return bool(((self.ids < end) & (self.ids + self.runs > first)).any())

    def between(self, first: int, end: int) -> Iterator[np.ndarray]:
        """Ids of tiles from `first` to before `end`, ascending, int64, in pieces of a million."""
        touching = np.flatnonzero((self.ids < end) & (self.ids + self.runs > first))
        if not len(touching):
            return
        ends = np.cumsum(self.runs[touching], dtype=np.int64)
        pieces = np.searchsorted(ends, np.arange(_IDS_AT_ONCE, int(ends[-1]), _IDS_AT_ONCE))
        for piece in np.split(touching, np.unique(pieces)):
            starts, runs = self.ids[piece], self.runs[piece].astype(np.int64)
            before = np.cumsum(runs) - runs
            ids = np.repeat(starts - before, runs) + np.arange(int(runs.sum()))
            yield ids[(ids >= first) & (ids < end)]


def read_entries(
    read: ReadBytes, root: tuple[int, int], leaves: tuple[int, int], size: int
) -> Entries:
    """All entries of a file.

    Args:
        read: Reads from the file.
        root: Offset and length of the root directory.
        leaves: Offset and length of the leaf directories.
        size: Bytes of the file.

    Raises:
        TilesetError: a directory is damaged, too large, used twice or leads outside its section;
            or there are more entries or tiles than such a file can have.
    """
    most = min(MAX_ENTRIES, _FREE_ENTRIES + size // _BYTES_AN_ENTRY)
    parts: list[tuple[np.ndarray, ...]] = []
    waiting = [(*root, "root directory", 0)]
    used: set[int] = set()
    count = 0
    while waiting:
        offset, length, name, depth = waiting.pop()
        if length > _MAX_DIRECTORY_BYTES:
            raise TilesetError(f"its {name} claims {length:,} bytes, too many for a directory.")
        if offset in used:
            raise TilesetError(f"a {name} is used twice.")
        used.add(offset)
        table = parse_directory(read(offset, length, name), name)
        is_leaf = table[1] == 0
        if is_leaf.any() and depth == _MAX_DEPTH:
            raise TilesetError(f"its directories nest deeper than {_MAX_DEPTH} levels.")
        for leaf_length, leaf_offset in table[2:, is_leaf].T.tolist():
            if leaf_offset + leaf_length > leaves[1]:
                raise TilesetError("a leaf directory lies outside its section.")
            waiting.append((leaves[0] + leaf_offset, leaf_length, "leaf directory", depth + 1))
        parts.append(_narrowed(table[:, ~is_leaf]))
        count += table.shape[1] + len(waiting)
        if count > most:
            raise TilesetError(f"it has more than {most:,} entries, too many for its size.")
    return _joined(parts, min(MAX_TILES, _FREE_TILES + size // _BYTES_A_TILE))


def _narrowed(table: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ids, runs, lengths, offsets of a directory in as few bytes as they need."""
    ids, runs, lengths, offsets = table
    most = np.iinfo(np.int32).max
    # A run or a picture that is longer is refused later, and is so after this too.
    return (
        ids,
        np.minimum(runs, most).astype(np.int32),
        np.minimum(lengths, most).astype(np.int32),
        offsets,
    )


def _joined(parts: list[tuple[np.ndarray, ...]], most_tiles: int) -> Entries:
    """The entries of all directories in the order of their ids."""
    columns = [np.concatenate([part[index] for part in parts]) for index in range(4)]
    parts.clear()
    if not (np.diff(columns[0]) > 0).all():
        order = np.argsort(columns[0], kind="stable")
        columns = [column[order] for column in columns]
    entries = Entries(*columns)
    if (entries.ids[:-1] + entries.runs[:-1] > entries.ids[1:]).any():
        raise TilesetError("two of its entries hold the same tile.")
    if int(entries.runs.sum(dtype=np.int64)) > most_tiles:
        raise TilesetError(f"it names more than {most_tiles:,} tiles, too many for its size.")
    return entries


def parse_directory(packed: bytes, name: str) -> np.ndarray:
    """A directory as int64 [4,n]: ids, runs, lengths, offsets (PMTiles 3, section 4).

    Raises:
        TilesetError: not gzip, too large, truncated, or with impossible numbers.
    """
    numbers = _varints(_unpacked(packed, name), name)
    count = int(numbers[0]) if len(numbers) else 0
    if not count or len(numbers) != 4 * count + 1:
        raise TilesetError(f"its {name} is damaged: {len(numbers)} numbers for {count} entries.")
    steps, runs, lengths, offsets = numbers[1:].reshape(4, count)
    ids = np.cumsum(steps)
    if (steps[1:] == 0).any() or (ids < 0).any() or (lengths == 0).any() or offsets[0] == 0:
        raise TilesetError(f"its {name} is damaged: entries are out of order or empty.")
    # A stored 0 means: right behind the entry before.
    given = offsets > 0
    last_given = np.maximum.accumulate(np.where(given, np.arange(count), 0))
    ends = np.cumsum(lengths)
    starts = ends - lengths
    placed = (offsets[last_given] - 1) + starts - starts[last_given]
    if (ends < 0).any() or (placed < 0).any():
        raise TilesetError(f"its {name} is damaged: its numbers are too large.")
    return np.stack([ids, runs, lengths, placed])


def _unpacked(packed: bytes, name: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(packed, _MAX_DIRECTORY_BYTES)
    except zlib.error as error:
        raise TilesetError(f"its {name} is damaged ({error}).") from error
    if unpacker.unconsumed_tail:
        raise TilesetError(f"its {name} unpacks to more than {_MAX_DIRECTORY_BYTES >> 20} MiB.")
    if not unpacker.eof:
        raise TilesetError(f"its {name} is truncated.")
    return data


def _varints(data: bytes, name: str) -> np.ndarray:
    """Little-endian base-128 numbers, int64."""
    octets = np.frombuffer(data, dtype=np.uint8)
    if not len(octets):
        return np.zeros(0, dtype=np.int64)
    last = octets < 0x80
    if not last[-1]:
        raise TilesetError(f"its {name} is truncated.")
    starts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    sizes = np.diff(np.append(starts, len(octets)))
    if (sizes > _LONGEST_NUMBER).any():
        raise TilesetError(f"its {name} is damaged: a number is too large.")
    place = np.arange(len(octets)) - np.repeat(starts, sizes)
    values = (octets & 0x7F).astype(np.int64) << (7 * place)
    numbers: np.ndarray = np.add.reduceat(values, starts)
    return numbers
