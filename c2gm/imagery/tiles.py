"""Imagery from web map tiles, wherever they are kept."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import product
from typing import Protocol

import numpy as np
from mercantile import Tile
from PIL import Image, UnidentifiedImageError

from ..errors import ImageryError
from ..grid import TILE_SIZE, PixelBox, TileRange, bounds_of
from ..words import printable
from .blocks import DEFAULT_CACHE_BYTES, Block, BlockImagery, masked

RECIPE = "tiles-1"  # changes when the same tiles would give other pixels
LARGEST_ZOOM = 22
LARGEST_PICTURE = 16 << 20  # bytes; no tile of 512 px needs a tenth of it
_REACH = 2  # px that the cubic kernel reaches when it enlarges
_CONTEXT = 2 * _REACH + 1  # px read around a region that is enlarged


class TileStore(Protocol):
    """Tiles of imagery by z/x/y (XYZ), as picture files.

    Attributes:
        name: What to call it in messages and metadata.
        attribution: Credit of the source, empty if unknown.
        fingerprint: Hash of what decides its pixels.
        zooms: Zooms that hold tiles, ascending; at least one, none above 22.
        averaged: How many zooms below the lowest may be averaged from it.
    """

    name: str
    attribution: str
    fingerprint: str
    zooms: tuple[int, ...]
    averaged: int

    def extent(self, zoom: int) -> TileRange:
        """The smallest range of tiles around all of a zoom."""
        ...

    def tile_size(self) -> int:
        """Pixels along the side of its tiles."""
        ...

    def picture(self, tile: Tile) -> bytes | None:
        """The picture file of a tile, or None where there is no tile.

        Raises:
            ImageryError: it cannot be read.
        """
        ...

    def label(self, tile: Tile) -> str:
        """What to call a tile in messages."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


