"""A folder as diffusers keeps Stable Diffusion: `unet`, `vae` and `text_encoder`.

Beside them, `adapter.safetensors` holds what diffusers has no place for: MFEncoder, SFAdapter, and
the tensors of the text tower's last layer, which is never run.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError
from .checkpoint_contents import base_config_of, check_tensors, config_of
from .checkpoint_files import StoredTensor, TensorFile, open_tensors, write_tensors
from .config import SGDMConfig, TextConfig, UNetConfig
from .ldm_layout import Place, text_places, unet_places, vae_places
from .libraries import import_diffusers
from .unet import LATENT_CHANNELS, channels_in

ADAPTER_FILE = "adapter.safetensors"
FILES = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
# Names that older versions of diffusers gave the attention of the VAE.
OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
TEXT_PREFIX = "text_model."
POSITION_IDS = "text_model.embeddings.position_ids"  # 0 to 76, in files of older Transformers


def open_folder(path: Path) -> TensorFile:
    """Opens a diffusers folder under LDM names, with `adapter.safetensors` where it has one.

    Raises:
        CheckpointError: a part is missing, damaged or does not fit.
    """
    parts = {part: _open_part(path, part) for part in FILES}
    adapter_path = path / ADAPTER_FILE
    adapter = open_tensors(adapter_path) if adapter_path.exists() else None
    config = config_of(adapter) if adapter else base_config_of(parts["unet"], "conv_in.weight")
    tensors: dict[str, StoredTensor] = dict(adapter.tensors) if adapter else {}
    for part, places in _places(config).items():
        held = [place for place in places if place.diffusers]
        expected = {key: place.diffusers_shape for place in held for key in place.diffusers}
        check_tensors(parts[part].path, parts[part].tensors, expected, f"{config.name}'s {part}")
        tensors |= {place.key: _joined(place, parts[part].tensors) for place in held}
    return TensorFile(path, tensors, adapter.metadata if adapter else {})


def write_folder(
    path: Path,
    config: SGDMConfig,
    tensors: Mapping[str, StoredTensor],
    metadata: Mapping[str, str],
) -> None:
    """Writes a diffusers folder as a whole or not at all, from tensors under LDM names.

    Raises:
        CheckpointError: the folder exists, cannot be written, or the VAE is not diffusers'.
        MissingExtra: diffusers is not installed.
    """
    if config.vae.kind != "ldm":
        raise CheckpointError(
            f"{config.name} has a VAE of its own that diffusers cannot hold. "
            "Keep the model as one safetensors file."
        )
    if path.exists():
        raise CheckpointError(f"{path} exists already. Give the name of a new folder.")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    rest = dict(tensors)
    try:
        for part, places in _places(config).items():
            (temporary / part).mkdir(parents=True)
            split: dict[str, StoredTensor] = {}
            for place in (place for place in places if place.diffusers):
                split |= _split(place, rest.pop(place.key))
            write_tensors(temporary / part / f"{FILES[part]}.safetensors", split, {})
        if rest:
            write_tensors(temporary / ADAPTER_FILE, rest, metadata)
        _write_configs(temporary, config)
        os.replace(temporary, path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _places(config: SGDMConfig) -> dict[str, list[Place]]:
    return {
        "unet": unet_places(config.unet, config.vae.latent_channels),
        "vae": vae_places(config.vae),
        "text_encoder": text_places(config.text),
    }


def _open_part(folder: Path, part: str) -> TensorFile:
    names = [f"{FILES[part]}{variant}.safetensors" for variant in ("", ".fp16")]
    found = [folder / part / name for name in names if (folder / part / name).exists()]
    if not found:
        raise CheckpointError(
            f"{folder} is no diffusers folder of Stable Diffusion: it has no {part}/{names[0]}."
        )
    file = open_tensors(found[0])
    rename = _text_name if part == "text_encoder" else _attention_name
    tensors = {rename(key): value for key, value in file.tensors.items()}
    tensors.pop(POSITION_IDS, None)
    return TensorFile(file.path, tensors, file.metadata)


def _text_name(key: str) -> str:
    """Newer versions of Transformers leave the prefix away."""
    return key if key.startswith(TEXT_PREFIX) else TEXT_PREFIX + key


def _attention_name(key: str) -> str:
    names = "|".join(OLD_ATTENTION)
    return re.sub(
        rf"(\.attentions\.0\.)({names})\.",
        lambda found: f"{found[1]}{OLD_ATTENTION[found[2]]}.",
        key,
    )


def _joined(place: Place, stored: Mapping[str, StoredTensor]) -> StoredTensor:
    """The LDM tensor of one or several diffusers tensors."""
    parts = [stored[key] for key in place.diffusers]

    def read() -> Tensor:
        values = [part.read() for part in parts]
        joined = torch.cat(values) if len(values) > 1 else values[0]
        return joined.reshape(place.shape)

    return dataclasses.replace(parts[0], shape=place.shape, read=read)


def _split(place: Place, stored: StoredTensor) -> dict[str, StoredTensor]:
    """The diffusers tensors of one LDM tensor."""
    shape, count = place.diffusers_shape, len(place.diffusers)

    def part(number: int) -> StoredTensor:
        return dataclasses.replace(
            stored, shape=shape, read=lambda: stored.read().chunk(count)[number].reshape(shape)
        )

    return {key: part(number) for number, key in enumerate(place.diffusers)}


def _write_configs(folder: Path, config: SGDMConfig) -> None:
    """The configurations with which diffusers and Transformers load the three parts."""
    from .vae import LDMVAE

    with torch.device("meta"):
        unet, vae = diffusers_unet(config.unet), LDMVAE(config.vae)
    unet.save_config(folder / "unet")
    vae.net.save_config(folder / "vae")
    text = json.dumps(_text_config(config.text), indent=2)
    (folder / "text_encoder" / "config.json").write_text(text + "\n", encoding="utf-8")


def diffusers_unet(config: UNetConfig) -> Any:
    """The U-Net of diffusers, untrained; its weights have the names and shapes of ours.

    Raises:
        MissingExtra: diffusers is not installed.
    """
    return import_diffusers().UNet2DConditionModel(
        sample_size=32,
        in_channels=channels_in(config),
        out_channels=LATENT_CHANNELS,
        block_out_channels=config.widths,
        layers_per_block=config.blocks,
        cross_attention_dim=config.context,
        # diffusers means the number of heads by this name.
        attention_head_dim=tuple(width // config.head_channels for width in config.widths),
        use_linear_projection=True,
        only_cross_attention=config.only_cross_attention,
        down_block_types=tuple(
            "CrossAttnDownBlock2D" if here else "DownBlock2D" for here in config.attention
        ),
        up_block_types=tuple(
            "CrossAttnUpBlock2D" if here else "UpBlock2D" for here in reversed(config.attention)
        ),
    )


def _text_config(config: TextConfig) -> dict[str, object]:
    return {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "hidden_act": "gelu",
        "hidden_size": config.width,
        "intermediate_size": 4 * config.width,
        # The last layer is left out, so that the last hidden state is the text embedding.
        "num_hidden_layers": config.layers - 1,
        "num_attention_heads": config.heads,
        "max_position_embeddings": config.context_length,
        "vocab_size": config.vocabulary,
        "projection_dim": config.projection,
        "layer_norm_eps": 1e-05,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 0,
    }
