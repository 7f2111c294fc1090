"""The U-Net: diffusers' blocks, with SFAdapter's features added at six places.

A feature level is a level with attention. Going down, its feature is added to the output of the
level's first transformer, before the skip connection is stored; going up, to the output of the
first transformer at the same size (Stable Diffusion: after input blocks 1, 4, 7 and output blocks
3, 6, 9). diffusers' own forward has no such place, so this module walks through diffusers' blocks
itself: no hooks and nothing kept between calls, so threads and copies do not meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from .config import UNetConfig, VAEConfig
from .unet_blocks import NORM_GROUPS, Blocks, time_channels

LATENT_CHANNELS = VAEConfig().latent_channels


class UNet(nn.Module):
    """Predicts noise, clean latent or velocity of a noisy latent, steered by text and features.

    Input channels of `net.conv_in`, in order: the noisy latent, the draft (`draft_channels`), the
    encoded reference (Eq. 8, `concat_reference`).

    Raises:
        ConfigError: lists of different lengths, or a width that diffusers cannot normalise.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        _check(config)
        self.config = config
        self.net = Blocks(config, channels_in(config), LATENT_CHANNELS)
        if config.concat_reference:
            with torch.no_grad():
                self.net.conv_in.weight[:, -LATENT_CHANNELS:] = 0
        if config.scale_in_time:
            self.scale_in_time = nn.Linear(config.context, time_channels(config))
            nn.init.zeros_(self.scale_in_time.weight)
            nn.init.zeros_(self.scale_in_time.bias)

    @property
    def feature_levels(self) -> tuple[int, ...]:
        """Levels that take a feature, from the latent's own size down."""
        return tuple(k for k, here in enumerate(self.config.attention) if here)

    def forward(
        self,
        latent: Tensor,
        timestep: Tensor,
        text_embedding: Tensor,
        features: Sequence[Tensor] | None = None,
        draft: Tensor | None = None,
        reference_latent: Tensor | None = None,
    ) -> Tensor:
        """The prediction [B,4,h,w].

        Args:
            latent: Noisy latent [B,4,h,w], sides multiples of 2 to the number of halvings.
            timestep: [B] or [], 0 to 999.
            text_embedding: [B,77,context] of the text tower.
            features: One map for each feature level, already times the control factor.
            draft: Class probabilities [B,draft_channels,h,w]; zeros where missing.
            reference_latent: Scaled latent of the enlarged reference (Eq. 8); zeros where missing.

        Raises:
            ConfigError: a size or a number of features does not fit.
        """
        self._check_call(latent, features)
        net: Any = self.net
        sent = dict(zip(self.feature_levels, features or (), strict=False))
        time = net.time_proj(timestep.expand(len(latent))).to(latent.dtype)
        embedding = net.time_embedding(time)
        if self.config.scale_in_time:
            embedding = embedding + self.scale_in_time(text_embedding.mean(dim=1))
        h = net.conv_in(self._input(latent, draft, reference_latent))
        skips = [h]
        for level, block in enumerate(net.down_blocks):
            for i, resnet in enumerate(block.resnets):
                h = resnet(h, embedding)
                if self.config.attention[level]:
                    h = block.attentions[i](h, text_embedding)
                    h = h + sent[level] if i == 0 and level in sent else h
                skips.append(h)
            for downsampler in block.downsamplers:
                h = downsampler(h)
                skips.append(h)
        h = net.mid_block.resnets[0](h, embedding)
        h = net.mid_block.attentions[0](h, text_embedding)
        h = net.mid_block.resnets[1](h, embedding)
        for level, block in zip(reversed(range(len(net.up_blocks))), net.up_blocks, strict=True):
            for i, resnet in enumerate(block.resnets):
                h = resnet(torch.cat([h, skips.pop()], dim=1), embedding)
                if self.config.attention[level]:
                    h = block.attentions[i](h, text_embedding)
                    h = h + sent[level] if i == 0 and level in sent else h
            for upsampler in block.upsamplers:
                h = upsampler(h)
        return cast(Tensor, net.conv_out(net.conv_act(net.conv_norm_out(h))))

    def _input(
        self, latent: Tensor, draft: Tensor | None, reference_latent: Tensor | None
    ) -> Tensor:
        parts = [latent]
        wanted = (
            (draft, self.config.draft_channels),
            (reference_latent, LATENT_CHANNELS if self.config.concat_reference else 0),
        )
        for part, channels in wanted:
            if channels and part is None:
                shape = (latent.shape[0], channels, *latent.shape[2:])
                part = latent.new_zeros(shape)
            if channels and part is not None:
                parts.append(part.to(latent.dtype))
        return torch.cat(parts, dim=1)

    def _check_call(self, latent: Tensor, features: Sequence[Tensor] | None) -> None:
        multiple = 2 ** (len(self.config.widths) - 1)
        if any(side % multiple for side in latent.shape[2:]):
            raise ConfigError(
                f"A latent of {latent.shape[3]} x {latent.shape[2]} does not fit this U-Net. "
                f"Its sides must be multiples of {multiple} (pictures: of {8 * multiple} px)."
            )
        if features is not None and len(features) != len(self.feature_levels):
            raise ConfigError(
                f"The U-Net takes {len(self.feature_levels)} feature maps, not {len(features)}."
            )


def channels_in(config: UNetConfig) -> int:
    """What the input convolution reads: noisy latent, draft, encoded reference."""
    extra = LATENT_CHANNELS if config.concat_reference else 0
    return LATENT_CHANNELS + config.draft_channels + extra


def _check(config: UNetConfig) -> None:
    levels = len(config.widths)
    if not levels == len(config.attention) == len(config.only_cross_attention):
        raise ConfigError(
            f"The U-Net has {levels} widths: 'attention' and 'only_cross_attention' need as many."
        )
    for width in config.widths:
        if width % NORM_GROUPS or width % config.head_channels:
            raise ConfigError(
                f"U-Net width {width} is not a multiple of {NORM_GROUPS} and of the "
                f"{config.head_channels} channels of a head."
            )
