"""The groups that maps are scored in, and how they meet the classes of real masks.

The legend's classes fall into six groups, so that a wood read as a park costs less than a wood
read as water. Class rasters of real ground know fewer things: five classes, and 0 for ground that
nobody labelled, which is left out.
"""

from __future__ import annotations

import numpy as np

from ..legend import CLASS_ID, FLAT_CLASSES

GROUPS = ("open ground", "water", "green", "building or built-up", "minor road", "main road")
GROUP_OF_LEGEND = {
    "ground": "open ground",
    "farmland": "open ground",
    "sand": "open ground",
    "railway": "open ground",  # masks of real ground know no railway: its bed is bare ground
    "water": "water",
    "wood": "green",
    "park": "green",
    "built-up area": "building or built-up",
    "building": "building or built-up",
    "street": "minor road",
    "path": "minor road",  # tracks, which masks of real ground count as roads
    "main road": "main road",
    "motorway": "main road",
}

FIVE_CLASSES = ("ground", "water", "green", "building", "road")
FIVE_OF_GROUP = {
    "open ground": "ground",
    "water": "water",
    "green": "green",
    "building or built-up": "building",
    "minor road": "road",
    "main road": "road",
}
# Numbers of class rasters, those that `cartography.masks` reads.
FIVE_OF_RASTER = {
    1: "water",
    2: "ground",  # bare land
    3: "road",
    4: "building",
    5: "green",  # plants, or trees
    6: "green",  # grass
    7: "ground",  # paved, but no road
    8: "ground",  # farmland
}
UNLABELLED = 255

BUILDING_GROUP, MINOR_ROAD_GROUP = (
    GROUPS.index(name) for name in ("building or built-up", "minor road")
)
MAIN_ROADS = tuple(CLASS_ID[name] for name in ("motorway", "main road"))
ROADS = (*MAIN_ROADS, CLASS_ID["street"])


def group_table() -> np.ndarray:
    """Group of each flat legend class, uint8 [13]."""
    table = np.zeros(FLAT_CLASSES, dtype=np.uint8)
    for name, group in GROUP_OF_LEGEND.items():
        table[CLASS_ID[name]] = GROUPS.index(group)
    return table


def five_table() -> np.ndarray:
    """One of the five classes for each flat legend class, uint8 [13]."""
    of_group = [FIVE_CLASSES.index(FIVE_OF_GROUP[group]) for group in GROUPS]
    table: np.ndarray = np.array(of_group, dtype=np.uint8)[group_table()]
    return table


def raster_table() -> np.ndarray:
    """One of the five classes for each number of a class raster, 255 unlabelled, uint8 [256]."""
    table = np.full(256, UNLABELLED, dtype=np.uint8)
    for number, name in FIVE_OF_RASTER.items():
        table[number] = FIVE_CLASSES.index(name)
    return table
