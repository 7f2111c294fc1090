"""How far a run is, and its learning rate by that."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .run_config import RunConfig

WARM_UP_STEPS = 40


@dataclass
class Clock:
    """Steps and seconds of training that a run has behind it, whatever it was stopped between."""

    minutes: float
    steps: int
    step: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, config: RunConfig) -> Clock:
        """At the beginning of a run."""
        return cls(config.minutes, config.steps)

    @property
    def share(self) -> float:
        """How much of the run has passed, 0 to 1: of its minutes or its steps, the greater."""
        passed = self.seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(passed, self.step / self.steps if self.steps else 0.0))

    @property
    def seconds_left(self) -> float | None:
        """Seconds of training to the end at the pace so far; None before the first step."""
        if self.minutes and (not self.steps or self.step == 0):
            return max(0.0, 60 * self.minutes - self.seconds)
        if self.step == 0:
            return None
        left = self.seconds / self.step * max(0, self.steps - self.step)
        return min(left, max(0.0, 60 * self.minutes - self.seconds)) if self.minutes else left


def rate_share(share: float, step: int) -> float:
    """Share of the peak rate: warm-up by steps, constant for half the run, then cosine to 1 %."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    if share < 0.5:
        return warm
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, 2 * share - 1))))
