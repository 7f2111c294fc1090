"""Where the windows of a job are painted: in this process, or wherever an executor sends them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..grid import Window
from ..painting.map_model import ModelProfile
from ..painting.window_inputs import WindowInputs

if TYPE_CHECKING:
    from .job import Job
    from .progress import Meter, ShouldStop


class Executor(ABC):
    """Paints the windows of a job and stores them with their tiles in its ledger."""

    @property
    @abstractmethod
    def model(self) -> ModelProfile:
        """What is known of the network that paints."""

    @abstractmethod
    def run(self, job: Job, *, meter: Meter, should_stop: ShouldStop | None) -> None:
        """Paint what the job still lacks.

        Raises:
            Stopped: the user stopped it; the job can be resumed.
            DiskFull: the ledger cannot grow; the job can be resumed.
        """


@dataclass(frozen=True)
class Batch:
    """Windows that are painted in one call.

    Attributes:
        inputs: At most the model's batch; none where a stage ends with empty windows.
        empty: Windows met on the way that have no valid imagery pixel.
    """

    inputs: tuple[WindowInputs, ...]
    empty: tuple[Window, ...] = field(default=())


PaintBatch = Callable[[tuple[WindowInputs, ...]], np.ndarray]
"""Inputs of up to a batch -> pictures uint8 [n,H,W,3]."""

Painted = Generator[tuple[Batch, "np.ndarray | None"], None, None]
"""Batches with their pictures, None where a batch has no inputs."""


def paint_batches(batches: Iterator[Batch], paint_batch: PaintBatch, *, ahead: int = 1) -> Painted:
    """Paint batches in order, while a thread reads the inputs of the next ones.

    When the generator is closed, nothing of it works on.

    Args:
        batches: Read by the thread.
        paint_batch: Paints.
        ahead: Batches that are read ahead.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="c2gm-inputs") as reader:
        waiting = deque(reader.submit(next, batches, None) for _ in range(ahead))
        while (batch := waiting.popleft().result()) is not None:
            waiting.append(reader.submit(next, batches, None))
            yield batch, paint_batch(batch.inputs) if batch.inputs else None
