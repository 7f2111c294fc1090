"""Losses on map pictures and map classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..legend import CLASS_ID, FLAT_CLASSES, palette

ROAD_CLASSES = tuple(CLASS_ID[name] for name in ("motorway", "main road", "street"))
_UNMAPPED_WEIGHT = 0.4  # of ground that may only be "not mapped"


def legend_colours(classes: int, device: torch.device) -> Tensor:
    """Legend colours in [-1,1], float [classes,3]."""
    colours = torch.from_numpy(palette()[:classes]).to(device)
    return colours.float() / 127.5 - 1


def map_autoencoder_loss(
    decoded: Tensor, pixels: Tensor, classes: Tensor, mean: Tensor, logvar: Tensor, ramp: float
) -> Tensor:
    """The mix that teaches a VAE flat colours as well as edges.

    3 MSE + L1 + 0.5 L1 of neighbour differences + 0.06 cross-entropy of
    softmax(-|y - legend|^2 / 0.02) against the class, its weight ramped + 1e-4 KL.

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
    legend = F.cross_entropy(-distance / 0.02, classes)
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    return 3 * mse + l1 + 0.5 * edge + 0.06 * ramp * legend + 1e-4 * kl


def class_loss(logits: Tensor, classes: Tensor, complete: Tensor, ranked_roads: Tensor) -> Tensor:
    """Cross-entropy of the class head, honest about what the truth does not tell.

    Where roads have no rank, any road class is right (log of the summed probability); where
    ground may mean "not mapped", it counts less.

    Args:
        logits: [B,classes,H,W].
        classes: int64 [B,H,W].
        complete, ranked_roads: bool [B].
    """
    log_probability = F.log_softmax(logits.float(), dim=1)
    picked = log_probability.gather(1, classes[:, None])[:, 0]
    road = torch.zeros_like(classes, dtype=torch.bool)
    for index in ROAD_CLASSES:
        road |= classes == index
    any_road = torch.logsumexp(log_probability[:, list(ROAD_CLASSES)], dim=1)
    picked = torch.where(road & ~ranked_roads[:, None, None], any_road, picked)
    unmapped = (classes == 0) & ~complete[:, None, None]
    weight = torch.where(unmapped, _UNMAPPED_WEIGHT, 1.0)
    return -(picked * weight).sum() / weight.sum()
