"""Reading the inputs of a stage's windows, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator

from ..grid import Window
from ..painting.window_inputs import InputReader, WindowInputs
from .executors import Batch
from .frontier import Frontier

MOST_EMPTY = 256  # empty windows in a batch: so that progress moves and stopping works


def read_batches(frontier: Frontier, read: InputReader, *, size: int) -> Iterator[Batch]:
    """The pending windows of a stage with their inputs, in batches.

    Windows without a valid imagery pixel in their tile are not painted; they travel with the batch.

    Args:
        frontier: Tells which windows are pending.
        read: Reads their inputs.
        size: Windows with imagery in a batch.
    """
    inputs: list[WindowInputs] = []
    empty: list[Window] = []
    for window in frontier.pending():
        one = read(window)
        if one.has_tile:
            inputs.append(one)
        else:
            empty.append(window)
        if len(inputs) == size or len(empty) == MOST_EMPTY:
            yield Batch(tuple(inputs), tuple(empty))
            inputs, empty = [], []
    if inputs or empty:
        yield Batch(tuple(inputs), tuple(empty))
