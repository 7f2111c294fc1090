"""Reading the inputs of a stage's windows, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from ..grid import Window
from ..painting.geometry import Geometry
from ..painting.window_inputs import (
    Readable,
    ReadTile,
    WindowInputs,
    read_imagery,
    read_reference,
)
from .executors import Batch
from .frontier import Frontier

CACHED_PARENTS = 64  # tiles of the parent map, 200 kB each
MOST_EMPTY = 256  # empty windows in a batch: so that progress moves and stopping works


def read_batches(
    frontier: Frontier,
    imagery: Readable,
    read_tile: ReadTile,
    *,
    geometry: Geometry,
    interpolation: str,
    size: int,
) -> Iterator[Batch]:
    """The pending windows of a stage with their inputs, in batches.

    Windows without a valid imagery pixel are not painted; they travel with the batch.

    Args:
        frontier: Tells which windows are pending.
        imagery: What is painted from.
        read_tile: Reads tiles of the parent map.
        geometry: How windows lie.
        interpolation: How references are enlarged.
        size: Windows with imagery in a batch.
    """
    cascade_factor = frontier.stage.cascade_factor
    read_parent = lru_cache(maxsize=CACHED_PARENTS)(read_tile)
    inputs: list[WindowInputs] = []
    empty: list[Window] = []
    for window in frontier.pending():
        one = read_imagery(imagery, window, geometry)
        if not one.valid.any():
            empty.append(window)
        elif cascade_factor is None:
            inputs.append(one)
        else:
            reference = read_reference(
                read_parent,
                window,
                geometry,
                cascade_factor=cascade_factor,
                interpolation=interpolation,
            )
            inputs.append(replace(one, reference=reference))
        if len(inputs) == size or len(empty) == MOST_EMPTY:
            yield Batch(tuple(inputs), tuple(empty))
            inputs, empty = [], []
    if inputs or empty:
        yield Batch(tuple(inputs), tuple(empty))
