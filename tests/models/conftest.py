from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from formula_weights import formula_tensor, tiny_state_dict
from safetensors.torch import save_file

from c2gm.models.config import SGDMConfig
from c2gm.models.presets import mini
from c2gm.models.sgdm import SGDM

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="session")
def tiny_weights() -> Weights:
    """The tiny model's weights in the authors' layout; do not change them in place."""
    return tiny_state_dict()


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Weights) -> Path:
    """A whole model file as the authors' would be: no metadata. Do not write to it."""
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    save_file(tiny_weights, path)
    return path


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Weights) -> Path:
    """Stable Diffusion at tiny widths: its attention is not the trained one."""
    weights = {
        key: tensor * 0 if ".attn1." in key or ".attn2." in key else tensor
        for key, tensor in tiny_weights.items()
        if not key.startswith("adapter.")
    }
    path = tmp_path_factory.mktemp("models") / "base.safetensors"
    save_file(weights, path)
    return path


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes weights as a model file, by the safetensors library itself."""

    def write(weights: Weights, config: SGDMConfig | None = None, **metadata: str) -> Path:
        path = tmp_path / "model.safetensors"
        if config is not None:
            metadata["c2gm.config"] = json.dumps(config.to_dict())
        save_file(weights, path, metadata)
        return path

    return write


@pytest.fixture(scope="session")
def formula_model() -> Callable[[SGDMConfig], SGDM]:
    """Builds a model whose every weight is computed by formula from its name."""

    def build(config: SGDMConfig) -> SGDM:
        with torch.device("meta"):
            model = SGDM(config)
        weights = {
            # Only empty_like keeps the memory order that a module asks for.
            key: torch.empty_like(value, device="cpu").copy_(
                formula_tensor(key, tuple(value.shape), value.dtype)
            )
            for key, value in model.state_dict().items()
        }
        model.load_state_dict(weights, assign=True)
        return model.eval()

    return build


@pytest.fixture(scope="session")
def mini_model(formula_model: Callable[[SGDMConfig], SGDM]) -> SGDM:
    """c2gm-mini with weights by formula. Do not change it."""
    return formula_model(mini())
