"""What a model file must hold: kinds, arms, configuration, names and shapes, checked strictly."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from ..errors import CheckpointError, ConfigError
from .checkpoint_files import StoredTensor, TensorFile, shown
from .config import Arm, ScheduleConfig, SGDMConfig, from_dict
from .ldm_layout import (
    UNET,
    VAE,
    Place,
    slim_unet_keys,
    text_places,
    unet_places,
    unused_text_keys,
    vae_places,
)
from .mf_encoder import MFEncoder
from .presets import sd21, tiny
from .sf_adapter import SFAdapter
from .vae import build_vae

Kind = Literal["full", "slim", "adapter", "base"]
Shapes = dict[str, tuple[int, ...]]

ADAPTER = "adapter."
MF_ENCODER = "adapter.merge_encoder."
SCALE_IN_TIME = "adapter.scale_in_time."  # Eq. 11: ours, not Stable Diffusion's
CONFIG_ENTRY = "c2gm.config"
CARD_ENTRY = "c2gm.card"
BASE_ENTRY = "c2gm.base"

# The authors' files also hold the noise schedule, computed from two numbers.
SCHEDULE_BUFFERS = frozenset(
    "betas alphas_cumprod alphas_cumprod_prev sqrt_alphas_cumprod sqrt_one_minus_alphas_cumprod "
    "log_one_minus_alphas_cumprod sqrt_recip_alphas_cumprod sqrt_recipm1_alphas_cumprod "
    "posterior_variance posterior_log_variance_clipped posterior_mean_coef1 posterior_mean_coef2 "
    "logvar".split()
)
# Stable Diffusion's files may hold a second, averaged U-Net of its training, or counts of it.
AVERAGED = "model_ema."
FINGERPRINT_VALUES = 4096


def kind_of(file: TensorFile) -> Kind:
    """Whether a file is a whole model, slim, an adapter alone, or Stable Diffusion alone.

    Raises:
        CheckpointError: it is none of these.
    """
    unet = [key for key in file.tensors if key.startswith(UNET)]
    if any(key.startswith(ADAPTER) for key in file.tensors):
        if not unet:
            return "adapter"
        slim = all(".attn" in key or key.startswith(f"{UNET}input_blocks.0.0.") for key in unet)
        return "slim" if slim else "full"
    if unet:
        return "base"
    first = next(iter(sorted(file.tensors)), None)
    found = f"its first tensor is {shown(first)}" if first else "it has no tensors"
    raise CheckpointError(
        f"{file.path} is neither an SGDM model nor Stable Diffusion in the LDM layout: {found}."
    )


def arm_of(file: TensorFile) -> Arm:
    """The arm of MFEncoder by the names of its tensors.

    Raises:
        CheckpointError: the names are those of no arm.
    """
    stem = f"{MF_ENCODER}first_layer_"
    if any(key.startswith(f"{MF_ENCODER}spade1.") for key in file.tensors):
        return "ref_dual_spade"
    if any(key.startswith(f"{stem}ref.") for key in file.tensors):
        return "ref"
    if f"{stem}source.weight" in file.tensors:
        return "origin"
    raise CheckpointError(
        f"{file.path} has no MFEncoder of a known arm ({', '.join(get_args(Arm))}): "
        f"tensors below {MF_ENCODER} are missing."
    )


def config_of(file: TensorFile) -> SGDMConfig:
    """The configuration in the file's metadata, or the one that its tensors tell.

    Raises:
        CheckpointError: it cannot be read, or belongs to another arm, or the widths are those of
            no known architecture.
    """
    arm = arm_of(file)
    stored = file.metadata.get(CONFIG_ENTRY)
    if stored is None:
        return _known_architecture(file, arm, "adapter.conv_in.weight")
    try:
        config = from_dict(json.loads(stored))
        _ = base_shapes(config) | adapter_shapes(config)  # refuses parts that do not fit together
    except (ValueError, RecursionError, ConfigError) as error:
        raise CheckpointError(f"{file.path} has a damaged configuration: {error}") from error
    if config.mf_encoder.arm != arm:
        raise CheckpointError(
            f"{file.path} holds an MFEncoder of the arm {arm!r}, but its configuration says "
            f"{config.mf_encoder.arm!r}. Take the file from its maker again."
        )
    return config


def base_config_of(file: TensorFile, key: str = f"{UNET}input_blocks.0.0.weight") -> SGDMConfig:
    """The architecture of a Stable Diffusion file, by the width of its first convolution."""
    return _known_architecture(file, "ref_dual_spade", key)


def card_of(file: TensorFile) -> dict[str, Any] | None:
    """The model card in the file's metadata.

    Raises:
        CheckpointError: it is damaged.
    """
    stored = file.metadata.get(CARD_ENTRY)
    if stored is None:
        return None
    try:
        card = json.loads(stored)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file.path} has a damaged model card: {error}") from error
    if not isinstance(card, dict):
        raise CheckpointError(f"{file.path} has a model card that is no table of names.")
    return card


def without_options(config: SGDMConfig) -> SGDMConfig:
    """The plain Stable Diffusion below a model: its U-Net takes the noisy latent alone."""
    plain = dataclasses.replace(
        config.unet, draft_channels=0, concat_reference=False, scale_in_time=False
    )
    return dataclasses.replace(config, unet=plain)


def base_places(config: SGDMConfig) -> list[Place]:
    """Tensors of Stable Diffusion's three parts."""
    return [
        *unet_places(config.unet, config.vae.latent_channels),
        *vae_places(config.vae),
        *text_places(config.text),
    ]


