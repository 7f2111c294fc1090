"""A raster file as it is going to be warped, and GDAL's manners around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import ImageryError

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


@dataclass(frozen=True)
class RasterSource:
    """A raster as it is warped.

    `dataset` is what GDAL's `driver` opens: a path, or VRT text. `bands` are the colour bands (1
    or 3), `alpha` the alpha band if `validity` is "alpha"; `stretch` (low, high) maps to 0..255.
    `transform` (an affine.Affine) is idle while ground control points (`gcps`) give the position.
    `files` and `credit` are those of the file it began with.
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
    """GDAL with a small cache; its errors become ours."""
    import rasterio
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    try:
        with rasterio.Env(GDAL_CACHEMAX=64):
            yield
    except (RasterioError, CPLE_BaseError) as error:
        raise ImageryError(_sentence(path, error)) from error


def _sentence(path: Path, error: BaseException) -> str:
    """One sentence about what GDAL met."""
    reason = str(error.__cause__ or error)
    return f"{path.name} cannot be read: {reason.strip().rstrip('.')}. Is the file complete?"
