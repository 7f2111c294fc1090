"""Imagery from a plain picture whose place on Earth is told by the user."""

from __future__ import annotations

from pathlib import Path

import mercantile

from ..grid import MAX_LATITUDE, check_bounds
from .inspect import inspect_raster
from .raster import RasterImagery
from .source import Nodata, Stretch


def open_picture(
    path: Path,
    bounds: tuple[float, float, float, float],
    *,
    nodata: Nodata = None,
    stretch: Stretch = None,
    attribution: str = "",
) -> RasterImagery:
    """A PNG, JPEG, WebP or TIFF without position, laid between bounds.

    Pictures cut from web maps, the usual ones without position, are linear in web-mercator; so is
    the reading here. Over a few kilometres this is the same as linear in degrees.

    Args:
        path: A local file.
        bounds: (west, south, east, north) of the picture's outer edges in degrees WGS 84;
            west > east across the antimeridian.
        nodata: See `open_imagery`.
        stretch: See `open_imagery`.
        attribution: Credit of the source.

    Raises:
        AreaError: the bounds are no place on Earth.
        ImageryError: the picture cannot be read or has a position of its own.
    """
    check_bounds(bounds)
    west, south, east, north = bounds
    left, bottom = mercantile.xy(west, max(south, -MAX_LATITUDE))
    right, top = mercantile.xy(east + 360 if west > east else east, min(north, MAX_LATITUDE))
    placed = (left, bottom, right, top)
    source = inspect_raster(path, crs=None, nodata=nodata, mercator_bounds=placed, stretch=stretch)
    return RasterImagery(source, options=(None, str(nodata), placed), attribution=attribution)
