"""Reading the inputs of a stage's windows, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from ..grid import Window
from ..painting.window_inputs import WindowInputs, read_imagery, read_reference
from .executors import Batch
from .frontier import Frontier
from .job import Job
from .plan import Stage

CACHED_PARENTS = 64  # tiles of the parent map, 200 kB each
MOST_EMPTY = 256  # empty windows in a batch: so that progress moves and stopping works


def read_batches(job: Job, stage: Stage, frontier: Frontier) -> Iterator[Batch]:
    """The pending windows of a stage with their inputs, in batches of the model's size.

    Windows without a valid imagery pixel are not painted; they travel with the batch.
    """
    read_tile = lru_cache(maxsize=CACHED_PARENTS)(job.ledger.tile)
    inputs: list[WindowInputs] = []
    empty: list[Window] = []
    for window in frontier.pending():
        one = read_imagery(job.imagery, window, job.plan.geometry)
        if not one.valid.any():
            empty.append(window)
        elif stage.cascade_factor is None:
            inputs.append(one)
        else:
            reference = read_reference(
                read_tile,
                window,
                job.plan.geometry,
                cascade_factor=stage.cascade_factor,
                interpolation=job.settings.interpolation,
            )
            inputs.append(replace(one, reference=reference))
        if len(inputs) == job.model.batch or len(empty) == MOST_EMPTY:
            yield Batch(tuple(inputs), tuple(empty))
            inputs, empty = [], []
    if inputs or empty:
        yield Batch(tuple(inputs), tuple(empty))