class TileImagery(BlockImagery):
    """Web map tiles of imagery; see `Imagery`.

    Each zoom is read from its own tiles, tiles that are missing are invalid. A zoom that lacks is
    averaged from the next finer one there is, or else enlarged from the finest. Tiles of 512 px
    count as those of 256 px of the next zoom.
    """

    def __init__(
        self,
        store: TileStore,
        *,
        attribution: str = "",
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> None:
        """Read the tiles of a store.

        Raises:
            ImageryError: its tiles have another size than 256 or 512 px.
        """
        super().__init__(cache_bytes)
        self._store = store
        self._tile_size = store.tile_size()
        self._finer = self._tile_size.bit_length() - TILE_SIZE.bit_length()
        self._extents: dict[int, TileRange] = {}
        self._zooms = {zoom + self._finer for zoom in store.zooms}
        self.name = store.name
        self.native_zoom = max(self._zooms)
        self.bounds = bounds_of(store.extent(store.zooms[-1]))
        self.attribution = attribution or store.attribution
        self.fingerprint = store.fingerprint

    def make_block(self, box: PixelBox) -> Block | None:
        """Pixels of a canonical block, or None where the tiles have none."""
        if box.zoom in self._zooms:
            return self._paste_tiles(box)
        if box.zoom > self.native_zoom:
            return self._enlarge_coarser(box)
        lowest = min(self._zooms)
        if lowest - box.zoom > self._store.averaged:
            raise ImageryError(
                f"{self.name} has no tiles below zoom {lowest}, and zoom {box.zoom} would take too "
                "many of them. Read a higher zoom."
            )
        # Without this, the empty ground around would be looked through to the finest zoom.
        return self._average_finer(box) if self._reaches(box) else None

    def _reaches(self, box: PixelBox) -> bool:
        """Whether tiles of the next finer zoom there is may lie in a box."""
        zoom = min(zoom for zoom in self._zooms if zoom > box.zoom)
        if zoom not in self._extents:
            self._extents[zoom] = self._store.extent(zoom - self._finer)
        tiles, shift, side = self._extents[zoom], zoom - box.zoom, self._tile_size
        if box.top << shift >= (tiles.bottom + 1) * side or box.bottom << shift <= tiles.top * side:
            return False
        turn = TILE_SIZE << zoom
        left, right = tiles.left * side, (tiles.right + 1) * side
        return any(
            (box.left << shift) + turns < right and (box.right << shift) + turns > left
            for turns in (0, turn)
        )

    def _paste_tiles(self, box: PixelBox) -> Block | None:
        rgb = np.zeros((box.height, box.width, 3), np.uint8)
        valid = np.zeros((box.height, box.width), bool)
        side = self._tile_size
        columns = range(box.left // side, (box.right - 1) // side + 1)
        rows = range(box.top // side, (box.bottom - 1) // side + 1)
        for x, y in product(columns, rows):
            tile = Tile(x, y, box.zoom - self._finer)  # of 512 px: named by the zoom below
            picture = self._store.picture(tile)
            if picture is None:
                continue
            top, left = y * side - box.top, x * side - box.left
            target = np.s_[top : top + side, left : left + side]
            rgb[target], valid[target] = self._decoded(picture, self._store.label(tile))
        return masked(rgb, valid)

    def _average_finer(self, box: PixelBox) -> Block | None:
        """Mean of the valid pixels of the next zoom; a pixel is valid if half of it is."""
        finer = PixelBox(box.zoom + 1, 2 * box.left, 2 * box.top, 2 * box.right, 2 * box.bottom)
        rgb, valid = self.read(finer)
        if not valid.any():
            return None
        quads = (box.height, 2, box.width, 2)
        count = valid.reshape(quads).sum(axis=(1, 3), dtype=np.uint16)
        total = rgb.reshape(*quads, 3).sum(axis=(1, 3), dtype=np.uint16)  # invalid pixels are 0
        divisor = np.maximum(count, 1)[..., None]
        return masked(((total + divisor // 2) // divisor).astype(np.uint8), count >= 2)

    def _enlarge_coarser(self, box: PixelBox) -> Block | None:
        """The finest zoom enlarged, cubic; valid where the pixel beneath is."""
        factor = 1 << (box.zoom - self.native_zoom)
        left, top = box.left // factor - _CONTEXT, box.top // factor - _CONTEXT
        right, bottom = -(-box.right // factor) + _CONTEXT, -(-box.bottom // factor) + _CONTEXT
        rgb, valid = self.read(PixelBox(self.native_zoom, left, top, right, bottom))
        if not valid.any():
            return None
        region = (
            box.left / factor - left,
            box.top / factor - top,
            box.right / factor - left,
            box.bottom / factor - top,
        )
        size = (box.width, box.height)
        picture = Image.fromarray(_grown_into_invalid(rgb, valid))
        large = picture.resize(size, Image.Resampling.BICUBIC, box=region)
        mask = Image.fromarray(valid.view(np.uint8)).resize(
            size, Image.Resampling.NEAREST, box=region
        )
        return masked(np.asarray(large), np.asarray(mask) > 0)

    def _decoded(self, picture: bytes, label: str) -> tuple[np.ndarray, np.ndarray]:
        """Pixels and validity of one tile."""
        side = self._tile_size
        try:
            with open_picture(picture) as image:
                # The header is checked before a pixel is unpacked: a bomb never gets memory.
                if image.size != (side, side):
                    raise ImageryError(
                        f"Tile {label} measures {image.width}x{image.height} pixels. "
                        f"Give tiles of {side}x{side} only, as the first one is."
                    )
                if image.mode.startswith(("I", "F")):
                    raise ImageryError(f"Tile {label} is not an 8-bit picture. Convert it to RGB.")
                rgba = np.asarray(image.convert("RGBA"))
        except _NOT_A_PICTURE as error:
            raise unreadable(label, error) from error
        return rgba[..., :3], rgba[..., 3] >= 128

    def close(self) -> None:
        """Let go of files; no other thread may be reading."""
        super().close()
        self._store.close()


def open_picture(picture: bytes) -> Image.Image:
    """A PNG, JPEG or WebP file of a tile, its pixels not yet unpacked."""
    if len(picture) > LARGEST_PICTURE:
        raise OSError(f"{len(picture):,} bytes are too many for a tile")
    return Image.open(io.BytesIO(picture), formats=("PNG", "JPEG", "WEBP"))


def measure_tile(picture: bytes | None, label: str) -> int:
    """Side of a square tile in px.

    Raises:
        ImageryError: it is no picture, or neither 256 nor 512 px.
    """
    try:
        with open_picture(picture or b"") as image:
            size = image.size
    except _NOT_A_PICTURE as error:
        raise unreadable(label, error) from error
    if size not in ((TILE_SIZE, TILE_SIZE), (2 * TILE_SIZE, 2 * TILE_SIZE)):
        raise ImageryError(
            f"Tile {label} measures {size[0]}x{size[1]} pixels. Give tiles of 256x256 or 512x512."
        )
    return size[0]


def unreadable(label: str, error: Exception) -> ImageryError:
    """What to say of a tile that Pillow does not read."""
    reason = printable(error)
    if isinstance(error, UnidentifiedImageError):  # whose text is an address in memory
        reason = "it is no PNG, JPEG or WebP picture"
    return ImageryError(f"Tile {label} cannot be read: {reason}. Is it complete?")


def surrounding_tiles(tiles: Iterable[tuple[int, int]], zoom: int) -> TileRange:
    """The smallest range around tiles (x, y), across the antimeridian where that is shorter."""
    side = 1 << zoom
    found: set[int] = set()
    top, bottom = side, -1
    for x, y in tiles:
        found.add(x)
        top, bottom = min(top, y), max(bottom, y)
    columns = sorted(found)
    gaps = [
        (following - column, following)
        for column, following in zip(columns, [*columns[1:], columns[0] + side], strict=True)
    ]
    first = max(gaps)[1] % side
    last = max((x - first) % side for x in columns) + first
    return TileRange(zoom, first, top, last, bottom)


def _grown_into_invalid(rgb: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Colours continued into invalid pixels, so that enlarging does not mix their black in."""
    for _ in range(_REACH):
        if valid.all():
            break
        weights = np.pad(valid, 1).astype(np.float32)
        colours = np.pad(rgb, ((1, 1), (1, 1), (0, 0))) * weights[..., None]
        count, total = _sum_of_nine(weights), _sum_of_nine(colours)
        fresh = ~valid & (count > 0)
        mean = np.rint(total / np.maximum(count, 1)[..., None]).astype(np.uint8)
        rgb, valid = np.where(fresh[..., None], mean, rgb), valid | fresh
    return rgb


def _sum_of_nine(padded: np.ndarray) -> np.ndarray:
    """Sum over each pixel and its eight neighbours."""
    columns = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return np.asarray(columns[:-2] + columns[1:-1] + columns[2:])


_NOT_A_PICTURE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
