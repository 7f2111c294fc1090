"""What a class head reads, as a picture."""

from __future__ import annotations

import torch
from torch import Tensor

from ..legend import palette


def in_legend_colours(classes: Tensor) -> Tensor:
    """Class ids [B,H,W] as a flat map picture, float [-1,1] [B,3,H,W]."""
    colours = torch.from_numpy(palette()).to(classes.device).float() / 127.5 - 1
    return colours[classes.long()].movedim(-1, 1)
