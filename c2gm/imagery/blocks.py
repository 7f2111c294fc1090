"""Imagery that is read in canonical blocks: squares of 512 px with corners at multiples of 512.

A warped pixel depends a little on the box it is warped in (GDAL approximates each box's transform).
Reading only canonical blocks, and cutting every asked box from them, makes a pixel the same
whatever was asked, in whatever order and by however many threads.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..grid import TILE_SIZE, PixelBox

BLOCK_SIZE = 512
DEFAULT_CACHE_BYTES = 96 << 20

Block = tuple[np.ndarray, np.ndarray]
"""rgb uint8 [H,W,3] and valid bool [H,W], H = W = 512 (256 at zoom 0); never written to."""


class BlockCache:
    """The blocks used last, bounded in bytes; safe to use from several threads."""

    def __init__(self, max_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._blocks: OrderedDict[tuple[int, int, int], Block] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int, int]) -> Block | None:
        """The block (zoom, column, row), or None if it is not held."""
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                self._blocks.move_to_end(key)
            return block

    def put(self, key: tuple[int, int, int], block: Block) -> None:
        """Hold a block and let the ones unused for longest go."""
        with self._lock:
            if key in self._blocks:
                return
            self._blocks[key] = block
            self._bytes += _size(block)
            while self._bytes > self._max_bytes and len(self._blocks) > 1:
                _, old = self._blocks.popitem(last=False)
                self._bytes -= _size(old)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._bytes

    def clear(self) -> None:
        """Let all go."""
        with self._lock:
            self._blocks.clear()
            self._bytes = 0


class _Turns:
    """One thread at a time for each key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[int, int, int], tuple[threading.Lock, int]] = {}

    @contextmanager
    def take(self, key: tuple[int, int, int]) -> Iterator[None]:
        """Wait for the key, and hold it."""
        with self._lock:
            lock, count = self._waiting.get(key, (threading.Lock(), 0))
            self._waiting[key] = lock, count + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, count = self._waiting.pop(key)
                if count > 1:
                    self._waiting[key] = lock, count - 1


class BlockImagery(ABC):
    """Imagery whose kind says only how one canonical block is made; see `Imagery`."""

    name: str
    bounds: tuple[float, float, float, float]
    native_zoom: int
    attribution: str
    fingerprint: str
    reading: str = ""  # how values that are not of 8 bits are shown

    def __init__(self, cache_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._cache = BlockCache(cache_bytes)
        self._turns = _Turns()

    @abstractmethod
    def make_block(self, box: PixelBox) -> Block | None:
        """Pixels of a canonical block, or None where the imagery has none; not cached."""

    def advice(self, zoom: int) -> tuple[str, ...]:
        """Sentences on what would make reading at a zoom, and below it, better or quicker."""
        return ()

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of any box of the world grid; see `Imagery.read`."""
        rgb = np.zeros((max(0, box.height), max(0, box.width), 3), np.uint8)
        valid = np.zeros(rgb.shape[:2], bool)
        side = TILE_SIZE << box.zoom
        for left, right in _spans(box.left, box.right, BLOCK_SIZE, side):
            for top, bottom in _spans(max(0, box.top), min(side, box.bottom), BLOCK_SIZE, side):
                column, row = (left % side) // BLOCK_SIZE, top // BLOCK_SIZE
                block = self._block(box.zoom, column, row)
                x, y = left % side - column * BLOCK_SIZE, top - row * BLOCK_SIZE
                source = np.s_[y : y + bottom - top, x : x + right - left]
                target = np.s_[top - box.top : bottom - box.top, left - box.left : right - box.left]
                rgb[target] = block[0][source]
                valid[target] = block[1][source]
        return rgb, valid

    def _block(self, zoom: int, column: int, row: int) -> Block:
        """A canonical block from the cache, or made."""
        key = (zoom, column, row)
        block = self._cache.get(key)
        if block is not None:
            return block
        # Threads read neighbouring windows, which share blocks: none is made twice. A block may
        # need blocks of other zooms, but never the other way round, so nobody waits in a circle.
        with self._turns.take(key):
            block = self._cache.get(key)
            if block is None:
                block = self.make_block(block_box(zoom, column, row)) or _EMPTY
                self._cache.put(key, block)
        return block

    def close(self) -> None:
        """Let go of files and of the cache; no other thread may be reading."""
        self._cache.clear()


def block_box(zoom: int, column: int, row: int) -> PixelBox:
    """The box of a canonical block, cut off at the end of the world (zoom 0 is 256 px wide)."""
    side = TILE_SIZE << zoom
    left, top = column * BLOCK_SIZE, row * BLOCK_SIZE
    return PixelBox(zoom, left, top, min(left + BLOCK_SIZE, side), min(top + BLOCK_SIZE, side))


def masked(rgb: np.ndarray, valid: np.ndarray) -> Block | None:
    """A block with its invalid pixels set to 0; None if no pixel is valid."""
    if not valid.any():
        return None
    if not valid.all():
        rgb = np.where(valid[..., None], rgb, np.uint8(0))
    return rgb, valid


def filled(block: Block, other: Block | None) -> Block:
    """A block whose invalid pixels are taken from another."""
    if other is None:
        return block
    missing = other[1] & ~block[1]
    return np.where(missing[..., None], other[0], block[0]), block[1] | missing


def _spans(first: int, last: int, block: int, side: int) -> Iterator[tuple[int, int]]:
    """Cut [first, last) at the borders of blocks and of copies of the world."""
    while first < last:
        inside = first % side
        step = min(block - inside % block, side - inside)
        yield first, min(last, first + step)
        first += step


def _size(block: Block) -> int:
    return 1024 if block is _EMPTY else block[0].nbytes + block[1].nbytes


_EMPTY: Block = (
    np.zeros((BLOCK_SIZE, BLOCK_SIZE, 3), np.uint8),
    np.zeros((BLOCK_SIZE, BLOCK_SIZE), bool),
)
