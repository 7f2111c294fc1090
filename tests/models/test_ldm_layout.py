import dataclasses

import pytest
import torch
from formula_weights import key_shapes

from c2gm.errors import ConfigError
from c2gm.models.config import SGDMConfig, TextConfig, UNetConfig
from c2gm.models.ldm_layout import (
    Place,
    slim_unet_keys,
    text_places,
    unet_places,
    unused_text_keys,
    vae_places,
)
from c2gm.models.presets import mini, sd21, tiny
from c2gm.models.unet import UNet
from c2gm.models.vae import LDMVAE


def _places(config: SGDMConfig) -> list[Place]:
    return unet_places(config.unet) + vae_places(config.vae) + text_places(config.text)


@pytest.mark.parametrize(("size", "config"), [("tiny", tiny()), ("fullsize", sd21())])
def test_names_and_shapes_are_those_of_the_authors_files(size: str, config: SGDMConfig) -> None:
    published = key_shapes(size, "origin")  # type: ignore[arg-type]
    expected = {k: shape for k, shape in published.items() if not k.startswith("adapter.")}
    assert {place.key: place.shape for place in _places(config)} == expected


@pytest.mark.parametrize("config", [tiny(), mini(), sd21()], ids=lambda config: config.name)
def test_diffusers_names_and_shapes_are_those_of_the_networks(config: SGDMConfig) -> None:
    with torch.device("meta"):
        networks = [(UNet(config.unet).net, unet_places(config.unet))]
        if config.vae.kind == "ldm":
            networks.append((LDMVAE(config.vae).net, vae_places(config.vae)))
    for network, places in networks:
        derived = {key: place.diffusers_shape for place in places for key in place.diffusers}
        assert derived == {key: tuple(value.shape) for key, value in network.state_dict().items()}


@pytest.mark.parametrize(
    "options", [{"concat_reference": True}, {"draft_channels": 5}, {"blocks": 3}]
)
def test_options_of_the_unet_change_the_layout_as_they_change_the_network(
    options: dict[str, object],
) -> None:
    config = dataclasses.replace(tiny().unet, **options)  # type: ignore[arg-type]
    with torch.device("meta"):
        state = UNet(config).net.state_dict()
    derived = {key: p.diffusers_shape for p in unet_places(config) for key in p.diffusers}
    assert derived == {key: tuple(value.shape) for key, value in state.items()}


def test_the_mapping_agrees_with_the_published_table() -> None:
    table = {place.key: place.diffusers for place in _places(sd21())}
    unet, vae, text = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.model."
    rows = {
        f"{unet}time_embed.2.bias": "time_embedding.linear_2.bias",
        f"{unet}input_blocks.5.1.proj_in.weight": "down_blocks.1.attentions.1.proj_in.weight",
        f"{unet}input_blocks.9.0.op.weight": "down_blocks.2.downsamplers.0.conv.weight",
        f"{unet}middle_block.2.in_layers.2.weight": "mid_block.resnets.1.conv1.weight",
        f"{unet}output_blocks.2.1.conv.weight": "up_blocks.0.upsamplers.0.conv.weight",
        f"{unet}output_blocks.8.2.conv.weight": "up_blocks.2.upsamplers.0.conv.weight",
        f"{unet}output_blocks.9.0.skip_connection.bias": "up_blocks.3.resnets.0.conv_shortcut.bias",
        f"{vae}decoder.up.3.block.2.conv2.weight": "decoder.up_blocks.0.resnets.2.conv2.weight",
        f"{vae}decoder.up.1.upsample.conv.bias": "decoder.up_blocks.2.upsamplers.0.conv.bias",
        f"{vae}encoder.mid.attn_1.k.weight": "encoder.mid_block.attentions.0.to_k.weight",
        f"{text}ln_final.weight": "text_model.final_layer_norm.weight",
    }
    assert {key: table[key] for key in rows} == {key: (name,) for key, name in rows.items()}
    layer = "text_model.encoder.layers.22.self_attn."
    assert table[f"{text}transformer.resblocks.22.attn.in_proj_bias"] == tuple(
        f"{layer}{name}_proj.bias" for name in "qkv"
    )


def test_no_two_tensors_share_a_name() -> None:
    places = _places(sd21())
    names = [key for place in places for key in place.diffusers]
    assert len(names) == len(set(names))
    assert len({place.key for place in places}) == len(places)


def test_a_slim_file_holds_the_160_attention_tensors() -> None:
    shapes = key_shapes("fullsize", "origin")
    keys = slim_unet_keys(sd21())
    assert len(keys) == 160
    assert sum(torch.Size(shapes[key]).numel() for key in keys) == 99_926_400


def test_a_slim_file_holds_the_input_convolution_where_it_reads_the_reference() -> None:
    config = dataclasses.replace(
        tiny(), unet=dataclasses.replace(tiny().unet, concat_reference=True)
    )
    added = slim_unet_keys(config) - slim_unet_keys(tiny())
    stem = "model.diffusion_model.input_blocks.0.0"
    assert added == {f"{stem}.weight", f"{stem}.bias"}


def test_the_last_text_layer_is_unused() -> None:
    keys = unused_text_keys(TextConfig())
    layers = {key.split(".")[4] for key in keys if "resblocks" in key}
    assert layers == {"23"}
    assert len(keys) == 14


def test_levels_without_a_word_on_attention_are_refused() -> None:
    with pytest.raises(ConfigError, match="3 widths"):
        unet_places(UNetConfig(widths=(32, 64, 64)))
