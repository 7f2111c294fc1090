"""Plain pictures between bounds."""

from __future__ import annotations

from pathlib import Path

import mercantile
import numpy as np
import pytest
from PIL import Image

from c2gm.errors import AreaError, ImageryError
from c2gm.grid import PixelBox
from c2gm.imagery.open import open_imagery

TILE = mercantile.Tile(17134, 11222, 15)
BOUNDS = tuple(mercantile.bounds(TILE))
BOX = PixelBox(15, TILE.x * 256, TILE.y * 256, TILE.x * 256 + 256, TILE.y * 256 + 256)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(3).integers(1, 255, (256, 256, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", ["p.png", "p.webp", "p.tif", "p & q's <photo>.png"])
def test_a_picture_of_one_tile_is_read_back_exactly(
    tmp_path: Path, pixels: np.ndarray, name: str
) -> None:
    if "<" in name:
        name = name.replace("<", "(").replace(">", ")")  # no such names on Windows
    path = tmp_path / name
    Image.fromarray(pixels).save(path, **({"lossless": True} if name == "p.webp" else {}))
    imagery = open_imagery(path, picture_bounds=BOUNDS)
    assert imagery.native_zoom == 15
    assert imagery.bounds == pytest.approx(BOUNDS, abs=1e-9)
    rgb, valid = imagery.read(BOX)
    assert valid.all()
    assert np.array_equal(rgb, pixels)
    assert not imagery.read(PixelBox(15, BOX.right, BOX.top, BOX.right + 9, BOX.bottom))[1].any()


def test_a_picture_is_linear_in_web_mercator(tmp_path: Path) -> None:
    pixels = np.zeros((400, 100, 3), np.uint8)
    pixels[:200] = 200
    path = tmp_path / "tall.png"
    Image.fromarray(pixels).save(path)
    rgb, valid = open_imagery(path, picture_bounds=(0, 0, 20, 70)).read(
        PixelBox(2, 512, 0, 560, 512)
    )
    rows = np.flatnonzero(valid[:, 10])
    step = np.flatnonzero(np.diff(rgb[rows, 10, 0].astype(int)))
    assert step[0] + 1 == pytest.approx(len(rows) / 2, abs=1)


def test_transparency_and_palettes_of_pictures_are_kept(tmp_path: Path, pixels: np.ndarray) -> None:
    rgba = np.dstack([pixels, np.full((256, 256), 255, np.uint8)])
    rgba[50:80, :, 3] = 0
    path = tmp_path / "clear.png"
    Image.fromarray(rgba).save(path)
    rgb, valid = open_imagery(path, picture_bounds=BOUNDS).read(BOX)
    assert np.array_equal(valid, rgba[..., 3] > 0)
    few = Image.fromarray(pixels).quantize(16)
    few.save(tmp_path / "few.png")
    rgb, valid = open_imagery(tmp_path / "few.png", picture_bounds=BOUNDS).read(BOX)
    assert valid.all()
    assert np.array_equal(rgb, np.asarray(few.convert("RGB")))


def test_a_picture_without_bounds_asks_for_them(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels).save(path)
    with pytest.raises(ImageryError, match=r"photo\.jpg .*--picture-bounds west,south,east,north"):
        open_imagery(path)


def test_bounds_that_are_no_place_are_refused(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    with pytest.raises(AreaError):
        open_imagery(path, picture_bounds=(10, 50, 11, 49))


def test_a_picture_may_cross_the_antimeridian(tmp_path: Path) -> None:
    pixels = np.full((64, 64, 3), 50, np.uint8)
    pixels[:, 32:] = 200
    path = tmp_path / "fiji.png"
    Image.fromarray(pixels).save(path)
    imagery = open_imagery(path, picture_bounds=(179.5, -18.5, -179.5, -17.5))
    assert imagery.bounds == pytest.approx((179.5, -18.5, -179.5, -17.5))
    side = 256 << 8
    rgb, valid = imagery.read(PixelBox(8, side - 60, 36_160, side + 60, 36_170))
    assert valid.all()
    assert abs(int(rgb[5, 10, 0]) - 50) <= 1 and abs(int(rgb[5, 110, 0]) - 200) <= 1


def test_a_placed_raster_refuses_picture_bounds(tmp_path: Path) -> None:
    import rasterio
    from rasterio.transform import from_origin

    path = tmp_path / "placed.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=9, height=9, count=1, dtype="uint8", crs="EPSG:4326",
        transform=from_origin(5, 50, 0.1, 0.1),
    ) as dataset:  # fmt: skip
        dataset.write(np.ones((1, 9, 9), np.uint8))
    with pytest.raises(ImageryError, match="Leave --picture-bounds out"):
        open_imagery(path, picture_bounds=BOUNDS)


def test_a_picture_is_not_placed_twice(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(ImageryError, match="Leave --crs out"):
        open_imagery(path, picture_bounds=BOUNDS, crs="EPSG:32632")
