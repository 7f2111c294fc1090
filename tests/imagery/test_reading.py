"""What is told of how imagery is read: stretch, overviews, blocks too large, boxes of no extent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from c2gm.errors import ImageryError
from c2gm.grid import TILE_SIZE, PixelBox, tiles_in_bounds
from c2gm.imagery import raster as raster_module
from c2gm.imagery import source as source_module
from c2gm.imagery.open import open_imagery
from c2gm.imagery.stretch import sample

WriteRaster = Callable[..., Path]


def test_the_stretch_is_told_and_a_given_one_is_taken(write_raster: WriteRaster) -> None:
    slope = np.linspace(1000, 3000, 400).round().astype(np.uint16)
    path = write_raster(np.broadcast_to(slope, (1, 300, 400)))
    own, given = open_imagery(path), open_imagery(path, stretch=(0, 4000))
    assert own.reading == "values 1039.9 to 2960.1 (percentiles 2 and 98) shown as 0 to 255"
    assert given.reading == "values 0 to 4000 (as given) shown as 0 to 255"
    assert own.fingerprint != given.fingerprint
    rgb, valid = given.read(tiles_in_bounds(given.bounds, 17).box)
    assert rgb[valid].min() == pytest.approx(64, abs=1)
    assert rgb[valid].max() == pytest.approx(191, abs=1)


def test_8_bits_are_as_they_are_unless_a_stretch_is_given(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    path = write_raster(noise)
    assert open_imagery(path).reading == ""
    dark = open_imagery(path, stretch=(255, 0))  # upside down: a negative
    box = tiles_in_bounds(dark.bounds, 17).box
    plain, valid = open_imagery(path).read(box)
    assert np.abs((255 - plain.astype(int)) - dark.read(box)[0])[valid].max() <= 1


def test_a_large_raster_is_sampled_in_spots_spread_over_it(write_raster: WriteRaster) -> None:
    y, x = np.mgrid[0:400, 0:6000]
    path = write_raster((x + 10_000 * (y > 199)).astype(np.uint16)[None])
    with rasterio.open(path) as dataset:
        values = sample(dataset, [1])
    assert values.size < 400 * 6000 / 2
    assert {int(value) // 1000 for value in np.unique(values)} == set(range(6)) | set(range(10, 16))


def test_missing_overviews_of_a_large_raster_are_advised(
    write_raster: WriteRaster, noise: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster_module, "_SLOW_PIXELS", 100_000)
    plain = open_imagery(write_raster(noise))
    (sentence,) = plain.advice(12)
    assert "no overviews in raster.tif" in sentence
    assert "rio overview --build 2,4,8,16,32 --resampling average raster.tif" in sentence
    assert plain.advice(15) == ()
    assert open_imagery(write_raster(noise, "o.tif", overviews=[2, 4, 8])).advice(12) == ()
    monkeypatch.setattr(raster_module, "_SLOW_PIXELS", 1_000_000)
    assert plain.advice(12) == ()


def test_a_large_jpeg_2000_is_advised_against(
    write_raster: WriteRaster, noise: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    imagery = open_imagery(write_raster(noise, "sheet.jp2", driver="JP2OpenJPEG"))
    assert imagery.advice(17) == ()
    monkeypatch.setattr(raster_module, "_SLOW_JPEG_2000", 1000)
    (sentence,) = imagery.advice(17)
    assert "rio convert sheet.jp2 out.tif" in sentence


def test_a_raster_in_pieces_too_large_for_memory_is_refused(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "_MAX_BLOCK_BYTES", 100_000)
    strip = write_raster(noise, compress="deflate", blockysize=300)
    with pytest.raises(ImageryError, match=r"raster\.tif can only be read in pieces .*TILED=YES"):
        open_imagery(strip)
    Image.fromarray(noise.transpose(1, 2, 0)).save(tmp_path / "photo.webp")
    with pytest.raises(ImageryError, match="can only be read in pieces"):
        open_imagery(tmp_path / "photo.webp", picture_bounds=(10, 50, 11, 51))
    tiled = write_raster(noise, tiled=True, blockxsize=128, blockysize=128)
    assert open_imagery(tiled).native_zoom == 17


@pytest.mark.parametrize(
    ("left", "top", "right", "bottom"), [(50, 50, 50, 90), (50, 50, 90, 50), (90, 90, 50, 50)]
)
def test_a_box_without_extent_or_turned_round_holds_no_pixels(
    write_raster: WriteRaster, noise: np.ndarray, left: int, top: int, right: int, bottom: int
) -> None:
    imagery = open_imagery(write_raster(noise))
    corner = tiles_in_bounds(imagery.bounds, 17).box
    x, y = corner.left, corner.top
    rgb, valid = imagery.read(PixelBox(17, x + left, y + top, x + right, y + bottom))
    assert rgb.size == valid.size == 0
    assert rgb.shape == (max(0, bottom - top), max(0, right - left), 3)


def test_the_world_ends_at_the_poles_and_a_global_raster_reaches_them(
    write_raster: WriteRaster,
) -> None:
    bands = np.full((1, 180, 360), 77, np.uint8)
    path = write_raster(bands, crs="EPSG:4326", transform=Affine(1, 0, -180, 0, -1, 90))
    imagery = open_imagery(path)
    assert imagery.bounds == pytest.approx((-180, -85.0511288, 180, 85.0511288))
    side = TILE_SIZE << 2
    rgb, valid = imagery.read(PixelBox(2, -10, -10, side + 10, side + 10))
    assert not valid[:10].any() and not valid[-10:].any()
    assert valid[10:-10].all()  # the columns past the antimeridian too: they are the other end
    assert (rgb[valid] == 77).all()


def test_a_raster_around_a_pole_shows_where_the_world_is(write_raster: WriteRaster) -> None:
    bands = np.full((1, 200, 200), 50, np.uint8)
    # Polar stereographic, 40 km pixels: the pole in the middle, the rim at about 55 degrees.
    path = write_raster(bands, crs="EPSG:3995", transform=Affine(40_000, 0, -4e6, 0, -40_000, 4e6))
    imagery = open_imagery(path)
    rgb, valid = imagery.read(PixelBox(2, 0, 0, 1024, 1024))
    assert valid[60:200].mean() > 0.95  # from 84 degrees down to 65
    assert not valid[512:].any()
    assert (rgb[valid] == 50).all()
