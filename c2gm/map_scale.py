"""Map scale of a zoom and the authors' scale text made of it.

Source: the paper's table for zooms 14 to 18 and the authors' loader for the others. The
resolutions are those of 256 px tiles at the equator; the denominators are the rounded numbers
that the authors print, not OGC's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import ConfigError

NO_SCALE_TEXT = "geographical map tile"


@dataclass(frozen=True)
class MapScale:
    """What the scale text says of one zoom.

    `resolution` is in metres per pixel at the equator, kept as the authors print it;
    `denominator` is the map scale's (2000 for 1:2000 at zoom 18).
    """

    zoom: int
    resolution: float
    denominator: int
    examples: str


_SCALES = {
    scale.zoom: scale
    for scale in (
        MapScale(0, 156543, 500_000_000, "whole world"),
        MapScale(1, 78272, 250_000_000, "whole world"),
        MapScale(2, 39136, 150_000_000, "subcontinental area"),
        MapScale(3, 19568, 70_000_000, "largest country"),
        MapScale(4, 9784, 35_000_000, "whole world"),
        MapScale(5, 4892, 15_000_000, "large African country"),
        MapScale(6, 2446, 10_000_000, "large European country"),
        MapScale(7, 1223, 4_000_000, "small country, US state"),
        MapScale(8, 611.496, 2_000_000, "small country, US state"),
        MapScale(9, 305.748, 1_000_000, "wide area, large metropolitan area"),
        MapScale(10, 152.874, 500_000, "metropolitan area"),
        MapScale(11, 76.437, 250_000, "city"),
        MapScale(12, 38.219, 150_000, "town, or city district"),
        MapScale(13, 19.109, 70_000, "village, or suburb"),
        MapScale(14, 9.555, 35_000, "village, or suburb"),
        MapScale(15, 4.777, 15_000, "small road"),
        MapScale(16, 2.389, 8_000, "street"),
        MapScale(17, 1.194, 4_000, "block, park, addresses"),
        MapScale(18, 0.597, 2_000, "some buildings, trees"),
        MapScale(19, 0.299, 1_000, "local highway and crossing details"),
        MapScale(20, 0.149, 500, "mid-sized building"),
    )
}


def map_scale(zoom: int) -> MapScale:
    """The map scale of a zoom, 0 to 20.

    Raises:
        ConfigError: the table has no such zoom.
    """
    if zoom not in _SCALES:
        raise ConfigError(f"Zoom {zoom} has no map scale. Use a zoom from 0 to 20.")
    return _SCALES[zoom]


def zoom_step(cascade_factor: int) -> int:
    """Zooms between a tile and its reference: 1 for 2X, 2 for 4X (log2, not a square root).

    Raises:
        ConfigError: the factor is not a power of two above 1.
    """
    step = cascade_factor.bit_length() - 1
    if cascade_factor < 2 or 1 << step != cascade_factor:
        raise ConfigError(f"Cascade factor {cascade_factor} is not 2, 4 or another power of two.")
    return step


def scale_text(scale: MapScale, cascade_factor: int | None) -> str:
    """The authors' scale text of one zoom, letter by letter; without a reference its two clauses
    are left out.

    Source: the authors' loader, printed in the golden case `case_text.json`.
    """
    reference = ""
    if cascade_factor is not None:
        reference = (
            f"reference zoom level {scale.zoom - zoom_step(cascade_factor)}, "
            f"reference zoom scale {cascade_factor}X, "
        )
    return (
        f"{NO_SCALE_TEXT}, tile zoom level {scale.zoom}, {reference}"
        f"map resolution {scale.resolution}m/pixel, map scale 1:{scale.denominator}, "
        f"examples of areas to represent: {scale.examples}"
    )


def zoom_of_text(text: str) -> int | None:
    """The zoom that a scale text names, or None where it names none."""
    found = re.search(r"\btile zoom level (\d{1,2})\b", text)
    return int(found[1]) if found else None
