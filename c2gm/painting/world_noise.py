"""The world noise field: every latent of every zoom has its noise, whoever asks.

Windows are cut from one field, so that two windows have the same noise where they overlap; this is
what makes the overlaps agree. The field is made of one block a tile (C x 32 x 32), each drawn by
the counter-based generator Philox from the seed and the tile's place alone: no order, no state.
Only the generator's raw words are used, whose stream numpy promises, and turned into normals here.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np

from ..grid import LATENT_SIZE, TILE_SIZE, Window
from .geometry import SEAMLESS, Geometry

BLOCK = TILE_SIZE // LATENT_SIZE
DOMAIN = "c2gm-noise-1"
CACHED_BLOCKS = 128  # 16 kB each


class WorldNoise:
    """Standard normal noise over the latents of all zooms.

    Args:
        seed: The user's seed, any whole number.
        channels: Channels of the latent.
        domain: Name of the field; another name is another field of the same seed.
    """

    def __init__(self, seed: int, *, channels: int = 4, domain: str = DOMAIN) -> None:
        self.seed = seed
        self.channels = channels
        digest = hashlib.sha256(f"{seed}|{domain}".encode()).digest()
        self._key = np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
        self.block = lru_cache(maxsize=CACHED_BLOCKS)(self._draw_block)

    def _draw_block(self, z: int, x: int, y: int, k: int = 0) -> np.ndarray:
        """Noise of one tile, float32 [C,32,32], read-only; k = 0 is the initial noise, k >= 1 that
        of the k-th step. Columns wrap around the world, rows may lie outside it.
        """
        place = x % (1 << z) + ((y % (1 << 32)) << 32)
        counter = np.array([0, place, z + 256 * k, 0], dtype=np.uint64)
        generator = np.random.Philox(key=self._key, counter=counter)
        raw = generator.random_raw(self.channels * BLOCK * BLOCK)
        u1 = ((raw >> np.uint64(40)).astype(np.float64) + 0.5) / (1 << 24)
        u2 = ((raw & np.uint64(0xFFFFFF)).astype(np.float64) + 0.5) / (1 << 24)
        normal = np.sqrt(-2.0 * np.log(u1)) * np.cos(2.0 * np.pi * u2)  # Box-Muller
        block: np.ndarray = normal.astype(np.float32).reshape(self.channels, BLOCK, BLOCK)
        block.flags.writeable = False
        return block

    def crop(self, z: int, left: int, top: int, right: int, bottom: int, k: int = 0) -> np.ndarray:
        """Noise of a half-open box of latents at zoom z, float32 [C,bottom-top,right-left]."""
        cut = np.empty((self.channels, bottom - top, right - left), dtype=np.float32)
        for block_y in range(top // BLOCK, (bottom - 1) // BLOCK + 1):
            for block_x in range(left // BLOCK, (right - 1) // BLOCK + 1):
                x0, y0 = block_x * BLOCK, block_y * BLOCK
                first_x, last_x = max(left, x0), min(right, x0 + BLOCK)
                first_y, last_y = max(top, y0), min(bottom, y0 + BLOCK)
                block = self.block(z, block_x % (1 << z), block_y, k)
                cut[:, first_y - top : last_y - top, first_x - left : last_x - left] = block[
                    :, first_y - y0 : last_y - y0, first_x - x0 : last_x - x0
                ]
        return cut

    def window(self, window: Window, k: int = 0, *, geometry: Geometry = SEAMLESS) -> np.ndarray:
        """Noise of one window, float32 [C,40,40] ([C,32,32] in paper mode)."""
        box = geometry.box(window)
        return self.crop(
            window.z,
            box.left // LATENT_SIZE,
            box.top // LATENT_SIZE,
            box.right // LATENT_SIZE,
            box.bottom // LATENT_SIZE,
            k,
        )
