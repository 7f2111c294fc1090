"""Open imagery of any kind."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ImageryError
from .inspect import inspect_raster
from .picture import open_picture
from .raster import RasterImagery
from .remote import shown_address
from .source import Nodata, Stretch
from .tile_folder import TileFolder
from .tiles import TileImagery

# An address with a scheme (pathlib drops one of its slashes; one letter is a drive of Windows), one
# of GDAL's virtual file systems, or XML in place of a name.
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/|[/\\]vsi|<")


def open_imagery(
    path: str | Path,
    *,
    crs: str | None = None,
    nodata: Nodata = None,
    picture_bounds: tuple[float, float, float, float] | None = None,
    stretch: Stretch = None,
    attribution: str = "",
) -> RasterImagery | TileImagery:
    """Imagery from a raster file, a folder of tiles or a picture.

    Args:
        path: A local GeoTIFF or other raster, a folder `{z}/{x}/{y}.png|jpg|jpeg|webp`, or a
            picture without position. Nothing is fetched from anywhere.
        crs: Coordinate system of the raster, like "EPSG:32632"; replaces its own.
        nodata: The value of invalid pixels; "none" ignores the file's own; None believes the file.
        picture_bounds: (west, south, east, north) in degrees of a picture without position, which
            is linear in web-mercator.
        stretch: (low, high), the values that become 0 and 255; None takes the 2nd and the 98th
            percentile of rasters that are not of 8 bits.
        attribution: Credit of the source; a text replaces the file's own.

    Raises:
        ImageryError: it cannot be read or placed, or is placed twice; says what to give.
        MissingCRS: the raster does not name its coordinate system.
        AreaError: `picture_bounds` are no place on Earth.
    """
    text = str(path)
    if _ELSEWHERE.match(text):
        raise ImageryError(
            f"{shown_address(text)} is not a local file. Fetch it first, then give its path."
        )
    file = Path(path)
    if not file.exists():
        raise ImageryError(
            f"There is no imagery at {file}. Give the path of a raster or of a folder of tiles."
        )
    if file.is_dir():
        if crs is not None or picture_bounds is not None or nodata is not None or stretch:
            raise ImageryError(
                f"{file.name} is a folder of map tiles, whose position is known. "
                "Leave --crs, --nodata and --picture-bounds out."
            )
        return TileImagery(TileFolder(file), attribution=attribution)
    file = file.resolve()
    if picture_bounds is not None:
        if crs is not None:
            raise ImageryError(
                f"--picture-bounds place {file.name} in degrees. Leave --crs out, or the bounds."
            )
        return open_picture(
            file, picture_bounds, nodata=nodata, stretch=stretch, attribution=attribution
        )
    source = inspect_raster(file, crs=crs, nodata=nodata, stretch=stretch)
    return RasterImagery(source, options=(crs, str(nodata), None), attribution=attribution)
