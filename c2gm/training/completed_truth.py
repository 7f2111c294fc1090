"""Truth that knows only a part of the ground, completed by what the model reads there.

Background of a real map means "nothing mapped", not bare ground: a model that learns to draw it as
bare ground draws nothing on imagery that looks real. Where a label leaves several classes open and
no score counts the pixel, the class head picks among the allowed ones and the pixel takes the
legend colour of its pick.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..legend import FLAT_CLASSES
from .label_sets import LABEL_SETS, allowed_classes
from .map_losses import legend_colours


def open_sets() -> list[int]:
    """Numbers of the label sets whose pixels the reading completes.

    Pixels of which nothing at all is known stay as they are drawn.
    """
    return [n for n, entry in enumerate(LABEL_SETS) if not entry.scored and entry.weight > 0]


@torch.no_grad()
def completed_maps(maps: Tensor, labels: Tensor, logits: Tensor) -> Tensor:
    """Map pictures whose open pixels show what the class head reads.

    Args:
        maps: true pictures, float [-1,1] [B,3,H,W].
        labels: numbers of label sets, int64 [B,H,W].
        logits: of the class head, [B,classes,H,W].
    """
    device = maps.device
    is_open = torch.zeros(len(LABEL_SETS), dtype=torch.bool, device=device)
    is_open[open_sets()] = True
    here = is_open[labels]
    allowed = torch.from_numpy(allowed_classes()).to(device)[labels[here]]
    choice = logits.movedim(1, -1)[here].masked_fill(~allowed, -torch.inf)
    completed = maps.movedim(1, -1).clone()
    completed[here] = legend_colours(FLAT_CLASSES, device)[choice.argmax(1)].to(maps.dtype)
    return completed.movedim(-1, 1)
