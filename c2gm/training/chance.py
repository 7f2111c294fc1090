"""Random numbers of a training step, the same whenever the step is taken again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Chance:
    """Generators of a device and of the host, both set anew for each step.

    Args:
        device: Where noise is needed; on "meta" nothing is drawn.
        seed: Of the run.
    """

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device = device
        self.seed = seed
        self._host = torch.Generator()
        on_host = device.type in ("cpu", "meta")
        self._there = self._host if on_host else torch.Generator(device)
        self.begin_step(0)

    def begin_step(self, step: int) -> None:
        """Set the generators for a step of the run."""
        mixed = (self.seed * 1_000_003 + step) % 2**63
        self._host.manual_seed(mixed)
        self._there.manual_seed(mixed)

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Unit noise on the device."""
        if self.device.type == "meta":
            return torch.empty(tuple(shape), device=self.device)
        return torch.randn(tuple(shape), generator=self._there, device=self.device)

    def uniform(self, count: int) -> Tensor:
        """Numbers from 0 to 1 on the device, [count]."""
        if self.device.type == "meta":
            return torch.empty(count, device=self.device)
        return torch.rand(count, generator=self._there, device=self.device)

    def host_uniform(self, count: int) -> list[float]:
        """Numbers from 0 to 1 for decisions of the program itself."""
        numbers: list[float] = torch.rand(count, generator=self._host).tolist()
        return numbers
