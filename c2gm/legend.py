"""The legend of the house style: map classes and their flat colours.

The order is the class id that flat drawings, class heads and metrics share. Colours are far apart
(at least 24 grey levels in one channel) so that a class can be read back from a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MapClass:
    """One class of the map: its name and its flat colour, RGB 0 to 255."""

    name: str
    colour: tuple[int, int, int]


LEGEND = (
    MapClass("ground", (0xE6, 0xE0, 0xD4)),
    MapClass("water", (0x86, 0xC1, 0xF0)),
    MapClass("wood", (0x7F, 0xBA, 0x74)),
    MapClass("park", (0xBD, 0xE5, 0x8E)),
    MapClass("farmland", (0xF0, 0xE7, 0x9C)),
    MapClass("sand", (0xF7, 0xCD, 0xA6)),
    MapClass("built-up area", (0xD2, 0xC6, 0xD4)),
    MapClass("building", (0xB5, 0x93, 0x7F)),
    MapClass("motorway", (0xEE, 0x7F, 0x55)),
    MapClass("main road", (0xFD, 0xD0, 0x57)),
    MapClass("street", (0xFF, 0xFF, 0xFF)),
    MapClass("railway", (0x4A, 0x4A, 0x55)),
    MapClass("path", (0x8A, 0x5A, 0x2B)),
    MapClass("road casing", (0x8F, 0x8D, 0x86)),
)
FLAT_CLASSES = 13  # ids 0 to 12 occur in flat drawings; the casing belongs to the road it edges
GROUND = LEGEND[0].colour
CLASS_ID = {entry.name: index for index, entry in enumerate(LEGEND)}


def palette() -> np.ndarray:
    """Colours of the legend, uint8 [classes, 3], row = class id."""
    return np.array([entry.colour for entry in LEGEND], dtype=np.uint8)


def nearest_class(rgb: np.ndarray) -> np.ndarray:
    """Class id of the nearest legend colour, uint8 [H,W], of a picture uint8 [H,W,3]."""
    colours = palette().astype(np.int32)
    pixels = rgb.astype(np.int32)
    distance = (pixels**2).sum(-1)[..., None] - 2 * (pixels @ colours.T) + (colours**2).sum(-1)
    ids: np.ndarray = distance.argmin(-1).astype(np.uint8)
    return ids
