"""Paint the real places of README: whole pyramids from imagery alone, nothing given.

    python docs/make_place_pictures.py DATA [--model FILE] [--out docs/images]

DATA is the folder of the real sets. A column a zoom, imagery above and the map below it.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mercantile
import numpy as np
from make_pictures import INK, NOTE, map_of, save
from PIL import Image, ImageDraw, ImageFont

from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings
from c2gm.grid import HALF_WORLD, PixelBox
from c2gm.imagery.base import Imagery
from c2gm.imagery.open import open_imagery
from c2gm.legend import GROUND
from c2gm.models.sgdm import SGDM
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.tilesets.base import TileSet
from c2gm.tilesets.open import open_tileset

SIDE, GAP, LABEL = 400, 10, 28
PAPER = (250, 249, 246)


@dataclass(frozen=True)
class RealPlace:
    """What is shown of a place.

    Attributes:
        name: of the picture.
        image: imagery below the data folder.
        zooms: of the pyramid.
        centre: middle of every picture, longitude and latitude.
        bounds: that are painted, in degrees; None is all of the imagery.
    """

    name: str
    image: str
    zooms: tuple[int, ...]
    centre: tuple[float, float]
    bounds: tuple[float, float, float, float] | None = None


PLACES = (
    RealPlace(
        "kvarnbyn",
        "kvarnbyn/image.tif",
        (15, 16, 17, 18),
        (12.0362, 57.6603),
        (12.032776, 57.6495, 12.044, 57.6625),
    ),
    RealPlace("dubai", "dubai/scene2.tif", (14, 15, 16, 17, 18), (55.3022, 25.0737)),
    RealPlace(
        "chateaugiron",
        "chateaugiron/image.tif",
        (14, 15, 16, 17, 18),
        (-1.5050, 48.0480),
        (-1.5161, 48.0341, -1.4942, 48.0633),
    ),
)


def make_place_pictures(data: Path, model: SGDMMapModel, out: Path) -> None:
    """Paint every place and write NAME.jpg into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    for place in PLACES:
        imagery = open_imagery(data / place.image)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "map.mbtiles"
            settings = GenerateSettings(zooms=place.zooms, bounds=place.bounds)
            generate(imagery, model, path, settings)
            with open_tileset(path) as tileset:
                save(columns(place, imagery, tileset), out / f"{place.name}.jpg")


def columns(place: RealPlace, imagery: Imagery, tileset: TileSet) -> Image.Image:
    """A column a zoom: imagery above, map below."""
    width = len(place.zooms) * (SIDE + GAP) + GAP
    sheet = Image.new("RGB", (width, 2 * (SIDE + GAP) + 2 * LABEL), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    for number, zoom in enumerate(place.zooms):
        left = GAP + number * (SIDE + GAP)
        box = _box_around(place.centre, zoom)
        seen, valid = imagery.read(box)
        seen = np.where(valid[..., None], seen, np.array(GROUND, np.uint8))
        sheet.paste(Image.fromarray(seen), (left, LABEL))
        sheet.paste(Image.fromarray(map_of(tileset, box)), (left, LABEL + SIDE + GAP))
        draw.text((left, 6), f"Zoom {zoom}", fill=INK, font=font)
    draw.text((GAP, sheet.height - LABEL + 4), NOTE, fill=INK, font=font)
    return sheet


def _box_around(centre: tuple[float, float], zoom: int) -> PixelBox:
    x, y = mercantile.xy(*centre)
    scale = (256 << zoom) / (2 * HALF_WORLD)
    left = round((x + HALF_WORLD) * scale) - SIDE // 2
    top = round((HALF_WORLD - y) * scale) - SIDE // 2
    return PixelBox(zoom, left, top, left + SIDE, top + SIDE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Paint the real places of README.")
    parser.add_argument("data", type=Path, help="folder of the real sets")
    parser.add_argument("--model", default="mini", help="model file, or mini for the bundled one")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "images")
    given = parser.parse_args()
    make_place_pictures(given.data, SGDMMapModel(SGDM.load(given.model)), given.out)
