"""Weights computed by a formula from tensor name and index, so that no weights need storing.

The golden cases were computed with exactly these weights (authors' key names); `tiny_keys.json`
and `fullsize_keys.json` list the tensors and their shapes.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import torch

GOLDEN = Path(__file__).parents[1] / "golden"
PARTS = ("model.diffusion_model.", "first_stage_model.", "cond_stage_model.model.")


def key_shapes(size: Literal["tiny", "fullsize"], arm: str) -> dict[str, tuple[int, ...]]:
    """Every tensor name and shape of a whole checkpoint but the 13 schedule buffers."""
    groups = json.loads((GOLDEN / f"{size}_keys.json").read_text())["groups"]
    chosen = [groups[part] for part in PARTS] + [groups[f"adapter.|{arm}"]]
    return {key: tuple(shape) for group in chosen for key, shape in group.items()}


def formula_tensor(
    key: str, shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """The formula's tensor of this name, rounded to `dtype`."""
    if not shape:
        return torch.zeros((), dtype=dtype)
    count = math.prod(shape)
    u = np.arange(count, dtype=np.uint32)  # unsigned 32-bit arithmetic wraps
    u *= np.uint32(2654435761)
    u += np.uint32(zlib.crc32(key.encode("ascii")))
    u ^= u >> np.uint32(16)
    u *= np.uint32(2246822519)
    u ^= u >> np.uint32(13)
    u *= np.uint32(3266489917)
    u ^= u >> np.uint32(16)
    r = u.astype(np.float64) / 2.0**32 - 0.5
    if len(shape) > 1:
        values = 2 * math.sqrt(3 / math.prod(shape[1:])) * r
    elif key.endswith("running_var"):
        values = 1 + 0.5 * r
    elif key.endswith("weight"):
        values = 1 + 0.2 * r
    else:
        values = 0.2 * r
    return torch.from_numpy(values.astype(np.float32).reshape(shape)).to(dtype)


def tiny_state_dict(arm: str = "ref_dual_spade") -> dict[str, torch.Tensor]:
    """The whole tiny checkpoint of the golden cases: float32, rounded to float16 before."""
    weights: dict[str, torch.Tensor] = {}
    for key, shape in key_shapes("tiny", arm).items():
        if key.endswith("num_batches_tracked"):
            weights[key] = torch.zeros((), dtype=torch.int64)
        else:
            weights[key] = formula_tensor(key, shape, torch.float16).float()
    return weights
