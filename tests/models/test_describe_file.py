"""What `c2gm info FILE` tells of a model file, from its header alone."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from formula_weights import key_shapes

from c2gm.models.checkpoints import convert_checkpoint, describe_file, save_sgdm
from c2gm.models.presets import mini, sd21, tiny
from c2gm.models.sgdm import SGDM


@pytest.fixture
def sparse_fullsize_file(tmp_path: Path) -> Path:
    """The authors' whole model in half precision: the header is real, its 2.7 GB are a hole."""
    header, end = {}, 0
    shapes = {"betas": (1000,), **key_shapes("fullsize", "ref_dual_spade")}
    for key, shape in shapes.items():
        start, end = end, end + 2 * math.prod(shape)
        header[key] = {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path = tmp_path / "fullsize.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    try:
        os.truncate(path, 8 + len(text) + end)
    except OSError:
        pytest.skip("no room for a file of 2.7 GB")
    return path


def test_a_full_size_file_is_counted_exactly(
    sparse_fullsize_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The hole's betas are zeros, which only reading them would tell.
    monkeypatch.setattr("c2gm.models.checkpoint_contents._check_schedule", lambda *_: None)
    found = describe_file(sparse_fullsize_file)
    assert found["parameters"] == {
        "mf_encoder": 5_278_208,
        "sf_adapter": 47_708_800,
        "unet": 865_910_724,
        "vae": 83_653_863,
        "text": 354_032_641,
    }
    assert found["total"] == 1_356_584_236
    assert (found["kind"], found["arm"]) == ("full", "ref_dual_spade")
    assert found["config"] == sd21().to_dict()
    assert found["dtypes"] == ["float16"]


def test_a_model_of_ours_shows_its_card_and_configuration(tmp_path: Path, mini_model: SGDM) -> None:
    path = tmp_path / "mini.safetensors"
    save_sgdm(mini_model, path, {"score": 0.5}, half=True)
    found = describe_file(path)
    assert (found["name"], found["card"]) == ("c2gm-mini", {"score": 0.5})
    assert found["config"] == mini().to_dict()
    assert found["total"] == sum(p.numel() for p in mini_model.parameters())
    assert found["dtypes"] == ["float16", "float32"]
    assert found["bytes"] < path.stat().st_size < found["bytes"] + 200_000
    json.dumps(found)


def test_slim_files_and_bases_are_told_apart(
    tmp_path: Path, tiny_file: Path, tiny_base: Path
) -> None:
    slim = tmp_path / "slim.safetensors"
    convert_checkpoint(tiny_file, slim, slim=True)
    found = describe_file(slim)
    assert (found["kind"], found["arm"]) == ("slim", "ref_dual_spade")
    assert found["parameters"]["vae"] == found["parameters"]["text"] == 0
    assert len(found["base"]) == 64
    base = describe_file(tiny_base)
    assert (base["kind"], base["arm"], base["base"]) == ("base", None, None)
    assert base["parameters"]["unet"] == 5_456_292


@pytest.mark.parametrize("arm", ["ref", "origin"])
def test_the_arm_is_known_by_the_names(arm: str, write_model: Callable[..., Path]) -> None:
    shapes = key_shapes("tiny", arm)
    weights = {k: torch.zeros(s) for k, s in shapes.items() if k.startswith("adapter.")}
    found = describe_file(write_model(weights))
    assert (found["kind"], found["arm"]) == ("adapter", arm)
    assert found["config"] == tiny(arm).to_dict()  # type: ignore[arg-type]
