"""What a class head reads: as a picture, and as the painter carries it from window to window."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..legend import palette

_LEAST_PROBABILITY = 1e-6


def in_legend_colours(classes: Tensor) -> Tensor:
    """Class ids [B,H,W] as a flat map picture, float [-1,1] [B,3,H,W]."""
    colours = torch.from_numpy(palette()).to(classes.device).float() / 127.5 - 1
    return colours[classes.long()].movedim(-1, 1)


def in_255ths(logits: Tensor) -> np.ndarray:
    """Class probabilities of logits, uint8 [B,classes,H,W]."""
    shares: np.ndarray = (logits.float().softmax(1) * 255).round().to(torch.uint8).cpu().numpy()
    return shares


def log_probabilities(probabilities: np.ndarray, like: Tensor) -> Tensor:
    """Logits of class probabilities float32 [B,classes,H,W], as the class head gives them: on the
    device of `like` and in its number format.
    """
    held = torch.from_numpy(probabilities).to(like.device)
    return held.clamp_min(_LEAST_PROBABILITY).log().to(like.dtype)
