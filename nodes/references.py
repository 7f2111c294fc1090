"""References of an area's windows, cut out of a picture or a tile set of the parent zoom."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..c2gm.errors import ConfigError
from ..c2gm.map_scale import zoom_step
from ..c2gm.painting.geometry import SEAMLESS
from ..c2gm.painting.window_inputs import ReadTile, read_reference
from ..c2gm.tilesets.open import open_tileset
from .areas import PickedArea
from .stitching import parent_tiles


def window_references(
    source: np.ndarray | Path, area: PickedArea, zoom: int, *, factor: int, interpolation: str
) -> list[np.ndarray]:
    """References uint8 [320,320,3] in the order of the area's windows.

    Args:
        source: A picture of the area at the parent zoom, uint8 [H,W,3], or a tile set's path.
        area: The area.
        zoom: The zoom that is drawn.
        factor: 2 or 4: how much the parent is enlarged.
        interpolation: How.

    Raises:
        ConfigError: the parent zoom is below 0 or not in the tile set, or the picture is not that
            of the area at the parent zoom.
    """
    parent = zoom - zoom_step(factor)
    if parent < 0:
        raise ConfigError(f"Zoom {zoom} has no parent at {factor}X. Choose a higher zoom.")
    if isinstance(source, np.ndarray):
        return _cut(parent_tiles(source, area, parent).get, area, zoom, factor, interpolation)
    with open_tileset(source) as tileset:
        if parent not in tileset.zooms:
            zooms = ", ".join(str(known) for known in tileset.zooms)
            raise ConfigError(
                f"{source.name} has zooms {zooms}, but zoom {zoom} at {factor}X needs {parent}. "
                "Choose another zoom or cascade factor."
            )
        return _cut(tileset.get, area, zoom, factor, interpolation)


def _cut(
    read_tile: ReadTile, area: PickedArea, zoom: int, factor: int, interpolation: str
) -> list[np.ndarray]:
    return [
        read_reference(
            read_tile, window, SEAMLESS, cascade_factor=factor, interpolation=interpolation
        )
        for window in area.windows(zoom)
    ]
