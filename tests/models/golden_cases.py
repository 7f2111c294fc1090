"""What the golden tests share: the cases, the models they were computed with, and the error."""

from __future__ import annotations

from pathlib import Path

import torch
from formula_weights import formula_tensor, key_shapes, tiny_state_dict
from safetensors.torch import load_file
from torch import Tensor, nn

from c2gm.models.config import Arm, SGDMConfig
from c2gm.models.ldm_layout import TEXT, Place, unet_places, vae_places
from c2gm.models.mf_encoder import MFEncoder
from c2gm.models.presets import tiny
from c2gm.models.sf_adapter import SFAdapter
from c2gm.models.sgdm import SGDM

GOLDEN = Path(__file__).parents[1] / "golden"
CONTROL_FACTOR = 0.18215


def case(name: str) -> dict[str, Tensor]:
    """The tensors of one golden case."""
    return load_file(GOLDEN / f"case_{name}.safetensors")


def error(ours: Tensor, golden: Tensor) -> float:
    """Largest difference relative to the largest value."""
    return float((ours - golden).abs().max() / golden.abs().max())


def pixels(pictures: Tensor) -> Tensor:
    """uint8 [B,H,W,3] as float [-1,1] [B,3,H,W]."""
    return (pictures.float() / 255 * 2 - 1).permute(0, 3, 1, 2).contiguous()


def tiny_model(arm: Arm = "ref_dual_spade") -> SGDM:
    """The golden cases' small model, its weights computed by formula."""
    model = SGDM(tiny(arm)).eval()
    fill(model, tiny_state_dict(arm))
    return model


def fullsize_adapter(arm: Arm) -> tuple[MFEncoder, SFAdapter]:
    """MFEncoder and SFAdapter at the authors' widths."""
    config = SGDMConfig()
    with torch.device("meta"):
        encoder = MFEncoder(type(config.mf_encoder)(arm=arm))
        adapter = SFAdapter(config.sf_adapter, config.mf_encoder.out_channels)
    shapes = key_shapes("fullsize", arm)
    _fill_adapter(
        encoder,
        adapter,
        {k: formula_tensor(k, s) for k, s in shapes.items() if k.startswith("adapter.")},
    )
    return encoder.eval(), adapter.eval()


def fill(model: SGDM, weights: dict[str, Tensor]) -> None:
    """Puts a checkpoint in the authors' layout into a model; every tensor must find its place."""
    config = model.config
    _fill_adapter(model.mf_encoder, model.sf_adapter, weights)
    fill_places(model.unet.get_submodule("net"), unet_places(config.unet), weights)
    fill_places(model.vae.get_submodule("net"), vae_places(config.vae), weights)
    text = {k.removeprefix(TEXT): v for k, v in weights.items() if k.startswith(TEXT)}
    model.text.load_state_dict(text, strict=True, assign=True)


def _fill_adapter(encoder: MFEncoder, adapter: SFAdapter, weights: dict[str, Tensor]) -> None:
    prefix = "adapter.merge_encoder."
    merge = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    rest = {
        k.removeprefix("adapter."): v
        for k, v in weights.items()
        if k.startswith("adapter.") and not k.startswith(prefix)
    }
    encoder.load_state_dict(merge, strict=True, assign=True)
    adapter.load_state_dict(rest, strict=True, assign=True)


def fill_places(network: nn.Module, places: list[Place], weights: dict[str, Tensor]) -> None:
    """Puts the tensors of a U-Net or VAE in the authors' layout into diffusers' network."""
    state = {}
    for place in places:
        parts = weights[place.key].chunk(len(place.diffusers))
        for name, part in zip(place.diffusers, parts, strict=True):
            state[name] = part.reshape(place.diffusers_shape)
    network.load_state_dict(state, strict=True, assign=True)
