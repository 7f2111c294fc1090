"""The warp of one canonical block: its colours, and what of it is valid.

Source: GDAL's warper with the settings that make blocks agree with each other. Its defaults
approximate the transform to an eighth of a pixel and derive the kernel from the window.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..grid import PixelBox, mercator_resolution
from .blocks import Block, masked
from .footprint import Extent
from .source import RasterSource

_OPAQUE = {"uint16": 65535, "int16": 32767}  # full alpha in GDAL's warper; 255 otherwise

_MASK_PIXELS = 1 << 24


class BlockWarp:
    """The warp of one block: colours, and its mask by the way the source marks it."""

    def __init__(
        self,
        source: RasterSource,
        dataset: Any,
        box: PixelBox,
        *,
        shift: float,
        pixel_size: tuple[float, float],
    ) -> None:
        """Settle the warp of `box`, with the raster moved by `shift` units of its system."""
        from affine import Affine
        from rasterio.enums import Resampling

        self._source, self._dataset, self._box = source, dataset, box
        resolution = mercator_resolution(box.zoom)
        left, _, _, top = box.mercator_bounds()
        scales = [_kernel_scale(size / resolution) for size in pixel_size]
        reducing = scales[0] * scales[1] < 1
        self._options: dict[str, Any] = {
            "crs": "EPSG:3857",
            "src_crs": source.crs,
            "transform": Affine(resolution, 0, left, 0, -resolution, top),
            "width": box.width,
            "height": box.height,
            "resampling": Resampling.average if reducing else Resampling.cubic,
            "tolerance": 1e-3,
            "XSCALE": repr(scales[0]),
            "YSCALE": repr(scales[1]),
        }
        if shift:
            a, b, c, d, e, f = dataset.transform[:6]
            self._options["src_transform"] = Affine(a, b, c + shift, d, e, f)
        if source.validity == "nodata":
            self._options |= {"src_nodata": source.nodata, "nodata": source.nodata}
        else:
            self._options |= {"src_nodata": None, "nodata": None}

    def read(self, inside: bool, extent: Extent | None) -> Block | None:
        """The block; `inside` says that no pixel of it lies on or past the raster's rim."""
        validity = self._source.validity
        if validity == "mask" and inside and extent is not None:
            # Warping with a mask costs four times as much: only where the mask says something.
            found = self._mask_values(extent)
            if found is not None and not found.any():
                return None
            if found is not None and found.all():
                return self._plain(None)
        elif validity == "full":
            return self._plain(None if inside else self._rim())
        elif validity == "nodata":
            return self._with_nodata()
        return self._with_alpha()

    def _plain(self, valid: np.ndarray | None) -> Block | None:
        if valid is not None and not valid.any():
            return None
        values = self._read(list(self._source.bands))
        return masked(
            self._colours(values), np.ones(values.shape[1:], bool) if valid is None else valid
        )

    def _rim(self) -> np.ndarray:
        """Which pixels of the block lie on the raster."""
        from rasterio.enums import Resampling
        from rasterio.vrt import WarpedVRT

        options = self._options | {"resampling": Resampling.nearest, "add_alpha": True}
        with WarpedVRT(self._dataset, **options) as vrt:
            valid: np.ndarray = vrt.read(vrt.count) > 0
        return valid

    def _with_nodata(self) -> Block | None:
        from rasterio.vrt import WarpedVRT

        with WarpedVRT(self._dataset, **self._options) as vrt:
            values = vrt.read(list(self._source.bands))
            valid = vrt.dataset_mask() > 0
        return masked(self._colours(values), valid)

    def _with_alpha(self) -> Block | None:
        """Colours and alpha of a source with an alpha band or a mask; half there is there."""
        from rasterio.vrt import WarpedVRT

        options = dict(self._options)
        if self._source.alpha is None:
            options["add_alpha"] = True
        with WarpedVRT(self._dataset, **options) as vrt:
            alpha = self._source.alpha or vrt.count
            values = vrt.read([*self._source.bands, alpha])
        half = _OPAQUE.get(values.dtype.name, 255) / 2
        return masked(self._colours(values[:-1]), values[-1] >= half)

    def _read(self, bands: list[int]) -> np.ndarray:
        from rasterio.vrt import WarpedVRT

        with WarpedVRT(self._dataset, **self._options) as vrt:
            values: np.ndarray = vrt.read(bands)
        return values

    def _mask_values(self, extent: Extent) -> np.ndarray | None:
        """The mask under the block, and a little around it; None if that is too large to look."""
        from rasterio.windows import Window

        factor_x = self._source.width / self._dataset.width
        factor_y = self._source.height / self._dataset.height
        left, top = math.floor(extent[0] / factor_x) - 3, math.floor(extent[1] / factor_y) - 3
        right, bottom = math.ceil(extent[2] / factor_x) + 3, math.ceil(extent[3] / factor_y) + 3
        left, top = max(0, left), max(0, top)
        if (right - left) * (bottom - top) > _MASK_PIXELS:
            return None
        window = Window(left, top, right - left, bottom - top)
        mask: np.ndarray = self._dataset.dataset_mask(window=window)
        return mask

    def _colours(self, values: np.ndarray) -> np.ndarray:
        """uint8 [H,W,3] of band values [1 or 3,H,W]."""
        if self._source.stretch is not None:
            low, high = self._source.stretch
            scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
            values = np.rint(np.clip(np.nan_to_num(scaled), 0, 255)).astype(np.uint8)
        return np.ascontiguousarray(
            np.broadcast_to(values, (3, *values.shape[1:])).transpose(1, 2, 0)
        )


def _kernel_scale(scale: float) -> float:
    """Target pixels a source pixel, freed of rounding so that pixels on the grid stay exact."""
    return 1.0 if abs(scale - 1) < 1e-3 else float(f"{scale:.6g}")
