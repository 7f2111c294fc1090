"""Pixels of warped rasters: exact on the grid, the same by every way of reading, true to zoom."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from c2gm.grid import TILE_SIZE, PixelBox, tiles_in_bounds
from c2gm.imagery.open import open_imagery
from c2gm.imagery.raster import RasterImagery

WriteRaster = Callable[..., Path]
OnGrid = Callable[[int, int, int], Affine]
LEFT, TOP = 343_220, 224_300  # world pixels of zoom 11, inside one canonical block and its right


def around(imagery: RasterImagery, zoom: int) -> PixelBox:
    """The tiles of the imagery and a rim."""
    return tiles_in_bounds(imagery.bounds, zoom).box.grown(40)


@pytest.mark.parametrize("columns", [-30, 0, 190])
def test_pixels_on_the_world_grid_come_out_bit_exact(
    write_raster: WriteRaster, on_grid: OnGrid, noise: np.ndarray, columns: int
) -> None:
    path = write_raster(
        noise, crs="EPSG:3857", transform=on_grid(11, LEFT, TOP), compress="deflate"
    )
    imagery = open_imagery(path)
    assert imagery.native_zoom == 11
    box = PixelBox(11, LEFT + columns, TOP + 5, LEFT + columns + 180, TOP + 205)
    rgb, valid = imagery.read(box)
    expected = np.zeros((200, 180, 3), np.uint8)
    inside = np.zeros((200, 180), bool)
    for x in range(180):
        if 0 <= columns + x < 400:
            expected[:, x] = noise[:, 5:205, columns + x].T
            inside[:, x] = True
    assert np.array_equal(valid, inside)
    assert np.array_equal(rgb, expected)


@pytest.mark.parametrize("zoom", [15, 17, 18])
def test_any_box_equals_the_crop_of_a_larger_read(
    write_raster: WriteRaster, noise: np.ndarray, zoom: int
) -> None:
    path = write_raster(noise)
    with_all = open_imagery(path)
    box = around(with_all, zoom)
    rgb, valid = with_all.read(box)
    assert valid.any() and not valid.all()
    rng = np.random.default_rng(zoom)
    for _ in range(6):
        x, y = rng.integers(box.left, box.right - 50), rng.integers(box.top, box.bottom - 50)
        part = PixelBox(zoom, int(x), int(y), int(x) + 50, int(y) + 41)
        fresh = open_imagery(path)
        part_rgb, part_valid = fresh.read(part)
        crop = np.s_[y - box.top : y - box.top + 41, x - box.left : x - box.left + 50]
        assert np.array_equal(part_rgb, rgb[crop])
        assert np.array_equal(part_valid, valid[crop])


def test_a_parent_is_the_mean_of_its_children(write_raster: WriteRaster, noise: np.ndarray) -> None:
    imagery = open_imagery(write_raster(noise))
    box = around(imagery, 15)
    parent, parent_valid = imagery.read(box)
    children, valid = imagery.read(
        PixelBox(16, 2 * box.left, 2 * box.top, 2 * box.right, 2 * box.bottom)
    )
    whole = valid.reshape(box.height, 2, box.width, 2).all(axis=(1, 3)) & parent_valid
    mean = children.reshape(box.height, 2, box.width, 2, 3).mean(axis=(1, 3))
    assert whole.sum() > 5_000
    assert np.abs(parent - mean)[whole].max() <= 2


def test_a_reduced_raster_keeps_its_mean(write_raster: WriteRaster, noise: np.ndarray) -> None:
    imagery = open_imagery(write_raster(noise))
    rgb, valid = imagery.read(around(imagery, 13))
    assert np.abs(rgb[valid].mean(axis=0) - noise.mean(axis=(1, 2))).max() < 1


def test_threads_read_the_same_bytes(write_raster: WriteRaster, noise: np.ndarray) -> None:
    path = write_raster(noise)
    alone, shared = open_imagery(path), open_imagery(path)
    corners = [
        (zoom, box.left + shift, box.top)
        for zoom in (16, 17, 18, 19)
        for box in [around(alone, zoom)]
        for shift in (0, 200, 400)
    ]
    boxes = [PixelBox(z, left, top, left + 320, top + 320) for z, left, top in corners]
    expected = [alone.read(box) for box in boxes]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(shared.read, boxes[::-1]))[::-1]
    for (rgb, valid), (other_rgb, other_valid) in zip(expected, answers, strict=True):
        assert np.array_equal(rgb, other_rgb)
        assert np.array_equal(valid, other_valid)


def test_outside_and_past_the_poles_nothing_is_valid(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    imagery = open_imagery(write_raster(noise))
    for box in (
        PixelBox(15, 100, 100, 420, 420),
        PixelBox(15, 0, -500, 320, -180),
        PixelBox(15, 0, TILE_SIZE << 15, 320, (TILE_SIZE << 15) + 320),
    ):
        rgb, valid = imagery.read(box)
        assert not valid.any()
        assert not rgb.any()


def test_columns_wrap_around_the_world(write_raster: WriteRaster, noise: np.ndarray) -> None:
    imagery = open_imagery(write_raster(noise))
    box = around(imagery, 16)
    turn = TILE_SIZE << 16
    for turns in (-1, 1):
        moved = PixelBox(16, box.left + turns * turn, box.top, box.right + turns * turn, box.bottom)
        assert np.array_equal(imagery.read(moved)[0], imagery.read(box)[0])


def test_the_whole_world_at_zoom_0_holds_the_raster_once(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    path = write_raster(noise, crs="EPSG:4326", transform=Affine(0.1, 0, 20, 0, -0.1, 40))
    rgb, valid = open_imagery(path).read(PixelBox(0, 0, 0, 256, 256))
    columns, rows = np.flatnonzero(valid.any(axis=0)), np.flatnonzero(valid.any(axis=1))
    assert (columns[0], columns[-1]) == (142, 170)  # 20 to 60 degrees east
    assert (rows[0], rows[-1]) == (97, 120)  # 40 to 10 degrees north
    assert np.abs(rgb[valid].mean(axis=0) - noise.mean(axis=(1, 2))).max() < 8


def test_a_utm_raster_across_the_antimeridian_is_read_on_both_sides(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    path = write_raster(noise, crs="EPSG:32660", transform=Affine(50, 0, 815_000, 0, -50, 300_000))
    imagery = open_imagery(path)
    west, _, east, _ = imagery.bounds
    assert 179 < west < 180 and -180 < east < -179
    box = tiles_in_bounds(imagery.bounds, 11).box
    assert box.right > TILE_SIZE << 11
    rgb, valid = imagery.read(box)
    seam = (TILE_SIZE << 11) - box.left
    assert valid[:, seam - 1].sum() > 100
    assert np.array_equal(valid[:, seam - 1], valid[:, seam])
    left, right = rgb[valid[:, seam], seam - 1], rgb[valid[:, seam], seam]
    assert np.abs(left.astype(int) - right).mean() < 30  # neighbours, as everywhere in the raster


def test_a_geographic_raster_past_180_degrees_shows_on_both_sides(
    write_raster: WriteRaster,
) -> None:
    bands = np.full((3, 100, 400), 50, np.uint8)
    bands[:, :, 200:] = 200  # exactly from 180 degrees on
    path = write_raster(bands, crs="EPSG:4326", transform=Affine(0.01, 0, 178, 0, -0.01, 1))
    imagery = open_imagery(path)
    assert imagery.bounds == pytest.approx((178, 0, -178, 1), abs=1e-6)
    side = TILE_SIZE << 8
    rgb, valid = imagery.read(PixelBox(8, side - 300, side // 2 - 100, side + 300, side // 2 - 50))
    assert valid.all()
    # Cubic weights of GDAL sum to 1 only within rounding.
    assert np.abs(rgb[:, :297].astype(int) - 50).max() <= 1
    assert np.abs(rgb[:, 303:].astype(int) - 200).max() <= 1


def test_a_world_raster_from_0_to_360_degrees_covers_both_halves(
    write_raster: WriteRaster,
) -> None:
    bands = np.full((1, 180, 360), 50, np.uint8)
    bands[:, :, 180:] = 200
    path = write_raster(bands, crs="EPSG:4326", transform=Affine(1, 0, 0, 0, -1, 90))
    imagery = open_imagery(path)
    assert imagery.bounds[0] == -180 and imagery.bounds[2] == 180
    rgb, valid = imagery.read(PixelBox(1, 0, 0, 512, 512))
    assert valid.all()
    assert (rgb[:, 8:248] == 200).all()
    assert (rgb[:, 264:504] == 50).all()


def test_overviews_serve_only_far_reductions(write_raster: WriteRaster, noise: np.ndarray) -> None:
    path = write_raster(noise, overviews=[2, 4, 8])
    with rasterio.open(path, "r+", overview_level=2) as overview:
        assert overview.width == 50
    with rasterio.open(path, "r+") as dataset:  # make the overviews tell themselves apart
        dataset.build_overviews([2, 4, 8], rasterio.enums.Resampling.nearest)
    plain = write_raster(noise, "plain.tif")
    for zoom, same in ((15, True), (16, True), (13, False)):
        box = around(open_imagery(plain), zoom)
        assert (
            np.array_equal(open_imagery(path).read(box)[0], open_imagery(plain).read(box)[0])
            is same
        )
    rgb, valid = open_imagery(path).read(around(open_imagery(plain), 13))
    assert np.abs(rgb[valid].mean(axis=0) - noise.mean(axis=(1, 2))).max() < 8


def test_the_fingerprint_knows_content_and_options_but_no_place(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path
) -> None:
    path = write_raster(noise)
    copy = tmp_path / "elsewhere" / "other.tif"
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    own = open_imagery(path).fingerprint
    assert open_imagery(copy).fingerprint == own
    changed = noise.copy()
    changed[0, 150, 200] ^= 1
    assert open_imagery(write_raster(changed, "changed.tif")).fingerprint != own
    assert open_imagery(path, nodata=7).fingerprint != own
    assert open_imagery(path, crs="EPSG:32639").fingerprint != own


def test_reading_after_closing_opens_the_file_again(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    imagery = open_imagery(write_raster(noise))
    box = around(imagery, 16)
    before = imagery.read(box)[0]
    imagery.close()
    assert np.array_equal(imagery.read(box)[0], before)
    imagery.close()
