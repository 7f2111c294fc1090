"""Model files: load, save, convert and describe SGDM.

A model file is safetensors in the authors' (LDM) layout: Stable Diffusion's names plus `adapter.*`,
with the whole configuration in the metadata. A slim file holds only what SGDM trains and stands on
a Stable Diffusion 2.1-base. Loading is strict: every tensor of the configuration, and no other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import CheckpointError
from .checkpoint_contents import (
    ADAPTER,
    BASE_ENTRY,
    CARD_ENTRY,
    CONFIG_ENTRY,
    MF_ENCODER,
    SCALE_IN_TIME,
    adapter_shapes,
    arm_of,
    base_config_of,
    base_fingerprint,
    base_places,
    base_shapes,
    card_of,
    check_tensors,
    config_of,
    kind_of,
    known_tensors,
    slim_shapes,
    with_unused_text,
    without_options,
)
from .checkpoint_files import (
    StoredTensor,
    TensorFile,
    file_hash,
    in_memory,
    is_pickle,
    open_pickle,
    open_tensors,
    write_tensors,
)
from .config import SGDMConfig
from .diffusers_folder import open_folder, write_folder
from .ldm_layout import TEXT, UNET, VAE
from .sgdm import SGDM

__all__ = [
    "BUNDLED",
    "Checkpoint",
    "convert_checkpoint",
    "describe_file",
    "load_sgdm",
    "load_weights",
    "model_hash",
    "model_path",
    "read_checkpoint",
    "save_sgdm",
]

BUNDLED = Path(__file__).parents[1] / "assets" / "c2gm-mini.safetensors"
# Prefixes of a model file and of SGDM's own names, where only the prefix differs.
PREFIXES = {
    MF_ENCODER: "mf_encoder.",
    SCALE_IN_TIME: "unet.scale_in_time.",
    ADAPTER: "sf_adapter.",
    TEXT: "text.",
    VAE: "vae.",
}
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Checkpoint:
    """A whole model, checked, whose tensors are still in their files, under LDM names."""

    path: Path
    config: SGDMConfig
    card: dict[str, Any] | None
    tensors: Mapping[str, StoredTensor]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Tensors below a prefix ("model.diffusion_model.", "adapter.", ...), without it."""
        return {
            key.removeprefix(prefix): tensor.read()
            for key, tensor in self.tensors.items()
            if key.startswith(prefix)
        }


def model_path(name: str | Path) -> Path:
    """The file of a model: "mini" is the bundled c2gm-mini, all else a path.

    Raises:
        CheckpointError: the bundled model is missing.
    """
    if str(name) != "mini":
        return Path(name)
    if not BUNDLED.is_file():
        raise CheckpointError(
            f"The bundled model {BUNDLED.name} is missing from {BUNDLED.parent}. "
            "Install c2gm again, or give another model file with --model."
        )
    return BUNDLED


def model_hash(name: str | Path) -> str:
    """SHA-256 of a model file, by which maps name their model; of a folder, of all its files.

    Raises:
        CheckpointError: it cannot be read.
    """
    return file_hash(model_path(name))


def read_checkpoint(path: str | Path, base: str | Path | None = None) -> Checkpoint:
    """Opens and checks a model without building it.

    Args:
        path: A model file, a diffusers folder with `adapter.safetensors`, or "mini".
        base: Stable Diffusion 2.1-base (one file or a diffusers folder), for a slim file only.

    Raises:
        CheckpointError: a file is wrong, damaged, does not fit, or a base is missing or too much.
    """
    file = _open(model_path(path))
    kind = kind_of(file)
    if kind == "base":
        raise CheckpointError(
            f"{file.path} is Stable Diffusion without SGDM's adapter, which cannot draw maps. "
            "Give an SGDM model file, and this one with --base if the model file is slim."
        )
    if kind == "adapter":
        raise CheckpointError(
            f"{file.path} holds the adapter alone, without the trained attention of the U-Net. "
            "Give a whole or slim model file, or the diffusers folder it belongs to."
        )
    config = config_of(file)
    if kind == "full":
        if base is not None:
            raise CheckpointError(
                f"{file.path} is a whole model and needs no --base. Leave it out."
            )
        return Checkpoint(file.path, config, card_of(file), _whole(file, config))
    if base is None:
        raise CheckpointError(
            f"{file.path} is a slim model file and stands on Stable Diffusion 2.1-base. "
            "Name that file or folder with --base."
        )
    tensors = known_tensors(file, config)
    check_tensors(file.path, tensors, slim_shapes(config), _called(config))
    below = _base_below(file, config, _open(Path(base)))
    return Checkpoint(file.path, config, card_of(file), below | tensors)


