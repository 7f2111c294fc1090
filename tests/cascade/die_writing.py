"""Paints the test's map and dies like a machine without power while the map is written: OUT."""

import os
import sys
from pathlib import Path

from imaginary import GROUND, ZOOMS, TextureModel, imagery_of, is_pond

from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings
from c2gm.tilesets.storing import TileSetWriter

put = TileSetWriter.put


def put_and_die(self, tile, pixels) -> None:
    put(self, tile, pixels)
    if tile.z == ZOOMS[-1]:
        os._exit(9)


if __name__ == "__main__":
    TileSetWriter.put = put_and_die
    ground = imagery_of(GROUND, is_hole=is_pond)
    generate(ground, TextureModel(batch=1), Path(sys.argv[1]), GenerateSettings(zooms=ZOOMS))
