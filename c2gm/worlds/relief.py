"""The lie of the land: heights, and areas where a field lies below or above a level."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from .chance import ValueNoise

# (wavelength, amplitude) in metres; short waves are low, or coasts would fall to islets
_HEIGHT_WAVES = (
    (30_000.0, 120.0),
    (12_000.0, 60.0),
    (5_000.0, 25.0),
    (2_000.0, 7.0),
    (800.0, 1.8),
    (320.0, 0.5),
    (130.0, 0.18),
)
_COARSE_WAVES = 4  # what rivers follow
_ROUGHNESS = 6.0  # metres: the amplitudes of the others, and as much for the way between two looks
CHUNK = 2000.0  # metres; areas are traced chunk by chunk, so they are the same for every box
STEP = 20.0  # metres between the points where a field is looked at

Field = Callable[[np.ndarray, np.ndarray], np.ndarray]
Bounds = tuple[float, float, float, float]


class Relief:
    """Heights of a seed's world in metres above its sea."""

    def __init__(self, seed: int, mean_height: float) -> None:
        self._mean = mean_height
        self._waves = [
            (ValueNoise(seed, 100 + index, period), amplitude)
            for index, (period, amplitude) in enumerate(_HEIGHT_WAVES)
        ]

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Heights at points in metres of EPSG:3857; below 0 lies the sea."""
        return self._sum(x, y, len(self._waves))

    def coarse_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Heights without the small waves."""
        return self._sum(x, y, _COARSE_WAVES)

    def lowest(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Heights less what the small waves and 100 m of way can take, quickly."""
        return self.coarse_height(x, y) - _ROUGHNESS

    def _sum(self, x: np.ndarray, y: np.ndarray, waves: int) -> np.ndarray:
        total = np.full(np.shape(x), self._mean)
        for noise, amplitude in self._waves[:waves]:
            total = total + noise(x, y) * amplitude
        return total


class FieldAreas:
    """Areas where a field lies below a level, as polygons with rounded outlines."""

    def __init__(self, field: Field, level: float, *, never_above: Field | None = None) -> None:
        """Take a field and a level.

        Args:
            field: heights, or another measure of places.
            level: what lies below it counts.
            never_above: a cheaper field that, looked at every 100 m, is nowhere above the first.
        """
        self._field, self._level, self._never_above = field, level, never_above
        self._chunk = lru_cache(maxsize=512)(self._traced)

    def within(self, bounds: Bounds) -> Any:
        """What lies in bounds, one geometry; the same in any bounds that hold it."""
        margin = 6 * STEP  # rounding a corner looks two points far
        left, bottom, right, top = bounds
        columns = _chunks(left - margin, right + margin)
        parts = [
            part
            for row in _chunks(bottom - margin, top + margin)
            for column in columns
            for part in self._chunk(column, row)
        ]
        if not parts:
            return shapely.Polygon()
        outer = left - margin, bottom - margin, right + margin, top + margin
        near = [part for part in parts if part.intersects(shapely.box(*outer))]
        return _rounded(shapely.union_all(near)).intersection(shapely.box(*bounds))

    def _traced(self, column: int, row: int) -> tuple[Any, ...]:
        from contourpy import FillType, contour_generator

        if self._never_above is not None:
            coarse = np.arange(0.0, CHUNK + 1, 5 * STEP)
            looks = np.meshgrid(column * CHUNK + coarse, row * CHUNK + coarse)
            if self._never_above(*looks).min() > self._level:
                return ()
        count = round(CHUNK / STEP) + 1
        x = column * CHUNK + np.arange(count) * STEP
        y = row * CHUNK + np.arange(count) * STEP
        values = self._field(*np.meshgrid(x, y)) - self._level
        if values.min() >= 0:
            return ()
        tracer = contour_generator(x, y, values, fill_type=FillType.OuterOffset)
        filled = tracer.filled(-1e12, 0.0)
        shapes = []
        for vertices, starts in zip(filled[0], filled[1], strict=True):
            rings = np.split(np.asarray(vertices), np.asarray(starts)[1:-1])
            shapes.append(shapely.Polygon(rings[0], rings[1:]))
        valid = shapely.make_valid(np.array(shapes, dtype=object))
        return tuple(part for part in shapely.get_parts(valid) if part.area > 0)


def _chunks(low: float, high: float) -> range:
    return range(int(np.floor(low / CHUNK)), int(np.floor(high / CHUNK)) + 1)


def _rounded(shape: Any) -> Any:
    from ..cartography.generalise import smooth_polygons

    polygons = shapely.get_parts(shape)
    polygons = polygons[shapely.get_type_id(polygons) == 3]
    if not len(polygons):
        return shapely.Polygon()
    return shapely.union_all(shapely.make_valid(smooth_polygons(polygons, 2, reach=STEP)))
