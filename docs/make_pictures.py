"""Paint the pictures of README with the bundled model: a made-up town, as imagery and as map.

    python docs/make_pictures.py [--model FILE] [--seed 1] [--out docs/images]

Run it again when the model has learnt more. Everything in the pictures is made by this repository.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings
from c2gm.cli.picture_sheet import picture_sheet
from c2gm.grid import PixelBox, TileRange, bounds_of, tiles_of_box
from c2gm.models.sgdm import SGDM
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.tilesets.base import TileSet
from c2gm.tilesets.open import open_tileset
from c2gm.tilesets.stitch import stitch
from c2gm.worlds.town import Town, TownImagery

ZOOMS = (16, 17, 18)
WIDE_ZOOM = 17  # of the picture on top of README
WIDE_SIZE = (1024, 560)
INK = (40, 40, 44)
NOTE = "Generated map, not surveyed."


def make_pictures(model: str, seed: int, out: Path) -> None:
    """Paint the middle of a town and write `wide.jpg` and `zooms.jpg` into a folder."""
    town = Town(seed)
    imagery = TownImagery(town)
    column, row = 4 * town.tile.x + 1, 4 * town.tile.y + 1
    area = TileRange(ZOOMS[0], column, row, column + 1, row + 1)
    settings = GenerateSettings(zooms=ZOOMS, bounds=bounds_of(area))
    side = 1 << ZOOMS[0]
    centre = ((column + 1) / side, (row + 1) / side)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "town.mbtiles"
        generate(imagery, SGDMMapModel(SGDM.load(model)), path, settings)
        with open_tileset(path) as tileset:
            sheet = picture_sheet(imagery, tileset, ZOOMS, centre=centre)
            save(sheet, out / "zooms.jpg")
            save(wide_picture(imagery, tileset, centre), out / "wide.jpg")


def wide_picture(
    imagery: TownImagery, tileset: TileSet, centre: tuple[float, float]
) -> Image.Image:
    """The town's middle: imagery on the left of a slanting line, its map on the right."""
    width, height = WIDE_SIZE
    side = 256 << WIDE_ZOOM
    left, top = round(centre[0] * side) - width // 2, round(centre[1] * side) - height // 2
    box = PixelBox(WIDE_ZOOM, left, top, left + width, top + height)
    seen, _ = imagery.read(box)
    drawn = map_of(tileset, box)
    rows, columns = np.mgrid[:height, :width]
    distance = columns - (width / 2 + (height / 2 - rows) * 0.35)  # px to the right of the line
    picture = np.where(distance[..., None] < 0, seen, drawn)
    picture[np.abs(distance) < 2] = 255
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(16)
    text_box = draw.textbbox((width - 12, height - 10), NOTE, font=font, anchor="rb")
    draw.rectangle((text_box[0] - 6, text_box[1] - 4, width, height), fill=(255, 255, 255))
    draw.text((width - 12, height - 10), NOTE, fill=INK, font=font, anchor="rb")
    return image


def map_of(tileset: TileSet, box: PixelBox) -> np.ndarray:
    """Map pixels of a box, cut out of the tiles that it touches."""
    tiles = tiles_of_box(box)
    whole = stitch(tileset, box.zoom, bounds=bounds_of(tiles))
    left, top = box.left - tiles.box.left, box.top - tiles.box.top
    return whole[top : top + box.height, left : left + box.width]


def save(image: Image.Image, path: Path) -> None:
    """Write a JPEG at full colour: a third of a PNG, and every version stays in the history."""
    image.save(path, quality=88, subsampling=0, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Paint the pictures of README.")
    parser.add_argument("--model", default="mini", help="model file, or mini for the bundled one")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another town")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "images")
    given = parser.parse_args()
    make_pictures(given.model, given.seed, given.out)
