"""The test's ground for workers of a Ray cluster, and a program that a test kills."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from imaginary import GROUND, ZOOMS, TextureModel, imagery_of, is_pond

from c2gm.cascade import frontier
from c2gm.cascade.blocks import WorkerInputs
from c2gm.cascade.generate import generate
from c2gm.cascade.ray_executor import RayConfig, RayExecutor
from c2gm.cascade.settings import GenerateSettings


class SlowModel(TextureModel):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def decode(self, latent: np.ndarray) -> np.ndarray:
        time.sleep(self._seconds)
        return super().decode(latent)


def open_ground(folder: Path, seconds: float = 0.0) -> WorkerInputs:
    """The ground; writes down which process opened it."""
    (folder / f"{os.getpid()}.pid").touch()
    return WorkerInputs(imagery_of(GROUND, is_hole=is_pond), SlowModel(seconds))


def executor(folder: Path, seconds: float = 0.0) -> RayExecutor:
    """Two workers of one thread."""
    return RayExecutor(partial(open_ground, folder, seconds), RayConfig(workers=2, threads=1))


def main(path: Path, folder: Path) -> None:
    frontier.BLOCK = 3
    with executor(folder, 0.3) as workers:
        generate(
            imagery_of(GROUND, is_hole=is_pond),
            workers,
            path,
            GenerateSettings(zooms=ZOOMS),
            on_progress=lambda progress: print(progress.windows_done, flush=True),  # noqa: T201
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
