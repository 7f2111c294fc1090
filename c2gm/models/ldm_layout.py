"""Names and shapes of every Stable Diffusion tensor in a model file, in both layouts.

Model files keep the LDM layout (the authors', ComfyUI's). The library's U-Net and VAE are
diffusers', and a diffusers folder holds the text tower as Transformers names it. Both names of a
tensor are derived here from the configuration alone, so a file is checked before any network is
built, and without diffusers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import ConfigError
from .config import SGDMConfig, TextConfig, UNetConfig, VAEConfig

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.model."
IMAGE_CHANNELS = 3


@dataclass(frozen=True)
class Place:
    """One tensor: its LDM key and shape, and its diffusers keys.

    Several diffusers keys are equal parts of the LDM tensor along its first dimension, in order.
    A diffusers tensor has the LDM tensor's values in the same order; only a 1x1 convolution may be
    stored as a matrix (`as_matrix`). A diffusers folder has no key for what it does not hold.
    """

    key: str
    shape: tuple[int, ...]
    diffusers: tuple[str, ...]
    as_matrix: bool = False

    @property
    def diffusers_shape(self) -> tuple[int, ...]:
        """Shape of each of the diffusers tensors."""
        first, *rest = self.shape
        return (first // len(self.diffusers), *(rest[:1] if self.as_matrix else rest))


def unet_places(config: UNetConfig, latent_channels: int = 4) -> list[Place]:
    """Tensors of the U-Net but Eq. 11's, which Stable Diffusion does not have.

    Raises:
        ConfigError: lists of different lengths.
    """
    levels = len(config.widths)
    if not levels == len(config.attention) == len(config.only_cross_attention) or not levels:
        raise ConfigError(
            f"The U-Net has {levels} widths: 'attention' and 'only_cross_attention' need as many."
        )
    return list(_UNetWalk(config, latent_channels).places())


def vae_places(config: VAEConfig) -> list[Place]:
    """Tensors of Stable Diffusion's VAE; none for the other kinds, which diffusers cannot hold."""
    return list(_vae(config)) if config.kind == "ldm" else []


def text_places(config: TextConfig) -> list[Place]:
    """Tensors of the text tower; those that only the last layer uses have no diffusers key."""
    return list(_text(config))


def unused_text_keys(config: TextConfig) -> frozenset[str]:
    """LDM keys that the penultimate layer's output does not depend on; a file may lack them."""
    return frozenset(place.key for place in text_places(config) if not place.diffusers)


def slim_unet_keys(config: SGDMConfig) -> frozenset[str]:
    """LDM keys of the U-Net that a slim file holds: what SGDM trains.

    These are the attention projections and, where the noisy latent is joined by more channels, the
    input convolution that reads them.
    """
    places = unet_places(config.unet, config.vae.latent_channels)
    keys = {place.key for place in places if ".attn1." in place.key or ".attn2." in place.key}
    if config.unet.draft_channels or config.unet.concat_reference:
        keys |= {place.key for place in places if place.key.startswith(f"{UNET}input_blocks.0.0.")}
    return frozenset(keys)


def _weight_and_bias(
    ldm: str, diffusers: str, shape: tuple[int, ...], as_matrix: bool = False
) -> Iterator[Place]:
    yield Place(f"{ldm}.weight", shape, (f"{diffusers}.weight",), as_matrix)
    yield Place(f"{ldm}.bias", shape[:1], (f"{diffusers}.bias",))


