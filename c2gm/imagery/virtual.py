"""Rasters described by VRT, a few lines of XML that GDAL reads as the picture we mean.

Sources with a palette, with bands to drop or with a position from outside are described band by
band; sources placed by ground control points are described as rectified, because rasterio's warp
to a given grid ignores such points.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from .source import RasterSource, Validity

Palette = dict[int, tuple[int, int, int, int]]
"""Class number -> red, green, blue, alpha."""


def described(
    source: RasterSource, dtypes: tuple[str, ...], palette: Palette | None
) -> RasterSource:
    """The same source by way of a VRT of just the bands that count.

    Args:
        source: The source, still of all its bands.
        dtypes: Number types of its bands, by numpy's names.
        palette: Colour table of the first band; it becomes three bands of colours.
    """
    validity: Validity = source.validity
    if palette is not None:
        lines = _palette_bands(source, palette)
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
                dtypes[band - 1],
                "Alpha" if band == source.alpha else colour_name(number, len(source.bands)),
                f"<SimpleSource>{_filename(source)}<SourceBand>{band}</SourceBand></SimpleSource>",
                source.nodata,
            )
            for number, band in enumerate(wanted, 1)
        ]
        bands = tuple(range(1, len(source.bands) + 1))
    if validity == "mask":
        lines.append(
            '<MaskBand><VRTRasterBand dataType="Byte"><SimpleSource>'
            f"{_filename(source)}<SourceBand>mask,1</SourceBand>"
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


def rectified(source: RasterSource) -> RasterSource:
    """A source placed by ground control points, turned into one with a transform (cubic)."""
    import rasterio
    import rasterio.shutil
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    options: dict[str, Any] = {"src_nodata": source.nodata, "nodata": source.nodata}
    if source.validity in ("full", "mask"):
        options["add_alpha"] = True
    with (
        rasterio.open(source.dataset, driver=source.driver) as dataset,
        WarpedVRT(
            dataset,
            src_crs=source.crs,
            crs=source.crs,
            resampling=Resampling.cubic,
            tolerance=1e-3,
            **options,
        ) as vrt,
        tempfile.TemporaryDirectory() as folder,
    ):
        file = Path(folder) / "rectified.vrt"
        rasterio.shutil.copy(vrt, str(file), driver="VRT")
        return replace(
            source,
            dataset=file.read_text(encoding="utf-8"),
            driver="VRT",
            transform=vrt.transform,
            gcps=(),
            width=vrt.width,
            height=vrt.height,
            validity="nodata" if source.validity == "nodata" else "alpha",
            alpha=source.alpha if source.validity == "nodata" else vrt.count,
            overviews=(),
        )


def _palette_bands(source: RasterSource, palette: Palette) -> list[str]:
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
                f"<ComplexSource>{_filename(source)}<SourceBand>1</SourceBand>"
                f"<LUT>{lookup}</LUT></ComplexSource>",
                None,
            )
        )
    return lines


def _vrt_band(number: int, dtype: str, colour: str, content: str, nodata: float | None) -> str:
    """One band of a VRT."""
    value = "" if nodata is None else f"<NoDataValue>{nodata!r}</NoDataValue>"
    return (
        f'<VRTRasterBand dataType="{GDAL_TYPES[dtype]}" band="{number}">'
        f"<ColorInterp>{colour}</ColorInterp>{value}{content}</VRTRasterBand>"
    )


def _vrt_position(source: RasterSource) -> str:
    """The position of a VRT, by transform or by ground control points."""
    wkt = escape(source.crs.to_wkt())
    if not source.gcps:
        numbers = ", ".join(repr(value) for value in source.transform.to_gdal())
        return f"<SRS>{wkt}</SRS><GeoTransform>{numbers}</GeoTransform>"
    points = "".join(
        f'<GCP Id="{number}" Pixel="{point.col!r}" Line="{point.row!r}" '
        f'X="{point.x!r}" Y="{point.y!r}" Z="{point.z or 0!r}"/>'
        for number, point in enumerate(source.gcps)
    )
    return f'<GCPList Projection="{escape(wkt, {chr(34): "&quot;"})}">{points}</GCPList>'


def _filename(source: RasterSource) -> str:
    return f'<SourceFilename relativeToVRT="0">{escape(source.dataset)}</SourceFilename>'


def colour_name(number: int, colours: int) -> str:
    """GDAL's name of a colour band."""
    return "Gray" if colours == 1 else ("Red", "Green", "Blue")[number - 1]


GDAL_TYPES = {
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