def load_sgdm(path: str | Path, base: str | Path | None = None) -> SGDM:
    """Builds the model of a file in float32 on the CPU; arguments of `read_checkpoint`.

    Raises:
        CheckpointError: a file is wrong, damaged, does not fit, or a base is missing or too much.
        MissingExtra: diffusers or open_clip is not installed.
    """
    checkpoint = read_checkpoint(path, base)
    with torch.device("meta"):  # no weights are drawn only to be replaced
        model = SGDM(checkpoint.config)
    names = _model_names(checkpoint.config)
    empty = model.state_dict()
    weights: dict[str, Tensor] = {}
    for key, stored in checkpoint.tensors.items():
        # A fresh tensor: of the module's type and memory order, and the file is free again.
        name = names[key]
        weights[name] = torch.empty_like(empty[name], device="cpu")
        weights[name].copy_(stored.read().reshape(empty[name].shape))
    model.load_state_dict(weights, assign=True)
    return model.eval()


def load_weights(model: SGDM, path: str | Path) -> None:
    """Puts the weights of a file into a model that is to be trained on.

    Args:
        model: Of the file's widths.
        path: A whole model file, or Stable Diffusion, above which the adapter stays as it is; where
            the model's input reads more than the latent (Eq. 8, the draft), those weights are zero.

    Raises:
        CheckpointError: the file is wrong, damaged, does not fit, or is no whole model.
    """
    file = _open(model_path(path))
    kind = kind_of(file)
    if kind not in ("full", "base"):
        raise CheckpointError(
            f"{file.path} is no whole model ({kind}), so nothing can be trained on it. "
            "Give a whole model file or Stable Diffusion 2.1-base."
        )
    config = model.config if kind == "full" else without_options(model.config)
    tensors = _whole(file, config, with_adapter=kind == "full")
    names, state = _model_names(model.config), model.state_dict()
    with torch.no_grad():
        for key, stored in tensors.items():
            place, value = state[names[key]], stored.read()
            if place.numel() > value.numel():  # the input convolution: the latent comes first
                place[:, value.shape[1] :] = 0
                place = place[:, : value.shape[1]]
            place.copy_(value.reshape(place.shape))


def save_sgdm(
    model: SGDM, path: str | Path, card: dict[str, Any] | None, *, half: bool = False
) -> None:
    """Writes a whole model file; a file of this name is replaced when the new one is complete.

    Args:
        model: The model.
        path: Ends in `.safetensors`.
        card: The model card, plain JSON values.
        half: Store weights as float16; norms, biases and statistics stay float32.

    Raises:
        CheckpointError: the file cannot be written.
    """
    state = model.state_dict()
    shapes = base_shapes(model.config) | adapter_shapes(model.config)
    path = _model_file_name(path)
    tensors = {}
    for key, name in _model_names(model.config).items():
        value = state[name].detach().cpu().reshape(shapes[key])
        tensors[key] = in_memory(value.half() if half and value.dim() > 1 else value, path)
    write_tensors(path, tensors, _metadata(model.config, card))


def convert_checkpoint(
    source: str | Path,
    target: str | Path,
    *,
    slim: bool = False,
    to: Literal["ldm", "diffusers"] = "ldm",
) -> None:
    """Writes a model, or a Stable Diffusion base, in another form; values stay as they are.

    Args:
        source: The authors' `.ckpt` or `.pt`, a safetensors file, or a diffusers folder.
        target: A new safetensors file, or a new folder for `to="diffusers"`.
        slim: Keep only what SGDM trains; the base's fingerprint goes into the metadata.
        to: "ldm" is one file in the authors' layout, "diffusers" a folder of parts.

    Raises:
        CheckpointError: the source is wrong, damaged, carries code or does not fit, or the target
            cannot be written.
        MissingExtra: diffusers is not installed.
    """
    if slim and to == "diffusers":
        raise CheckpointError("A slim model is one file: choose --slim or --to diffusers.")
    source = Path(source)
    file = open_pickle(source) if is_pickle(source) else _open(source)
    kind = kind_of(file)
    if kind in ("slim", "adapter") or (slim and kind == "base"):
        raise CheckpointError(
            f"{source} is no whole model ({kind}), so it cannot be converted like this. "
            "Give a whole model file."
        )
    if kind == "base":
        config, metadata = base_config_of(file), {}
    else:
        config = config_of(file)
        metadata = _metadata(config, card_of(file) or {"converted_from": source.name})
    tensors = _whole(file, config, with_adapter=kind == "full")
    if to == "diffusers":
        write_folder(Path(target), config, tensors, metadata)
        return
    if slim:
        if config.vae.kind != "ldm":
            raise CheckpointError(
                f"{source} stands on no Stable Diffusion, so it has no slim form."
            )
        metadata[BASE_ENTRY] = base_fingerprint(config, tensors)
        tensors = {key: tensors[key] for key in slim_shapes(config)}
    write_tensors(_model_file_name(target), tensors, metadata)


