"""Find once, when a raster is opened, where it lies, which bands are its colours, what is valid."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ImageryError, MissingCRS
from .source import Nodata, RasterSource, Validity, find_driver, gdal
from .virtual import Palette, described, rectified

_SAMPLE = 1024  # px a side of the reduced reads that decide stretch and alpha


def inspect_raster(
    path: Path,
    *,
    crs: str | None,
    nodata: Nodata,
    mercator_bounds: tuple[float, float, float, float] | None,
) -> RasterSource:
    """Look at a raster file and decide how it is read.

    Args:
        path: A local file.
        crs: Coordinate system that replaces the file's own.
        nodata: See `Nodata`.
        mercator_bounds: (left, bottom, right, top) in metres of EPSG:3857 of a file without
            position.

    Raises:
        ImageryError: no raster, no position or an unfit kind of pixels.
        MissingCRS: a position without a coordinate system.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings(), gdal(path):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # we say it better
        dataset = rasterio.open(path, driver=find_driver(path))
    with gdal(path), dataset:
        source = _position(path, dataset, crs, mercator_bounds)
        source = _pixels(source, dataset, nodata)
        palette = _palette(dataset)
        if palette is not None or mercator_bounds or _needs_other_bands(source, dataset):
            source = described(source, dataset.dtypes, palette)
    with gdal(path):
        if source.gcps:
            source = rectified(source)
        with rasterio.open(source.dataset, driver=source.driver) as dataset:
            if dataset.dtypes[source.bands[0] - 1] == "uint8":
                return source
            return replace(source, stretch=_stretch(source, dataset))


def _position(
    path: Path,
    dataset: Any,
    crs: str | None,
    mercator_bounds: tuple[float, float, float, float] | None,
) -> RasterSource:
    """The source with its position, pixels not yet looked at."""
    from affine import Affine
    from rasterio.crs import CRS

    points, points_crs = dataset.gcps
    has_transform = not dataset.transform.is_identity
    transform, own_crs = dataset.transform, dataset.crs
    if mercator_bounds is not None:
        if has_transform or points:
            raise ImageryError(
                f"{path.name} has a position of its own. Leave --picture-bounds out."
            )
        left, bottom, right, top = mercator_bounds
        transform = Affine(
            (right - left) / dataset.width, 0, left, 0, (bottom - top) / dataset.height, top
        )
        own_crs, crs = CRS.from_epsg(3857), None
    elif not has_transform:
        if not points:
            raise ImageryError(
                f"{path.name} does not say where on Earth it lies. "
                "Give --picture-bounds west,south,east,north in degrees."
            )
        own_crs = points_crs
    if crs is not None:
        own_crs = _parse_crs(crs)
    if not own_crs:
        raise MissingCRS(
            f"{path.name} does not name its coordinate system. Give it, like --crs EPSG:32632."
        )
    return RasterSource(
        path=path,
        dataset=str(path),
        driver=dataset.driver,
        crs=own_crs,
        transform=transform,
        gcps=() if has_transform or mercator_bounds is not None else tuple(points),
        width=dataset.width,
        height=dataset.height,
        bands=(1,),
        validity="full",
        alpha=None,
        nodata=None,
        stretch=None,
        overviews=tuple(dataset.overviews(1)),
        files=tuple(Path(name) for name in dataset.files if Path(name).is_file()) or (path,),
        credit=dataset.tags().get("TIFFTAG_COPYRIGHT", ""),
    )


def _parse_crs(text: str) -> Any:
    """A coordinate system by its name.

    Raises:
        ImageryError: PROJ does not know it.
    """
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise ImageryError(
            f"--crs {text} is no known coordinate system. Give one like EPSG:32632."
        ) from error


def _pixels(source: RasterSource, dataset: Any, nodata: Nodata) -> RasterSource:
    """The source with colour bands and validity chosen."""
    from rasterio.enums import ColorInterp, MaskFlags

    dtype = dataset.dtypes[0]
    if dtype.startswith("complex"):
        raise ImageryError(f"{source.path.name} holds complex numbers, not a picture.")
    kinds = list(dataset.colorinterp)
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if all(colour in kinds for colour in colours):
        bands = tuple(kinds.index(colour) + 1 for colour in colours)
    else:
        bands = (1, 2, 3) if dataset.count >= 3 else (1,)
    flags = dataset.mask_flag_enums[bands[0] - 1]
    own_nodata = dataset.nodatavals[bands[0] - 1]
    alpha = None
    validity: Validity = "full"
    if isinstance(nodata, float | int):
        validity, own_nodata = "nodata", float(nodata)
    elif ColorInterp.alpha in kinds:
        validity, alpha = "alpha", kinds.index(ColorInterp.alpha) + 1
    elif nodata is None and own_nodata is not None:
        validity = "nodata"
    elif MaskFlags.per_dataset in flags:
        validity = "mask"
    elif dataset.count == len(bands) + 1 and _is_alpha(dataset, dataset.count):
        validity, alpha = "alpha", dataset.count
    elif dtype.startswith("float"):
        validity, own_nodata = "nodata", math.nan
    return replace(
        source,
        bands=bands,
        validity=validity,
        alpha=alpha,
        nodata=own_nodata if validity == "nodata" else None,
    )


def _is_alpha(dataset: Any, band: int) -> bool:
    """Whether an undeclared last band is an alpha band: 0 and 255 only, as infrared never is."""
    if dataset.dtypes[band - 1] != "uint8":
        return False
    values = np.unique(dataset.read(band, out_shape=_reduced(dataset)))
    return bool(values[-1] == 255 and np.isin(values, (0, 255)).all())


def _reduced(dataset: Any) -> tuple[int, int]:
    return min(dataset.height, _SAMPLE), min(dataset.width, _SAMPLE)


def _stretch(source: RasterSource, dataset: Any) -> tuple[float, float]:
    """The 2nd and 98th percentile of all colour bands together, so that hues stay."""
    shape = (len(source.bands), *_reduced(dataset))
    values = dataset.read(list(source.bands), out_shape=shape, masked=source.validity != "full")
    values = np.ma.masked_invalid(values).compressed().astype(np.float64)
    if source.nodata is not None and not math.isnan(source.nodata):
        values = values[values != source.nodata]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, (2, 98))
    return float(low), float(high if high > low else low + 1)


def _palette(dataset: Any) -> Palette | None:
    """The colour table of the first band, if it has one."""
    from rasterio.enums import ColorInterp

    if dataset.colorinterp[0] != ColorInterp.palette:
        return None
    table: Palette = dataset.colormap(1)
    return table


def _needs_other_bands(source: RasterSource, dataset: Any) -> bool:
    """Whether bands must be dropped, reordered or declared before warping."""
    from rasterio.enums import ColorInterp

    wanted = source.bands + ((source.alpha,) if source.alpha else ())
    if wanted != tuple(range(1, dataset.count + 1)):
        return True
    return bool(source.alpha and dataset.colorinterp[-1] != ColorInterp.alpha)
