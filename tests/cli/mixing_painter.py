"""The program with a painter that needs no network.

Run as: python mixing_painter.py SECONDS_A_BATCH arguments of c2gm.
Pictures depend on imagery, reference and noise, so that a map painted wrongly differs.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np


class MixingModel:
    """A `MapModel` that mixes its inputs pixel by pixel."""

    batch = 2
    latent_channels = 4
    reads_classes = False

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self.identity: dict[str, Any] = {"model": "mixing"}

    def embed(self, text: str) -> int:
        return len(text)

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
        time.sleep(self._seconds)
        return imagery // 2 if reference is None else imagery // 2 + reference // 4

    def sample(self, noise: Any, features: np.ndarray, text: int) -> np.ndarray:
        grain = noise(0)[:, 0].repeat(8, axis=1).repeat(8, axis=2)
        return features + text % 7 + (8 * grain[..., None]).clip(-20, 20) + 20

    def decode(self, latent: np.ndarray) -> np.ndarray:
        return latent.clip(0, 255).astype(np.uint8)


def main() -> None:
    from c2gm.cli import load_model
    from c2gm.cli import main as program

    loaded = load_model.LoadedModel(MixingModel(float(sys.argv.pop(1))), "bilinear")
    load_model.load_map_model = lambda *args, **options: loaded  # type: ignore[assignment]
    program.main()


if __name__ == "__main__":
    main()
