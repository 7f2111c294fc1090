"""Training records of a flat little world."""

from __future__ import annotations

import numpy as np

from c2gm.legend import palette
from c2gm.training.records import Record


def block_of_water(zoom: int = 16, *, left: int = 120) -> Record:
    """A window of a flat little world: ground with a block of water, and its parents."""
    classes = np.zeros((320, 320), dtype=np.uint8)
    classes[80:240, left : left + 160] = 1
    picture = palette()[classes]
    return Record(
        imagery=picture // 2,
        map=picture,
        classes=classes,
        parent2=np.full((168, 168, 3), 200, dtype=np.uint8),
        parent4=np.full((88, 88, 3), 210, dtype=np.uint8) if zoom > 15 else None,
        zoom=zoom,
        place="town-0",
        complete=True,
        ranked_roads=True,
    )
