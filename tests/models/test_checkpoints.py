"""Loading, saving and converting model files leaves every value as it is."""

from __future__ import annotations

import copy
import dataclasses
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from formula_weights import tiny_state_dict
from safetensors.torch import load_file, save_file

from c2gm.errors import CheckpointError
from c2gm.models import checkpoints
from c2gm.models.checkpoints import (
    convert_checkpoint,
    load_sgdm,
    model_hash,
    read_checkpoint,
    save_sgdm,
)
from c2gm.models.config import Arm, SGDMConfig
from c2gm.models.presets import mini, tiny
from c2gm.models.sgdm import SGDM

Weights = dict[str, torch.Tensor]
Builder = Callable[[SGDMConfig], SGDM]
UNUSED = ("resblocks.2.", "text_projection", "logit_scale")


def _assert_equal(found: Weights, expected: Weights) -> None:
    assert set(found) == set(expected)
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype, key
        assert torch.equal(found[key], tensor), key


def _with_options() -> SGDMConfig:
    unet = dataclasses.replace(tiny().unet, concat_reference=True, scale_in_time=True)
    return dataclasses.replace(tiny(), unet=unet)


@pytest.mark.parametrize("arm", ["ref_dual_spade", "ref", "origin"])
def test_the_authors_file_loads_and_saves_bit_exactly(arm: Arm, tmp_path: Path) -> None:
    weights = tiny_state_dict(arm)
    save_file(weights, tmp_path / "authors.safetensors")
    model = load_sgdm(tmp_path / "authors.safetensors")
    assert model.config == tiny(arm)
    save_sgdm(model, tmp_path / "ours.safetensors", None)
    _assert_equal(load_file(tmp_path / "ours.safetensors"), weights)


def test_a_loaded_model_draws_as_the_network_whose_weights_were_saved(
    tmp_path: Path, formula_model: Builder
) -> None:
    built = formula_model(tiny())
    save_sgdm(built, tmp_path / "model.safetensors", None)
    loaded = load_sgdm(tmp_path / "model.safetensors")
    assert not loaded.training
    picture = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.no_grad():
        outputs = [
            model.predict(
                model.encode(picture),
                torch.tensor(500),
                model.embed(["geographical map tile"]),
                model.features(picture, picture.flip(-1)),
            )
            for model in (built, loaded)
        ]
    assert torch.equal(*outputs)


