"""What an encoder reads, shifted and sharpened for maps rather than for its loss.

Cross-entropy asks for honest probabilities. A map asks for thin classes that are found, and for a
draft that is sure where the reading is. Both are changes of the class head's last layers alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

_HEAD, _FINE_HEAD = "mf_encoder.class_head.2.", "mf_encoder.fine_head.outward."
_PIXELS = 64  # of a latent pixel, for each of which the head has a channel a class


def calibrated(
    weights: Mapping[str, Tensor], shifts: np.ndarray, sharpness: float
) -> dict[str, Tensor]:
    """Weights of an encoder whose logits are shifted by class, then multiplied.

    Args:
        weights: Of a finished encoder run, by name.
        shifts: Added to the logits, float [classes].
        sharpness: By which they are multiplied then: above 1 the draft is surer, while the best
            class of each pixel stays.
    """
    changed = dict(weights)
    shift = torch.from_numpy(np.asarray(shifts, dtype=np.float32)).repeat_interleave(_PIXELS)
    changed[f"{_HEAD}bias"] = weights[f"{_HEAD}bias"] + shift
    for name in weights:
        if name.startswith((_HEAD, _FINE_HEAD)):
            changed[name] = (changed[name] * sharpness).contiguous()
    return changed
