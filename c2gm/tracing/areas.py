"""Areas of a map as polygons that share their borders."""

from __future__ import annotations

import numpy as np

from ..grid import mercator_resolution
from ..legend import LEGEND
from .read_classes import NOTHING, Classes
from .simplify import Borders

LEAST_PIXELS = 16  # smaller spots take the class around them
TOLERANCE = 2.0  # px; takes off steps of up to 8 px, and keeps corners of the smallest spots

Polygon = list[np.ndarray]  # closed rings float [N,2], the outline first, then its holes


def trace_areas(classes: Classes) -> dict[str, list[Polygon]]:
    """Polygons by class, metres of EPSG:3857; ground is what no polygon covers.

    Every border is simplified once, for the areas on both of its sides, so there are neither gaps
    nor overlaps between classes or tiles.
    """
    from rasterio.features import shapes, sieve

    left, _, _, top = classes.box.mercator_bounds()
    size = mercator_resolution(classes.box.zoom)
    values = sieve(classes.areas, LEAST_PIXELS, connectivity=4)
    borders = Borders(values, TOLERANCE)
    found: dict[int, list[Polygon]] = {}
    for shape, value in shapes(values, connectivity=4):
        if value not in (0, NOTHING):
            rings = [borders.ring(np.array(ring, dtype=np.int64)) for ring in shape["coordinates"]]
            placed = [np.array([left, top]) + ring * np.array([size, -size]) for ring in rings]
            found.setdefault(int(value), []).append(placed)
    return {LEGEND[number].name: found[number] for number in sorted(found)}
