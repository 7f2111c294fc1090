"""Small sound imagery files of every kind that is read, to be spoilt, and a look at memory."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from mercantile import Tile
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from c2gm.tilesets.open import create_tileset

NEAR_DUBAI = Affine(1, 0, 327000, 0, -1, 2773000)
SIDE = 96


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One sound file of each kind, by the name of the kind."""
    return write_seeds(tmp_path_factory.mktemp("seeds"))


def pixels(count: int, dtype: str = "uint8") -> np.ndarray:
    """Noise over a slope, [C,96,96]."""
    rng = np.random.default_rng(count)
    slope = np.linspace(20, 200, SIDE)[None, None] + rng.normal(0, 20, (count, SIDE, SIDE))
    return (slope.clip(1, 254) * (1 if dtype == "uint8" else 200)).astype(dtype)


def write_seeds(folder: Path) -> dict[str, Path]:
    """One file of each kind, by the name of the kind; some stand in folders of their own."""
    tiled: dict[str, Any] = {"tiled": True, "blockxsize": 32, "blockysize": 32}
    seeds = {
        "strips": _tiff(folder / "strips.tif", pixels(3)),
        "deflate": _tiff(folder / "deflate.tif", pixels(3), compress="deflate", **tiled),
        "lzw": _tiff(folder / "lzw.tif", pixels(4), compress="lzw", predictor=2, **tiled),
        "jpeg": _tiff(
            folder / "jpeg.tif", pixels(3), compress="jpeg", photometric="ycbcr", **tiled
        ),
        "deep": _tiff(folder / "deep.tif", pixels(1, "uint16"), compress="deflate", nodata=0),
        "bigtiff": _tiff(folder / "big.tif", pixels(1), bigtiff="YES"),
        "overviews": _with_overviews(_tiff(folder / "overviews.tif", pixels(3), **tiled)),
        "mask": _with_mask(_tiff(folder / "mask.tif", pixels(3), compress="deflate", **tiled)),
        "palette": _with_palette(_tiff(folder / "palette.tif", pixels(1) // 32)),
        "points": _with_points(folder / "points.tif"),
        "jp2": _other(folder / "picture.jp2", "JP2OpenJPEG", placed=True),
        "png": _other(folder / "picture.png", "PNG"),
        "jpg": _other(folder / "picture.jpg", "JPEG"),
        "webp": _other(folder / "picture.webp", "WEBP"),
        "bmp": _other(folder / "picture.bmp", "BMP"),
        "world file": _world_file(folder / "placed"),
        "vrt": _vrt(folder / "mosaic", folder / "strips.tif"),
        "mbtiles": _tiles(folder / "ground.mbtiles"),
        "pmtiles": _tiles(folder / "ground.pmtiles"),
        "tile": _tiles(folder / "tiles") / "12" / "2677" / "1753.png",
        "metadata": folder / "tiles" / "metadata.json",
    }
    for kind in ("jpg", "webp"):
        file = _tiles(folder / f"{kind}-tiles") / "12" / "2677" / "1753.png"
        Image.fromarray(_tile_pixels()).save(file.with_suffix(f".{kind}"))
        file.unlink()
        seeds[f"{kind} tile"] = file.with_suffix(f".{kind}")
    return seeds


def _tiff(path: Path, bands: np.ndarray, **options: Any) -> Path:
    profile = {"crs": "EPSG:32640", "transform": NEAR_DUBAI} | options
    count, height, width = bands.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=height, width=width, dtype=bands.dtype,
        **profile,
    ) as dataset:  # fmt: skip
        dataset.write(bands)
    return path


def _with_overviews(path: Path) -> Path:
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8])
    return path


def _with_mask(path: Path) -> Path:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        mask = np.full((SIDE, SIDE), 255, np.uint8)
        mask[20:50, 30:70] = 0
        dataset.write_mask(mask)
    return path


def _with_palette(path: Path) -> Path:
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {n: (30 * n, 255 - 30 * n, 90, 255) for n in range(8)})
    return path


def _with_points(path: Path) -> Path:
    _tiff(path, pixels(3), crs=None, transform=None)
    with rasterio.open(path, "r+") as dataset:
        points = [
            GroundControlPoint(row, column, 327000 + column, 2773000 - row)
            for row in (0, 48, 96)
            for column in (0, 48, 96)
        ]
        dataset.gcps = (points, CRS.from_epsg(32640))
    return path


def _other(path: Path, driver: str, *, placed: bool = False) -> Path:
    if not placed:
        Image.fromarray(pixels(3).transpose(1, 2, 0)).save(path)
        return path
    with rasterio.open(
        path, "w", driver=driver, count=3, height=SIDE, width=SIDE, dtype="uint8",
        crs="EPSG:32640", transform=NEAR_DUBAI,
    ) as dataset:  # fmt: skip
        dataset.write(pixels(3))
    return path


def _world_file(folder: Path) -> Path:
    folder.mkdir()
    Image.fromarray(pixels(3).transpose(1, 2, 0)).save(folder / "photo.png")
    (folder / "photo.prj").write_text(CRS.from_epsg(32640).to_wkt())
    file = folder / "photo.pgw"
    file.write_text("1.0\n0.0\n0.0\n-1.0\n327000.5\n2772999.5\n")
    return file


def _vrt(folder: Path, source: Path) -> Path:
    folder.mkdir()
    part = folder / "part.tif"
    part.write_bytes(source.read_bytes())
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band}"><SimpleSource>'
        f'<SourceFilename relativeToVRT="1">part.tif</SourceFilename>'
        f"<SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
        for band in (1, 2, 3)
    )
    path = folder / "mosaic.vrt"
    path.write_text(
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><SRS>EPSG:32640</SRS>'
        f"<GeoTransform>327000, 1, 0, 2773000, 0, -1</GeoTransform>{bands}</VRTDataset>"
    )
    return path


def _tile_pixels() -> np.ndarray:
    return np.tile(pixels(3).transpose(1, 2, 0), (3, 3, 1))[:256, :256]


def _tiles(path: Path) -> Path:
    file = io.BytesIO()
    Image.fromarray(_tile_pixels()).save(file, "PNG")
    with create_tileset(path, {"name": "ground", "attribution": "us"}) as tileset:
        for tile in (Tile(2677, 1753, 12), Tile(2678, 1753, 12), Tile(5355, 3506, 13)):
            tileset.put_bytes(tile, file.getvalue())
    return path
