"""A sheet of pictures: imagery beside its map, one row a zoom."""

from __future__ import annotations

from collections.abc import Sequence

import mercantile
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..grid import PixelBox
from ..imagery.base import Imagery
from ..legend import GROUND
from ..map_scale import map_scale
from ..tilesets.base import TileSet
from ..tilesets.stitch import stitch

PICTURE = 512  # px a side
_GAP = 24
_LABEL = 44
_PAPER = (250, 249, 246)
_INK = (40, 40, 44)
_NOTE = "Generated map, not surveyed."


def picture_sheet(
    imagery: Imagery, tileset: TileSet, zooms: Sequence[int], *, centre: tuple[float, float]
) -> Image.Image:
    """The middle of a map at several zooms, each beside the imagery it was drawn from.

    Args:
        imagery: What the map was drawn from.
        tileset: The map.
        zooms: A row for each.
        centre: What all pictures show in their middle: (x, y) of the world, 0 to 1.
    """
    width = 2 * PICTURE + 3 * _GAP
    row = _LABEL + PICTURE
    sheet = Image.new("RGB", (width, len(zooms) * row + _LABEL), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(20)
    for number, zoom in enumerate(zooms):
        box = _box_around(centre, zoom)
        rgb, valid = imagery.read(box)
        rgb = np.where(valid[..., None], rgb, np.array(GROUND, np.uint8))
        top = number * row + _LABEL
        scale = map_scale(zoom)
        labels = (f"Zoom {zoom}: imagery", f"Zoom {zoom}: map, about 1:{scale.denominator:,}")
        for column, (picture, label) in enumerate(
            zip((rgb, _map_picture(tileset, box)), labels, strict=True)
        ):
            left = _GAP + column * (PICTURE + _GAP)
            sheet.paste(Image.fromarray(picture), (left, top))
            draw.text((left, top - 30), label, fill=_INK, font=font)
    draw.text((_GAP, len(zooms) * row + 10), _NOTE, fill=_INK, font=font)
    return sheet


def _map_picture(tileset: TileSet, box: PixelBox) -> np.ndarray:
    left, bottom, right, top = box.mercator_bounds()
    west, south = mercantile.lnglat(left, bottom)
    east, north = mercantile.lnglat(right, top)
    return stitch(tileset, box.zoom, bounds=(west, south, east, north))


def _box_around(centre: tuple[float, float], zoom: int) -> PixelBox:
    side = 256 << zoom
    left, top = round(centre[0] * side) - PICTURE // 2, round(centre[1] * side) - PICTURE // 2
    return PixelBox(zoom, left, top, left + PICTURE, top + PICTURE)
