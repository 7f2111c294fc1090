"""Paints the test's map slowly, in a process that a test kills: OUT, seconds a batch."""

import sys
import time
from pathlib import Path

import numpy as np
from imaginary import GROUND, ZOOMS, TextureModel, imagery_of, is_pond

from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings


class SlowModel(TextureModel):
    def decode(self, latent: np.ndarray) -> np.ndarray:
        time.sleep(float(sys.argv[2]))
        return super().decode(latent)


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    imagery = imagery_of(GROUND, is_hole=is_pond)
    tell("begun")
    generate(
        imagery,
        SlowModel(batch=1),
        Path(sys.argv[1]),
        GenerateSettings(zooms=ZOOMS),
        on_progress=lambda progress: tell(progress.windows_done),
    )
