"""Imagery at a glance: a picture of all of it, and what it is in words."""

from __future__ import annotations

import numpy as np

from ..c2gm.grid import ground_resolution, pixels_of_bounds
from ..c2gm.imagery.base import Imagery

OVERVIEW_SIZE = 1024  # pixels a side, at most
PAPER = (228, 231, 235)  # where there is no imagery


def overview(imagery: Imagery, size: int = OVERVIEW_SIZE) -> np.ndarray:
    """All of the imagery as one picture uint8 [H,W,3], at the finest zoom that fits a size."""
    zoom = imagery.native_zoom
    while zoom:
        box = pixels_of_bounds(imagery.bounds, zoom)
        if max(box.width, box.height) <= size:
            break
        zoom -= 1
    rgb, valid = imagery.read(pixels_of_bounds(imagery.bounds, zoom))
    return np.where(valid[..., None], rgb, np.array(PAPER, dtype=np.uint8))


def imagery_lines(imagery: Imagery) -> list[str]:
    """Name and size, resolution, credit."""
    box = pixels_of_bounds(imagery.bounds, imagery.native_zoom)
    latitude = (imagery.bounds[1] + imagery.bounds[3]) / 2
    metres = ground_resolution(imagery.native_zoom, latitude)
    lines = [
        f"{imagery.name}: about {box.width:,} x {box.height:,} px",
        f"{metres:.2g} m a pixel, zoom {imagery.native_zoom}",
    ]
    return [*lines, imagery.attribution] if imagery.attribution else lines
