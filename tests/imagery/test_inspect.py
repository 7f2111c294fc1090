"""Odd rasters: bands, masks, number types and positions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from c2gm.errors import ImageryError, MissingCRS
from c2gm.grid import PixelBox, tiles_in_bounds
from c2gm.imagery.open import open_imagery

WriteRaster = Callable[..., Path]
ZOOM, LEFT, TOP = 11, 343_220, 224_300


@pytest.fixture
def grid(on_grid: Callable[[int, int, int], Affine]) -> dict[str, object]:
    """Options of a raster on the world grid, so that pixels can be compared exactly."""
    return {"crs": "EPSG:3857", "transform": on_grid(ZOOM, LEFT, TOP)}


def read(path: Path, **options: object) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of a raster of 400x300 on the grid, with two pixels of rim."""
    imagery = open_imagery(path, **options)  # type: ignore[arg-type]
    return imagery.read(PixelBox(ZOOM, LEFT - 2, TOP - 2, LEFT + 402, TOP + 302))


def test_rgb_without_nodata_ends_at_its_rim_and_keeps_black(
    write_raster: WriteRaster, grid: dict[str, object], noise: np.ndarray
) -> None:
    noise[:, 100:120, 100:120] = 0
    rgb, valid = read(write_raster(noise, **grid))
    assert valid[2:-2, 2:-2].all()
    assert valid.sum() == 400 * 300
    assert np.array_equal(rgb[2:-2, 2:-2], noise.transpose(1, 2, 0))


def test_nodata_of_the_file_is_invalid_unless_ignored(
    write_raster: WriteRaster, grid: dict[str, object], noise: np.ndarray
) -> None:
    noise[:, 100:120, 100:130] = 0
    path = write_raster(noise, nodata=0, **grid)
    _, valid = read(path)
    assert valid.sum() == 400 * 300 - 20 * 30
    assert not valid[102:122, 102:132].any()
    _, valid = read(path, nodata="none")
    assert valid.sum() == 400 * 300


def test_a_given_nodata_value_is_invalid(
    write_raster: WriteRaster, grid: dict[str, object], noise: np.ndarray
) -> None:
    noise[:, :50, :50] = 255
    rgb, valid = read(write_raster(noise, **grid), nodata=255)
    assert valid.sum() == 400 * 300 - 50 * 50
    assert not rgb[~valid].any()


@pytest.mark.parametrize("compress", ["deflate", "jpeg"])
def test_an_internal_mask_is_honoured(
    write_raster: WriteRaster, grid: dict[str, object], noise: np.ndarray, compress: str
) -> None:
    mask = np.full((300, 400), 255, np.uint8)
    mask[40:90, 200:260] = 0
    rgb, valid = read(write_raster(noise, mask=mask, compress=compress, **grid))
    assert np.array_equal(valid[2:-2, 2:-2], mask > 0)
    assert valid.sum() == (mask > 0).sum()
    if compress == "deflate":
        assert np.array_equal(rgb[2:-2, 2:-2][mask > 0], noise.transpose(1, 2, 0)[mask > 0])


