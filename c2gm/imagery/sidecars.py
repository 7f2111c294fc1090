"""Small files beside a picture that say where it lies, read by us and not by GDAL."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ..errors import ImageryError

_MAX_WORLD_BYTES = 4096
_MAX_PRJ_BYTES = 1 << 16
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def find_world_file(path: Path) -> Path | None:
    """The world file of a picture: photo.jgw, photo.jpgw or photo.wld for photo.jpg."""
    suffix = path.suffix[1:]
    endings = [f"{suffix}w", "wld"]
    if len(suffix) > 2:
        endings.insert(0, f"{suffix[0]}{suffix[-1]}w")
    for ending in endings:
        for spelled in (ending.lower(), ending.upper()):
            file = path.with_suffix(f".{spelled}")
            if file.is_file():
                return file
    return None


def read_world_file(path: Path) -> Any:
    """The transform (affine.Affine) that a world file gives, pixels counted from their corners.

    Raises:
        ImageryError: it is not six numbers, or they are no place.
    """
    from affine import Affine

    text = _read_text(path, _MAX_WORLD_BYTES)
    try:
        a, d, b, e, c, f = (float(part.replace(",", ".")) for part in text.split())
    except ValueError:
        raise ImageryError(
            f"{path.name} is no world file: it must hold six numbers, one a line. "
            "Mend it, or take it away and give --picture-bounds."
        ) from None
    if not all(math.isfinite(value) for value in (a, b, c, d, e, f)) or a * e == b * d:
        raise ImageryError(
            f"{path.name} gives the picture no extent. "
            "Mend it, or take it away and give --picture-bounds."
        )
    # World files give the middle of the first pixel.
    return Affine(a, b, c - a / 2 - b / 2, d, e, f - d / 2 - e / 2)


def read_prj(path: Path) -> Any:
    """The coordinate system in the .prj file beside a picture, or None where there is none.

    Raises:
        ImageryError: it cannot be understood.
    """
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    for ending in (".prj", ".PRJ"):
        file = path.with_suffix(ending)
        if file.is_file():
            try:
                return CRS.from_wkt(_read_text(file, _MAX_PRJ_BYTES))
            except CRSError as error:
                raise ImageryError(
                    f"{file.name} names no known coordinate system. "
                    "Give one, like --crs EPSG:32632."
                ) from error
    return None


def has_siblings(path: Path) -> bool:
    """Whether overviews (.ovr) or a mask (.msk) lie beside a raster, as TIFF files."""
    if path.with_suffix(".aux").exists() or path.with_suffix(".rrd").exists():
        return False  # GDAL would read these too, as another kind of raster
    return any(_is_tiff(Path(f"{path}{ending}")) for ending in (".ovr", ".msk"))


def _is_tiff(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in _TIFF
    except OSError:
        return False


def _read_text(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except OSError as error:
        raise ImageryError(f"{path} cannot be read: {error.strerror}.") from error
