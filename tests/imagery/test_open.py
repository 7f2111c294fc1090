"""What cannot be read is refused with one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from c2gm.errors import ImageryError
from c2gm.grid import tiles_in_bounds
from c2gm.imagery.open import open_imagery


@pytest.mark.parametrize(
    "path",
    [
        "https://example.org/a.tif",
        "/vsicurl/https://example.org/a.tif",
        "s3://bucket/a.tif",
        "zip://a.zip!b.tif",
        "<VRTDataset/>",
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_nothing_is_fetched_from_elsewhere(path: str, kind: Callable[[str], str | Path]) -> None:
    with pytest.raises(ImageryError, match="is not a local file"):
        open_imagery(kind(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageryError, match=r"There is no imagery at .*gone\.tif\. Give the path"):
        open_imagery(tmp_path / "gone.tif")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.tif", b"these are no pixels"),
        ("empty.tif", b""),
        ("service.xml", b"<GDAL_WMS><Service name='TMS'></Service></GDAL_WMS>"),
    ],
)
def test_files_that_are_no_raster_or_point_elsewhere_are_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageryError, match=f"{name} is not a raster image"):
        open_imagery(tmp_path / name)


def test_a_truncated_raster_says_so(
    write_raster: Callable[..., Path], noise: np.ndarray, tmp_path: Path
) -> None:
    path = write_raster(noise, tiled=True, blockxsize=128, blockysize=128, compress="deflate")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageryError, match=r"raster\.tif cannot be read: .* complete\?"):
        imagery = open_imagery(path)
        imagery.read(tiles_in_bounds(imagery.bounds, 17).box)


def test_an_empty_folder_says_what_a_folder_must_hold(tmp_path: Path) -> None:
    with pytest.raises(ImageryError, match=r"holds no map tiles.*\{z\}/\{x\}/\{y\}\.png"):
        open_imagery(tmp_path)


def test_flags_of_rasters_are_refused_for_folders(tmp_path: Path) -> None:
    with pytest.raises(ImageryError, match="Leave --crs"):
        open_imagery(tmp_path, crs="EPSG:32632")


def test_a_raster_off_the_map_says_so(write_raster: Callable[..., Path], noise: np.ndarray) -> None:
    from affine import Affine

    path = write_raster(noise, crs="EPSG:4326", transform=Affine(0.001, 0, 10, 0, -0.001, 89.9))
    with pytest.raises(ImageryError, match="outside the world that web maps show"):
        open_imagery(path)


def test_the_credit_is_the_given_one_or_that_of_the_file(
    write_raster: Callable[..., Path], noise: np.ndarray
) -> None:
    import rasterio

    path = write_raster(noise)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(TIFFTAG_COPYRIGHT="(c) Survey")
    assert open_imagery(path).attribution == "(c) Survey"
    assert open_imagery(path, attribution="somebody").attribution == "somebody"
    assert open_imagery(path).name == "raster.tif"
