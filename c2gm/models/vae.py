"""The VAE: Stable Diffusion's, or the small one of c2gm-mini.

Both take pixels as float [-1, 1], NCHW, and give latents at an eighth of their size, before the
scaling factor (which `SGDM` applies).
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .config import VAEConfig
from .libraries import import_diffusers

UNSHUFFLE = 4
LOGVAR_RANGE = (-30.0, 20.0)


class VAE(nn.Module):
    """What every VAE of SGDM offers."""

    def encode(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance [B,4,H/8,W/8] of the latent of pixels [B,3,H,W]."""
        raise NotImplementedError

    def decode(self, latent: Tensor) -> Tensor:
        """Pixels [B,3,8h,8w], about [-1, 1] and not clamped, of a latent [B,4,h,w]."""
        raise NotImplementedError


def build_vae(config: VAEConfig) -> VAE:
    """The VAE that a configuration asks for."""
    return MiniVAE(config) if config.kind == "unshuffle" else LDMVAE(config)


def sample_latent(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """A draw from the latent's distribution, as training uses it."""
    return mean + torch.exp(0.5 * logvar) * noise


class LDMVAE(VAE):
    """Stable Diffusion's VAE: diffusers' AutoencoderKL in `net`."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        levels = len(config.widths)
        self.net = import_diffusers().AutoencoderKL(
            block_out_channels=config.widths,
            layers_per_block=config.blocks,
            latent_channels=config.latent_channels,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            scaling_factor=config.scaling_factor,
        )

    def encode(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """See `VAE`."""
        moments = self.net.quant_conv(self.net.encoder(pixels))
        mean, logvar = moments.chunk(2, dim=1)
        return mean, logvar.clamp(*LOGVAR_RANGE)

    def decode(self, latent: Tensor) -> Tensor:
        """See `VAE`."""
        return cast(Tensor, self.net.decoder(self.net.post_quant_conv(latent)))


class PixelNorm(nn.Module):
    """LayerNorm over the channels of each pixel: no statistics over space, so decoding is local."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised [B,C,H,W]."""
        # In channels_last memory both permutations are views, and this is the fastest form
        # measured on CPU (two thirds of the time of mean and variance over dimension 1).
        normed = F.layer_norm(
            x.permute(0, 2, 3, 1), (x.shape[1],), self.weight, self.bias, eps=1e-6
        )
        return normed.permute(0, 3, 1, 2)


class _Block(nn.Module):
    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.norm1 = PixelNorm(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm2 = PixelNorm(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.nin_shortcut = (
            nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else None
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return cast(Tensor, h + (x if self.nin_shortcut is None else self.nin_shortcut(x)))


class _Resample(nn.Module):
    def __init__(self, channels: int, *, up: bool) -> None:
        super().__init__()
        self.up = up
        self.conv = nn.Conv2d(channels, channels, 3, stride=1 if up else 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return cast(Tensor, self.conv(x))


class _Level(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, blocks: int) -> None:
        super().__init__()
        self.block = nn.ModuleList(
            _Block(channels_in if i == 0 else channels_out, channels_out) for i in range(blocks)
        )
        self.downsample: _Resample | None = None
        self.upsample: _Resample | None = None

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        for resample in (self.downsample, self.upsample):
            if resample is not None:
                x = resample(x)
        return x


class _Middle(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1 = _Block(channels, channels)
        self.block_2 = _Block(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.block_2(self.block_1(x)))


class _Encoder(nn.Module):
    def __init__(self, config: VAEConfig, channels: int) -> None:
        super().__init__()
        widths = config.widths
        self.conv_in = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        for k, width in enumerate(widths):
            level = _Level(widths[max(k - 1, 0)], width, config.blocks)
            if k < len(widths) - 1:
                level.downsample = _Resample(width, up=False)
            self.down.append(level)
        self.mid = _Middle(widths[-1])
        self.norm_out = PixelNorm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_in(x)
        for level in self.down:
            h = level(h)
        return cast(Tensor, self.conv_out(F.silu(self.norm_out(self.mid(h)))))


class _Decoder(nn.Module):
    def __init__(self, config: VAEConfig, channels: int) -> None:
        super().__init__()
        widths = config.widths
        last = len(widths) - 1
        self.conv_in = nn.Conv2d(config.latent_channels, widths[-1], 3, padding=1)
        self.mid = _Middle(widths[-1])
        self.up = nn.ModuleList()
        for k, width in enumerate(widths):
            level = _Level(widths[min(k + 1, last)], width, config.blocks + 1)
            if k > 0:
                level.upsample = _Resample(width, up=True)
            self.up.append(level)
        self.norm_out = PixelNorm(widths[0])
        self.conv_out = nn.Conv2d(widths[0], channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.mid(self.conv_in(x))
        for level in reversed(self.up):
            h = level(h)
        return cast(Tensor, self.conv_out(F.silu(self.norm_out(h))))


class _Finish(nn.Module):
    """Corrections at full size, none at first.

    The pixels of a 4 px block leave the decoder together, so that lines of the map break at block
    borders, and tile borders are block borders.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inward = nn.Conv2d(3, width, 3, padding=1)
        self.outward = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(cast(Tensor, self.outward.bias))

    def forward(self, picture: Tensor) -> Tensor:
        return picture + cast(Tensor, self.outward(F.silu(self.inward(picture))))


class MiniVAE(VAE):
    """c2gm-mini's VAE: Stable Diffusion's shape on a PixelUnshuffle(4), in plain torch.

    Names are those of Stable Diffusion's VAE in the LDM layout. There is no attention and every
    norm is per pixel, so a pixel depends only on its neighbourhood, whatever the picture's size.
    """

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        if 2 ** (len(config.widths) - 1) * UNSHUFFLE != 8:
            raise ConfigError(
                f"A VAE of kind 'unshuffle' needs two widths, not {len(config.widths)}: "
                "only then is a latent an eighth of its picture."
            )
        channels = 3 * UNSHUFFLE**2
        latent = config.latent_channels
        self.encoder = _Encoder(config, channels)
        self.decoder = _Decoder(config, channels)
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1)
        self.post_quant_conv = nn.Conv2d(latent, latent, 1)
        self.finish = _Finish(config.finish) if config.finish else nn.Identity()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """See `VAE`."""
        blocks = F.pixel_unshuffle(pixels, UNSHUFFLE).to(memory_format=torch.channels_last)
        mean, logvar = self.quant_conv(self.encoder(blocks)).chunk(2, dim=1)
        return mean, logvar.clamp(*LOGVAR_RANGE)

    def decode(self, latent: Tensor) -> Tensor:
        """See `VAE`."""
        latent = self.post_quant_conv(latent.to(memory_format=torch.channels_last))
        picture = F.pixel_shuffle(self.decoder(latent), UNSHUFFLE)
        return cast(Tensor, self.finish(picture))

    @torch.no_grad()
    def normalise_latents(self, mean: Tensor, std: Tensor) -> None:
        """Folds (z - mean) / std into the latent's two 1x1 convolutions; pictures stay the same.

        Args:
            mean: Mean of each latent channel over a data set, [4].
            std: Its standard deviation, [4], above zero.

        Raises:
            ConfigError: a standard deviation is not above zero.
        """
        if not bool((std > 0).all()):
            raise ConfigError("A latent channel does not vary: its std must be above zero.")
        channels = len(mean)
        weight, bias = self.quant_conv.weight, self.quant_conv.bias
        weight[:channels] /= std[:, None, None, None]
        if bias is not None:
            bias[:channels] = (bias[:channels] - mean) / std
            bias[channels:] -= 2 * torch.log(std)
        back = self.post_quant_conv
        if back.bias is not None:
            back.bias += back.weight[:, :, 0, 0] @ mean
        back.weight *= std[None, :, None, None]
