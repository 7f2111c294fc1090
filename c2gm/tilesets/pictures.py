"""The picture file of one tile: PNG out, PNG, JPEG or WebP in."""

from __future__ import annotations

import io

import numpy as np
from mercantile import Tile
from PIL import Image

from ..errors import TilesetError
from ..grid import TILE_SIZE

PNG_LEVEL = 6  # the smallest files per second of work; higher levels cost time and save little
MAX_PICTURE_BYTES = 16 << 20  # a 256 px tile never needs a tenth of it
PICTURE_KINDS = ("png", "jpg", "webp")
PICTURE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_PILLOW_NAMES = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}


class BadPicture(TilesetError):
    """A stored tile is no usable picture; the message goes on after the tile's name.

    `code` is the fault that `verify` reports.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def encode_png(pixels: np.ndarray) -> bytes:
    """PNG file of a tile.

    Args:
        pixels: uint8 [256,256,3] or [256,256,4].

    Raises:
        TilesetError: another shape or type.
    """
    shape = (TILE_SIZE, TILE_SIZE)
    if pixels.dtype != np.uint8 or pixels.shape not in ((*shape, 3), (*shape, 4)):
        raise TilesetError(
            f"A tile must be uint8 of 256 x 256 x 3 or 4, not {pixels.dtype} {pixels.shape}."
        )
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=PNG_LEVEL)
    return file.getvalue()


def picture_kind(picture: bytes) -> str | None:
    """png, jpg or webp by the first bytes, or None."""
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if picture.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return "webp"
    return None


def decode_picture(picture: bytes) -> np.ndarray:
    """Pixels of a tile's picture file, uint8 [256,256,3] or, with transparency, [256,256,4].

    Raises:
        BadPicture: empty, compressed once more, not a picture, truncated or of another size.
    """
    kind = check_magic(picture)
    try:
        with Image.open(io.BytesIO(picture), formats=(_PILLOW_NAMES[kind],)) as image:
            # The header is checked before a pixel is decoded: a bomb never gets memory.
            if image.size != (TILE_SIZE, TILE_SIZE):
                raise BadPicture(
                    "wrong-size", f"is {image.width} x {image.height} px, not 256 x 256."
                )
            transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            return np.asarray(image.convert("RGBA" if transparent else "RGB"))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise BadPicture("damaged-picture", f"is a damaged {kind} picture ({error}).") from error


def check_magic(picture: bytes) -> str:
    """Kind of a picture by its first bytes.

    Raises:
        BadPicture: it is none.
    """
    if not picture:
        raise BadPicture("empty-picture", "is empty (0 bytes).")
    if len(picture) > MAX_PICTURE_BYTES:
        raise BadPicture(
            "damaged-picture", f"has {len(picture)} bytes, too many for a 256 px picture."
        )
    kind = picture_kind(picture)
    if kind is None and picture[:2] == b"\x1f\x8b":
        raise BadPicture("gzipped-picture", "is gzipped; pictures of map tiles never are.")
    if kind is None:
        raise BadPicture("not-a-picture", "is not a PNG, JPEG or WebP picture.")
    return kind


def decode_tile(picture: bytes, tile: Tile, source: str) -> np.ndarray:
    """Pixels of a tile, uint8 [256,256,3] or [256,256,4].

    Raises:
        TilesetError: not a 256 px picture; names tile and tile set.
    """
    try:
        return decode_picture(picture)
    except BadPicture as error:
        raise TilesetError(f"Tile {tile.z}/{tile.x}/{tile.y} of {source} {error}") from error
