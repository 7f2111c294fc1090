"""The vector world that a map is drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

AREA_KINDS = (
    "farmland",
    "built_up",  # residential, commercial, industrial land use
    "sand",  # sand, rock, bare, parking
    "park",  # park, grass, meadow, pitch
    "wood",
    "water",
    "road_area",  # paved carriageway known only as an area (from masks)
    "building",
)
LINE_KINDS = (
    "stream",
    "rail_yard",  # yard, siding, spur
    "railway",
    "motorway",
    "main_road",  # primary, secondary, tertiary
    "street",  # residential, unclassified
    "service",  # service road, alley
    "driveway",  # driveway, parking aisle
    "track",
    "footpath",
)


@dataclass(frozen=True)
class MapObjects:
    """Vectors by kind, shapely geometries in metres of EPSG:3857.

    `areas` holds arrays of polygons and multipolygons by `AREA_KINDS`, `lines` arrays of lines by
    `LINE_KINDS`, `trees` single trees as float64 [n,2]. Missing kinds are empty.
    """

    areas: dict[str, np.ndarray] = field(default_factory=dict)
    lines: dict[str, np.ndarray] = field(default_factory=dict)
    trees: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