class _UNetWalk:
    """Walks through the U-Net in the order of its forward pass."""

    def __init__(self, config: UNetConfig, latent_channels: int) -> None:
        self.config = config
        self.latent_channels = latent_channels
        self.skips: list[int] = []  # channels of the skip connections

    def places(self) -> Iterator[Place]:
        width = self.config.widths[0]
        yield from _weight_and_bias(
            f"{UNET}time_embed.0", "time_embedding.linear_1", (4 * width, width)
        )
        yield from _weight_and_bias(
            f"{UNET}time_embed.2", "time_embedding.linear_2", (4 * width, 4 * width)
        )
        inputs = self.latent_channels + self.config.draft_channels
        inputs += self.latent_channels if self.config.concat_reference else 0
        yield from _weight_and_bias(f"{UNET}input_blocks.0.0", "conv_in", (width, inputs, 3, 3))
        self.skips.append(width)
        yield from self._down()
        yield from self._middle()
        yield from self._up()
        yield from _weight_and_bias(f"{UNET}out.0", "conv_norm_out", (width,))
        yield from _weight_and_bias(f"{UNET}out.2", "conv_out", (self.latent_channels, width, 3, 3))

    def _down(self) -> Iterator[Place]:
        number = 1
        last = len(self.config.widths) - 1
        for level, width in enumerate(self.config.widths):
            block = f"down_blocks.{level}"
            for i in range(self.config.blocks):
                ldm = f"{UNET}input_blocks.{number}"
                yield from self._resnet(f"{ldm}.0", f"{block}.resnets.{i}", self.skips[-1], width)
                if self.config.attention[level]:
                    yield from self._transformer(
                        f"{ldm}.1", f"{block}.attentions.{i}", width, level
                    )
                self.skips.append(width)
                number += 1
            if level < last:
                yield from _weight_and_bias(
                    f"{UNET}input_blocks.{number}.0.op",
                    f"{block}.downsamplers.0.conv",
                    (width, width, 3, 3),
                )
                self.skips.append(width)
                number += 1

    def _middle(self) -> Iterator[Place]:
        width = self.config.widths[-1]
        ldm = f"{UNET}middle_block"
        yield from self._resnet(f"{ldm}.0", "mid_block.resnets.0", width, width)
        yield from self._transformer(f"{ldm}.1", "mid_block.attentions.0", width, level=None)
        yield from self._resnet(f"{ldm}.2", "mid_block.resnets.1", width, width)

    def _up(self) -> Iterator[Place]:
        number = 0
        channels = self.config.widths[-1]
        levels = len(self.config.widths)
        for up, level in enumerate(reversed(range(levels))):
            width = self.config.widths[level]
            block = f"up_blocks.{up}"
            for i in range(self.config.blocks + 1):
                ldm = f"{UNET}output_blocks.{number}"
                inputs = channels + self.skips.pop()
                yield from self._resnet(f"{ldm}.0", f"{block}.resnets.{i}", inputs, width)
                if self.config.attention[level]:
                    yield from self._transformer(
                        f"{ldm}.1", f"{block}.attentions.{i}", width, level
                    )
                if i == self.config.blocks and level > 0:
                    after = 2 if self.config.attention[level] else 1
                    yield from _weight_and_bias(
                        f"{ldm}.{after}.conv",
                        f"{block}.upsamplers.0.conv",
                        (width, width, 3, 3),
                    )
                channels = width
                number += 1

    def _resnet(self, ldm: str, diffusers: str, before: int, after: int) -> Iterator[Place]:
        embedding = 4 * self.config.widths[0]
        yield from _weight_and_bias(f"{ldm}.in_layers.0", f"{diffusers}.norm1", (before,))
        yield from _weight_and_bias(
            f"{ldm}.in_layers.2", f"{diffusers}.conv1", (after, before, 3, 3)
        )
        yield from _weight_and_bias(
            f"{ldm}.emb_layers.1", f"{diffusers}.time_emb_proj", (after, embedding)
        )
        yield from _weight_and_bias(f"{ldm}.out_layers.0", f"{diffusers}.norm2", (after,))
        yield from _weight_and_bias(
            f"{ldm}.out_layers.3", f"{diffusers}.conv2", (after, after, 3, 3)
        )
        if before != after:
            yield from _weight_and_bias(
                f"{ldm}.skip_connection", f"{diffusers}.conv_shortcut", (after, before, 1, 1)
            )

    def _transformer(
        self, ldm: str, diffusers: str, width: int, level: int | None
    ) -> Iterator[Place]:
        crossed = level is not None and self.config.only_cross_attention[level]
        context = self.config.context
        yield from _weight_and_bias(f"{ldm}.norm", f"{diffusers}.norm", (width,))
        yield from _weight_and_bias(f"{ldm}.proj_in", f"{diffusers}.proj_in", (width, width))
        ldm_block, block = f"{ldm}.transformer_blocks.0", f"{diffusers}.transformer_blocks.0"
        for attention, read in (("attn1", context if crossed else width), ("attn2", context)):
            for name, inputs in (("to_q", width), ("to_k", read), ("to_v", read)):
                inner = f"{attention}.{name}.weight"
                yield Place(f"{ldm_block}.{inner}", (width, inputs), (f"{block}.{inner}",))
            inner = f"{attention}.to_out.0"
            yield from _weight_and_bias(f"{ldm_block}.{inner}", f"{block}.{inner}", (width, width))
        inner_shapes: dict[str, tuple[int, ...]] = {
            "ff.net.0.proj": (8 * width, width),
            "ff.net.2": (width, 4 * width),
            "norm1": (width,),
            "norm2": (width,),
            "norm3": (width,),
        }
        for inner, shape in inner_shapes.items():
            yield from _weight_and_bias(f"{ldm_block}.{inner}", f"{block}.{inner}", shape)
        yield from _weight_and_bias(f"{ldm}.proj_out", f"{diffusers}.proj_out", (width, width))


