"""How far a run is, told while it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: What is trained.
        share: How much of the run has passed, 0 to 1, by its minutes or its steps.
        step: Optimiser steps taken, also before it was stopped.
        crops: Crops seen in them.
        crops_a_second: Of training, over the whole run; None before the first step.
        loss: Mean since the last line of the log; None where no step was taken.
        seconds_left: Of training, without scores and samples; None before the first step.
    """

    stage: str
    share: float
    step: int
    crops: int
    crops_a_second: float | None
    loss: float | None
    seconds_left: float | None


OnProgress = Callable[[Progress], None]


class Losses:
    """Mean of the finite losses since it was asked last; the device is not waited for between."""

    def __init__(self, device: torch.device) -> None:
        self._sum = torch.zeros((), device=device)
        self._count = torch.zeros((), device=device)

    def add(self, loss: Tensor) -> None:
        """Count a loss []; one that is not finite is left out."""
        finite = torch.isfinite(loss)
        self._sum += torch.where(finite, loss, 0.0)
        self._count += finite

    def mean(self) -> float | None:
        """The mean, None where there is none."""
        count = float(self._count)
        return float(self._sum) / count if count else None

    def begin_anew(self) -> None:
        """Forget what was counted."""
        self._sum.zero_()
        self._count.zero_()


class Pulse:
    """The clock on the wall beside a run: what of it was training, and what is due again."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._beat = self._began = now()
        self._done: dict[str, float] = {}

    def beat(self) -> float:
        """Seconds since the last beat or rest: training time."""
        now = self._now()
        passed, self._beat = now - self._beat, now
        return passed

    def rest(self) -> None:
        """What passed since the last beat was something else."""
        self._beat = self._now()

    def due(self, name: str, seconds: float) -> bool:
        """Whether something was last due this long ago; if so it is done now."""
        now = self._now()
        if now - self._done.get(name, self._began) <= seconds:
            return False
        self._done[name] = now
        return True
