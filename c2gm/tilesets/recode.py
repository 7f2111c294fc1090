"""Other pictures of the same map: lossless WebP, one palette for all tiles, quiet colours.

A painted map has a little noise in what should be plain, and noise is what makes files large:
quiet colours put it back to the legend. A palette is one for the whole tile set, because tiles
with palettes of their own differ where they meet.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from mercantile import Tile
from PIL import Image

from ..errors import TilesetError
from ..legend import palette as legend_palette
from .base import StoredTileSet
from .pictures import PNG_LEVEL, decode_tile

Coding = Literal["same", "png", "webp"]
CODINGS: tuple[Coding, ...] = ("same", "png", "webp")
QUIET_LEVELS = 3  # in every channel, that a pixel may differ from a legend colour
PALETTE_SIZE = 256
TRANSPARENT = 255  # index of the palette's last place
SAMPLED_TILES = 256  # that the palette is made from
_WEBP_METHOD = 4  # 5 and 6 take many times as long for a hundredth of the bytes


@dataclass(frozen=True)
class Recoding:
    """How the pictures of a copy are stored.

    Attributes:
        coding: `same` keeps the kind of picture; `png` and `webp` are both lossless.
        quiet_colours: Pixels within 3 levels of a legend colour take it.
        palette: One palette of 255 colours for the whole tile set, as PNG.
    """

    coding: Coding = "same"
    quiet_colours: bool = False
    palette: bool = False

    @property
    def keeps_bytes(self) -> bool:
        """Whether pictures are copied as they are."""
        return self == Recoding()

    @property
    def keeps_pixels(self) -> bool:
        """Whether every pixel is as before."""
        return not (self.quiet_colours or self.palette)

    def told(self) -> dict[str, str]:
        """What the metadata of the copy say of it."""
        told = {}
        if self.quiet_colours:
            told["quiet_colours"] = f"{QUIET_LEVELS} levels"
        if self.palette:
            told["palette"] = f"{PALETTE_SIZE - 1} colours for all tiles"
        return told


SAME = Recoding()


class Recoder:
    """Codes the pictures of one tile set anew.

    Raises:
        TilesetError: WebP and a palette were asked for together.
    """

    def __init__(self, tileset: StoredTileSet, recoding: Recoding) -> None:
        if recoding.palette and recoding.coding == "webp":
            raise TilesetError(
                "WebP has no palette of the whole tile set. Give either WebP or the palette."
            )
        self._tileset, self.recoding = tileset, recoding
        self.palette = tileset_palette(tileset, recoding) if recoding.palette else None

    def picture(self, tile: Tile, picture: bytes) -> bytes:
        """The new picture file of a tile.

        Raises:
            TilesetError: the old one is damaged.
        """
        if self.recoding.keeps_bytes:
            return picture
        pixels = self.pixels(tile, picture)
        if self.palette is not None:
            return _palette_png(palette_indices(pixels, self.palette), self.palette)
        if self.recoding.coding == "webp" or (
            self.recoding.coding == "same" and picture[:4] == b"RIFF"
        ):
            return _webp(pixels)
        return _png(pixels)

    def pixels(self, tile: Tile, picture: bytes) -> np.ndarray:
        """Pixels of a tile as the copy shows them, its palette not yet applied."""
        pixels = decode_tile(picture, tile, self._tileset.path.name)
        return quietened(pixels) if self.recoding.quiet_colours else pixels


def quietened(pixels: np.ndarray) -> np.ndarray:
    """Pixels within 3 levels of a legend colour in every channel take it; others are kept."""
    red, green, blue = _near_levels()
    near = red[pixels[..., 0]] & green[pixels[..., 1]] & blue[pixels[..., 2]]
    found = np.flatnonzero(near)
    quiet = pixels.copy()
    # The exponent of a float names the highest bit: of two near colours the later wins.
    colours = np.frexp(near.ravel()[found].astype(np.float64))[1] - 1
    quiet.reshape(-1, quiet.shape[-1])[found, :3] = legend_palette()[colours]
    return quiet


@functools.cache
def _near_levels() -> np.ndarray:
    """For each level of red, green and blue the legend colours near it: bits uint32 [3,256]."""
    away = np.abs(np.arange(256)[:, None, None] - legend_palette().astype(np.int64))
    bits = np.uint32(1) << np.arange(away.shape[1], dtype=np.uint32)
    near: np.ndarray = (bits[None, :, None] * (away <= QUIET_LEVELS)).sum(1).T.astype(np.uint32)
    return near


def tileset_palette(tileset: StoredTileSet, recoding: Recoding) -> np.ndarray:
    """One palette for all tiles, uint8 [255,3]: the legend, then the map's commonest blends.

    Made from up to 256 tiles spread over the zooms; the same map gives the same palette.
    """
    counts = np.zeros(1 << 18, dtype=np.float64)
    sums = np.zeros((1 << 18, 3))
    for pixels in _sampled(tileset, recoding):
        bins = _bin(pixels)
        counts += np.bincount(bins, minlength=len(counts))
        for channel in range(3):
            weights = pixels[:, channel].astype(np.float64)
            sums[:, channel] += np.bincount(bins, weights, minlength=len(counts))
    legend = legend_palette()
    counts[_bin(legend)] = 0  # these colours are in already
    used = np.flatnonzero(counts)
    free = PALETTE_SIZE - 1 - len(legend)
    if not len(used):
        return np.concatenate([legend, np.zeros((free, 3), np.uint8)])
    means = (sums[used] / counts[used, None] + 0.5).astype(np.uint8)
    # Median cut sees each colour as often as the square root of its share: what is rare but
    # everywhere, like the rims of roads, must not vanish under what is plain.
    often = np.maximum(1, np.sqrt(counts[used] / counts.max()) * 200).astype(np.int64)
    row = Image.fromarray(np.repeat(means, often, axis=0)[None])
    cut = row.quantize(free, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    found = np.array(cut.getpalette() or [], dtype=np.uint8).reshape(-1, 3)[:free]
    blends = np.zeros((free, 3), dtype=np.uint8)
    blends[: len(found)] = found
    return np.concatenate([legend, blends])


def _bin(pixels: np.ndarray) -> np.ndarray:
    """Number of a colour by the upper six bits of its channels; pixels uint8 [n,3]."""
    upper = (pixels >> 2).astype(np.int64)
    numbers: np.ndarray = (upper[:, 0] << 12) | (upper[:, 1] << 6) | upper[:, 2]
    return numbers


def _sampled(tileset: StoredTileSet, recoding: Recoding) -> Iterator[np.ndarray]:
    """Opaque pixels uint8 [n,3] of tiles spread over the tile set."""
    total = sum(1 for zoom in tileset.zooms for _ in tileset.tiles(zoom))
    step = max(1, total // SAMPLED_TILES)
    tiles = (tile for zoom in tileset.zooms for tile in tileset.tiles(zoom))
    for number, tile in enumerate(tiles):
        if number % step:
            continue
        pixels = decode_tile(tileset.get_bytes(tile) or b"", tile, tileset.path.name)
        if recoding.quiet_colours:
            pixels = quietened(pixels)
        yield pixels[..., :3][_shown(pixels)]


def _shown(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[2] == 3:
        return np.ones(pixels.shape[:2], dtype=bool)
    opaque: np.ndarray = pixels[..., 3] >= 128
    return opaque


def palette_indices(pixels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Place of the nearest palette colour of each pixel, uint8 [H,W]; 255 where transparent.

    Colours of the palette are met exactly, and the same colour goes to the same place in every
    tile.
    """
    codes = pixels[..., :3].astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    colours, inverse = np.unique(codes, return_inverse=True)
    # Whole numbers below 2^24 are exact as float32, and multiplied many times faster.
    rgb = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.float32)
    known = palette.astype(np.float32)
    distance = -2 * (rgb @ known.T) + (known**2).sum(-1)
    indices = distance.argmin(1).astype(np.uint8)[inverse].reshape(codes.shape)
    shown: np.ndarray = np.where(_shown(pixels), indices, np.uint8(TRANSPARENT))
    return shown


def _palette_png(indices: np.ndarray, palette: np.ndarray) -> bytes:
    image = Image.fromarray(indices)
    image.putpalette(np.concatenate([palette, np.zeros((1, 3), np.uint8)]).tobytes())
    file = io.BytesIO()
    clear = {"transparency": TRANSPARENT} if (indices == TRANSPARENT).any() else {}
    image.save(file, "PNG", compress_level=9, **clear)
    return file.getvalue()


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=PNG_LEVEL)
    return file.getvalue()


def _webp(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    # exact: else the colours below transparent pixels are changed, and bytes with them.
    Image.fromarray(pixels).save(file, "WEBP", lossless=True, method=_WEBP_METHOD, exact=True)
    return file.getvalue()
