"""Which device and number format to run on."""

from __future__ import annotations

from typing import Literal

import torch

from ..errors import ConfigError

DType = Literal["auto", "fp32", "bf16", "fp16"]
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str = "auto") -> torch.device:
    """The device of a name; "auto" is a GPU that is there, else the CPU.

    Raises:
        ConfigError: no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"There is no device {name!r} here. Use auto, cpu, cuda or mps."
        ) from error
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format of a name; "auto" is bf16 where the device computes in it, else fp32.

    Maps in bf16 score as those in fp32, in two thirds of the time or less (docs/training-log.md).
    On a CPU without instructions for it bf16 is some 30 times slower than fp32, so it is refused;
    fp16 exists for GPUs only.

    Raises:
        ConfigError: an unknown name, or a format that this device cannot compute in fast.
    """
    if name == "auto":
        return torch.bfloat16 if bf16_is_fast(device) else torch.float32
    if name not in _DTYPES:
        raise ConfigError(f"There is no number format {name!r}. Use auto, {', '.join(_DTYPES)}.")
    if device.type == "cpu" and (name == "fp16" or (name == "bf16" and not bf16_is_fast(device))):
        raise ConfigError(f"This processor does not compute in {name}. Use --dtype fp32.")
    return _DTYPES[name]


def bf16_is_fast(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16 that this torch knows of."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, bool)() for check in checks)


def device_name(device: torch.device) -> str:
    """The device and what decides its last bits: the GPU's name, or the CPU's instructions."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.backends.cpu.get_cpu_capability()})"
    return device.type
