"""Imagery from a georeferenced raster file, warped to the world grid.

The recipe: one warp for each canonical block with a small tolerance and a fixed kernel scale,
averaging where pixels are reduced and cubic where they are enlarged, the mask only where a block
touches the rim, one dataset for each thread.
"""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from ..grid import PixelBox, mercator_resolution
from .blocks import DEFAULT_CACHE_BYTES, Block, BlockImagery
from .fingerprint import fingerprint_files
from .footprint import Footprint
from .inspect import inspect_raster
from .source import Nodata, gdal
from .warp import BlockWarp

RECIPE = "warp-1"  # changes when the same file would give other pixels
_OVERVIEW_REDUCTION = 8  # overviews may be made by another filter: only beyond this reduction


class RasterImagery(BlockImagery):
    """A raster of any coordinate system, pixel type and mask; see `Imagery`."""

    def __init__(
        self,
        path: Path,
        *,
        crs: str | None = None,
        nodata: Nodata = None,
        mercator_bounds: tuple[float, float, float, float] | None = None,
        attribution: str = "",
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> None:
        """Open a raster file; `mercator_bounds` places a picture that has no position.

        Raises:
            ImageryError: it cannot be read or placed.
            MissingCRS: it does not name its coordinate system and `crs` is not given.
        """
        super().__init__(cache_bytes)
        self._source = inspect_raster(path, crs=crs, nodata=nodata, mercator_bounds=mercator_bounds)
        with gdal(path):
            self._footprint = Footprint(self._source)
        self._local = threading.local()
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()
        self.name = path.name
        self.bounds = self._footprint.bounds
        self.native_zoom = self._footprint.native_zoom
        self.attribution = attribution or self._source.credit
        self.fingerprint = fingerprint_files(
            self._source.files,
            (RECIPE, crs, str(nodata), mercator_bounds, self._source.stretch),
        )

    def _make_block(self, box: PixelBox) -> Block | None:
        result: Block | None = None
        with gdal(self._source.path):
            for shift in self._footprint.shifts:
                block = self._warp(box, shift)
                # A raster that runs past the antimeridian shows again on the other side.
                result = block if result is None else _filled(result, block)
        return result

    def _warp(self, box: PixelBox, shift: float) -> Block | None:
        """One block of the raster moved by `shift` units of its coordinate system."""
        extent = self._footprint.extent_under(box, shift)
        inside = False
        if extent is not None:
            left, top, right, bottom = extent
            width, height = self._source.width, self._source.height
            if right < -2 or bottom < -2 or left > width + 2 or top > height + 2:
                return None
            inside = left >= 1 and top >= 1 and right <= width - 1 and bottom <= height - 1
        warp = BlockWarp(
            self._source,
            self._dataset(box.zoom),
            box,
            shift=shift,
            pixel_size=self._footprint.pixel_size,
        )
        return warp.read(inside, extent)

    def _dataset(self, zoom: int) -> Any:
        """This thread's own dataset: a shared one gives wrong pixels or crashes."""
        import rasterio

        level = self._overview_level(zoom)
        datasets: dict[int | None, Any] = self._local.__dict__.setdefault("datasets", {})
        if level not in datasets:
            options = {} if level is None else {"overview_level": level}
            dataset = rasterio.open(self._source.dataset, driver=self._source.driver, **options)
            datasets[level] = dataset
            self._opened.add(dataset)
        return datasets[level]

    def _overview_level(self, zoom: int) -> int | None:
        """The coarsest overview still finer than the zoom, None for the full raster."""
        reduction = mercator_resolution(zoom) / max(self._footprint.pixel_size)
        if reduction <= _OVERVIEW_REDUCTION:
            return None
        fit = [level for level, factor in enumerate(self._source.overviews) if factor < reduction]
        return fit[-1] if fit else None

    def close(self) -> None:
        """Close all datasets; no other thread may be reading."""
        super().close()
        for dataset in list(self._opened):
            dataset.close()
        self._local = threading.local()


def _filled(block: Block, other: Block | None) -> Block:
    """A block whose invalid pixels are taken from another."""
    if other is None:
        return block
    missing = other[1] & ~block[1]
    return np.where(missing[..., None], other[0], block[0]), block[1] | missing
