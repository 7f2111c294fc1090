"""Find once, when a raster is opened, where it lies, which bands are its colours, what is valid."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ImageryError, MissingCRS
from ..words import printable
from .sidecars import find_world_file, has_siblings, read_prj, read_world_file
from .source import Nodata, RasterSource, Stretch, Validity, check_blocks, find_driver, gdal
from .stretch import sample, stretched
from .virtual import Palette, described, rectified
from .vrt_file import check_parts, is_vrt, read_vrt


@dataclass(frozen=True)
class Inspected:
    """What a raster file is, before it is decided how GDAL is to read it.

    `dtypes` and `palette` are those of all its bands and of the first; `placed_from_outside` says
    that its transform is not its own. `declared` says that its validity is the file's own, as GDAL
    sees it too.
    """

    source: RasterSource
    dtypes: tuple[str, ...]
    palette: Palette | None
    placed_from_outside: bool
    other_bands: bool
    declared: bool


def inspect_raster(
    path: Path,
    *,
    crs: str | None,
    nodata: Nodata,
    mercator_bounds: tuple[float, float, float, float] | None = None,
    stretch: Stretch = None,
) -> RasterSource:
    """Look at a raster file and decide how it is read.

    Args:
        path: A local file.
        crs: Coordinate system that replaces the file's own.
        nodata: See `Nodata`.
        mercator_bounds: (left, bottom, right, top) in metres of EPSG:3857 of a file without
            position.
        stretch: See `Stretch`.

    Raises:
        ImageryError: no raster, no position or an unfit kind of pixels.
        MissingCRS: a position without a coordinate system.
    """
    found = look_at(path, crs=crs, nodata=nodata, mercator_bounds=mercator_bounds)
    return stretched(prepared(found), stretch)


def look_at(
    path: Path,
    *,
    crs: str | None,
    nodata: Nodata,
    mercator_bounds: tuple[float, float, float, float] | None = None,
) -> Inspected:
    """What a raster file is; see `inspect_raster`."""
    text = None
    if is_vrt(path):
        text, files = read_vrt(path)
        driver, opened = "VRT", text
    else:
        driver, opened, files = find_driver(path), str(path), (path,)
    siblings = text is None and has_siblings(path)
    with gdal(path.name, siblings=siblings), opened_quietly(opened, driver) as dataset:
        check_blocks(path.name, dataset)
        if text is not None:
            check_parts(path.name, files)
        source, from_outside = _position(path, dataset, crs, mercator_bounds)
        source = replace(source, dataset=opened, driver=driver, siblings=siblings)
        if text is not None:
            source = replace(source, files=(path, *files))
        elif siblings:
            beside = tuple(Path(name) for name in dataset.files if Path(name).is_file())
            source = replace(source, files=tuple(dict.fromkeys((*source.files, *beside))))
        source, declared = _pixels(source, dataset, nodata)
        return Inspected(
            source=source,
            dtypes=dataset.dtypes,
            palette=_palette(dataset),
            placed_from_outside=from_outside,
            other_bands=_needs_other_bands(source, dataset),
            declared=declared,
        )


def prepared(found: Inspected) -> RasterSource:
    """The source by way of a VRT, where GDAL would not read it as we mean."""
    source = found.source
    with gdal(source.name, siblings=source.siblings):
        if found.palette is not None or found.placed_from_outside or found.other_bands:
            source = described(source, found.dtypes, found.palette)
        return rectified(source) if source.gcps else source


def opened_quietly(dataset: str, driver: str) -> Any:
    """An open dataset; of a missing position we speak ourselves."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(dataset, driver=driver)


def _position(
    path: Path,
    dataset: Any,
    crs: str | None,
    mercator_bounds: tuple[float, float, float, float] | None,
) -> tuple[RasterSource, bool]:
    """The source with its position, pixels not yet looked at, and whether that is not its own."""
    from rasterio.crs import CRS

    points, points_crs = dataset.gcps
    has_transform = not dataset.transform.is_identity
    transform, own_crs = dataset.transform, dataset.crs
    files: tuple[Path, ...] = (path,)
    world_file = None if has_transform or points else find_world_file(path)
    if mercator_bounds is not None:
        if has_transform or points:
            raise ImageryError(
                f"{path.name} has a position of its own. Leave --picture-bounds out."
            )
        transform = _laid_between(mercator_bounds, dataset)
        own_crs, crs = CRS.from_epsg(3857), None
    elif world_file is not None:
        transform = read_world_file(world_file)
        own_crs = own_crs or (read_prj(path) if crs is None else None)
        files = (path, world_file)
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
    from_outside = mercator_bounds is not None or world_file is not None
    source = RasterSource(
        path=path,
        name=path.name,
        dataset=str(path),
        driver=dataset.driver,
        crs=own_crs,
        transform=transform,
        gcps=() if has_transform or from_outside else tuple(points),
        width=dataset.width,
        height=dataset.height,
        bands=(1,),
        validity="full",
        alpha=None,
        nodata=None,
        stretch=None,
        overviews=tuple(dataset.overviews(1)),
        files=files,
        credit=printable(dataset.tags().get("TIFFTAG_COPYRIGHT", "")),
    )
    return source, from_outside


def _laid_between(mercator_bounds: tuple[float, float, float, float], dataset: Any) -> Any:
    """The transform of a picture between bounds in metres."""
    from affine import Affine

    left, bottom, right, top = mercator_bounds
    return Affine((right - left) / dataset.width, 0, left, 0, (bottom - top) / dataset.height, top)


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


def _pixels(source: RasterSource, dataset: Any, nodata: Nodata) -> tuple[RasterSource, bool]:
    """The source with colour bands and validity chosen, and whether GDAL sees validity alike."""
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
    alpha, declared = None, True
    validity: Validity = "full"
    if isinstance(nodata, float | int):
        declared = own_nodata == nodata
        validity, own_nodata = "nodata", float(nodata)
    elif ColorInterp.alpha in kinds:
        validity, alpha = "alpha", kinds.index(ColorInterp.alpha) + 1
    elif nodata is None and own_nodata is not None:
        validity = "nodata"
    elif MaskFlags.per_dataset in flags:
        validity = "mask"
    elif dataset.count == len(bands) + 1 and _is_alpha(dataset, dataset.count):
        validity, alpha, declared = "alpha", dataset.count, False
    elif dtype.startswith("float"):
        validity, own_nodata, declared = "nodata", math.nan, False
    elif nodata == "none" and own_nodata is not None:
        declared = False
    source = replace(
        source,
        bands=bands,
        validity=validity,
        alpha=alpha,
        nodata=own_nodata if validity == "nodata" else None,
    )
    return source, declared


def _is_alpha(dataset: Any, band: int) -> bool:
    """Whether an undeclared last band is an alpha band: 0 and 255 only, as infrared never is."""
    if dataset.dtypes[band - 1] != "uint8":
        return False
    values = np.unique(sample(dataset, [band]))
    return bool(values[-1] == 255 and np.isin(values, (0, 255)).all())


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
