"""The running average of what a run trains: what is scored, sampled and written at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

AVERAGE_EVERY = 4  # steps: the average moves slowly, and each move reads every weight


def trained_tensors(model: nn.Module, trained: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    """Trained parameters and the statistics (BatchNorm) of every module that has one of them.

    The tensors share their memory with the model.
    """
    tensors = {name: parameter.detach() for name, parameter in trained.items()}
    owners = {name.rpartition(".")[0] for name in trained}
    for name, value in model.state_dict().items():
        if name.rpartition(".")[0] in owners and name.endswith(("running_mean", "running_var")):
            tensors[name] = value
    return tensors


class WeightAverage:
    """Exponential moving average of tensors, its memory growing with the run.

    Args:
        tensors: What is averaged: live tensors of a model.
        memory: Share that stays after a step, near 1; 0 means no average, only the tensors.
    """

    def __init__(self, tensors: dict[str, Tensor], memory: float) -> None:
        self.tensors = tensors
        self.memory = memory
        self.values = (
            {name: value.clone() for name, value in tensors.items()} if memory else tensors
        )

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the tensors as they are after a step, counted from 1."""
        if not self.memory or step % AVERAGE_EVERY:
            return
        keep = min(self.memory, 1 - 1 / (step / 5 + 1)) ** AVERAGE_EVERY
        torch._foreach_lerp_(
            list(self.values.values()), [self.tensors[name] for name in self.values], 1 - keep
        )

    @torch.no_grad()
    def load(self, values: dict[str, Tensor]) -> None:
        """Go on from stored values; a tensor that was not stored keeps the model's own."""
        for name, value in self.values.items():
            value.copy_(values.get(name, self.tensors[name]))

    @torch.no_grad()
    def apply(self) -> None:
        """Put the averaged values into the model for good."""
        for name, value in self.values.items():
            self.tensors[name].copy_(value)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model with the averaged values, for a while."""
        if not self.memory:
            yield
            return
        before = {name: value.clone() for name, value in self.tensors.items()}
        self.apply()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in before.items():
                    self.tensors[name].copy_(value)
