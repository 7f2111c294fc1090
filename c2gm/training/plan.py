"""What a run will need, told before anything starts: memory and time on a named device.

Memory and work of a step are counted (see `step_counts`). The time is worked out of them: each
operation takes what its arithmetic or its memory traffic takes on the device, whichever is longer,
and no less than it takes to launch it. What a device reaches is measured here for this machine's
processor, and for others it is a share of what their makers promise. It is an estimate: within a
factor of two where it could be compared.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from ..errors import ConfigError
from .run_config import RunConfig
from .step_counts import StepCounts, count_step

GIB = 2**30
# Shares of the promised numbers that convolutions of such widths usually reach.
_ARITHMETIC, _TRAFFIC = 0.35, 0.7
_LAUNCH = 8e-6  # seconds an operation, from Python
_KEPT_IN_BF16 = 0.6  # of the float32 activations; norms and losses stay in float32
_RUNTIME = {"cpu": 0.5 * GIB, "gpu": 1.5 * GIB}  # interpreter, libraries, workspaces


@dataclass(frozen=True)
class Device:
    """A device to train on.

    Attributes:
        name: Of the device.
        memory: bytes.
        fp32, bf16: Floating point operations a second that are reached.
        traffic: bytes a second of memory that are reached.
        launch: seconds that each operation takes at least.
    """

    name: str
    memory: float
    fp32: float
    bf16: float
    traffic: float
    launch: float = _LAUNCH

    @property
    def runtime(self) -> float:
        """Bytes that are taken before the first tensor is there."""
        return _RUNTIME["cpu" if self.name == "cpu" else "gpu"]


def _gpu(name: str, memory: float, fp32: float, bf16: float, traffic: float) -> Device:
    """A GPU by its data sheet: GiB, TFLOP/s without sparsity, GB/s."""
    return Device(
        name,
        memory * GIB,
        fp32 * 1e12 * _ARITHMETIC,
        bf16 * 1e12 * _ARITHMETIC,
        traffic * 1e9 * _TRAFFIC,
    )


GPUS = {
    gpu.name: gpu
    for gpu in (
        _gpu("t4", 15, 8.1, 65, 320),
        _gpu("rtx3090", 24, 35.6, 71, 936),
        _gpu("rtx4090", 24, 82.6, 165, 1008),
        _gpu("a100", 80, 19.5, 312, 2039),
        _gpu("h100", 80, 67, 989, 3350),
        _gpu("h200", 141, 67, 989, 4800),
    )
}


@dataclass(frozen=True)
class Plan:
    """What a run needs on a device.

    Attributes:
        device: Its name.
        stage: What is trained.
        precision: Of the number format.
        parameters, trained: Of the whole model, and those that are trained.
        gflops_a_step: Billions of floating point operations of an optimiser step.
        memory: bytes by what they are for.
        available: bytes that the device has.
        seconds_a_step: Of an optimiser step, crops not counted: they are made meanwhile.
        steps, minutes, crops: Of the whole run.
    """

    device: str
    stage: str
    precision: str
    parameters: int
    trained: int
    gflops_a_step: float
    memory: dict[str, int]
    available: int
    seconds_a_step: float
    steps: int
    minutes: float
    crops: int

    @property
    def fits(self) -> bool:
        """Whether the memory suffices."""
        return sum(self.memory.values()) <= self.available

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        needed = sum(self.memory.values())
        return {**dataclasses.asdict(self), "memory_needed": needed, "fits": self.fits}

    def text(self) -> str:
        """For people."""
        needed = sum(self.memory.values())
        parts = ", ".join(f"{name} {size / GIB:.2f}" for name, size in self.memory.items())
        fits = "fits" if self.fits else "does not fit"
        return "\n".join(
            (
                f"{self.stage} on {self.device} in {self.precision}",
                f"Parameters   {self.parameters:,}, of which {self.trained:,} are trained",
                f"Memory       {needed / GIB:.2f} GiB of {self.available / GIB:.1f}, {fits}: "
                f"{parts}",
                f"A step       {1000 * self.seconds_a_step:,.0f} ms, "
                f"{self.gflops_a_step:,.0f} GFLOP (estimate)",
                f"The run      {self.steps:,} steps, {self.crops:,} crops, "
                f"{self.minutes:,.0f} minutes",
            )
        )


def plan_run(config: RunConfig, device: str = "cpu") -> Plan:
    """The plan of a run on a device: "cpu" (this machine's) or one of `GPUS`.

    Raises:
        ConfigError: the device is unknown.
    """
    if device != "cpu" and device not in GPUS:
        raise ConfigError(f"Nothing is known of {device!r}. Known are cpu, {', '.join(GPUS)}.")
    return plan_counts(config, count_step(config), _this_cpu() if device == "cpu" else GPUS[device])


def plan_counts(config: RunConfig, counts: StepCounts, device: Device) -> Plan:
    """The plan by the counts of one batch."""
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if device.bf16 > device.fp32 else "fp32"
    seconds = config.accumulate * _seconds_of_batch(counts, device, precision)
    limits = [config.steps] if config.steps else []
    if config.minutes:
        limits.append(max(1, int(60 * config.minutes / seconds)))
    steps = min(limits)
    return Plan(
        device=device.name,
        stage=config.stage,
        precision=precision,
        parameters=counts.parameters,
        trained=counts.trained,
        gflops_a_step=counts.flops * config.accumulate / 1e9,
        memory=_memory(config, counts, device, precision),
        available=int(device.memory),
        seconds_a_step=seconds,
        steps=steps,
        minutes=steps * seconds / 60,
        crops=steps * config.batch * config.accumulate,
    )


def _memory(
    config: RunConfig, counts: StepCounts, device: Device, precision: str
) -> dict[str, int]:
    half = precision != "fp32"
    kept = counts.kept_bytes * (_KEPT_IN_BF16 if half else 1)
    return {
        "weights": 4 * counts.parameters + (2 * counts.parameters if half else 0),
        "gradients": 4 * counts.trained,
        "optimiser": (8 if config.optimizer == "adamw" else 6) * counts.trained,
        "average": 4 * counts.trained if config.ema else 0,
        "activations": int(kept),
        "working": 3 * counts.largest_bytes,  # an operation's input, result and gradient
        "runtime": int(device.runtime),
    }


def _seconds_of_batch(counts: StepCounts, device: Device, precision: str) -> float:
    arithmetic = device.fp32 if precision == "fp32" else device.bf16
    traffic = device.traffic if precision == "fp32" else device.traffic / _KEPT_IN_BF16
    # Launches and work overlap on a GPU: the longer of both decides.
    work = sum(max(flops / arithmetic, moved / traffic) for flops, moved in counts.operations)
    return max(work, len(counts.operations) * device.launch)


def _this_cpu() -> Device:
    """This machine's processor, by two stopwatches: a convolution and a copy."""
    pixels, kernel = torch.randn(4, 64, 32, 32), torch.randn(64, 64, 3, 3)
    flops = 2 * 9 * 64 * 64 * 4 * 32 * 32

    def convolve(dtype: torch.dtype) -> Callable[[], object]:
        a, b = pixels.to(dtype), kernel.to(dtype)
        return lambda: F.conv2d(a, b, padding=1)

    block = torch.zeros(2**22)
    return Device(
        "cpu",
        memory=float(_host_memory()),
        fp32=flops / _best_seconds(convolve(torch.float32)) / 2,
        bf16=flops / _best_seconds(convolve(torch.bfloat16)) / 2,
        traffic=2 * 4 * 2**22 / _best_seconds(block.clone),
        launch=0.0,
    )


def _best_seconds(work: Callable[[], object], tries: int = 8) -> float:
    times = []
    for _ in range(tries):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def _host_memory() -> int:
    """Bytes of this machine."""
    import psutil

    return int(psutil.virtual_memory().total)