def describe_file(path: str | Path) -> dict[str, Any]:
    """What a model file is, from its header: for `c2gm info`.

    Returns:
        kind (full, slim, adapter, base), arm, parameters by part and in all, storage types, bytes,
        configuration, card and, of a slim file, its base's fingerprint; None where there is none.

    Raises:
        CheckpointError: it is no model file.
    """
    file = _open(model_path(path))
    kind = kind_of(file)
    config = base_config_of(file) if kind == "base" else config_of(file)
    tensors = known_tensors(file, config)
    parameters = _count_by_part(tensors)
    return {
        "path": str(file.path),
        "kind": kind,
        "name": config.name,
        "arm": None if kind == "base" else arm_of(file),
        "parameters": parameters,
        "total": sum(parameters.values()),
        "dtypes": sorted({str(stored.dtype).removeprefix("torch.") for stored in tensors.values()}),
        "bytes": sum(math.prod(t.shape) * t.dtype.itemsize for t in file.tensors.values()),
        "config": config.to_dict(),
        "card": card_of(file),
        "base": file.metadata.get(BASE_ENTRY),
    }


def _open(path: Path) -> TensorFile:
    return open_folder(path) if path.is_dir() else open_tensors(path)


def _whole(
    file: TensorFile, config: SGDMConfig, *, with_adapter: bool = True
) -> dict[str, StoredTensor]:
    tensors = with_unused_text(known_tensors(file, config), config, file.path)
    expected = base_shapes(config) | (adapter_shapes(config) if with_adapter else {})
    check_tensors(file.path, tensors, expected, _called(config))
    return {key: tensors[key] for key in expected}


def _base_below(slim: TensorFile, config: SGDMConfig, base: TensorFile) -> dict[str, StoredTensor]:
    """The tensors of the base that a slim file stands on."""
    kind = kind_of(base)
    if kind not in ("base", "full"):
        raise CheckpointError(
            f"{base.path} is no Stable Diffusion 2.1-base ({kind}), so {slim.path} cannot stand on "
            "it. Name another file or folder with --base."
        )
    plain = without_options(config)
    alone = {key: value for key, value in base.tensors.items() if not key.startswith(ADAPTER)}
    tensors = _whole(TensorFile(base.path, alone, {}), plain, with_adapter=False)
    wanted = slim.metadata.get(BASE_ENTRY)
    if wanted is not None and base_fingerprint(config, tensors) != wanted:
        raise CheckpointError(
            f"{base.path} is not the base that {slim.path} was trained on: their fingerprints "
            "differ. Name Stable Diffusion 2.1-base itself in float32 or float16, not a later one."
        )
    return tensors


def _model_names(config: SGDMConfig) -> dict[str, str]:
    """SGDM's name of each tensor of a model file: U-Net and VAE are diffusers'."""
    theirs = {place.key: place.diffusers for place in base_places(config)}
    names = {}
    for key in base_shapes(config) | adapter_shapes(config):
        if key.startswith(UNET):
            names[key] = f"unet.net.{theirs[key][0]}"
        elif key.startswith(VAE) and key in theirs:
            names[key] = f"vae.net.{theirs[key][0]}"
        else:
            prefix = next(prefix for prefix in PREFIXES if key.startswith(prefix))
            names[key] = PREFIXES[prefix] + key.removeprefix(prefix)
    return names


def _metadata(config: SGDMConfig, card: dict[str, Any] | None) -> dict[str, str]:
    metadata = {CONFIG_ENTRY: json.dumps(config.to_dict())}
    if card is not None:
        metadata[CARD_ENTRY] = json.dumps(card)
    return metadata


def _model_file_name(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != ".safetensors":
        raise CheckpointError(f"{path} must end in .safetensors, the only form that is written.")
    return path


def _called(config: SGDMConfig) -> str:
    return f"the model {config.name} with the arm {config.mf_encoder.arm}"


def _count_by_part(tensors: Mapping[str, StoredTensor]) -> dict[str, int]:
    """Parameters of each of SGDM's parts; statistics of norms are none."""
    parts = PREFIXES | {UNET: "unet."}
    counts = dict.fromkeys(("mf_encoder", "sf_adapter", "unet", "vae", "text"), 0)
    for key, stored in tensors.items():
        prefix = next((prefix for prefix in parts if key.startswith(prefix)), None)
        if prefix is not None and not key.endswith(BUFFERS):
            counts[parts[prefix].partition(".")[0]] += math.prod(stored.shape)
    return counts
