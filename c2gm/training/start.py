"""The model that a run starts from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..errors import TrainingError
from ..models.presets import PRESETS
from ..models.sgdm import SGDM
from .run_config import RunConfig


def start_model(config: RunConfig) -> SGDM:
    """A fresh model, then the weights of `base`, then those of the runs in `weights`, in order.

    Raises:
        TrainingError: an entry of `weights` is not there or does not fit.
        CheckpointError: the base cannot be read or is of another architecture.
    """
    from safetensors.torch import load_file

    model = SGDM(PRESETS[config.architecture]())
    if config.base:
        from ..models.checkpoints import load_weights

        load_weights(model, config.base)
    tensors: dict[str, Tensor] = model.state_dict()
    for entry in config.weights:
        path = Path(entry).expanduser()
        path = path / "weights.safetensors" if path.is_dir() else path
        if not path.exists():
            raise TrainingError(f"{path} is missing: the run that makes it has not ended yet.")
        for name, value in load_file(path).items():
            if name not in tensors or tensors[name].shape != value.shape:
                raise TrainingError(f"{path}: {name} {tuple(value.shape)} does not fit the model.")
            with torch.no_grad():
                tensors[name].copy_(value)
    return model