def base_shapes(config: SGDMConfig) -> Shapes:
    """Names and shapes of U-Net, VAE and text tower in the LDM layout."""
    shapes = {place.key: place.shape for place in base_places(config)}
    if config.vae.kind != "ldm":
        with torch.device("meta"):
            vae = build_vae(config.vae)
        shapes |= {VAE + key: tuple(value.shape) for key, value in vae.state_dict().items()}
    return shapes


def adapter_shapes(config: SGDMConfig) -> Shapes:
    """Names and shapes of what Stable Diffusion does not have: MFEncoder, SFAdapter, Eq. 11."""
    with torch.device("meta"):
        encoder = MFEncoder(config.mf_encoder)
        adapter = SFAdapter(config.sf_adapter, config.mf_encoder.out_channels)
    shapes = {MF_ENCODER + key: tuple(value.shape) for key, value in encoder.state_dict().items()}
    shapes |= {ADAPTER + key: tuple(value.shape) for key, value in adapter.state_dict().items()}
    if config.unet.scale_in_time:
        width = 4 * config.unet.widths[0]
        shapes[f"{SCALE_IN_TIME}weight"] = (width, config.unet.context)
        shapes[f"{SCALE_IN_TIME}bias"] = (width,)
    return shapes


def slim_shapes(config: SGDMConfig) -> Shapes:
    """Names and shapes of a slim file."""
    unet = slim_unet_keys(config)
    trained = {key: shape for key, shape in base_shapes(config).items() if key in unet}
    return adapter_shapes(config) | trained


def known_tensors(file: TensorFile, config: SGDMConfig) -> dict[str, StoredTensor]:
    """The file's tensors without those that say nothing new: the schedule and averages.

    Raises:
        CheckpointError: the file was trained with another noise schedule.
    """
    if "betas" in file.tensors:
        _check_schedule(file, config.schedule)
    return {
        key: tensor
        for key, tensor in file.tensors.items()
        if key not in SCHEDULE_BUFFERS and not key.startswith(AVERAGED)
    }


def with_unused_text(
    tensors: Mapping[str, StoredTensor], config: SGDMConfig, path: Path
) -> dict[str, StoredTensor]:
    """Adds zeros for the tensors that nothing depends on, where a file lacks them.

    A diffusers folder of SD 2.1 has 23 of 24 text layers: the last one is never run.
    """
    unused = unused_text_keys(config.text)
    shapes = {place.key: place.shape for place in text_places(config.text)}
    missing = [key for key in unused if key not in tensors]
    return dict(tensors) | {key: _zeros(shapes[key], path) for key in missing}