def _vae(config: VAEConfig) -> Iterator[Place]:
    latent = config.latent_channels
    yield from _vae_encoder(config)
    yield from _vae_decoder(config)
    for name, channels in (("quant_conv", 2 * latent), ("post_quant_conv", latent)):
        yield from _weight_and_bias(f"{VAE}{name}", name, (channels, channels, 1, 1))


def _vae_encoder(config: VAEConfig) -> Iterator[Place]:
    widths, last = config.widths, len(config.widths) - 1
    ldm = f"{VAE}encoder"
    yield from _weight_and_bias(
        f"{ldm}.conv_in", "encoder.conv_in", (widths[0], IMAGE_CHANNELS, 3, 3)
    )
    before = widths[0]
    for level, width in enumerate(widths):
        ldm_level, block = f"{ldm}.down.{level}", f"encoder.down_blocks.{level}"
        for i in range(config.blocks):
            yield from _vae_resnet(f"{ldm_level}.block.{i}", f"{block}.resnets.{i}", before, width)
            before = width
        if level < last:
            yield from _weight_and_bias(
                f"{ldm_level}.downsample.conv", f"{block}.downsamplers.0.conv", (width, width, 3, 3)
            )
    yield from _vae_middle("encoder", before)
    yield from _weight_and_bias(f"{ldm}.norm_out", "encoder.conv_norm_out", (before,))
    yield from _weight_and_bias(
        f"{ldm}.conv_out", "encoder.conv_out", (2 * config.latent_channels, before, 3, 3)
    )


def _vae_decoder(config: VAEConfig) -> Iterator[Place]:
    widths = config.widths
    ldm = f"{VAE}decoder"
    before = widths[-1]
    yield from _weight_and_bias(
        f"{ldm}.conv_in", "decoder.conv_in", (before, config.latent_channels, 3, 3)
    )
    yield from _vae_middle("decoder", before)
    for up, level in enumerate(reversed(range(len(widths)))):  # LDM counts levels the other way
        width = widths[level]
        ldm_level, block = f"{ldm}.up.{level}", f"decoder.up_blocks.{up}"
        for i in range(config.blocks + 1):
            yield from _vae_resnet(f"{ldm_level}.block.{i}", f"{block}.resnets.{i}", before, width)
            before = width
        if level > 0:
            yield from _weight_and_bias(
                f"{ldm_level}.upsample.conv", f"{block}.upsamplers.0.conv", (width, width, 3, 3)
            )
    yield from _weight_and_bias(f"{ldm}.norm_out", "decoder.conv_norm_out", (before,))
    yield from _weight_and_bias(
        f"{ldm}.conv_out", "decoder.conv_out", (IMAGE_CHANNELS, before, 3, 3)
    )


