"""Records that have a parent, for models that cannot do without a reference."""

from __future__ import annotations

import numpy as np

from ..errors import TrainingError
from .batches import RecordSource
from .records import Record

_DRAWS = 1000


def has_parents(record: Record) -> bool:
    """Whether a reference can be made for the record."""
    return record.parent2 is not None or record.parent4 is not None


class ReferencedRecords:
    """A source that leaves out what has no parent: the lowest zooms.

    It stands in for the source that it wraps.
    """

    def __init__(self, source: RecordSource) -> None:
        self.source = source

    def refresh(self) -> None:
        """Take in what was added since."""
        self.source.refresh()

    def draw(self, rng: np.random.Generator, kinds: dict[str, float]) -> Record:
        """A random record that has a parent.

        Raises:
            TrainingError: there is none.
        """
        for _ in range(_DRAWS):
            record = self.source.draw(rng, kinds)
            if has_parents(record):
                return record
        raise TrainingError(
            "The training records have no maps of lower zooms, so there are no references. "
            "Build records of more zooms."
        )
