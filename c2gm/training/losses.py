"""Losses of the diffusion stages."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

DiffusionLoss = Literal["l1", "l2"]


def diffusion_loss(predicted: Tensor, target: Tensor, kind: DiffusionLoss = "l1") -> Tensor:
    """Mean difference of prediction and target: L1 as the authors train, L2 as the paper's Eq. 16.

    The target is what the model predicts: noise, clean latent or velocity.
    """
    return F.l1_loss(predicted, target) if kind == "l1" else F.mse_loss(predicted, target)
