"""Draw the aerial picture that comes with the node pack: `draw_sample.py [FILE]`.

One zoom-16 tile of a made-up world, as `c2gm world --seed 5 --zoom 18 --bbox ...` draws it (a
river, a village, main roads, fields, a motorway), as a JPEG-compressed GeoTIFF.
"""

from __future__ import annotations

import sys
from pathlib import Path

import rasterio
from mercantile import Tile
from rasterio.transform import from_origin

from c2gm.grid import PixelBox, mercator_resolution, tile_box
from c2gm.worlds.world import World

SEED = 5
TILE = Tile(32766, 32744, 16)
ZOOM = 18
TARGET = Path(__file__).resolve().parents[2] / "c2gm" / "assets" / "sample.tif"


def draw_sample(path: Path) -> None:
    """Write the GeoTIFF."""
    tile = tile_box(TILE)
    factor = 1 << (ZOOM - TILE.z)
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
        jpeg_quality=90,
        tiled=True,
        blockxsize=256,
        blockysize=256,
    ) as file:
        file.write(World(SEED).picture(box).transpose(2, 0, 1))
        file.update_tags(TIFFTAG_COPYRIGHT="Procedural town, drawn by C2GM")


if __name__ == "__main__":
    draw_sample(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
