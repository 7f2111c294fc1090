"""SFAdapter: F_cond becomes one feature map for each level of the U-Net that takes features.

Attribute names are those of the authors' checkpoints below `adapter.`.
"""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from .config import SFAdapterConfig


class _Down(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.op(x))


class _Block(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, *, down: bool) -> None:
        super().__init__()
        self.down_opt = _Down(channels_in) if down else None
        self.in_conv = (
            nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else None
        )
        self.block1 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.block2 = nn.Conv2d(channels_out, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        for step in (self.down_opt, self.in_conv):
            if step is not None:
                x = step(x)
        return x + cast(Tensor, self.block2(F.relu(self.block1(x))))


class SFAdapter(nn.Module):
    """F_cond [B,C,h,w] to features [B,c0,h,w], [B,c1,h/2,w/2], [B,c2,h/4,w/4].

    The features are not scaled: `SGDM.features` multiplies them by the control factor.
    """

    def __init__(self, config: SFAdapterConfig, in_channels: int) -> None:
        super().__init__()
        self.blocks = config.blocks
        self.conv_in = nn.Conv2d(in_channels, config.channels[0], 3, padding=1)
        self.body = nn.ModuleList()
        for before, width in zip(config.channels[:-1], config.channels[1:], strict=True):
            for i in range(config.blocks):
                self.body.append(_Block(before if i == 0 else width, width, down=i == 0))

    def forward(self, f_cond: Tensor) -> tuple[Tensor, ...]:
        """One feature map a level."""
        h = self.conv_in(f_cond)
        features = [h]
        for i, block in enumerate(self.body, start=1):
            h = block(h)
            if i % self.blocks == 0:
                features.append(h)
        return tuple(features)
