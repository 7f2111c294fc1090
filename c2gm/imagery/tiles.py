"""Imagery from a folder of web map tiles, `{z}/{x}/{y}.png|jpg|jpeg|webp`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from mercantile import Tile
from PIL import Image

from ..errors import ImageryError
from ..grid import TILE_SIZE, PixelBox, TileRange, bounds_of, tiles_of_box
from .blocks import DEFAULT_CACHE_BYTES, Block, BlockImagery, masked
from .fingerprint import WHOLE_BYTES

RECIPE = "tiles-1"  # changes when the same folder would give other pixels
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_SAMPLES = 256  # tiles read for the fingerprint of a large folder
_REACH = 2  # px that the cubic kernel reaches when it enlarges
_CONTEXT = 2 * _REACH + 1  # px read around a region that is enlarged


class TileFolderImagery(BlockImagery):
    """Web map tiles of imagery; see `Imagery`.

    Each zoom of the folder is read from its own tiles, tiles that are missing are invalid. A zoom
    the folder lacks is averaged from the next finer one it has, or else enlarged from its finest.
    """

    def __init__(
        self, folder: Path, *, attribution: str = "", cache_bytes: int = DEFAULT_CACHE_BYTES
    ) -> None:
        """List the tiles of a folder.

        Raises:
            ImageryError: it holds no tiles.
        """
        super().__init__(cache_bytes)
        self._folder = folder
        self._tiles = _list_tiles(folder)
        if not self._tiles:
            raise ImageryError(
                f"{folder} holds no map tiles. Give a folder laid out as {{z}}/{{x}}/{{y}}.png "
                "(or .jpg, .webp), or one raster file."
            )
        self.name = folder.resolve().name
        self.native_zoom = max(self._tiles)
        self.bounds = bounds_of(_surrounding(self._tiles[self.native_zoom], self.native_zoom))
        self.attribution = attribution or _attribution(folder)
        self.fingerprint = self._hash_tiles()

    def _make_block(self, box: PixelBox) -> Block | None:
        if box.zoom in self._tiles:
            return self._paste_tiles(box)
        if box.zoom < self.native_zoom:
            return self._average_finer(box)
        return self._enlarge_coarser(box)

    def _paste_tiles(self, box: PixelBox) -> Block | None:
        rgb = np.zeros((box.height, box.width, 3), np.uint8)
        valid = np.zeros((box.height, box.width), bool)
        known = self._tiles[box.zoom]
        for tile in tiles_of_box(box):
            suffix = known.get((tile.x, tile.y))
            if suffix is None:
                continue
            top, left = tile.y * TILE_SIZE - box.top, tile.x * TILE_SIZE - box.left
            target = np.s_[top : top + TILE_SIZE, left : left + TILE_SIZE]
            rgb[target], valid[target] = self._load(tile, suffix)
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

    def _load(self, tile: Tile, suffix: str) -> tuple[np.ndarray, np.ndarray]:
        """Pixels and validity of one tile."""
        path = self._path(tile.z, tile.x, tile.y, suffix)
        try:
            with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
                if picture.size != (TILE_SIZE, TILE_SIZE):
                    raise ImageryError(
                        f"Tile {path} measures {picture.width}x{picture.height} pixels. "
                        f"Give a folder of {TILE_SIZE}x{TILE_SIZE} tiles."
                    )
                if picture.mode.startswith(("I", "F")):
                    raise ImageryError(f"Tile {path} is not an 8-bit picture. Convert it to RGB.")
                rgba = np.asarray(picture.convert("RGBA"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise ImageryError(f"Tile {path} cannot be read: {error}. Is it complete?") from error
        return rgba[..., :3], rgba[..., 3] >= 128

    def _path(self, zoom: int, x: int, y: int, suffix: str) -> Path:
        return self._folder / str(zoom) / str(x) / f"{y}{suffix}"

    def _hash_tiles(self) -> str:
        """SHA-256 of names, sizes and contents; of large folders only some contents."""
        digest = hashlib.sha256(RECIPE.encode())
        files = [
            self._path(zoom, x, y, suffix)
            for zoom, tiles in sorted(self._tiles.items())
            for (x, y), suffix in sorted(tiles.items())
        ]
        total = 0
        for path in files:
            size = path.stat().st_size
            total += size
            digest.update(f"{path.relative_to(self._folder).as_posix()} {size};".encode())
        step = 1 if total <= WHOLE_BYTES else max(1, len(files) // _SAMPLES)
        for path in files[::step]:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


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


def _list_tiles(folder: Path) -> dict[int, dict[tuple[int, int], str]]:
    """Suffix of each tile: zoom -> (x, y) -> ".png"; other files are ignored."""
    found: dict[int, dict[tuple[int, int], str]] = {}
    for zoom_folder in folder.iterdir():
        zoom = _number(zoom_folder.name)
        if zoom is None or zoom > 22 or not zoom_folder.is_dir():
            continue
        tiles: dict[tuple[int, int], str] = {}
        for column in zoom_folder.iterdir():
            x = _number(column.name)
            if x is None or x >> zoom or not column.is_dir():
                continue
            for file in column.iterdir():
                y = _number(file.stem)
                if y is not None and not y >> zoom and file.suffix.lower() in _SUFFIXES:
                    tiles[x, y] = file.suffix
        if tiles:
            found[zoom] = tiles
    return found


def _number(text: str) -> int | None:
    """The number that a canonical decimal text names ("7", not "07")."""
    return int(text) if text.isascii() and text.isdigit() and str(int(text)) == text else None


def _surrounding(tiles: dict[tuple[int, int], str], zoom: int) -> TileRange:
    """The smallest range of tiles around all, across the antimeridian where that is shorter."""
    side = 1 << zoom
    columns = sorted({x for x, _ in tiles})
    rows = [y for _, y in tiles]
    gaps = [
        (following - column, following)
        for column, following in zip(columns, [*columns[1:], columns[0] + side], strict=True)
    ]
    first = max(gaps)[1] % side
    last = max((x - first) % side for x in columns) + first
    return TileRange(zoom, first, min(rows), last, max(rows))


def _attribution(folder: Path) -> str:
    """The credit in the folder's metadata.json, if it has one."""
    try:
        metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    credit = metadata.get("attribution", "") if isinstance(metadata, dict) else ""
    return credit if isinstance(credit, str) else ""
