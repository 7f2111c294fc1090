"""Where batches of windows are painted: in this process, or wherever an executor sends them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..grid import Window
from ..painting.window_inputs import WindowInputs


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
"""Batches with their pictures."""


class Executor(Protocol):
    """Paints the batches of one stage."""

    def paint(self, batches: Iterator[Batch], paint_batch: PaintBatch) -> Painted:
        """Yield each batch with its pictures, None where it has no inputs; any order is right.

        When the generator is closed, nothing of it works on.
        """
        ...


class LocalExecutor:
    """Paints in this process, while a thread reads the inputs of the next batches.

    Args:
        ahead: Batches that are read ahead.
    """

    def __init__(self, ahead: int = 1) -> None:
        self.ahead = ahead

    def paint(self, batches: Iterator[Batch], paint_batch: PaintBatch) -> Painted:
        """Yield each batch with its pictures, in order."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="c2gm-inputs") as reader:
            waiting = deque(reader.submit(next, batches, None) for _ in range(self.ahead))
            while (batch := waiting.popleft().result()) is not None:
                waiting.append(reader.submit(next, batches, None))
                yield batch, paint_batch(batch.inputs) if batch.inputs else None
