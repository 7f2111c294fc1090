"""The modules that MFEncoder's branches are built of, and the fine part of its class head."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import MFEncoderConfig

SLOPE = 0.1
FACTOR = 8
FIRST_LOOK = 14
_GROUP_CHANNELS = 16


def _group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // gcd(channels, _GROUP_CHANNELS), channels)


class ConvIn(nn.Module):
    """3x3 convolution and LeakyReLU, after PixelUnshuffle in a stem that asks for it."""

    def __init__(self, channels_in: int, channels_out: int, unshuffle: int = 1) -> None:
        super().__init__()
        self.unshuffle = unshuffle
        self.conv_in = nn.Conv2d(channels_in * unshuffle**2, channels_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B,in,h,w] to [B,out,h/unshuffle,w/unshuffle]."""
        if self.unshuffle > 1:
            x = F.pixel_unshuffle(x, self.unshuffle)
        return F.leaky_relu(self.conv_in(x), SLOPE)


class Residual(nn.Module):
    """Two 3x3 convolutions added to their input, which is normalised first where asked."""

    def __init__(self, channels: int, *, normed: bool) -> None:
        super().__init__()
        self.norm = _group_norm(channels) if normed else None
        self.res_block = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B,channels,h,w] to the same shape."""
        return x + cast(Tensor, self.res_block(x if self.norm is None else self.norm(x)))


class Down(nn.Module):
    """Half the size: PixelUnshuffle(2) and a 1x1 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.downsample = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[B,channels,h,w], even sides, to [B,channels,h/2,w/2]."""
        return cast(Tensor, self.downsample(x))


class Context(nn.Module):
    """Residual blocks at half the size, added to their input: a wide look for little work."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.inward = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, width, 1))
        self.blocks = nn.Sequential(*(Residual(width, normed=True) for _ in range(2)))
        self.outward = nn.Conv2d(width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B,channels,h,w] to the same shape; odd sides are allowed."""
        height, width = x.shape[2:]
        even = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        wide = self.outward(self.blocks(self.inward(even)))
        wide = F.interpolate(wide, scale_factor=2.0, mode="bilinear")
        return x + wide[:, :, :height, :width]


class SPADE(nn.Module):
    """norm(x) * (1 + gamma) + beta, both read from a modulation input at the same size.

    The authors' norm is a BatchNorm with affine parameters, in spite of its name in the files. With
    "group" it is a GroupNorm and the modulation input is normalised as well: raw, it multiplies
    from stage to stage and explodes when the model is trained from scratch.
    """

    def __init__(self, channels: int, modulation: int, hidden: int, norm: str) -> None:
        super().__init__()
        grouped = norm == "group"
        self.param_free_norm: nn.Module = (
            _group_norm(channels) if grouped else nn.BatchNorm2d(channels)
        )
        self.modulation_norm = _group_norm(modulation) if grouped else None
        self.mlp_shared = nn.Sequential(nn.Conv2d(modulation, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """The input [B,channels,h,w] modulated by [B,modulation,h,w]."""
        if self.modulation_norm is not None:
            modulation = self.modulation_norm(modulation)
        hidden = self.mlp_shared(modulation)
        normed = self.param_free_norm(x)
        return cast(Tensor, normed * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden))


class LookModulation(nn.Module):
    """x * (1 + gamma) + beta, both learnt for each zoom that a map may look like; the identity at
    first. Row 0 is for a look that nobody knows.
    """

    def __init__(self, looks: int, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(looks + 1, 2 * channels)
        nn.init.zeros_(self.embedding.weight)

    def forward(self, x: Tensor, looks: Sequence[int | None]) -> Tensor:
        """The input [B,channels,h,w], each row of the batch in the look of its zoom.

        Args:
            x: The input.
            looks: Zooms; those beyond the known ones look like the nearest.
        """
        last = self.embedding.num_embeddings - 1
        rows = [0 if z is None else min(max(z - FIRST_LOOK + 1, 1), last) for z in looks]
        row = torch.tensor(rows, device=x.device)
        gamma, beta = self.embedding(row)[..., None, None].to(x.dtype).chunk(2, dim=1)
        return cast(Tensor, x * (1 + gamma) + beta)


class FineHead(nn.Module):
    """Corrections to the class head at a quarter of the size: thin lines and edges.

    It looks at the stems' features, which are finer than F_cond, beside F_cond itself.
    """

    def __init__(self, config: MFEncoderConfig) -> None:
        super().__init__()
        width, scale = config.fine_head, FACTOR // config.unshuffle
        self.scale, self.unshuffle = scale, config.unshuffle
        self.inward = nn.Conv2d(2 * config.stem, width, 3, padding=1)
        self.coarse = nn.Conv2d(config.out_channels, scale**2 * width, 1)
        self.blocks = nn.Sequential(*(Residual(width, normed=True) for _ in range(2)))
        self.outward = nn.Conv2d(width, config.unshuffle**2 * config.class_head, 1)
        self.look = LookModulation(config.looks, width) if config.looks else None

    def forward(self, stems: Tensor, f_cond: Tensor, looks: Sequence[int | None]) -> Tensor:
        """What is added to the logits, [B,classes,H,W]; `looks` as LookModulation takes them."""
        known = F.pixel_shuffle(self.coarse(f_cond), self.scale)
        hidden = self.inward(stems) + known
        if self.look is not None:
            hidden = self.look(hidden, looks)
        hidden = self.blocks(F.leaky_relu(hidden, SLOPE))
        return F.pixel_shuffle(self.outward(hidden), self.unshuffle)
