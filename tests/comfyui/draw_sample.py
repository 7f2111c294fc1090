"""Draw the aerial picture that comes with the node pack: `draw_sample.py [FILE]`.

One zoom-16 tile of a procedural town (a river bend, fields, works, blocks of flats) in the detail
of zoom 18, as a JPEG-compressed GeoTIFF.
"""

from __future__ import annotations

import sys
from pathlib import Path

import rasterio
from mercantile import Tile
from rasterio.transform import from_origin

from c2gm.grid import PixelBox, mercator_resolution, tile_box
from c2gm.worlds.town import Town

SEED = 1
COLUMN, ROW = 1, 1  # of the town's four by four zoom-16 tiles
ZOOM = 18
TARGET = Path(__file__).resolve().parents[2] / "c2gm" / "assets" / "sample.tif"


def draw_sample(path: Path) -> None:
    """Write the GeoTIFF."""
    town = Town(SEED)
    tile = tile_box(Tile(4 * town.tile.x + COLUMN, 4 * town.tile.y + ROW, 16))
    factor = 1 << (ZOOM - 16)
    box = PixelBox(
        ZOOM, tile.left * factor, tile.top * factor, tile.right * factor, tile.bottom * factor
    )
    left, _, _, top = box.mercator_bounds()
    resolution = mercator_resolution(ZOOM)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=box.width,
        height=box.height,
        count=3,
        dtype="uint8",
        crs="EPSG:3857",
        transform=from_origin(left, top, resolution, resolution),
        compress="JPEG",
        photometric="YCBCR",
        jpeg_quality=82,
        tiled=True,
        blockxsize=256,
        blockysize=256,
    ) as file:
        file.write(town.imagery(box).transpose(2, 0, 1))
        file.update_tags(TIFFTAG_COPYRIGHT="Procedural town, drawn by C2GM")


if __name__ == "__main__":
    draw_sample(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
