"""Imagery and a model that need no file and no network, for the tests of the cascade.

Both are made so that mistakes show: imagery differs from place to place, and the model's picture
depends on imagery, reference, noise and text, pixel by pixel, and on how near the rim is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mercantile import Tile

from c2gm.grid import PixelBox, TileRange, bounds_of, pixels_of_bounds
from c2gm.tilesets.open import open_tileset


@dataclass
class ImaginaryImagery:
    """Imagery whose pixels depend on their place alone, with holes where `is_hole` says so."""

    bounds: tuple[float, float, float, float]
    name: str = "imaginary.tif"
    native_zoom: int = 18
    attribution: str = "nobody"
    fingerprint: str = "imaginary-1"
    is_hole: Callable[[int, np.ndarray, np.ndarray], np.ndarray] | None = None
    reads: list[PixelBox] = field(default_factory=list)

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        self.reads.append(box)
        world = 256 << box.zoom
        rows = np.arange(box.top, box.bottom, dtype=np.int64)[:, None]
        columns = np.arange(box.left, box.right, dtype=np.int64)[None, :] % world
        # Squares of 8 px, each of its own colour, so that pictures are quick to pack.
        mix = ((rows >> 3) * 2654435761 + (columns >> 3) * 40503 + box.zoom * 977) & 0xFFFFFFFF
        rgb = np.stack([(mix >> shift).astype(np.uint8) for shift in (7, 13, 19)], axis=-1)
        inside = pixels_of_bounds(self.bounds, box.zoom)
        valid = (rows >= max(0, inside.top)) & (rows < min(world, inside.bottom))
        valid = valid & ((columns - inside.left) % world < inside.right - inside.left)
        if self.is_hole is not None:
            valid &= ~self.is_hole(box.zoom, rows, columns)
        return np.where(valid[..., None], rgb, np.uint8(0)), valid

    def close(self) -> None:
        pass


def imagery_of(tiles: TileRange, **more: Any) -> ImaginaryImagery:
    """Imagery that covers a range of tiles exactly."""
    return ImaginaryImagery(bounds_of(tiles), **more)


class TextureModel:
    """A model that mixes its inputs pixel by pixel, and counts its calls and the corners it reads.

    It reads two classes, and every window's rim otherwise than its neighbour.
    """

    latent_channels = 4
    reads_classes = True

    def __init__(self, batch: int = 4) -> None:
        self.batch = batch
        self.identity: dict[str, Any] = {"model": "texture", "steps": 2}
        self.embedded: list[str] = []
        self.calls = {"features": 0, "sample": 0, "decode": 0}
        self.corners = 0
        self.trusted: set[int | None] = set()
        self.trusted_corners: set[int | None] = set()

    def embed(self, text: str) -> int:
        self.embedded.append(text)
        return zlib.crc32(text.encode())

    def features(
        self,
        imagery: np.ndarray,
        reference: np.ndarray | None,
        zoom: int | None = None,
        look: int | None = None,
        probabilities: np.ndarray | None = None,
        *,
        trusts: bool = False,
    ) -> np.ndarray:
        assert imagery.shape[0] == self.batch and imagery.dtype == np.uint8
        self.calls["features"] += 1
        if trusts:
            self.trusted.add(zoom)
        mixed = imagery // 2 if reference is None else imagery // 2 + reference // 4
        if probabilities is not None:
            mixed += np.rint(31 * probabilities[:, 0]).astype(np.uint8)[..., None]
        return mixed

    def read_classes(
        self,
        imagery: np.ndarray,
        reference: np.ndarray | None,
        zoom: int | None = None,
        look: int | None = None,
        *,
        trusts: bool = False,
    ) -> np.ndarray:
        self.corners += len(imagery)
        if trusts:
            self.trusted_corners.add(zoom)
        seen = imagery[..., 0] // 4 if reference is None else reference[..., 1] // 4
        first = 60 + seen + 8 * (_rim(320)[:, None] + _rim(320))
        return np.stack([first, 255 - first], axis=1)

    def sample(self, noise: Any, features: np.ndarray, text: int) -> np.ndarray:
        self.calls["sample"] += 1
        drawn = noise(0) + 0.5 * noise(1)
        assert drawn.shape == (self.batch, 4, *(side // 8 for side in features.shape[1:3]))
        grain = (drawn[:, :3] * 6 + text % 53).astype(np.int16).astype(np.uint8)
        grain = grain.transpose(0, 2, 3, 1).repeat(8, axis=1).repeat(8, axis=2)
        latent: np.ndarray = features + grain
        return latent

    def decode(self, latent: np.ndarray) -> np.ndarray:
        self.calls["decode"] += 1
        # The rim differs from what the neighbour paints there, as a real network's does.
        rim = _rim(latent.shape[2])
        return latent + rim[:, None, None] + rim[:, None]


def _rim(size: int) -> np.ndarray:
    middle = np.abs(np.arange(size) - size / 2 + 0.5)
    return np.where(middle < 110, 0, 5).astype(np.uint8)


GROUND = TileRange(14, 8500, 5600, 8500, 5600)  # one tile at zoom 14, 4 x 4 at zoom 16
ZOOMS = (14, 15, 16)


def is_pond(zoom: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A hole in the imagery: a rectangle over tile borders, the same ground at every zoom."""
    scale = 2.0 ** (14 - zoom)
    y, x = rows * scale - 5600 * 256, columns * scale - 8500 * 256
    return (y > 50) & (y < 145) & (x > 115) & (x < 240)


def read_map(path: Path) -> dict[Tile, bytes]:
    """Every tile of a map with its file's bytes."""
    with open_tileset(path) as tileset:
        return {
            tile: tileset.get_bytes(tile) for zoom in tileset.zooms for tile in tileset.tiles(zoom)
        }
