"""What a raster file holds, found once when it is opened: position, colour bands, what is valid.

Sources with a palette, with bands to drop or with a position from outside are wrapped in a VRT, a
few lines of XML that GDAL reads as the picture we mean; all others are opened as they are.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

import numpy as np

from ..errors import ImageryError, MissingCRS

# Local, self-contained kinds only: no driver that fetches from the network or follows references.
_SIGNATURES = (
    (b"II*\0", "GTiff"),
    (b"MM\0*", "GTiff"),
    (b"II+\0", "GTiff"),
    (b"MM\0+", "GTiff"),
    (b"\0\0\0\x0cjP  ", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"RIFF", "WEBP"),
    (b"BM", "BMP"),
    (b"EHFA_HEADER_TAG", "HFA"),
    (b"NITF", "NITF"),
    (b"SQLite format 3\0", "MBTiles"),
)

Nodata = float | Literal["none"] | None
"""A value, "none" to ignore the file's own, or None to believe the file."""

Validity = Literal["full", "nodata", "alpha", "mask"]
"""How invalid pixels are marked: not at all, by a value, by an alpha band, by a mask band."""

_SAMPLE = 1024  # px a side of the reduced reads that decide stretch and alpha


@dataclass(frozen=True)
class RasterSource:
    """A raster as it is warped.

    `dataset` is what GDAL's `driver` opens: a path, or VRT text. `bands` are the colour bands (1
    or 3), `alpha` the alpha band if `validity` is "alpha". `transform` is an affine.Affine, or None
    where ground control points (`gcps`) give the position. `stretch` (low, high) maps to 0..255.
    """

    path: Path
    dataset: str
    driver: str
    crs: Any
    transform: Any
    gcps: tuple[Any, ...]
    width: int
    height: int
    bands: tuple[int, ...]
    validity: Validity
    alpha: int | None
    nodata: float | None
    stretch: tuple[float, float] | None
    overviews: tuple[int, ...]
    files: tuple[Path, ...]
    credit: str


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

    with gdal(path), rasterio.open(path, driver=find_driver(path)) as dataset:
        source = _position(path, dataset, crs, mercator_bounds)
        source = _pixels(source, dataset, nodata)
        palette = _palette(dataset)
        if palette is not None or mercator_bounds or _needs_other_bands(source, dataset):
            source = _wrapped(source, dataset, palette)
    with gdal(path), rasterio.open(source.dataset, driver=source.driver) as dataset:
        if dataset.dtypes[source.bands[0] - 1] == "uint8":
            return source
        return replace(source, stretch=_stretch(source, dataset))


