"""What a training step costs, counted without computing it.

The stage runs once forwards and backwards on torch's meta device, where tensors have shapes and no
numbers. Every operation is counted on the way: its multiplications and additions (by torch's own
formulas), the bytes that it reads and writes, and the bytes that are kept for the way back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from ..models.presets import PRESETS
from ..models.sgdm import SGDM
from .batches import Batch
from .chance import Chance
from .run_config import RunConfig
from .stages import STAGES

_META = torch.device("meta")
_ZOOM, _FACTOR = 17, 4  # of the counted crops; the text's length does not depend on them


@dataclass(frozen=True)
class StepCounts:
    """Counts of one batch, in float32.

    Attributes:
        parameters: Of the whole model.
        trained: Parameters that the stage trains.
        operations: (floating point operations, bytes read and written) of every kernel.
        kept_bytes: Activations that are kept from the way there for the way back.
        largest_bytes: Of the largest result of one operation.
    """

    parameters: int
    trained: int
    operations: tuple[tuple[int, int], ...]
    kept_bytes: int
    largest_bytes: int

    @property
    def flops(self) -> int:
        """Floating point operations, a multiplication and an addition counted as two."""
        return sum(flops for flops, _ in self.operations)


def count_step(config: RunConfig) -> StepCounts:
    """Count one batch of a run, with all parts of its loss (a joint run as it is once thawed)."""
    with _META:
        model = SGDM(PRESETS[config.architecture]())
    stage = STAGES[config.stage](model.to(_META), config).to(_META)
    trained = stage.trained()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
    kept = _KeptTensors(list(model.parameters()))
    with _Operations() as counted:
        with torch.autograd.graph.saved_tensors_hooks(kept.keep, kept.give):
            loss = stage(_blank_batch(config), 1.0, Chance(_META, 0))
        loss.backward()
    return StepCounts(
        parameters=sum(p.numel() for p in model.parameters()),
        trained=sum(p.numel() for p in trained.values()),
        operations=tuple(counted.operations),
        kept_bytes=kept.bytes,
        largest_bytes=counted.largest,
    )


def _blank_batch(config: RunConfig) -> Batch:
    """Shapes of a batch; what the host decides by is real."""
    count, side = config.batch, config.crop
    pixels = torch.empty(count, 3, side, side, device=_META)
    return Batch(
        imagery=pixels,
        map=pixels,
        reference=pixels,
        classes=torch.empty(count, side, side, dtype=torch.long, device=_META),
        has_reference=torch.ones(count, dtype=torch.bool),
        labels=torch.zeros(count, side, side, dtype=torch.long),
        zooms=(_ZOOM,) * count,
        imagery_zooms=(_ZOOM,) * count,
        cascade_factors=(_FACTOR,) * count,
    )


class _KeptTensors:
    """Counts the memory that autograd keeps, each piece once and weights not at all."""

    def __init__(self, weights: list[Tensor]) -> None:
        self.bytes = 0
        self._storages = {weight.untyped_storage()._cdata for weight in weights}
        self._alive: list[Tensor] = []  # an address must not be given out again while it counts

    def keep(self, tensor: Tensor) -> Tensor:
        """Called for each tensor that the way back needs."""
        place = tensor.untyped_storage()._cdata
        if tensor.device.type == "meta" and place not in self._storages:
            self._storages.add(place)
            self._alive.append(tensor)
            self.bytes += tensor.untyped_storage().nbytes()
        return tensor

    def give(self, tensor: Tensor) -> Tensor:
        """Called on the way back."""
        return tensor


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operation on the meta device that is more than another view of a tensor."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[tuple[int, int]] = []
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        results = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        if any(result.device.type == "meta" for result in results) and not func.is_view:
            inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
            moved = sum(_bytes(tensor) for tensor in (*inputs, *results))
            formula: Callable[..., int] | None = flop_registry.get(func.overloadpacket)
            flops = formula(*args, **kwargs, out_val=out) if formula is not None else 0
            self.operations.append((int(flops), moved))
            self.largest = max(self.largest, *(_bytes(result) for result in results))
        return out


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
