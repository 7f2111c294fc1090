"""The U-Net's modules: diffusers' blocks, under the names that its UNet2DConditionModel gives them.

The blocks alone are imported. The module of diffusers' whole U-Net imports every network that
diffusers has, and Transformers and SciPy where they are installed: three seconds for nothing.
"""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn

from .config import UNetConfig
from .libraries import import_diffusers

NORM_GROUPS = 32


class Blocks(nn.Module):
    """Everything of the U-Net that has weights; `unet.UNet` walks through it.

    Modules are made in diffusers' order, so a seed draws the weights that it draws there.

    Raises:
        MissingExtra: diffusers is not installed.
    """

    def __init__(self, config: UNetConfig, channels_in: int, channels_out: int) -> None:
        super().__init__()
        embeddings: Any = import_diffusers("models.embeddings")
        widths = config.widths
        first, last = widths[0], len(widths) - 1
        self.conv_in = nn.Conv2d(channels_in, first, 3, padding=1)
        self.time_proj = embeddings.Timesteps(first, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = embeddings.TimestepEmbedding(first, time_channels(config))
        self.down_blocks = nn.ModuleList()
        self.up_blocks = nn.ModuleList()
        skips = [first]  # widths of what the way down leaves for the way up
        for k, width in enumerate(widths):
            incoming = [widths[max(k - 1, 0)], *[width] * (config.blocks - 1)]
            self.down_blocks.append(Level(config, k, incoming, down=k < last))
            skips += [width] * (config.blocks + (k < last))
        self.mid_block = Middle(config)
        for k in range(last, -1, -1):
            before = [widths[min(k + 1, last)], *[widths[k]] * config.blocks]
            incoming = [width + skips.pop() for width in before]
            self.up_blocks.append(Level(config, k, incoming, up=k > 0))
        self.conv_norm_out = nn.GroupNorm(NORM_GROUPS, first)
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(first, channels_out, 3, padding=1)


class Level(nn.Module):
    """Resnets, transformers where the level has attention, and the way to the next level.

    Args:
        config: The U-Net's.
        level: Its number, 0 is the latent's own size.
        incoming: Channels that each resnet reads.
        down: Whether a smaller level follows.
        up: Whether a larger level follows.
    """

    def __init__(
        self,
        config: UNetConfig,
        level: int,
        incoming: list[int],
        *,
        down: bool = False,
        up: bool = False,
    ) -> None:
        super().__init__()
        resnet: Any = import_diffusers("models.resnet")
        width = config.widths[level]
        self.attentions = nn.ModuleList()
        self.resnets = nn.ModuleList()
        for channels in incoming:
            self.resnets.append(_resnet(config, channels, width))
            if config.attention[level]:
                self.attentions.append(
                    Transformer(config, width, only_cross=config.only_cross_attention[level])
                )
        self.downsamplers = nn.ModuleList()
        self.upsamplers = nn.ModuleList()
        if down:
            self.downsamplers.append(resnet.Downsample2D(width, use_conv=True, name="op"))
        if up:
            self.upsamplers.append(resnet.Upsample2D(width, use_conv=True))


class Middle(nn.Module):
    """Two resnets round a transformer, at the smallest size."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        width = config.widths[-1]
        first = _resnet(config, width, width)
        self.attentions = nn.ModuleList([Transformer(config, width)])
        self.resnets = nn.ModuleList([first, _resnet(config, width, width)])


class Transformer(nn.Module):
    """One transformer block over the pixels of a feature map."""

    def __init__(self, config: UNetConfig, width: int, *, only_cross: bool = False) -> None:
        super().__init__()
        attention: Any = import_diffusers("models.attention")
        self.norm = nn.GroupNorm(NORM_GROUPS, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width)
        block = attention.BasicTransformerBlock(
            width,
            width // config.head_channels,
            config.head_channels,
            cross_attention_dim=config.context,
            only_cross_attention=only_cross,
        )
        self.transformer_blocks = nn.ModuleList([block])
        self.proj_out = nn.Linear(width, width)

    def forward(self, h: Tensor, text_embedding: Tensor) -> Tensor:
        """The feature map [B,C,h,w] with what its pixels say to each other and to the text."""
        batch, channels, height, width = h.shape
        x = self.norm(h).permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        x = self.proj_in(x)
        for block in self.transformer_blocks:
            x = block(x, encoder_hidden_states=text_embedding)
        x = self.proj_out(x).reshape(batch, height, width, channels)
        return cast(Tensor, x.permute(0, 3, 1, 2).contiguous() + h)


def time_channels(config: UNetConfig) -> int:
    """Width of the time embedding."""
    return 4 * config.widths[0]


def _resnet(config: UNetConfig, channels_in: int, channels_out: int) -> nn.Module:
    blocks: Any = import_diffusers("models.resnet")
    resnet: nn.Module = blocks.ResnetBlock2D(
        in_channels=channels_in,
        out_channels=channels_out,
        temb_channels=time_channels(config),
        groups=NORM_GROUPS,
        eps=1e-5,
    )
    return resnet
