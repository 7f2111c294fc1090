"""What a class head reads, as maps of a zoom show it and as a picture."""

from __future__ import annotations

import torch
from torch import Tensor

from ..legend import CLASS_ID, palette
from .config import SGDMConfig

_GROUND, _BUILT_UP = CLASS_ID["ground"], CLASS_ID["built-up area"]


def as_shown(
    draft: Tensor, classes: Tensor, config: SGDMConfig, zoom: int | None
) -> tuple[Tensor, Tensor]:
    """A draft and the classes read, without what maps of a zoom do not show.

    A class head that is not told the look does not know the zoom. Above `built_up_until` a built-up
    area is ground with houses on it.

    Args:
        draft: [B,classes x draft_cells^2,h,w].
        classes: uint8 [B,H,W].
        config: of the model.
        zoom: of the map, or None where nobody knows it.
    """
    if zoom is None or not config.built_up_until or zoom <= config.built_up_until:
        return draft, classes
    count, _, height, width = draft.shape
    cells = config.mf_encoder.draft_cells**2
    by_class = draft.reshape(count, -1, cells, height, width).clone()
    by_class[:, _GROUND] += by_class[:, _BUILT_UP]
    by_class[:, _BUILT_UP] = 0
    ground = torch.full_like(classes, _GROUND)
    return by_class.flatten(1, 2), torch.where(classes == _BUILT_UP, ground, classes)


def in_legend_colours(classes: Tensor) -> Tensor:
    """Class ids [B,H,W] as a flat map picture, float [-1,1] [B,3,H,W]."""
    colours = torch.from_numpy(palette()).to(classes.device).float() / 127.5 - 1
    return colours[classes.long()].movedim(-1, 1)