def _vae_resnet(ldm: str, diffusers: str, before: int, after: int) -> Iterator[Place]:
    yield from _weight_and_bias(f"{ldm}.norm1", f"{diffusers}.norm1", (before,))
    yield from _weight_and_bias(f"{ldm}.conv1", f"{diffusers}.conv1", (after, before, 3, 3))
    yield from _weight_and_bias(f"{ldm}.norm2", f"{diffusers}.norm2", (after,))
    yield from _weight_and_bias(f"{ldm}.conv2", f"{diffusers}.conv2", (after, after, 3, 3))
    if before != after:
        yield from _weight_and_bias(
            f"{ldm}.nin_shortcut", f"{diffusers}.conv_shortcut", (after, before, 1, 1)
        )


def _vae_middle(half: str, width: int) -> Iterator[Place]:
    ldm, block = f"{VAE}{half}.mid", f"{half}.mid_block"
    yield from _vae_resnet(f"{ldm}.block_1", f"{block}.resnets.0", width, width)
    attention = f"{block}.attentions.0"
    yield from _weight_and_bias(f"{ldm}.attn_1.norm", f"{attention}.group_norm", (width,))
    for name, theirs in (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0")):
        yield from _weight_and_bias(
            f"{ldm}.attn_1.{name}", f"{attention}.{theirs}", (width, width, 1, 1), as_matrix=True
        )
    yield from _vae_resnet(f"{ldm}.block_2", f"{block}.resnets.1", width, width)


def _text(config: TextConfig) -> Iterator[Place]:
    width = config.width
    embeddings = "text_model.embeddings"
    yield Place(
        f"{TEXT}token_embedding.weight",
        (config.vocabulary, width),
        (f"{embeddings}.token_embedding.weight",),
    )
    yield Place(
        f"{TEXT}positional_embedding",
        (config.context_length, width),
        (f"{embeddings}.position_embedding.weight",),
    )
    for layer in range(config.layers):
        places = _text_layer(config, layer)
        used = layer < config.layers - 1
        yield from places if used else (Place(place.key, place.shape, ()) for place in places)
    yield from _weight_and_bias(f"{TEXT}ln_final", "text_model.final_layer_norm", (width,))
    yield Place(f"{TEXT}text_projection", (width, config.projection), ())
    yield Place(f"{TEXT}logit_scale", (), ())


def _text_layer(config: TextConfig, layer: int) -> Iterator[Place]:
    width = config.width
    ldm = f"{TEXT}transformer.resblocks.{layer}"
    block = f"text_model.encoder.layers.{layer}"
    yield from _weight_and_bias(f"{ldm}.ln_1", f"{block}.layer_norm1", (width,))
    for kind, shape in (("weight", (3 * width, width)), ("bias", (3 * width,))):
        thirds = tuple(f"{block}.self_attn.{name}_proj.{kind}" for name in "qkv")
        yield Place(f"{ldm}.attn.in_proj_{kind}", shape, thirds)
    yield from _weight_and_bias(f"{ldm}.attn.out_proj", f"{block}.self_attn.out_proj", (width,) * 2)
    yield from _weight_and_bias(f"{ldm}.ln_2", f"{block}.layer_norm2", (width,))
    yield from _weight_and_bias(f"{ldm}.mlp.c_fc", f"{block}.mlp.fc1", (4 * width, width))
    yield from _weight_and_bias(f"{ldm}.mlp.c_proj", f"{block}.mlp.fc2", (width, 4 * width))
