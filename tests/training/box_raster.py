"""Pictures of a pixel box as GeoTIFFs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_bounds

from c2gm.grid import PixelBox


def write_raster(path: Path, box: PixelBox, pixels: np.ndarray) -> None:
    """A GeoTIFF on the world grid, EPSG:3857, of uint8 [H,W,3] pixels."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=box.width,
        height=box.height,
        count=3,
        dtype="uint8",
        crs="EPSG:3857",
        transform=from_bounds(*box.mercator_bounds(), box.width, box.height),
    ) as file:
        file.write(np.moveaxis(pixels, -1, 0))
