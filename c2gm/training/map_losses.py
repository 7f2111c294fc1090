"""Losses on map pictures and map classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..legend import FLAT_CLASSES, palette
from .label_sets import LABEL_SETS, allowed_classes

_FLAT = 0.1  # of the range -1 to 1, that a flat colour may differ from its legend's


def legend_colours(classes: int, device: torch.device) -> Tensor:
    """Legend colours in [-1,1], float [classes,3]."""
    colours = torch.from_numpy(palette()[:classes]).to(device)
    return colours.float() / 127.5 - 1


def map_autoencoder_loss(
    decoded: Tensor, pixels: Tensor, classes: Tensor, mean: Tensor, logvar: Tensor, ramp: float
) -> Tensor:
    """The mix that teaches a VAE flat colours as well as edges.

    3 MSE + L1 + 0.5 L1 of neighbour differences + 0.06 cross-entropy of
    softmax(-|y - legend|^2 / 0.02) against the class, its weight ramped + 1e-4 KL. The legend term
    looks only where the map has its class's flat colour: casings belong to the class of their road,
    and would be drawn in its colour.

    Args:
        decoded, pixels: [B,3,H,W] in [-1,1].
        classes: class ids int64 [B,H,W].
        mean, logvar: of the latent.
        ramp: 0 to 1, weight of the legend term.
    """
    mse = F.mse_loss(decoded, pixels)
    l1 = F.l1_loss(decoded, pixels)
    edge = F.l1_loss(decoded.diff(dim=-1), pixels.diff(dim=-1)) + F.l1_loss(
        decoded.diff(dim=-2), pixels.diff(dim=-2)
    )
    colours = legend_colours(FLAT_CLASSES, decoded.device)
    distance = (decoded[:, None] - colours[None, :, :, None, None]).square().sum(2)
    wanted = colours[classes].permute(0, 3, 1, 2)
    flat = (pixels - wanted).abs().amax(dim=1) < _FLAT
    entropy = F.cross_entropy(-distance / 0.02, classes, reduction="none")
    legend = (entropy * flat).sum() / flat.sum().clamp_min(1)
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    return 3 * mse + l1 + 0.5 * edge + 0.06 * ramp * legend + 1e-4 * kl


def class_loss(logits: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the class head, honest about what the truth does not tell.

    A pixel whose label is a set costs -log of the summed probability of the set's classes, times
    the set's weight; see label_sets.

    Args:
        logits: [B,classes,H,W].
        classes: drawn class ids, int64 [B,H,W].
        labels: numbers of label sets, int64 [B,H,W].

    Returns:
        The weighted mean over pixels, 0 where no pixel has weight.
    """
    log_probability = F.log_softmax(logits.float(), dim=1)
    picked = log_probability.gather(1, classes[:, None])[:, 0]
    for number, allowed in enumerate(allowed_classes()):
        if allowed.any() and bool((labels == number).any()):
            summed = torch.logsumexp(log_probability[:, allowed.nonzero()[0].tolist()], dim=1)
            picked = torch.where(labels == number, summed, picked)
    weights = torch.tensor([entry.weight for entry in LABEL_SETS], device=logits.device)
    weight = weights[labels]
    return -(picked * weight).sum() / weight.sum().clamp_min(1.0)
