"""The value of a NOISE socket: world noise cut for a batch of windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..c2gm.errors import ConfigError
from ..c2gm.grid import Window
from ..c2gm.painting.world_noise import WorldNoise


class WindowNoise:
    """Noise by the windows' places in the world, not by their places in the batch.

    Attributes:
        seed: Seed of the world noise.
    """

    def __init__(self, seed: int, windows: Sequence[Window]) -> None:
        self.seed = seed
        self.windows = tuple(windows)

    def generate_noise(self, input_latent: dict[str, Any]) -> Any:
        """Noise of a LATENT's shape; of a part of the batch, that part's (`batch_index`).

        Raises:
            ConfigError: the latents are not those of the windows.
        """
        import numpy as np
        import torch

        samples = input_latent["samples"]
        chosen = input_latent.get("batch_index") or range(len(self.windows))
        field = WorldNoise(self.seed, channels=samples.shape[1])
        places = [self.windows[index] for index in chosen if index < len(self.windows)]
        noise = torch.from_numpy(np.stack([field.window(window) for window in places]))
        if noise.shape != samples.shape:
            raise ConfigError(
                f"The noise is for {len(places)} windows, {list(noise.shape)}, but the latents are "
                f"{list(samples.shape)}. Take both from the same Windows node."
            )
        return noise.to(samples.dtype)
