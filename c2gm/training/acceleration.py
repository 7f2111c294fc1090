"""Device and number format of a run, by accelerate."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from ..errors import ConfigError, TrainingError
from .batches import Batch
from .chance import Chance
from .stages import Stage

if TYPE_CHECKING:
    from accelerate import Accelerator

Precision = Literal["fp32", "bf16", "fp16"]
_TRIES = 3


def make_accelerator(device: torch.device, precision: Precision, accumulate: int) -> Accelerator:
    """The accelerator of one run.

    Raises:
        ConfigError: the device does not compute in this format.
        TrainingError: it was launched as several processes.
        ModuleNotFoundError: accelerate is not installed.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    # Runs follow each other in one process, and each has a format of its own; accelerate keeps the
    # first one for the whole process unless its state is dropped.
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        accelerator = Accelerator(
            cpu=device.type == "cpu",
            mixed_precision="no" if precision == "fp32" else precision,
            gradient_accumulation_steps=accumulate,
        )
    except ValueError as error:
        raise ConfigError(f"{device} does not train in {precision}: {error}") from error
    if accelerator.num_processes > 1:
        raise TrainingError(
            f"A run is one process, and this is one of {accelerator.num_processes}. "
            "Start it with c2gm train."
        )
    return accelerator


def faster_precision(stage: Stage, batch: Batch, chance: Chance) -> Precision:
    """fp32 or bf16, by a stopwatch on this machine: the best of three passes after a first one."""
    times: dict[Precision, float] = {}
    formats: tuple[tuple[Precision, torch.dtype], ...] = (
        ("fp32", torch.float32),
        ("bf16", torch.bfloat16),
    )
    for name, dtype in formats:
        passes = [_seconds_of_pass(stage, batch, chance, dtype) for _ in range(1 + _TRIES)]
        times[name] = min(passes[1:])
    stage.zero_grad(set_to_none=True)
    return min(times, key=lambda name: times[name])


def _seconds_of_pass(stage: Stage, batch: Batch, chance: Chance, dtype: torch.dtype) -> float:
    """Of loss and gradients; on a CPU its own time, which other programs do not lengthen."""
    device = chance.device
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    _wait_for(device)
    began = clock()
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        stage(batch, 1.0, chance).backward()
    _wait_for(device)
    return clock() - began


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device, copied while the host goes on where that is possible.

    `has_reference` stays on the host, which decides by it.
    """
    if device.type == "cpu":
        return batch
    values: dict[str, Any] = {}
    for entry in dataclasses.fields(batch):
        value = getattr(batch, entry.name)
        if isinstance(value, Tensor) and entry.name != "has_reference":
            if value.device.type == "cpu" and device.type == "cuda":
                value = value.pin_memory()
            values[entry.name] = value.to(device, non_blocking=True)
    return dataclasses.replace(batch, **values)
