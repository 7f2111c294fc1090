"""References out of a whole map that a model drew of training ground.

They carry the errors of every zoom below, as in a cascade, and imagery reached on all sides when
they were drawn: the nearest to what the next model will meet. `own_references` draws while it
trains, from what a record holds; these are drawn once, beforehand, by an earlier model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..grid import PixelBox, tiles_of_box
from ..painting.window_inputs import ReadTile, read_mosaic
from ..references import MARGIN, parent_box
from .records import Record


def with_own_parents(record: Record, box: PixelBox, own_map: ReadTile) -> Record:
    """The record of a box, its parents cut out of a map that a model drew.

    A parent that the record does not have, or of which the map has no tile, is left out; without
    any the record stays as it is.
    """
    parents = {f: _parent(record, box, f, own_map) for f in (2, 4)}
    if all(parent is None for parent in parents.values()):
        return record
    return replace(record, parent2=parents[2], parent4=parents[4], drawn_parents=True)


def _parent(record: Record, box: PixelBox, factor: int, own_map: ReadTile) -> np.ndarray | None:
    if getattr(record, f"parent{factor}") is None:
        return None
    parents = parent_box(box, factor)
    if all(own_map(tile) is None for tile in tiles_of_box(parents.grown(-MARGIN))):
        return None
    return read_mosaic(own_map, parents)
