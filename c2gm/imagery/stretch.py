"""How pixels of more than 8 bits become 0 to 255: once for the whole imagery, never for a part."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .source import RasterSource, Stretch, gdal

if TYPE_CHECKING:
    from rasterio.windows import Window

PERCENTILES = (2.0, 98.0)
_SAMPLE = 1024  # px a side that are looked at, of a raster or an overview of it
_SPOTS = 8  # of a large raster without overviews: so many samples along each side ...
_SPOT = _SAMPLE // _SPOTS  # ... of so many px


def stretched(source: RasterSource, stretch: Stretch) -> RasterSource:
    """The source with its stretch: the given one, or by its pixels if they are not of 8 bits."""
    if stretch is not None:
        low, high = stretch
        return replace(source, stretch=stretch, reading=_reading(low, high, "as given"))
    values = values_of([source])
    return source if values is None else by_percentiles(source, values)


def by_percentiles(source: RasterSource, values: np.ndarray) -> RasterSource:
    """The source with the stretch that suits values of it, or of it and its neighbours."""
    low, high = limits(values)
    first, last = PERCENTILES
    return replace(
        source,
        stretch=(low, high),
        reading=_reading(low, high, f"percentiles {first:g} and {last:g}"),
    )


def limits(values: np.ndarray) -> tuple[float, float]:
    """The 2nd and 98th percentile of all colour bands together, so that hues stay."""
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, PERCENTILES)
    return float(low), float(high if high > low else low + 1)


def values_of(sources: Sequence[RasterSource]) -> np.ndarray | None:
    """A sample of all valid values, float64 [n]; None if all sources are of 8 bits."""
    import rasterio

    found: list[np.ndarray] = []
    deep = False
    for source in sources:
        with (
            gdal(source.name, siblings=source.siblings),
            rasterio.open(source.dataset, driver=source.driver) as dataset,
        ):
            if dataset.dtypes[source.bands[0] - 1] == "uint8":
                continue
            deep = True
            values = sample(dataset, list(source.bands), masked=source.validity != "full")
        values = np.ma.masked_invalid(values).compressed().astype(np.float64)
        if source.nodata is not None and not math.isnan(source.nodata):
            values = values[values != source.nodata]
        found.append(values[:: max(1, len(sources) // 16)])
    return np.concatenate(found) if deep else None


def sample(dataset: Any, bands: list[int], *, masked: bool = False) -> np.ndarray:
    """Some values of bands, [C,n,m], read by little work however large the raster is."""
    height, width = dataset.height, dataset.width
    overviews = dataset.overviews(bands[0])
    coarsest = max(height, width) / (overviews[-1] if overviews else 1)
    if coarsest <= 4 * _SAMPLE:
        shape = (len(bands), min(height, _SAMPLE), min(width, _SAMPLE))
        values: np.ndarray = dataset.read(bands, out_shape=shape, masked=masked)
        return values
    spots = [dataset.read(bands, window=spot, masked=masked) for spot in _spots(height, width)]
    joined: np.ndarray = np.ma.concatenate(  # type: ignore[no-untyped-call]
        [spot.reshape(len(bands), 1, -1) for spot in spots], axis=2
    )
    return joined


def _spots(height: int, width: int) -> Iterator[Window]:
    """Small windows spread over a raster."""
    from rasterio.windows import Window

    tall, wide = min(_SPOT, height), min(_SPOT, width)
    for row in range(_SPOTS):
        for column in range(_SPOTS):
            top = (height - tall) * (2 * row + 1) // (2 * _SPOTS)
            left = (width - wide) * (2 * column + 1) // (2 * _SPOTS)
            yield Window(left, top, wide, tall)


def _reading(low: float, high: float, origin: str) -> str:
    return f"values {low:g} to {high:g} ({origin}) shown as 0 to 255"
