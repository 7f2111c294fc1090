"""Small rasters with one oddity each, written when a test asks for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from c2gm.grid import HALF_WORLD, mercator_resolution

WriteRaster = Callable[..., Path]
NEAR_DUBAI = Affine(1, 0, 327000, 0, -1, 2773000)


@pytest.fixture
def noise() -> np.ndarray:
    """Band values uint8 [3,300,400]: noise over broad shapes, never 0."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:300, 0:400]
    broad = 120 + 60 * np.sin(x / 23) * np.cos(y / 31)
    values = broad + rng.normal(0, 18, (3, 300, 400)) + np.array([0, 15, -15])[:, None, None]
    return values.clip(1, 254).astype(np.uint8)


@pytest.fixture
def write_raster(tmp_path: Path) -> WriteRaster:
    """Write bands [C,H,W] as a raster: 1 m pixels in UTM 40 N near Dubai unless told otherwise."""

    def write(
        bands: np.ndarray,
        name: str = "raster.tif",
        *,
        crs: str | None = "EPSG:32640",
        transform: Affine | None = NEAR_DUBAI,
        mask: np.ndarray | None = None,
        colours: list[Any] | None = None,
        colormap: dict[int, tuple[int, ...]] | None = None,
        overviews: list[int] | None = None,
        **options: Any,
    ) -> Path:
        path = tmp_path / name
        count, height, width = bands.shape
        profile = {"driver": "GTiff"} | options
        if transform is not None:
            profile["transform"] = transform
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(
                path,
                "w",
                width=width,
                height=height,
                count=count,
                dtype=bands.dtype,
                crs=crs,
                **profile,
            ) as dataset,
        ):
            dataset.write(bands)
            if colours is not None:
                dataset.colorinterp = colours
            if colormap is not None:
                dataset.write_colormap(1, colormap)
            if mask is not None:
                dataset.write_mask(mask)
        if overviews:
            with rasterio.open(path, "r+") as dataset:
                dataset.build_overviews(overviews)
        return path

    return write


@pytest.fixture
def on_grid() -> Callable[[int, int, int], Affine]:
    """The transform of a raster whose pixels are those of the world grid, from (left, top) on."""

    def transform(zoom: int, left: int, top: int) -> Affine:
        resolution = mercator_resolution(zoom)
        return Affine(
            resolution,
            0,
            -HALF_WORLD + left * resolution,
            0,
            -resolution,
            HALF_WORLD - top * resolution,
        )

    return transform
