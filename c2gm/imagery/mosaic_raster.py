"""Several rasters of one grid as one raster, through a VRT.

Orthophotos of a survey are cut from one picture: same coordinate system, same pixels. Put together
again before they are warped, they have no seams at all, whatever zoom they are read at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import numpy as np

from .inspect import Inspected
from .source import RasterSource, Validity
from .virtual import GDAL_TYPES, colour_name

if TYPE_CHECKING:
    from affine import Affine

_OFF_GRID = 0.02  # px that a file may lie off the grid of the first
_MASK = "mask,1"
_MAX_SIDE = 1 << 30  # px; GDAL counts in 32 bits


@dataclass(frozen=True)
class _Part:
    """A file and where its first pixel lies in the mosaic."""

    source: RasterSource
    column: int
    row: int


def on_one_grid(found: Sequence[Inspected], name: str) -> RasterSource | None:
    """All rasters as one, the first named on top, or None if they are not alike."""
    first = found[0]
    if not all(_alike(first, other) for other in found):
        return None
    parts = _placed([entry.source for entry in found])
    if parts is None:
        return None
    width = max(part.column + part.source.width for part in parts)
    height = max(part.row + part.source.height for part in parts)
    if max(width, height) > _MAX_SIDE:
        return None
    corner = min(parts, key=lambda part: (part.column + part.row, part.column)).source
    origin = _origin(parts, corner)
    overviews = _common_overviews(parts)
    dtype = first.dtypes[0]
    mosaic = replace(
        first.source,
        name=name,
        driver="VRT",
        transform=origin,
        width=width,
        height=height,
        bands=tuple(range(1, len(first.source.bands) + 1)),
        validity=_validity(parts, width, height),
        alpha=None,
        overviews=overviews,
        files=tuple(dict.fromkeys(file for part in parts for file in part.source.files)),
        credit="; ".join(dict.fromkeys(part.source.credit for part in parts if part.source.credit)),
        siblings=any(part.source.siblings for part in parts),
        dataset="",
    )
    return replace(
        mosaic,
        dataset=_text(mosaic, parts, dtype, None),
        levels=tuple(_text(mosaic, parts, dtype, level) for level in range(len(overviews))),
    )


def _alike(first: Inspected, other: Inspected) -> bool:
    """Whether two rasters may stand in one VRT band by band."""
    one, two = first.source, other.source
    plain = other.palette is None and not other.placed_from_outside and not two.gcps
    return (
        plain
        and other.declared
        and one.crs == two.crs
        and one.bands == two.bands
        and len(set(first.dtypes + other.dtypes)) == 1
        and two.driver != "VRT"
        and (one.validity == "nodata") == (two.validity == "nodata")
        and repr(one.nodata) == repr(two.nodata)  # repr: one NaN is like another
    )


def _placed(sources: Sequence[RasterSource]) -> list[_Part] | None:
    """Where each lies on the grid of the first, counted from the corner; None if off it."""
    grid = sources[0].transform
    places: list[tuple[RasterSource, int, int]] = []
    for source in sources:
        reach = max(source.width, source.height)
        first, far = (
            _column_and_row(grid, source.transform, corner) for corner in ((0, 0), (reach, -reach))
        )
        # The far corner must be on the grid too, or the pixels are of another size or turned.
        if first is None or far != (first[0] + reach, first[1] - reach):
            return None
        places.append((source, *first))
    left, top = min(place[1] for place in places), min(place[2] for place in places)
    return [_Part(source, column - left, row - top) for source, column, row in places]


def _column_and_row(
    grid: Affine, transform: Affine, corner: tuple[int, int]
) -> tuple[int, int] | None:
    """Whole pixels of a grid at a corner of another raster, None where they are broken ones."""
    column, row = _at(~grid, *_at(transform, *corner))
    if max(abs(column - round(column)), abs(row - round(row))) > _OFF_GRID:
        return None
    return round(column), round(row)


def _origin(parts: Sequence[_Part], corner: RasterSource) -> Affine:
    """The transform of the whole: that of the part in its corner, moved there exactly."""
    from affine import Affine

    part = next(part for part in parts if part.source is corner)
    a, b, _, d, e, _ = corner.transform[:6]
    x, y = _at(corner.transform, -part.column, -part.row)
    return Affine(a, b, x, d, e, y)


def _at(transform: Affine, column: float, row: float) -> tuple[float, float]:
    """Where a place in pixels lies; written out, since versions of affine differ in operators."""
    a, b, c, d, e, f = transform[:6]
    return a * column + b * row + c, d * column + e * row + f


def _validity(parts: Sequence[_Part], width: int, height: int) -> Validity:
    """By what invalid pixels are known: by nothing where the parts leave no gap."""
    kinds = {part.source.validity for part in parts}
    if kinds == {"nodata"}:
        return "nodata"
    return "full" if kinds == {"full"} and _is_covered(parts, width, height) else "mask"


def _is_covered(parts: Sequence[_Part], width: int, height: int) -> bool:
    """Whether parts leave no gap, on the grid that their edges make."""
    boxes = [
        (part.column, part.row, part.column + part.source.width, part.row + part.source.height)
        for part in parts
    ]
    xs = np.unique([edge for box in boxes for edge in (box[0], box[2])])
    ys = np.unique([edge for box in boxes for edge in (box[1], box[3])])
    covered = np.zeros((len(ys) - 1, len(xs) - 1), bool)
    for left, top, right, bottom in boxes:
        rows = slice(*np.searchsorted(ys, (top, bottom)))
        covered[rows, slice(*np.searchsorted(xs, (left, right)))] = True
    return bool(covered.all())


def _common_overviews(parts: Sequence[_Part]) -> tuple[int, ...]:
    """Reductions that every part has an overview for, from the first on."""
    common: list[int] = []
    for factors in zip(*(part.source.overviews for part in parts), strict=False):
        if len(set(factors)) > 1:
            break
        common.append(factors[0])
    return tuple(common)


def _text(mosaic: RasterSource, parts: Sequence[_Part], dtype: str, level: int | None) -> str:
    """VRT of the full raster, or of one level of its overviews."""
    factor = 1 if level is None else mosaic.overviews[level]
    width, height = -(-mosaic.width // factor), -(-mosaic.height // factor)
    a, b, c, d, e, f = mosaic.transform[:6]
    wider, taller = mosaic.width / width, mosaic.height / height
    transform = type(mosaic.transform)(a * wider, b * taller, c, d * wider, e * taller, f)
    numbers = ", ".join(repr(value) for value in transform.to_gdal())
    scale = width / mosaic.width, height / mosaic.height
    # Later ones lie on top in a VRT.
    ordered = parts[::-1]
    nodata = "" if mosaic.nodata is None else f"<NoDataValue>{mosaic.nodata!r}</NoDataValue>"
    bands = "".join(
        f'<VRTRasterBand dataType="{GDAL_TYPES[dtype]}" band="{number}">'
        f"<ColorInterp>{colour_name(number, len(mosaic.bands))}</ColorInterp>{nodata}"
        + "".join(
            _source(part, str(part.source.bands[number - 1]), level, scale) for part in ordered
        )
        + "</VRTRasterBand>"
        for number in mosaic.bands
    )
    mask = ""
    if mosaic.validity == "mask":
        content = "".join(_source(part, _MASK, level, scale) for part in ordered)
        mask = f'<MaskBand><VRTRasterBand dataType="Byte">{content}</VRTRasterBand></MaskBand>'
    return (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">'
        f"<SRS>{escape(mosaic.crs.to_wkt())}</SRS><GeoTransform>{numbers}</GeoTransform>"
        f"{bands}{mask}</VRTDataset>"
    )


def _source(part: _Part, band: str, level: int | None, scale: tuple[float, float]) -> str:
    """One part in a band or in the mask; its invalid pixels cover nothing."""
    source = part.source
    factor = 1 if level is None else source.overviews[level]
    options = ""
    if level is not None:
        options = f'<OpenOptions><OOI key="OVERVIEW_LEVEL">{level}</OOI></OpenOptions>'
    kind, holes = "ComplexSource", ""
    if source.validity == "full":
        kind = "SimpleSource"
    elif source.nodata is not None or band == _MASK:
        holes = f"<NODATA>{0 if source.nodata is None else repr(source.nodata)}</NODATA>"
    else:
        holes = "<UseMaskBand>true</UseMaskBand>"
    own_width, own_height = -(-source.width // factor), -(-source.height // factor)
    return (
        f'<{kind}><SourceFilename relativeToVRT="0">{escape(str(source.path))}</SourceFilename>'
        f"{options}<SourceBand>{band}</SourceBand>"
        f'<SrcRect xOff="0" yOff="0" xSize="{own_width}" ySize="{own_height}"/>'
        f'<DstRect xOff="{part.column * scale[0]!r}" yOff="{part.row * scale[1]!r}" '
        f'xSize="{source.width * scale[0]!r}" ySize="{source.height * scale[1]!r}"/>'
        f"{holes}</{kind}>"
    )