def find_driver(path: Path) -> str:
    """GDAL's driver for a file, by its first bytes.

    Raises:
        ImageryError: it is no raster of a known kind, or cannot be opened.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise ImageryError(f"{path} cannot be opened: {error.strerror}.") from error
    for signature, driver in _SIGNATURES:
        if head.startswith(signature):
            return "GPKG" if driver == "MBTiles" and path.suffix.lower() == ".gpkg" else driver
    raise ImageryError(
        f"{path.name} is not a raster image. Give a GeoTIFF, another raster or a picture."
    )


@contextmanager
def gdal(path: Path) -> Iterator[None]:
    """GDAL with a small cache, quiet about missing positions; its errors become ours."""
    import rasterio
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with rasterio.Env(GDAL_CACHEMAX=64), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield
    except (RasterioError, CPLE_BaseError) as error:
        raise ImageryError(_sentence(path, error)) from error


def _sentence(path: Path, error: BaseException) -> str:
    """One sentence about what GDAL met."""
    reason = str(error.__cause__ or error)
    return f"{path.name} cannot be read: {reason.strip().rstrip('.')}. Is the file complete?"


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
        transform, own_crs = None, points_crs
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
        gcps=() if transform is not None else tuple(points),
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
    if ColorInterp.alpha in kinds:
        validity, alpha = "alpha", kinds.index(ColorInterp.alpha) + 1
    elif isinstance(nodata, float | int) or (nodata is None and own_nodata is not None):
        validity = "nodata"
        own_nodata = own_nodata if nodata is None else float(nodata)
    elif MaskFlags.per_dataset in flags:
        validity = "mask"
    elif dataset.count == len(bands) + 1 and _is_alpha(dataset, dataset.count):
        validity, alpha = "alpha", dataset.count
    elif dtype.startswith("float") and nodata is None:
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


def _palette(dataset: Any) -> dict[int, tuple[int, int, int, int]] | None:
    """The colour table of the first band, if it has one."""
    from rasterio.enums import ColorInterp

    if dataset.colorinterp[0] != ColorInterp.palette:
        return None
    table: dict[int, tuple[int, int, int, int]] = dataset.colormap(1)
    return table


def _needs_other_bands(source: RasterSource, dataset: Any) -> bool:
    """Whether bands must be dropped, reordered or declared before warping."""
    from rasterio.enums import ColorInterp

    wanted = source.bands + ((source.alpha,) if source.alpha else ())
    if wanted != tuple(range(1, dataset.count + 1)):
        return True
    return bool(source.alpha and dataset.colorinterp[-1] != ColorInterp.alpha)


def _wrapped(
    source: RasterSource, dataset: Any, palette: dict[int, tuple[int, int, int, int]] | None
) -> RasterSource:
    """The same source by way of a VRT of just the bands that count."""
    validity = source.validity
    if palette is not None:
        lines = _palette_bands(source, dataset, palette)
        clear = any(colour[3] < 128 for colour in palette.values())
        if validity == "nodata" or clear:
            validity = "alpha"
        else:
            lines = lines[:3]
        bands: tuple[int, ...] = (1, 2, 3)
    else:
        wanted = [*source.bands, *([source.alpha] if source.alpha else [])]
        lines = [
            _vrt_band(
                number,
                dataset.dtypes[band - 1],
                "Alpha" if band == source.alpha else _colour_name(number, len(source.bands)),
                f"<SimpleSource>{_filename(source.path)}"
                f"<SourceBand>{band}</SourceBand></SimpleSource>",
                source.nodata,
            )
            for number, band in enumerate(wanted, 1)
        ]
        bands = tuple(range(1, len(source.bands) + 1))
    if validity == "mask":
        lines.append(
            '<MaskBand><VRTRasterBand dataType="Byte"><SimpleSource>'
            f"{_filename(source.path)}<SourceBand>mask,1</SourceBand>"
            "</SimpleSource></VRTRasterBand></MaskBand>"
        )
    text = (
        f'<VRTDataset rasterXSize="{source.width}" rasterYSize="{source.height}">'
        f"{_vrt_position(source)}{''.join(lines)}</VRTDataset>"
    )
    return replace(
        source,
        dataset=text,
        driver="VRT",
        bands=bands,
        validity=validity,
        alpha=len(bands) + 1 if validity == "alpha" else None,
        nodata=source.nodata if validity == "nodata" else None,
    )


def _palette_bands(
    source: RasterSource, dataset: Any, palette: dict[int, tuple[int, int, int, int]]
) -> list[str]:
    """Red, green, blue and alpha looked up from the colour table."""
    last = max(palette)
    table = [palette.get(index, (0, 0, 0, 255)) for index in range(last + 1)]
    if source.nodata is not None and 0 <= source.nodata <= last:
        table[int(source.nodata)] = (0, 0, 0, 0)
    lines = []
    for component, name in enumerate(("Red", "Green", "Blue", "Alpha")):
        lookup = ",".join(f"{index}:{colour[component]}" for index, colour in enumerate(table))
        lines.append(
            _vrt_band(
                component + 1,
                "uint8",
                name,
                f"<ComplexSource>{_filename(source.path)}<SourceBand>1</SourceBand>"
                f"<LUT>{lookup}</LUT></ComplexSource>",
                None,
            )
        )
    return lines


def _vrt_band(number: int, dtype: str, colour: str, content: str, nodata: float | None) -> str:
    """One band of a VRT."""
    value = "" if nodata is None else f"<NoDataValue>{nodata!r}</NoDataValue>"
    return (
        f'<VRTRasterBand dataType="{_GDAL_TYPES[dtype]}" band="{number}">'
        f"<ColorInterp>{colour}</ColorInterp>{value}{content}</VRTRasterBand>"
    )


def _vrt_position(source: RasterSource) -> str:
    """The position of a VRT, by transform or by ground control points."""
    wkt = escape(source.crs.to_wkt())
    if source.transform is not None:
        numbers = ", ".join(repr(value) for value in source.transform.to_gdal())
        return f"<SRS>{wkt}</SRS><GeoTransform>{numbers}</GeoTransform>"
    points = "".join(
        f'<GCP Id="{number}" Pixel="{point.col!r}" Line="{point.row!r}" '
        f'X="{point.x!r}" Y="{point.y!r}" Z="{point.z or 0!r}"/>'
        for number, point in enumerate(source.gcps)
    )
    return f'<GCPList Projection="{escape(wkt, {chr(34): "&quot;"})}">{points}</GCPList>'


def _filename(path: Path) -> str:
    return f'<SourceFilename relativeToVRT="0">{escape(str(path))}</SourceFilename>'


def _colour_name(number: int, colours: int) -> str:
    return "Gray" if colours == 1 else ("Red", "Green", "Blue")[number - 1]


_GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
}
