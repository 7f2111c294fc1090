"""Files beside a raster: world files place pictures; what strangers put there does not count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.crs import CRS

from c2gm.errors import ImageryError, MissingCRS
from c2gm.grid import tiles_in_bounds
from c2gm.imagery.open import open_imagery

WriteRaster = Callable[..., Path]
WORLD = "1.0\n0.0\n0.0\n-1.0\n327000.5\n2772999.5\n"


@pytest.mark.parametrize(
    ("name", "world"),
    [
        ("photo.png", "photo.pgw"),
        ("photo.png", "photo.pngw"),
        ("photo.jpg", "photo.jgw"),
        ("photo.jpeg", "photo.JGW"),
        ("photo.webp", "photo.wld"),
        ("photo.tif", "photo.tfw"),
        ("photo.bmp", "photo.bpw"),
    ],
)
def test_a_world_file_places_a_picture_like_a_transform(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path, name: str, world: str
) -> None:
    lossless: dict[str, Any] = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(noise.transpose(1, 2, 0)).save(tmp_path / name, **lossless)
    (tmp_path / world).write_text(WORLD)
    imagery, plain = (
        open_imagery(tmp_path / name, crs="EPSG:32640"),
        open_imagery(write_raster(noise, "plain.tif")),
    )
    assert imagery.bounds == pytest.approx(plain.bounds, abs=1e-12)
    box = tiles_in_bounds(plain.bounds, 17).box
    rgb, valid = imagery.read(box)
    expected, expected_valid = plain.read(box)
    assert np.array_equal(valid, expected_valid)
    loss = 9 if ".jp" in name else 0
    assert np.abs(rgb.astype(int) - expected)[valid].mean() <= loss


def test_a_picture_with_a_world_file_alone_asks_for_its_system(
    noise: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(noise.transpose(1, 2, 0)).save(tmp_path / "photo.png")
    (tmp_path / "photo.pgw").write_text(WORLD)
    with pytest.raises(MissingCRS, match=r"photo\.png .*--crs EPSG:32632"):
        open_imagery(tmp_path / "photo.png")
    (tmp_path / "photo.prj").write_text(CRS.from_epsg(32640).to_wkt("WKT1_ESRI"))
    placed = open_imagery(tmp_path / "photo.png")
    given = open_imagery(tmp_path / "photo.png", crs="EPSG:32639")
    assert given.bounds[0] == pytest.approx(placed.bounds[0] - 6)
    (tmp_path / "photo.prj").write_text("nonsense")
    with pytest.raises(ImageryError, match=r"photo\.prj names no known coordinate system"):
        open_imagery(tmp_path / "photo.png")


def test_given_bounds_replace_a_world_file(noise: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(noise.transpose(1, 2, 0)).save(tmp_path / "photo.png")
    (tmp_path / "photo.pgw").write_text(WORLD)
    imagery = open_imagery(tmp_path / "photo.png", picture_bounds=(10, 50, 10.01, 50.01))
    assert imagery.bounds == pytest.approx((10, 50, 10.01, 50.01))


def test_a_turned_world_file_turns_the_picture(noise: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(noise.transpose(1, 2, 0)).save(tmp_path / "photo.png")
    # A quarter turn: columns run to the south, rows to the west.
    (tmp_path / "photo.pgw").write_text("0\n-1\n-1\n0\n327299.5\n2772999.5\n")
    turned = open_imagery(tmp_path / "photo.png", crs="EPSG:32640")
    box = tiles_in_bounds(turned.bounds, 17).box
    rgb, valid = turned.read(box)
    rows, columns = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
    assert len(rows) > 1.2 * len(columns)
    assert rgb[valid].mean() == pytest.approx(noise.mean(), abs=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.0\n0.0\n0.0\n", "must hold six numbers"),
        ("one two three four five six", "must hold six numbers"),
        ("0\n0\n0\n0\n1\n1\n", "gives the picture no extent"),
        ("nan\n0\n0\n-1\n1\n1\n", "gives the picture no extent"),
        ("\x00" * 9000, "must hold six numbers"),
    ],
)
def test_a_spoilt_world_file_is_named(
    noise: np.ndarray, tmp_path: Path, text: str, message: str
) -> None:
    Image.fromarray(noise.transpose(1, 2, 0)).save(tmp_path / "photo.png")
    (tmp_path / "photo.pgw").write_text(text)
    with pytest.raises(ImageryError, match=rf"photo\.pgw .*{message}"):
        open_imagery(tmp_path / "photo.png", crs="EPSG:32640")


def test_metadata_of_a_stranger_beside_a_raster_counts_for_nothing(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path
) -> None:
    path = write_raster(noise)
    before = open_imagery(path).bounds
    (tmp_path / "raster.tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:32639</SRS><GeoTransform>1,1,0,1,0,-1</GeoTransform>"
        '<PAMRasterBand band="1"><NoDataValue>120</NoDataValue></PAMRasterBand></PAMDataset>'
    )
    imagery = open_imagery(path)
    assert imagery.bounds == before
    _, valid = imagery.read(tiles_in_bounds(imagery.bounds, 17).box)
    assert valid.sum() == pytest.approx(400 * 300 / 1.0825**2, rel=0.01)  # no holes of 120


def test_a_mask_beside_a_raster_is_honoured(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path
) -> None:
    mask = np.full((300, 400), 255, np.uint8)
    mask[100:200, 100:200] = 0
    inside = open_imagery(write_raster(noise, "inside.tif", mask=mask))
    path = write_raster(noise)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    assert (tmp_path / "raster.tif.msk").exists()
    box = tiles_in_bounds(inside.bounds, 17).box
    rgb, valid = open_imagery(path).read(box)
    expected, expected_valid = inside.read(box)
    assert 1_000 < (~valid[300:500, 300:500]).sum()
    assert np.array_equal(valid, expected_valid)
    assert np.array_equal(rgb, expected)


def test_overviews_beside_a_raster_are_found_and_count_for_its_fingerprint(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path
) -> None:
    path = write_raster(noise)
    before = open_imagery(path)
    with rasterio.open(path) as dataset:  # opened for reading: overviews go to a file beside
        assert dataset.overviews(1) == []
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8])
    assert (tmp_path / "raster.tif.ovr").exists()
    after = open_imagery(path)
    assert after.fingerprint != before.fingerprint
    box = tiles_in_bounds(before.bounds, 13).box
    assert not np.array_equal(after.read(box)[0], before.read(box)[0])
