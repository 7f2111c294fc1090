"""Small made-up maps that the tests of the measures share."""

from __future__ import annotations

import numpy as np
import rasterio
from affine import Affine
from mercantile import Tile, xy_bounds

from c2gm.legend import CLASS_ID, palette

# The colours that the golden values were measured with; not those of the house style.
GROUND, WATER, ROAD, YELLOW = (242, 239, 233), (170, 211, 223), (255, 255, 255), (249, 214, 120)


def two_halves(left, right, column):
    rgb = np.empty((256, 256, 3), dtype=np.uint8)
    rgb[:, :column], rgb[:, column:] = left, right
    return rgb


def road_from(column, colour=ROAD):
    """A road 8 px wide from top to bottom."""
    rgb = two_halves(GROUND, GROUND, 0)
    rgb[:, column : column + 8] = colour
    return rgb


def noisy(seed, side):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def town_classes(seed=0, side=512):
    """Flat classes of a made-up town: streets in a grid, a main road, houses, a lake, woods."""
    rng = np.random.default_rng(seed)
    ids = np.full((side, side), CLASS_ID["ground"], dtype=np.uint8)
    rows, columns = np.mgrid[:side, :side]
    for name, count, reach in (("wood", 3, 90), ("water", 2, 60), ("park", 4, 45)):
        for _ in range(count):
            row, column = rng.integers(0, side, 2)
            ids[(rows - row) ** 2 + 2 * (columns - column) ** 2 < reach**2] = CLASS_ID[name]
    for _ in range(side * side // 2200):
        row, column = rng.integers(0, side - 24, 2)
        height, width = rng.integers(8, 24, 2)
        ids[row : row + height, column : column + width] = CLASS_ID["building"]
    first = 10 + 31 * seed % 60
    for number, start in enumerate(range(first, side, 75)):
        name, width = ("street", 10) if number % 3 else ("main road", 16)
        ids[start : start + width] = CLASS_ID[name]
        ids[:, start : start + width] = CLASS_ID[name]
    return ids


def town_picture(seed=0, side=512):
    """The same in the colours of the legend."""
    return palette()[town_classes(seed, side)]


def shifted(array, pixels):
    """Moved to the right and down; what comes in repeats the rim."""
    padded = np.pad(array, [(pixels, 0), (pixels, 0), *[(0, 0)] * (array.ndim - 2)], mode="edge")
    return padded[: array.shape[0], : array.shape[1]]


def blurred(picture, sigma):
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(picture.astype(np.float32), (sigma, sigma, 0))
    return np.clip(np.round(smooth), 0, 255).astype(np.uint8)


class Mosaic:
    """A pyramid in memory, cut from one picture a zoom; the first tile of each is 0/0."""

    def __init__(self, pictures):
        self.tiles_by_zoom = {
            zoom: {
                Tile(column, row, zoom): picture[
                    row * 256 : row * 256 + 256, column * 256 : column * 256 + 256
                ]
                for row in range(picture.shape[0] // 256)
                for column in range(picture.shape[1] // 256)
            }
            for zoom, picture in pictures.items()
        }

    @property
    def zooms(self):
        return tuple(sorted(self.tiles_by_zoom))

    def tiles(self, zoom):
        return iter(sorted(self.tiles_by_zoom.get(zoom, {})))

    def get(self, tile):
        return self.tiles_by_zoom.get(tile.z, {}).get(tile)

    def all(self):
        return {zoom: list(self.tiles(zoom)) for zoom in self.zooms}


def pyramid(fine, coarse=None):
    """Zooms 16 and 17 of a map; without a coarse picture, the fine one averaged."""
    if coarse is None:
        half = fine.shape[0] // 2
        averaged = fine.reshape(half, 2, half, 2, 3).mean((1, 3))
        coarse = np.round(averaged).astype(np.uint8)
    return Mosaic({16: coarse, 17: fine})


def write_masks(path, numbers, tile, crs="EPSG:3857"):
    """A class raster whose first 256 px of each row and column are a tile."""
    left, bottom, right, top = xy_bounds(tile)
    size = (right - left) / 256
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=numbers.shape[1],
        height=numbers.shape[0],
        count=1,
        dtype="uint8",
        crs=crs,
        transform=Affine(size, 0, left, 0, -size, top),
        nodata=0,
    ) as file:
        file.write(numbers, 1)
    return path
