"""GDAL's virtual rasters (.vrt), as gdalbuildvrt and QGIS write them: mosaics of local files.

A VRT can also fetch from the network, run expressions and name files anywhere. What is read here is
the plain kind only: bands put together of rasters that are there, every one looked at first.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import ImageryError
from ..words import printable
from .source import check_blocks, find_driver, gdal, is_raster

_MAX_BYTES = 32 << 20
_MAX_PARTS = 20_000
_DATASET = {
    *("SRS", "GeoTransform", "GCPList", "GCP", "Metadata", "MDI", "MaskBand", "OverviewList"),
    *("BlockXSize", "BlockYSize"),
}
_BAND = {
    *("VRTRasterBand", "ColorInterp", "NoDataValue", "HideNoDataValue", "ColorTable", "Entry"),
    *("Description", "UnitType", "Offset", "Scale", "CategoryNames", "Category", "Histograms"),
    *("HistItem", "HistMin", "HistMax", "BucketCount", "IncludeOutOfRange", "Approximate"),
    *("HistCounts",),
}
_SOURCE = {
    *("SimpleSource", "ComplexSource", "SourceFilename", "SourceBand", "SourceProperties"),
    *("SrcRect", "DstRect", "NODATA", "UseMaskBand", "ScaleOffset", "ScaleRatio", "LUT"),
    *("ColorTableComponent",),
}
_KNOWN = _DATASET | _BAND | _SOURCE
_REMEDY = "Give the rasters it is made of instead; several files are read as one mosaic."


def is_vrt(path: Path) -> bool:
    """Whether a file is named .vrt and begins as such files do."""
    if path.suffix.lower() != ".vrt":
        return False
    try:
        with path.open("rb") as file:
            return (
                file.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<VRTDataset", b"<?xml"))
            )
    except OSError:
        return False


def read_vrt(path: Path) -> tuple[str, tuple[Path, ...]]:
    """The text of a VRT with the full names of its files, and these files.

    Raises:
        ImageryError: it is damaged, too large, or more than a mosaic of local rasters.
    """
    root = _parse(path)
    if root.tag != "VRTDataset" or root.get("subClass"):
        raise ImageryError(f"{path.name} is no plain mosaic but a computed raster. {_REMEDY}")
    parts: dict[Path, None] = {}
    for element in root.iter():
        if element is root:
            continue
        if element.tag not in _KNOWN or element.get("subClass"):
            kind = element.get("subClass") or element.tag
            raise ImageryError(f"{path.name} has {kind[:40]!r}, which is not read. {_REMEDY}")
        if element.tag == "SourceFilename":
            part = _part(path, element)
            parts[part] = None
            element.text = str(part)
            element.attrib = {"relativeToVRT": "0"}
    if not parts:
        raise ImageryError(f"{path.name} names no raster. Make it again.")
    if len(parts) > _MAX_PARTS:
        raise ImageryError(f"{path.name} names more than {_MAX_PARTS:,} files. Give a part of it.")
    return ElementTree.tostring(root, encoding="unicode"), tuple(parts)


def check_parts(name: str, parts: Sequence[Path]) -> None:
    """Refuse parts that cannot be read in small pieces; see `check_blocks`."""
    import rasterio

    for part in parts:
        with (
            gdal(f"{part.name} of {name}"),
            rasterio.open(part, driver=find_driver(part)) as dataset,
        ):
            check_blocks(f"{part.name} of {name}", dataset)


def _parse(path: Path) -> ElementTree.Element:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ImageryError(f"{path} cannot be opened: {error.strerror}.") from error
    if len(data) > _MAX_BYTES or b"<!" in data:
        # "<!" begins entities, which can swell without end; GDAL's own files have none.
        raise ImageryError(f"{path.name} is too large or too odd for a VRT. {_REMEDY}")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ImageryError(f"{path.name} is damaged: {printable(error)}. Make it again.") from error
    if _too_deep(root):
        raise ImageryError(f"{path.name} is damaged: it nests too deep. Make it again.")
    return root


def _too_deep(root: ElementTree.Element) -> bool:
    level: list[ElementTree.Element] = [root]
    for _ in range(12):
        level = list(_children(level))
    return bool(level)


def _children(level: Sequence[ElementTree.Element]) -> Iterator[ElementTree.Element]:
    for element in level:
        yield from element


def _part(vrt: Path, element: ElementTree.Element) -> Path:
    """The raster that a SourceFilename names.

    Raises:
        ImageryError: it is not there, or not a raster on this machine.
    """
    name = (element.text or "").strip()
    folder = vrt.parent if element.get("relativeToVRT") == "1" else Path()
    try:
        part = (folder / name).resolve()
        there = part.is_file()
    except (OSError, ValueError):
        there = False
    if not name or "\0" in name or not there:
        raise ImageryError(
            f"{vrt.name} names {name[:80]!r}, and there is no such file on this machine. Put it "
            "back, or make the VRT again."
        )
    if not is_raster(part):
        raise ImageryError(
            f"{vrt.name} names the file {part.name}, which is not a raster image. {_REMEDY}"
        )
    return part