def test_loading_opens_no_connection(tiny_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("loading a file used the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert load_sgdm(tiny_file).config.name == "tiny"


def test_schedule_buffers_of_the_authors_are_checked_and_left_out(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    buffers = {"betas": betas.float(), "logvar": torch.zeros(1000)}
    checkpoint = read_checkpoint(write_model(tiny_weights | buffers))
    assert set(checkpoint.tensors) == set(tiny_weights)
    with pytest.raises(CheckpointError, match="noise schedule"):
        read_checkpoint(write_model(tiny_weights | {"betas": betas.float() * 2}))


def test_configuration_and_card_come_back_with_the_file(tmp_path: Path, mini_model: SGDM) -> None:
    text = dataclasses.replace(mini().text, known_tokens=(5, 320, 49406))
    config = dataclasses.replace(mini(), text=text)
    card = {"trained on": "made-up ground", "hours": 1.5}
    model = copy.copy(mini_model)
    model.config = config
    save_sgdm(model, tmp_path / "model.safetensors", card)
    checkpoint = read_checkpoint(tmp_path / "model.safetensors")
    assert (checkpoint.config, checkpoint.card) == (config, card)


def test_the_same_model_is_saved_as_the_same_bytes(tmp_path: Path, mini_model: SGDM) -> None:
    model = mini_model
    hashes = set()
    for name in ("a.safetensors", "b.safetensors", "c.safetensors"):
        save_sgdm(model, tmp_path / name, {"card": "of mini"})
        hashes.add(model_hash(tmp_path / name))
    assert len(hashes) == 1


def test_half_precision_is_small_and_comes_back_as_float32(
    tmp_path: Path, mini_model: SGDM
) -> None:
    model = mini_model
    path = tmp_path / "mini.safetensors"
    save_sgdm(model, path, {"name": "c2gm-mini"}, half=True)
    assert path.stat().st_size < 24 * 2**20
    loaded = load_sgdm(path).state_dict()
    for key, tensor in model.state_dict().items():
        expected = tensor.half().float() if tensor.dim() > 1 else tensor
        assert loaded[key].dtype == torch.float32
        assert torch.equal(loaded[key], expected), key
        assert loaded[key].stride() == tensor.stride(), f"{key} lost its memory order"


def test_every_weight_of_a_loaded_model_can_be_trained(tmp_path: Path, mini_model: SGDM) -> None:
    save_sgdm(mini_model, tmp_path / "model.safetensors", None)
    model = load_sgdm(tmp_path / "model.safetensors")
    assert all(p.requires_grad and not p.is_meta for p in model.parameters())
    assert not any(buffer.is_meta for buffer in model.buffers())


def test_a_slim_file_on_its_base_is_the_whole_model(
    tmp_path: Path, tiny_file: Path, tiny_base: Path, tiny_weights: Weights
) -> None:
    slim = tmp_path / "slim.safetensors"
    convert_checkpoint(tiny_file, slim, slim=True)
    assert len(load_file(slim)) == 100 + 160
    save_sgdm(load_sgdm(slim, base=tiny_base), tmp_path / "whole.safetensors", None)
    _assert_equal(load_file(tmp_path / "whole.safetensors"), tiny_weights)


def test_a_slim_file_stands_on_a_base_in_half_precision_or_in_a_folder(
    tmp_path: Path, tiny_file: Path, tiny_base: Path, tiny_weights: Weights
) -> None:
    slim, half, folder = (
        tmp_path / "slim.safetensors",
        tmp_path / "half.safetensors",
        tmp_path / "b",
    )
    convert_checkpoint(tiny_file, slim, slim=True)
    save_file({key: tensor.half() for key, tensor in load_file(tiny_base).items()}, half)
    convert_checkpoint(tiny_base, folder, to="diffusers")
    (folder / "adapter.safetensors").unlink()  # the last text layer, which others never have
    for base in (half, folder):
        loaded = load_sgdm(slim, base=base)
        save_sgdm(loaded, tmp_path / "whole.safetensors", None)
        whole = load_file(tmp_path / "whole.safetensors")
        for key, tensor in tiny_weights.items():
            unknown = base == folder and any(part in key for part in UNUSED)
            assert torch.equal(whole[key], tensor * 0 if unknown else tensor), key


def test_a_slim_file_holds_the_options_of_the_paper(tmp_path: Path, formula_model: Builder) -> None:
    model = formula_model(_with_options())
    whole, slim, base = (tmp_path / f"{name}.safetensors" for name in ("whole", "slim", "base"))
    save_sgdm(model, whole, None)
    convert_checkpoint(whole, slim, slim=True)
    weights = {k: v for k, v in load_file(whole).items() if not k.startswith("adapter.")}
    conv_in = "model.diffusion_model.input_blocks.0.0.weight"
    save_file(weights | {conv_in: torch.zeros(32, 4, 3, 3)}, base)
    save_sgdm(load_sgdm(slim, base), tmp_path / "again.safetensors", None)
    _assert_equal(load_file(tmp_path / "again.safetensors"), load_file(whole))


@pytest.mark.parametrize("nested", [True, False])
def test_the_authors_ckpt_converts_with_wrapper_prefix_and_optimizer_left_out(
    tmp_path: Path, tiny_weights: Weights, nested: bool
) -> None:
    weights = {f"module.{key}": tensor for key, tensor in tiny_weights.items()}
    moments = {"optimizer_states": [{"state": {0: torch.ones(3)}}], "epoch": 7}
    torch.save({"state_dict": weights, **moments} if nested else weights, tmp_path / "a.ckpt")
    convert_checkpoint(tmp_path / "a.ckpt", tmp_path / "a.safetensors")
    _assert_equal(load_file(tmp_path / "a.safetensors"), tiny_weights)
    checkpoint = read_checkpoint(tmp_path / "a.safetensors")
    assert (checkpoint.config, checkpoint.card) == (tiny(), {"converted_from": "a.ckpt"})


def test_a_base_ckpt_converts_without_its_averages(tmp_path: Path, tiny_base: Path) -> None:
    weights = load_file(tiny_base)
    averages = {"model_ema.decay": torch.tensor(0.9), "model_ema.num_updates": torch.tensor(3)}
    torch.save({"state_dict": weights | averages}, tmp_path / "base.ckpt")
    convert_checkpoint(tmp_path / "base.ckpt", tmp_path / "base.safetensors")
    _assert_equal(load_file(tmp_path / "base.safetensors"), weights)


def test_the_parts_of_a_checkpoint_are_read_without_their_prefix(
    tiny_file: Path, tiny_weights: Weights
) -> None:
    unet = read_checkpoint(tiny_file).part("model.diffusion_model.")
    assert len(unet) == 686
    key = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
    assert torch.equal(unet[key], tiny_weights[f"model.diffusion_model.{key}"])


def test_a_model_is_read_without_diffusers_and_open_clip(tiny_file: Path) -> None:
    # As in ComfyUI, where neither need be installed.
    code = """
import sys
sys.modules |= dict.fromkeys(["diffusers", "open_clip", "transformers", "torchvision"])
from c2gm.models.checkpoints import describe_file, read_checkpoint
file = sys.argv[1]
print(len(read_checkpoint(file).part("adapter.")), describe_file(file)["kind"])
"""
    command = [sys.executable, "-c", code, str(tiny_file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == ["100", "full"], done.stderr


def test_mini_is_the_bundled_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mini_model: SGDM
) -> None:
    bundled = tmp_path / "c2gm-mini.safetensors"
    monkeypatch.setattr(checkpoints, "BUNDLED", bundled)
    with pytest.raises(CheckpointError, match=r"c2gm-mini.safetensors is missing from .* --model"):
        load_sgdm("mini")
    save_sgdm(mini_model, bundled, {"name": "c2gm-mini"}, half=True)
    assert load_sgdm("mini").config == mini()
    assert model_hash("mini") == model_hash(bundled)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mini_model: SGDM
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"the old file")

    def disk_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("c2gm.models.checkpoint_files.os.fsync", disk_full)
    with pytest.raises(CheckpointError, match="cannot be written: No space left on device"):
        save_sgdm(mini_model, path, None)
    assert path.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [path]


def test_a_saved_file_is_read_by_the_safetensors_library(tmp_path: Path, mini_model: SGDM) -> None:
    from safetensors import safe_open

    save_sgdm(mini_model, tmp_path / "m.safetensors", {"läuft": "ja"}, half=True)
    with safe_open(str(tmp_path / "m.safetensors"), "pt") as file:
        assert file.metadata()["format"] == "pt"
        assert json.loads(file.metadata()["c2gm.card"]) == {"läuft": "ja"}
