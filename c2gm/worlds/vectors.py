"""A town's layout as the vectors that a map is drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from ..cartography.map_objects import MapObjects
from .layout import Layout
from .trunk import FRAME

SMALLEST_TREE = 1.8  # metres of radius; smaller growth is bushes, which no map shows
AREA_OF_USE = {
    "fields": "farmland",
    "meadow": "park",
    "wood": "wood",
    "park": "park",
    "pitch": "park",
    "parking": "sand",
    "bare": "sand",
    "beach": "sand",
}


def district_areas(layout: Layout) -> dict[str, list[Any]]:
    """Areas of a district by kind, in its own metres; water is cut at the district's rim."""
    areas = _areas(layout)
    # neighbours' waters overlap by a hair, so that maps can join them without slits
    water = layout.water.intersection(layout.outline.buffer(0.05))
    areas["water"] = [
        part
        for part in shapely.get_parts(water)
        if shapely.get_type_id(part) == 3 and part.area > 0.01
    ]
    return areas


def _areas(layout: Layout) -> dict[str, list[Any]]:
    areas: dict[str, list[Any]] = {"built_up": list(layout.built_up)}
    for parcel in layout.parcels:
        kind = AREA_OF_USE.get(parcel.use)
        if kind is not None:
            areas.setdefault(kind, []).append(parcel.shape)
    areas["water"] = [part for part in shapely.get_parts(layout.water) if part.area > 0]
    areas["building"] = list(layout.buildings.polygons())
    return areas


def map_objects(layout: Layout, origin: tuple[float, float]) -> MapObjects:
    """Map objects of a layout whose centre lies at `origin`, metres of EPSG:3857."""
    areas = _areas(layout)
    shift = np.array(origin)
    return MapObjects(
        areas={kind: _moved(shapes, shift) for kind, shapes in areas.items() if shapes},
        lines={
            kind: _moved(_clipped(lines), shift) for kind, lines in layout.lines.items() if lines
        },
        trees=layout.trees[layout.trees[:, 2] > SMALLEST_TREE, :2] + shift,
    )


def _clipped(lines: list[Any]) -> list[Any]:
    inside = shapely.intersection(np.array(lines, dtype=object), FRAME)
    parts = shapely.get_parts(inside)
    return [part for part in parts if shapely.get_type_id(part) == 1 and part.length > 0.5]


def _moved(shapes: list[Any], shift: np.ndarray) -> np.ndarray:
    moved: np.ndarray = shapely.transform(np.array(shapes, dtype=object), lambda c: c + shift)
    return moved
