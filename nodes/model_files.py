"""Opens SGDM files as ComfyUI's MODEL, CLIP and VAE, and keeps them while something uses them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ..c2gm.models.config import SGDMConfig
from .files import stamp
from .kept_features import KeptFeatures

DTYPES = ("auto", "float32", "bfloat16", "float16")


@dataclass(eq=False)
class LoadedSGDM:
    """The value of a C2GM_SGDM socket: a model file with its parts in ComfyUI's form.

    Attributes:
        config: Its configuration.
        hash: SHA-256 of the file, and of its base.
        model: MODEL: the U-Net, without features.
        clip: CLIP: the text tower.
        vae: VAE.
        encoder: ModelPatcher of MFEncoder and SFAdapter (`features.FeatureEncoder`).
        kept: Features that the encoder made last.
    """

    config: SGDMConfig
    hash: str
    model: Any
    clip: Any
    vae: Any
    encoder: Any
    kept: KeptFeatures = field(default_factory=KeptFeatures)


_loaded: WeakValueDictionary[tuple[object, ...], LoadedSGDM] = WeakValueDictionary()


def load_sgdm(path: Path, base: Path | None, dtype: str) -> LoadedSGDM:
    """A model file as ComfyUI's parts; the same parts again while they are in use.

    Raises:
        CheckpointError: a file is wrong, truncated or does not fit.
    """
    files = [path] if base is None else [path, base]
    key = (dtype, *((str(file), stamp(file)) for file in files if file.exists()))
    loaded = _loaded.get(key)
    if loaded is None:
        loaded = _load(path, base, dtype)
        _loaded[key] = loaded
    return loaded


def _load(path: Path, base: Path | None, dtype: str) -> LoadedSGDM:
    from ..c2gm.models.checkpoints import model_hash, read_checkpoint
    from .comfy_models import build_clip, build_model, build_vae
    from .features import build_encoder

    chosen = torch_dtype(dtype)
    checkpoint = read_checkpoint(path, base)
    config = checkpoint.config
    tensors = {key: stored.read() for key, stored in checkpoint.tensors.items()}
    files = [path] if base is None else [path, base]
    return LoadedSGDM(
        config=config,
        hash="+".join(model_hash(file) for file in files),
        model=build_model(config, tensors, chosen),
        clip=build_clip(config, tensors, chosen),
        vae=build_vae(config, tensors, chosen),
        encoder=build_encoder(config, tensors),
    )


def model_lines(sgdm: LoadedSGDM) -> list[str]:
    """What a model is, where it computes, and in which numbers."""
    import comfy.model_management

    parts = (sgdm.model, sgdm.clip.patcher, sgdm.vae.patcher, sgdm.encoder)
    size = sum(part.model_size() for part in parts)
    dtype = str(sgdm.model.model.get_dtype()).removeprefix("torch.")
    device = comfy.model_management.get_torch_device_name(sgdm.model.load_device)
    arm = sgdm.config.mf_encoder.arm
    return [f"SGDM, arm {arm}: {size / 1e6:,.0f} MB in {dtype}", f"on {device}"]


def torch_dtype(name: str) -> Any:
    """Dtype of a name; None lets ComfyUI choose.

    Raises:
        ConfigError: there is no such choice.
    """
    import torch

    from ..c2gm.errors import ConfigError

    if name not in DTYPES:
        raise ConfigError(f"dtype {name!r} is not one of {', '.join(DTYPES)}.")
    return None if name == "auto" else getattr(torch, name)