def test_masked_colours_do_not_bleed_into_reduced_pixels(
    write_raster: WriteRaster, grid: dict[str, object]
) -> None:
    bands = np.full((3, 300, 400), 200, np.uint8)
    mask = np.full((300, 400), 255, np.uint8)
    bands[:, 40:91, 201:260], mask[40:91, 201:260] = 0, 0
    imagery = open_imagery(write_raster(bands, mask=mask, **grid))
    rgb, valid = imagery.read(PixelBox(9, LEFT // 4, TOP // 4, LEFT // 4 + 100, TOP // 4 + 75))
    assert not valid.all()
    assert (rgb[valid] == 200).all()


@pytest.mark.parametrize("declared", [True, False])
def test_an_alpha_band_is_honoured_declared_or_not(
    write_raster: WriteRaster, grid: dict[str, object], noise: np.ndarray, declared: bool
) -> None:
    alpha = np.full((1, 300, 400), 255, np.uint8)
    alpha[0, :, 300:] = 0
    fourth = ColorInterp.alpha if declared else ColorInterp.undefined
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, fourth]
    path = write_raster(np.concatenate([noise, alpha]), colours=colours, **grid)
    rgb, valid = read(path)
    assert valid.sum() == 300 * 300
    assert np.array_equal(rgb[2:-2, 2:302], noise[:, :, :300].transpose(1, 2, 0))


def test_an_infrared_band_is_dropped(
    write_raster: WriteRaster, grid: dict[str, object], noise: np.ndarray
) -> None:
    infrared = 255 - noise[:1]
    colours = [ColorInterp.gray] + [ColorInterp.undefined] * 3
    path = write_raster(np.concatenate([noise, infrared]), colours=colours, **grid)
    rgb, valid = read(path)
    assert valid.sum() == 400 * 300
    assert np.array_equal(rgb[2:-2, 2:-2], noise.transpose(1, 2, 0))


def test_declared_colours_count_in_their_own_order(
    write_raster: WriteRaster, grid: dict[str, object], noise: np.ndarray
) -> None:
    colours = [ColorInterp.blue, ColorInterp.green, ColorInterp.red]
    rgb, _ = read(write_raster(noise[::-1], colours=colours, **grid))
    assert np.array_equal(rgb[2:-2, 2:-2], noise.transpose(1, 2, 0))


def test_grey_is_repeated_and_its_alpha_kept(
    write_raster: WriteRaster, grid: dict[str, object], noise: np.ndarray
) -> None:
    grey = noise[:1]
    rgb, _ = read(write_raster(grey, "grey.tif", **grid))
    assert np.array_equal(rgb[2:-2, 2:-2], grey.repeat(3, axis=0).transpose(1, 2, 0))
    alpha = np.full_like(grey, 255)
    alpha[:, :100] = 0
    rgb, valid = read(write_raster(np.concatenate([grey, alpha]), "grey_alpha.tif", **grid))
    assert valid.sum() == 200 * 400
    assert np.array_equal(rgb[102:-2, 2:-2, 1], grey[0, 100:])


def test_a_palette_becomes_colours_before_they_are_averaged(
    write_raster: WriteRaster, grid: dict[str, object]
) -> None:
    numbers = np.zeros((1, 300, 400), np.uint8)
    numbers[:, :, 1::2] = 9
    table = {0: (250, 0, 0, 255), 9: (0, 0, 150, 255), 5: (0, 255, 0, 255)}
    path = write_raster(numbers, colormap=table, **grid)
    rgb, valid = read(path)
    assert valid.sum() == 400 * 300
    assert (rgb[2:-2, 2:-2][:, ::2] == (250, 0, 0)).all()
    coarse, valid = open_imagery(path).read(
        PixelBox(ZOOM - 1, LEFT // 2 + 5, TOP // 2 + 5, LEFT // 2 + 190, TOP // 2 + 140)
    )
    assert valid.all()
    assert (coarse == (125, 0, 75)).all()


def test_nodata_of_a_palette_is_invalid(write_raster: WriteRaster, grid: dict[str, object]) -> None:
    numbers = np.ones((1, 300, 400), np.uint8)
    numbers[:, :60] = 3
    table = {1: (10, 20, 30, 255), 3: (200, 200, 200, 255)}
    rgb, valid = read(write_raster(numbers, colormap=table, nodata=3, **grid))
    assert valid.sum() == 240 * 400
    assert (rgb[valid] == (10, 20, 30)).all()


def test_16_bit_values_are_stretched_once_for_the_whole_imagery(
    write_raster: WriteRaster, grid: dict[str, object]
) -> None:
    ramp = np.linspace(1000, 3000, 400).round().astype(np.uint16)
    bands = np.broadcast_to(ramp, (3, 300, 400))
    rgb, valid = read(write_raster(bands, **grid))
    assert valid.sum() == 400 * 300
    row = rgb[150, 2:-2, 0].astype(int)
    assert row[0] == 0 and row[-1] == 255
    assert abs(row[200] - 128) <= 2
    assert (np.diff(row) >= 0).all()
    half = open_imagery(write_raster(bands[:, :, :200], "half.tif", **grid))
    assert half.fingerprint != open_imagery(write_raster(bands, "again.tif", **grid)).fingerprint


def test_16_bit_nodata_stays_out_of_the_stretch(
    write_raster: WriteRaster, grid: dict[str, object]
) -> None:
    bands = np.full((3, 300, 400), 500, np.uint16)
    bands[:, :, 200:] = 900
    bands[:, :100] = 65535
    rgb, valid = read(write_raster(bands, nodata=65535, **grid))
    assert valid.sum() == 200 * 400
    assert (rgb[110, 10] == 0).all() and (rgb[110, 390] == 255).all()


def test_16_bit_alpha_is_read_at_its_own_depth(
    write_raster: WriteRaster, grid: dict[str, object]
) -> None:
    bands = np.full((4, 300, 400), 700, np.uint16)
    bands[:3, :, ::2] = 300
    bands[3] = 65535
    bands[3, :90] = 0
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    _, valid = read(write_raster(bands, colours=colours, **grid))
    assert valid.sum() == 210 * 400


def test_nan_of_floating_point_rasters_is_invalid(
    write_raster: WriteRaster, grid: dict[str, object]
) -> None:
    bands = np.full((3, 300, 400), 0.25, np.float32)
    bands[:, :, ::2] = 0.75
    bands[:, 10:20, 10:30] = np.nan
    rgb, valid = read(write_raster(bands, **grid))
    assert valid.sum() == 400 * 300 - 200
    assert set(np.unique(rgb[valid])) == {0, 255}


def test_complex_numbers_are_no_picture(write_raster: WriteRaster, grid: dict[str, object]) -> None:
    path = write_raster(np.ones((1, 30, 40), np.complex64), **grid)
    with pytest.raises(ImageryError, match="complex numbers"):
        open_imagery(path)


def test_south_up_rasters_read_like_north_up_ones(
    write_raster: WriteRaster, grid: dict[str, object], noise: np.ndarray
) -> None:
    north = grid["transform"]
    assert isinstance(north, Affine)
    south = Affine(north.a, 0, north.c, 0, -north.e, north.f + 300 * north.e)
    path = write_raster(noise[:, ::-1], "south.tif", crs="EPSG:3857", transform=south)
    other = write_raster(noise, **grid)
    assert np.array_equal(read(path)[0], read(other)[0])
    assert open_imagery(path).bounds == pytest.approx(open_imagery(other).bounds)


def test_rotated_rasters_lie_where_they_belong(write_raster: WriteRaster) -> None:
    bands = np.full((3, 300, 400), 90, np.uint8)
    bands[:, 140:160, 190:210] = 250  # the middle
    cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))
    x, y = 327200 - 200 * cos - 150 * sin, 2772850 - 200 * sin + 150 * cos  # same middle
    turned = Affine(cos, sin, x, sin, -cos, y)
    upright = open_imagery(write_raster(bands))
    rotated = open_imagery(write_raster(bands, "rotated.tif", transform=turned))
    assert rotated.bounds[0] < upright.bounds[0] and rotated.bounds[3] > upright.bounds[3]
    assert rotated.native_zoom == upright.native_zoom == 17
    centres = []
    for imagery in (upright, rotated):
        box = _box_of(imagery.bounds, 17)
        rgb, valid = imagery.read(box)
        y, x = np.nonzero((rgb[..., 0] > 200) & valid)
        centres.append((x.mean() + box.left, y.mean() + box.top))
        assert valid.sum() == pytest.approx(300 * 400 / 1.08**2, rel=0.02)
    assert centres[0] == pytest.approx(centres[1], abs=0.3)


