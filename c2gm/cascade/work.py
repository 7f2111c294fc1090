"""Units of work: what a painted batch or block adds to a job, and how pixels are packed."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from mercantile import Tile

from ..grid import TILE_SIZE, WINDOW_SIZE, Window

MOST_BYTES = WINDOW_SIZE * WINDOW_SIZE * 4  # of any picture, unpacked


class State(IntEnum):
    """State of a window or a tile."""

    PENDING = 0  # never stored: no row
    PAINTED = 1
    EMPTY = 2  # no valid imagery pixel: nothing to paint


@dataclass(frozen=True)
class PackedWindow:
    """A painted window as it is stored; without a picture where no tile needs it any more."""

    picture: bytes | None
    valid: bytes | None

    def entry(self) -> tuple[np.ndarray, np.ndarray]:
        """Picture uint8 [H,W,3], and valid bool [256,256] of its tile.

        Raises:
            ValueError: they are not what was stored.
        """
        picture = unpack(self.picture or b"", 3)
        flat = np.unpackbits(unpack(self.valid or b"", 1))
        return picture, flat.reshape(TILE_SIZE, TILE_SIZE).astype(bool)


@dataclass(frozen=True)
class PackedTile:
    """A finished tile as it is stored; without pixels where it has none."""

    pixels: bytes | None
    sha256: bytes | None

    @property
    def state(self) -> State:
        """Its state."""
        return State.EMPTY if self.pixels is None else State.PAINTED

    def unpacked(self) -> np.ndarray | None:
        """Pixels uint8 [256,256,3 or 4]; None where it has none.

        Raises:
            ValueError: they are not what was stored.
        """
        if self.pixels is None:
            return None
        raw = _inflate(self.pixels)
        if hashlib.sha256(raw).digest() != self.sha256:
            raise ValueError("The hash does not fit.")
        pixels = np.frombuffer(raw, dtype=np.uint8).reshape(TILE_SIZE, TILE_SIZE, -1)
        if pixels.shape[-1] not in (3, 4):
            raise ValueError("These are no three or four channels.")
        return pixels


@dataclass(frozen=True)
class BlockRecord:
    """Who painted a block of windows elsewhere.

    Attributes:
        zoom: Its zoom.
        x: Its column among blocks.
        y: Its row.
        attempts: How often it was given out.
        worker: Who did it.
        sha256: Of what came back.
    """

    zoom: int
    x: int
    y: int
    attempts: int
    worker: str
    sha256: bytes


@dataclass
class Work:
    """What one transaction stores.

    Attributes:
        windows: Painted windows: picture uint8 [H,W,3] and valid bool [256,256] of its tile.
        empty_windows: Windows without a valid imagery pixel.
        tiles: Finished tiles: pixels uint8 [256,256,3 or 4], None where the tile has none.
        dropped: Windows whose pictures no tile needs any more.
        packed_windows: Windows that were painted and packed elsewhere.
        painted_windows: Windows that were painted elsewhere, and whose pictures no tile needs.
        packed_tiles: Tiles that were finished and packed elsewhere.
        block: Who painted it, where that was elsewhere.
    """

    windows: dict[Window, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    empty_windows: list[Window] = field(default_factory=list)
    tiles: dict[Tile, np.ndarray | None] = field(default_factory=dict)
    dropped: list[Window] = field(default_factory=list)
    packed_windows: dict[Window, PackedWindow] = field(default_factory=dict)
    painted_windows: list[Window] = field(default_factory=list)
    packed_tiles: dict[Tile, PackedTile] = field(default_factory=dict)
    block: BlockRecord | None = None


def pack(pixels: np.ndarray) -> bytes:
    """Pixels in few bytes, losslessly.

    zlib's fastest level: three to four times quicker than Pillow's fastest PNG, both ways, on maps
    and on noisy pictures alike, for files as large within a half.
    """
    return zlib.compress(np.ascontiguousarray(pixels).tobytes(), 1)


def unpack(blob: bytes, channels: int) -> np.ndarray:
    """The square picture [side,side,channels] of packed pixels; flat where channels is 1."""
    flat = np.frombuffer(_inflate(blob), dtype=np.uint8)
    if channels == 1:
        return flat
    side = round((flat.size // channels) ** 0.5)
    return flat.reshape(side, side, channels)


def pack_window(picture: np.ndarray, valid: np.ndarray) -> PackedWindow:
    """A painted window as it is stored."""
    return PackedWindow(pack(picture), pack(np.packbits(valid)))


def pack_tile(pixels: np.ndarray | None) -> PackedTile:
    """A finished tile as it is stored."""
    if pixels is None:
        return PackedTile(None, None)
    raw = np.ascontiguousarray(pixels).tobytes()
    return PackedTile(zlib.compress(raw, 1), hashlib.sha256(raw).digest())


def _inflate(blob: bytes) -> bytes:
    """Unpack bytes that may have been damaged, or made to swell.

    Raises:
        ValueError: they are no packed picture.
    """
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(blob, MOST_BYTES)
    except (zlib.error, TypeError) as error:
        raise ValueError(f"This is no packed picture ({error}).") from error
    if not inflater.eof:
        raise ValueError("The packed picture is cut off, or too large.")
    return raw
