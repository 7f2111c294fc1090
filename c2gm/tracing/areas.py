"""Areas of a map as polygons that share their borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from ..grid import mercator_resolution
from ..legend import LEGEND
from .read_classes import NOTHING, Classes

LEAST_PIXELS = 16  # smaller spots take the class around them
TOLERANCE = 1.2  # px that a border may move when its steps are taken off

Shapes = np.ndarray[Any, np.dtype[np.object_]]


def trace_areas(classes: Classes) -> dict[str, Shapes]:
    """Polygons by class, metres of EPSG:3857; ground is what no polygon covers.

    All borders are simplified at once, neighbours' together, so there are neither gaps nor
    overlaps between classes or tiles.
    """
    from rasterio.features import shapes, sieve

    left, _, _, top = classes.box.mercator_bounds()
    size = mercator_resolution(classes.box.zoom)
    found, ids = [], []
    for shape, value in shapes(sieve(classes.areas, LEAST_PIXELS, connectivity=4), connectivity=4):
        if value != NOTHING:
            outline, *holes = (np.array(ring) for ring in shape["coordinates"])
            found.append(shapely.Polygon(outline, holes))
            ids.append(int(value))
    if not found:
        return {}
    # A point at every pixel's corner: neighbours share their points, as coverages must.
    stepped = shapely.segmentize(np.array(found, dtype=object), 1.0)
    simple = shapely.transform(
        shapely.coverage_simplify(stepped, TOLERANCE),
        lambda points: np.array([left, top]) + points * np.array([size, -size]),
    )
    numbers = np.array(ids)
    kept = (numbers != 0) & ~shapely.is_empty(simple)
    return {
        LEGEND[number].name: simple[kept & (numbers == number)]
        for number in np.unique(numbers[kept]).tolist()
    }
