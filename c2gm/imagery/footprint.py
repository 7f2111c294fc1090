"""Where a raster lies: its bounds, the size of its pixels, and the part of it under a block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ImageryError
from ..grid import HALF_WORLD, MAX_LATITUDE, PixelBox, mercator_resolution
from .source import RasterSource

NATIVE_TOLERANCE = 1.5  # a zoom that enlarges pixels by no more than this still counts as native
MAX_ZOOM = 22
_POINTS = 21  # points a side where outlines are followed through a projection
_SAFE_ZOOM = 4  # below it a block spans so much of the world that its outline may fold over

Extent = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels of the raster, with fractions."""


class Footprint:
    """The ground a raster covers.

    Attributes:
        bounds: (west, south, east, north) in degrees WGS 84; west > east across the antimeridian.
        pixel_size: Length of a step by one column and by one row at the middle, in metres of
            EPSG:3857.
        native_zoom: The highest zoom that enlarges its pixels by no more than `NATIVE_TOLERANCE`.
        shifts: Where the raster is read: 0, and one turn of the world if it runs past 180 degrees
            in its own coordinate system.
    """

    def __init__(self, source: RasterSource) -> None:
        """Follow the raster's grid of points to the globe.

        Raises:
            ImageryError: no point of it lies on the world that web maps show.
        """
        self._source = source
        self.bounds = self._find_bounds()
        self.pixel_size = self._find_pixel_size()
        self.native_zoom = _native_zoom(self.pixel_size)
        self.shifts = self._find_shifts()

    def extent_under(self, box: PixelBox, shift: float) -> Extent | None:
        """The raster's pixels under the outline of a box; None if the projection cannot say."""
        if box.zoom < _SAFE_ZOOM:
            return None
        left, bottom, right, top = box.mercator_bounds()
        along = np.linspace(0, 1, _POINTS)
        xs, ys = left + along * (right - left), bottom + along * (top - bottom)
        xs, ys = (
            np.concatenate([xs, xs, np.full(_POINTS, left), np.full(_POINTS, right)]),
            np.concatenate([np.full(_POINTS, bottom), np.full(_POINTS, top), ys, ys]),
        )
        xs, ys = _reproject("EPSG:3857", self._source.crs, xs, ys)
        columns, rows = self._to_pixels(xs - shift, ys)
        if not (np.isfinite(columns).all() and np.isfinite(rows).all()):
            return None
        return columns.min(), rows.min(), columns.max(), rows.max()

    def _find_bounds(self) -> tuple[float, float, float, float]:
        columns, rows = np.meshgrid(
            np.linspace(0, self._source.width, _POINTS),
            np.linspace(0, self._source.height, _POINTS),
        )
        xs, ys = self._from_pixels(columns.ravel(), rows.ravel())
        lngs, lats = _reproject(self._source.crs, "EPSG:4326", xs, ys)
        good = np.isfinite(lngs) & np.isfinite(lats)
        lats = lats[good].clip(-MAX_LATITUDE, MAX_LATITUDE)
        if not lats.size or lats.min() >= lats.max():
            raise self._outside_the_world()
        unwrapped = _unwrap(lngs.reshape(_POINTS, _POINTS))[good.reshape(_POINTS, _POINTS)]
        west, east = float(unwrapped.min()), float(unwrapped.max())
        if east - west >= 360 - 1e-9:
            west, east = -180.0, 180.0
        return _into_world(west), float(lats.min()), _into_world(east), float(lats.max())

    def _find_pixel_size(self) -> tuple[float, float]:
        # Over a few pixels, not one, so that rounding does not count.
        span_x, span_y = min(16.0, self._source.width), min(16.0, self._source.height)
        column, row = self._source.width / 2, self._source.height / 2
        xs, ys = self._from_pixels(
            np.array([column, column + span_x / 2, column - span_x / 2, column, column]),
            np.array([row, row, row, row + span_y / 2, row - span_y / 2]),
        )
        xs, ys = _reproject(self._source.crs, "EPSG:3857", xs, ys)
        along = math.hypot(_short_way(xs[1] - xs[2]), ys[1] - ys[2]) / span_x
        down = math.hypot(_short_way(xs[3] - xs[4]), ys[3] - ys[4]) / span_y
        if not (math.isfinite(along) and math.isfinite(down) and along > 0 and down > 0):
            raise self._outside_the_world()
        return along, down

    def _outside_the_world(self) -> ImageryError:
        return ImageryError(
            f"{self._source.name} lies outside the world that web maps show. "
            "Is its coordinate system right? --crs replaces it."
        )

    def _find_shifts(self) -> tuple[float, ...]:
        turn = _turn(self._source.crs)
        if turn is None:
            return (0.0,)
        xs, _ = self._from_pixels(
            np.array([0.0, 0, self._source.width, self._source.width]),
            np.array([0.0, self._source.height, 0, self._source.height]),
        )
        slack = turn * 1e-9
        shifts = [0.0]
        if xs.max() > turn / 2 + slack:
            shifts.append(-turn)
        if xs.min() < -turn / 2 - slack:
            shifts.append(turn)
        return tuple(shifts)

    def _from_pixels(self, columns: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a, b, c, d, e, f = self._source.transform[:6]
        return a * columns + b * rows + c, d * columns + e * rows + f

    def _to_pixels(self, xs: np.ndarray, ys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a, b, c, d, e, f = (~self._source.transform)[:6]
        return a * xs + b * ys + c, d * xs + e * ys + f


def _unwrap(lngs: np.ndarray) -> np.ndarray:
    """Longitudes of a grid of points, made continuous across 180 degrees."""
    if np.isfinite(lngs).all():
        return np.unwrap(np.unwrap(lngs, period=360, axis=0), period=360, axis=1)
    middle = np.nanmedian(np.where(np.isfinite(lngs), lngs, np.nan))
    return np.asarray(middle + (lngs - middle + 180) % 360 - 180)


def _native_zoom(pixel_size: tuple[float, float]) -> int:
    size = math.sqrt(pixel_size[0] * pixel_size[1])
    zooms = [z for z in range(MAX_ZOOM + 1) if size / mercator_resolution(z) <= NATIVE_TOLERANCE]
    return max(zooms, default=0)


def _short_way(distance: float) -> float:
    """A distance along x in EPSG:3857, not the long way around the world."""
    return (distance + HALF_WORLD) % (2 * HALF_WORLD) - HALF_WORLD


def _turn(crs: Any) -> float | None:
    """One turn around the world in units of a coordinate system that could run on past it."""
    if crs.is_geographic:
        return 360.0
    return 2 * HALF_WORLD if crs.to_epsg() == 3857 else None


def _into_world(longitude: float) -> float:
    """A longitude within -180..180, both ends kept."""
    while longitude > 180:
        longitude -= 360
    while longitude < -180:
        longitude += 360
    return longitude


def _reproject(
    source: Any, target: Any, xs: np.ndarray, ys: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in another system; infinite where the projection has no answer."""
    from rasterio.warp import transform

    out = transform(source, target, xs, ys)
    return np.asarray(out[0], float), np.asarray(out[1], float)
