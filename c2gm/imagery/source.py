"""A raster file as it is going to be warped, and GDAL's manners around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import ImageryError
from ..words import printable

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
)
_MAX_BLOCK_BYTES = 64 << 20  # what GDAL must unpack to give a single pixel
_OPTIONS = {
    "GDAL_CACHEMAX": 64,  # MB
    # A stranger's file brings no other files along: neither .aux.xml nor anything beside it counts.
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
}

Nodata = float | Literal["none"] | None
"""A value, "none" to ignore the file's own, or None to believe the file."""

Stretch = tuple[float, float] | None
"""(low, high) that become 0 and 255; None lets the pixels decide."""

Validity = Literal["full", "nodata", "alpha", "mask"]
"""How invalid pixels are marked: not at all, by a value, by an alpha band, by a mask band."""


@dataclass(frozen=True)
class RasterSource:
    """A raster as it is warped.

    `dataset` is what GDAL's `driver` opens: a path, or VRT text; `levels` are VRT texts of its
    overviews where they are not its own. `bands` are the colour bands (1 or 3), `alpha` the alpha
    band if `validity` is "alpha"; `stretch` (low, high) maps to 0..255 and `reading` says so.
    `transform` (an affine.Affine) is idle while ground control points (`gcps`) give the position.
    `name` is what messages call it; `files` and `credit` are those of the files it began with, and
    `siblings` says that GDAL finds its overviews or its mask in files beside it.
    """

    path: Path
    name: str
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
    siblings: bool = False
    levels: tuple[str, ...] = ()
    reading: str = ""


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
            return driver
    raise ImageryError(
        f"{path.name} is not a raster image. Give a GeoTIFF, a JPEG 2000 or a picture (PNG, JPEG, "
        "WebP, BMP); `rio convert FILE out.tif` makes a GeoTIFF of other rasters."
    )


def is_raster(path: Path) -> bool:
    """Whether a file begins as rasters do that are read."""
    try:
        find_driver(path)
    except ImageryError:
        return False
    return True


@contextmanager
def gdal(name: str, *, siblings: bool = False) -> Iterator[None]:
    """GDAL with a small cache and few liberties; its errors become ours.

    Args:
        name: What to call the raster in messages.
        siblings: Whether overviews and masks may lie in files beside it.
    """
    import rasterio
    from affine import TransformNotInvertibleError
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    options = _OPTIONS | ({"GDAL_DISABLE_READDIR_ON_OPEN": "NO"} if siblings else {})
    try:
        with rasterio.Env(**options):
            yield
    except (RasterioError, CPLE_BaseError) as error:
        raise ImageryError(_sentence(name, error)) from error
    except TransformNotInvertibleError as error:
        raise ImageryError(f"{name} lies nowhere: its pixels have no extent on Earth.") from error
    except (UnicodeDecodeError, MemoryError, OverflowError, ValueError) as error:
        raise ImageryError(f"{name} is damaged: {printable(error)}.") from error


def check_blocks(name: str, dataset: Any) -> None:
    """Refuse a raster that must be unpacked in pieces too large for memory.

    Raises:
        ImageryError: one block of it takes more than 64 MiB.
    """
    import numpy as np

    height, width = dataset.block_shapes[0]
    if dataset.driver == "WEBP":  # is unpacked as a whole, whatever it says
        height, width = dataset.height, dataset.width
    bands = dataset.count if dataset.interleaving is None or _by_pixel(dataset) else 1
    size = height * width * bands * np.dtype(dataset.dtypes[0]).itemsize
    if size > _MAX_BLOCK_BYTES:
        raise ImageryError(
            f"{name} can only be read in pieces of {size >> 20:,} MiB, too much at once. Store it "
            "in tiles: `rio convert FILE out.tif --co TILED=YES --co COMPRESS=DEFLATE` does it."
        )


def _by_pixel(dataset: Any) -> bool:
    return bool(dataset.interleaving.name == "pixel")


def _sentence(name: str, error: BaseException) -> str:
    """One sentence about what GDAL met."""
    reason = printable(error.__cause__ or error)
    return f"{name} cannot be read: {reason.rstrip('.')}. Is the file complete?"
