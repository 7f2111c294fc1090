"""Paints a flat map of SIDE x SIDE tiles, in a process whose memory a test watches: OUT, SIDE."""

import sys
from pathlib import Path

import numpy as np
from imaginary import TextureModel, imagery_of

from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings
from c2gm.grid import TileRange


class FlatModel(TextureModel):
    """Costs next to nothing, so that memory can be measured over many windows."""

    reads_classes = False

    def features(self, imagery, reference, zoom=None, look=None, probabilities=None, **more):
        return None

    def sample(self, noise, features, text):
        return None

    def decode(self, latent):
        return np.full((self.batch, 320, 320, 3), 200, dtype=np.uint8)


if __name__ == "__main__":
    side = int(sys.argv[2])
    ground = TileRange(16, 34000, 22400, 34000 + side - 1, 22400 + side - 1)
    generate(imagery_of(ground), FlatModel(), Path(sys.argv[1]), GenerateSettings(zooms=(16,)))