def _box_of(bounds: tuple[float, float, float, float], zoom: int) -> PixelBox:
    return tiles_in_bounds(bounds, zoom).box


def test_ground_control_points_give_the_position(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path
) -> None:
    upright = open_imagery(write_raster(noise))
    path = write_raster(noise, "gcps.tif", crs=None, transform=None)
    with rasterio.open(path, "r+") as dataset:
        points = [
            GroundControlPoint(row, column, 327000 + column, 2773000 - row)
            for row in (0, 150, 300)
            for column in (0, 200, 400)
        ]
        dataset.gcps = (points, rasterio.crs.CRS.from_epsg(32640))
    by_points = open_imagery(path)
    assert by_points.bounds == pytest.approx(upright.bounds, abs=1e-7)
    assert by_points.native_zoom == 17
    box = _box_of(upright.bounds, 17)
    rgb, valid = by_points.read(box)
    expected, expected_valid = upright.read(box)
    assert (valid != expected_valid).mean() < 0.002
    both = valid & expected_valid
    assert np.abs(rgb[both].astype(int) - expected[both]).mean() < 0.5
    far = PixelBox(17, box.left + 200_000, box.top, box.right + 200_000, box.bottom)
    assert not by_points.read(far)[1].any()


def test_a_missing_coordinate_system_is_named_and_can_be_given(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    path = write_raster(noise, crs=None)
    with pytest.raises(MissingCRS, match=r"raster\.tif .*--crs EPSG:"):
        open_imagery(path)
    given = open_imagery(path, crs="EPSG:32640")
    assert given.bounds == pytest.approx(open_imagery(write_raster(noise, "own.tif")).bounds)


def test_a_given_coordinate_system_replaces_the_files_own(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    path = write_raster(noise)
    east, west = open_imagery(path), open_imagery(path, crs="EPSG:32639")
    assert west.bounds[0] == pytest.approx(east.bounds[0] - 6)
    with pytest.raises(ImageryError, match="--crs EPSG:99 is no known"):
        open_imagery(path, crs="EPSG:99")