def check_tensors(
    path: Path, found: Mapping[str, StoredTensor], expected: Shapes, what: str
) -> None:
    """Every expected tensor is there with its shape, and no other.

    Raises:
        CheckpointError: names the file, the first key of each fault, and the shapes.
    """
    faults = []
    misshapen = [key for key in expected if key in found and found[key].shape != expected[key]]
    for key in misshapen[:1]:
        shapes = f"{list(found[key].shape)}, expected {list(expected[key])}"
        faults.append(f"{key} has the shape {shapes}{_more(misshapen)}")
    missing = [key for key in expected if key not in found]
    for key in missing[:1]:
        faults.append(f"{key} {list(expected[key])} is missing{_more(missing)}")
    unexpected = sorted(key for key in found if key not in expected)
    for key in unexpected[:1]:
        shape = list(found[key].shape)
        faults.append(f"{shown(key)} {shape} does not belong there{_more(unexpected)}")
    strange = [key for key in expected if key in found and not _is_weight(key, found[key])]
    for key in strange[:1]:
        faults.append(f"{key} is {found[key].dtype}, expected float32 or half{_more(strange)}")
    if faults:
        raise CheckpointError(f"{path} does not fit {what}: {'; '.join(faults)}.")


def base_fingerprint(config: SGDMConfig, tensors: Mapping[str, StoredTensor]) -> str:
    """A hash of the frozen tensors, by which a slim file knows its base in any layout.

    SHA-256 over key, shape and the first 4,096 values of each, rounded to float16, so that a
    base stored in half precision is the same base.
    """
    skipped = slim_unet_keys(config) | unused_text_keys(config.text)
    skipped |= {f"{UNET}input_blocks.0.0.weight", f"{UNET}input_blocks.0.0.bias"}
    digest = hashlib.sha256()
    for key in sorted(base_shapes(without_options(config)).keys() - skipped):
        tensor = tensors[key]
        values = tensor.read().flatten()[:FINGERPRINT_VALUES].to(torch.float16)
        digest.update(f"{key} {list(tensor.shape)} ".encode())
        digest.update(values.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _known_architecture(file: TensorFile, arm: Arm, key: str) -> SGDMConfig:
    known = [preset(arm) for preset in (sd21, tiny)]
    first = file.tensors.get(key)
    widths = [config.unet.widths[0] for config in known]
    for config in known:
        if first is not None and first.shape[:1] == config.unet.widths[:1]:
            return config
    found = f"has the shape {list(first.shape)}" if first is not None else "is missing"
    raise CheckpointError(
        f"{file.path} has no configuration in its metadata, and {key} {found}; expected "
        f"{widths[0]} output channels, as only Stable Diffusion 2.1's architecture is known then."
    )


def _check_schedule(file: TensorFile, schedule: ScheduleConfig) -> None:
    first, last = schedule.beta_start**0.5, schedule.beta_end**0.5
    expected = torch.linspace(first, last, schedule.timesteps, dtype=torch.float64) ** 2
    stored = file.tensors["betas"]
    if stored.shape != expected.shape:
        raise CheckpointError(
            f"{file.path}: betas has the shape {list(stored.shape)}, expected "
            f"{list(expected.shape)}. It was trained with another noise schedule."
        )
    if not torch.allclose(stored.read().double(), expected, rtol=1e-3):
        raise CheckpointError(
            f"{file.path} was trained with another noise schedule than {schedule.beta_start} to "
            f"{schedule.beta_end}: its betas differ."
        )


def _is_weight(key: str, tensor: StoredTensor) -> bool:
    if key.endswith("num_batches_tracked"):
        return True
    return tensor.dtype in (torch.float32, torch.float16, torch.bfloat16)


def _zeros(shape: tuple[int, ...], path: Path) -> StoredTensor:
    return StoredTensor(shape, torch.float32, path, lambda: torch.zeros(shape))


def _more(keys: list[str]) -> str:
    return f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
