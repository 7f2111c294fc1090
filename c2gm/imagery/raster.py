"""Imagery from a georeferenced raster file, warped to the world grid.

The recipe: one warp for each canonical block with a small tolerance and a fixed kernel scale,
averaging where pixels are reduced and cubic where they are enlarged, the mask only where a block
touches the rim, one dataset for each thread.
"""

from __future__ import annotations

import math
from typing import Any

from ..errors import ImageryError
from ..grid import PixelBox, mercator_resolution
from .blocks import DEFAULT_CACHE_BYTES, Block, BlockImagery, filled
from .datasets import DatasetPool
from .fingerprint import fingerprint_files
from .footprint import Extent, Footprint
from .source import RasterSource, gdal
from .warp import BlockWarp

RECIPE = "warp-1"  # changes when the same file would give other pixels
_OVERVIEW_REDUCTION = 8  # overviews may be made by another filter: only beyond this reduction
_MOST_VALUES = 64 << 30  # read for one block
_SLOW_JPEG_2000 = 1 << 22  # px
_SLOW_PIXELS = 1 << 26  # of a raster: without overviews, low zooms of more than this are advised on


class RasterImagery(BlockImagery):
    """A raster of any coordinate system, pixel type and mask; see `Imagery`."""

    def __init__(
        self,
        source: RasterSource,
        *,
        options: tuple[object, ...] = (),
        attribution: str = "",
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        pool: DatasetPool | None = None,
    ) -> None:
        """Read an inspected raster.

        Args:
            source: What `inspect_raster` found.
            options: What it was opened with, as far as that decides pixels.
            attribution: Credit of the source; a text replaces the file's own.
            cache_bytes: Blocks that are kept.
            pool: Where its datasets are kept open, if it is one of many rasters.

        Raises:
            ImageryError: it lies outside the world.
        """
        super().__init__(cache_bytes)
        self._source = source
        with self._gdal():
            self._footprint = Footprint(source)
        self._pool = pool or DatasetPool()
        self.name = source.name
        self.bounds = self._footprint.bounds
        self.native_zoom = self._footprint.native_zoom
        self.attribution = attribution or source.credit
        self.reading = source.reading
        self.fingerprint = fingerprint_files(source.files, (RECIPE, *options, source.stretch))

    def make_block(self, box: PixelBox) -> Block | None:
        """Pixels of a canonical block, or None where the raster has none."""
        result: Block | None = None
        with self._gdal():
            for shift in self._footprint.shifts:
                block = self._warp(box, shift)
                # A raster that runs past the antimeridian shows again on the other side.
                result = block if result is None else filled(result, block)
        return result

    def advice(self, zoom: int) -> tuple[str, ...]:
        """What of a large raster makes reading slow: its kind, or missing overviews."""
        size = self._source.width * self._source.height
        if self._source.driver == "JP2OpenJPEG" and size > _SLOW_JPEG_2000:
            return (
                f"{self.name} is JPEG 2000, which is unpacked slowly. Quicker is a GeoTIFF: `rio "
                f"convert {self._source.path.name} out.tif --co TILED=YES --co COMPRESS=JPEG`.",
            )
        reduction = self._reduction(zoom)
        needed = int(math.log2(reduction)) if reduction > _OVERVIEW_REDUCTION else 0
        if self._source.overviews or not needed:
            return ()
        if size < _SLOW_PIXELS:
            return ()
        factors = ",".join(str(1 << level) for level in range(1, needed + 1))
        file = self._source.path.name if len(self._source.files) == 1 else "FILE"
        return (
            f"There are no overviews in {self.name}: all pixels are read for each low zoom. This "
            f"makes it quicker: `rio overview --build {factors} --resampling average {file}`.",
        )

    def _gdal(self) -> Any:
        return gdal(self._source.name, siblings=self._source.siblings)

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
        self._check_work(box.zoom, extent)
        warp = BlockWarp(
            self._source,
            self._dataset(box.zoom),
            box,
            shift=shift,
            pixel_size=self._footprint.pixel_size,
        )
        return warp.read(inside, extent)

    def _check_work(self, zoom: int, extent: Extent | None) -> None:
        """Refuse to read for days, or all of what a stranger's file declares.

        Raises:
            ImageryError: a block takes more than 64 GiB of the raster.
        """
        width, height = float(self._source.width), float(self._source.height)
        if extent is not None:
            left, top, right, bottom = extent
            width = min(width, right) - max(0.0, left)
            height = min(height, bottom) - max(0.0, top)
        level = self._overview_level(zoom)
        factor = 1 if level is None else self._source.overviews[level]
        size = width * height / factor**2 * len(self._source.bands)
        if size > _MOST_VALUES:
            raise ImageryError(
                f"{self.name} is too fine for zoom {zoom}: one block would read {size / 1e9:,.0f} "
                "billion values. Give it overviews with `rio overview`, or read a higher zoom."
            )

    def _dataset(self, zoom: int) -> Any:
        level = self._overview_level(zoom)
        return self._pool.get((id(self), level), lambda: self._open(level))

    def _open(self, level: int | None) -> Any:
        import rasterio

        if level is not None and self._source.levels:
            return rasterio.open(self._source.levels[level], driver="VRT")
        options = {} if level is None else {"overview_level": level}
        return rasterio.open(self._source.dataset, driver=self._source.driver, **options)

    def _reduction(self, zoom: int) -> float:
        """Pixels of the raster along a pixel of a zoom."""
        return mercator_resolution(zoom) / max(self._footprint.pixel_size)

    def _overview_level(self, zoom: int) -> int | None:
        """The coarsest overview still finer than the zoom, None for the full raster."""
        reduction = self._reduction(zoom)
        if reduction <= _OVERVIEW_REDUCTION:
            return None
        fit = [level for level, factor in enumerate(self._source.overviews) if factor < reduction]
        return fit[-1] if fit else None

    def close(self) -> None:
        """Close all datasets; no other thread may be reading."""
        super().close()
        self._pool.close()
