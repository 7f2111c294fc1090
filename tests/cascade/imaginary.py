"""Imagery and a model that need no file and no network, for the tests of the cascade.

Both are made so that mistakes show: imagery differs at every world pixel, and the model's picture
depends on imagery, reference, noise and text, pixel by pixel.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from c2gm.grid import PixelBox, TileRange, bounds_of, pixels_of_bounds


@dataclass
class ImaginaryImagery:
    """Imagery whose every world pixel has its own value; holes where `is_hole` says so."""

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
        mix = (rows * 2654435761 + columns * 40503 + box.zoom * 97) & 0xFFFFFFFF
        rgb = np.stack([(mix >> shift) & 0xFF for shift in (7, 13, 19)], axis=-1).astype(np.uint8)
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
    """A model that mixes its inputs pixel by pixel, and counts its calls."""

    latent_channels = 4

    def __init__(self, batch: int = 4) -> None:
        self.batch = batch
        self.identity: dict[str, Any] = {"model": "texture", "steps": 2}
        self.embedded: list[str] = []
        self.calls = {"features": 0, "sample": 0, "decode": 0}
        self.windows = 0

    def embed(self, text: str) -> int:
        self.embedded.append(text)
        return zlib.crc32(text.encode())

    def features(self, imagery: np.ndarray, reference: np.ndarray | None) -> np.ndarray:
        assert imagery.shape[0] == self.batch and imagery.dtype == np.uint8
        self.calls["features"] += 1
        mixed = imagery.astype(np.int64) * 3
        return mixed if reference is None else mixed + reference.astype(np.int64) * 5

    def sample(self, noise: Any, features: np.ndarray, text: int) -> np.ndarray:
        self.calls["sample"] += 1
        drawn = noise(0) + 0.5 * noise(1)
        assert drawn.shape == (self.batch, 4, *(side // 8 for side in features.shape[1:3]))
        grain = (drawn[:, :3] * 40).astype(np.int64).repeat(8, axis=2).repeat(8, axis=3)
        latent: np.ndarray = features + grain.transpose(0, 2, 3, 1) + text % 251
        return latent

    def decode(self, latent: np.ndarray) -> np.ndarray:
        self.calls["decode"] += 1
        # The rim differs from what the neighbour paints there, as a real network's does.
        rim = np.arange(latent.shape[2]) % 7
        return ((latent + rim[None, None, :, None] + rim[None, :, None, None]) & 0xFF).astype(
            np.uint8
        )
