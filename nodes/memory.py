"""Running out of memory, told as what to do next instead of as an allocator's failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import comfy.model_management
import torch

from ..c2gm.errors import ConfigError
from .wording import counted


class MemoryFull(ConfigError):
    """A batch does not fit into memory; says which smaller one to take."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is an allocation that failed, on any device."""
    if isinstance(error, (MemoryFull, MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text
    )


@contextmanager
def memory_told(sentence: Callable[[], str]) -> Iterator[None]:
    """Turn a failed allocation into a sentence, and let go of all models, as ComfyUI does.

    Raises:
        MemoryFull: something inside did not fit.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        comfy.model_management.unload_all_models()
        comfy.model_management.soft_empty_cache()
        raise MemoryFull(sentence()) from error


def smaller_batch(batch: int, device: Any) -> str:
    """What to do where batches of the Cascade Sampler do not fit."""
    if batch == 1:
        return (
            f"Not even one window fits into the memory of {device}. Close other programs, or "
            "choose dtype float16 in Load SGDM."
        )
    return (
        f"Batches of {batch} windows do not fit into the memory of {device}. "
        f"Set batch to {batch // 2}."
    )


def smaller_area(windows: int, device: Any) -> str:
    """What to do where all windows of a stage, sampled together, do not fit."""
    return (
        f"{windows} windows do not fit into the memory of {device} together. Pick an area of at "
        f"most {max(1, windows // 2)} windows, or take the Cascade Sampler: its batches are small."
    )


def memory_lines(model: Any, windows: Any) -> list[str]:
    """Batch and memory of sampling windows IMAGE [B,H,W,3] with a MODEL, with guidance."""
    count, height, width = windows.shape[:3]
    channels = model.model.latent_format.latent_channels
    # Guidance calls the U-Net with and without text: twice the windows.
    needed = model.memory_required([2 * count, channels, height // 8, width // 8])
    return [
        f"{counted(count, 'window')} of {width} x {height} px in one batch",
        f"about {needed / 1e9:.2f} GB to sample, beside {model.model_size() / 1e9:.2f} GB of model",
    ]
