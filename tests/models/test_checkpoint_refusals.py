"""A wrong, damaged or hostile model file gives one clear error, and nothing of it is executed."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from formula_weights import tiny_state_dict
from safetensors.torch import load_file, save_file

from c2gm.errors import CheckpointError
from c2gm.models.checkpoints import (
    convert_checkpoint,
    describe_file,
    load_sgdm,
    read_checkpoint,
    save_sgdm,
)
from c2gm.models.presets import mini, tiny
from c2gm.models.sgdm import SGDM

Weights = dict[str, torch.Tensor]
KEY = "adapter.body.0.block1.weight"
UNET_KEY = "model.diffusion_model.time_embed.0.weight"


def _refused(path: Path, base: Path | None = None) -> str:
    """The one error of loading a file."""
    with pytest.raises(CheckpointError) as caught:
        load_sgdm(path, base)
    return str(caught.value)


def _refused_conversion(path: Path, **options: Any) -> str:
    target = path.with_name("out.safetensors")
    with pytest.raises(CheckpointError) as caught:
        convert_checkpoint(path, target, **options)
    assert not target.exists()
    return str(caught.value)


def _raw(path: Path, header: bytes, data: bytes = b"", length: int | None = None) -> Path:
    size = len(header) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + header + data)
    return path


# Names and shapes


def test_a_missing_tensor_is_named_with_file_and_shape(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    weights = {key: value for key, value in tiny_weights.items() if key != KEY}
    path = write_model(weights)
    assert _refused(path) == (
        f"{path} does not fit the model tiny with the arm ref_dual_spade: "
        f"{KEY} [64, 64, 3, 3] is missing."
    )


def test_a_misshapen_tensor_is_named_with_both_shapes(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    path = write_model(tiny_weights | {KEY: torch.zeros(64, 64, 1, 1)})
    assert f"{KEY} has the shape [64, 64, 1, 1], expected [64, 64, 3, 3]." in _refused(path)


def test_an_unexpected_tensor_is_named(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    path = write_model(tiny_weights | {"adapter.extra": torch.zeros(2)})
    assert "adapter.extra [2] does not belong there." in _refused(path)


def test_many_faults_are_still_one_error(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    weights = {k: v for k, v in tiny_weights.items() if "first_stage_model.encoder" not in k}
    weights |= {KEY: torch.zeros(1), "other": torch.zeros(1)}
    error = _refused(write_model(weights))
    assert KEY in error and "other [1]" in error and "is missing (and 103 more)" in error
    assert "\n" not in error and len(error) < 500


def test_names_that_steer_a_terminal_are_shown_harmless(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    path = write_model(tiny_weights | {"adapter.\x1b[2J" + "x" * 5000: torch.zeros(1)})
    error = _refused(path)
    assert error.isprintable() and len(error) < 600


def test_whole_numbers_are_no_weights(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    path = write_model(tiny_weights | {KEY: tiny_weights[KEY].to(torch.int64)})
    assert f"{KEY} is torch.int64, expected float32 or half" in _refused(path)


def test_float8_weights_are_refused_by_name(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    path = write_model(tiny_weights | {KEY: tiny_weights[KEY].to(torch.float8_e4m3fn)})
    assert f"{path} holds {KEY} as F8_E4M3, which is not supported" in _refused(path)


# Arms and configurations


@pytest.mark.parametrize(("stored", "claimed"), [("ref", "origin"), ("origin", "ref_dual_spade")])
def test_an_arm_other_than_the_configuration_says_is_refused(
    stored: Any, claimed: Any, write_model: Callable[..., Path]
) -> None:
    path = write_model(tiny_state_dict(stored), tiny(claimed))
    error = _refused(path)
    assert str(path) in error
    assert f"arm {stored!r}, but its configuration says {claimed!r}" in error


def test_a_file_with_the_tensors_of_two_arms_is_refused(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    error = _refused(write_model(tiny_state_dict("origin") | tiny_weights))
    assert "adapter.merge_encoder.first_layer_source.bias [8] does not belong there" in error


def test_an_adapter_without_mf_encoder_has_no_arm(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    weights = {k: v for k, v in tiny_weights.items() if "merge_encoder" not in k}
    assert "no MFEncoder of a known arm" in _refused(write_model(weights))


def test_widths_of_no_known_model_need_a_configuration(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    path = write_model(tiny_weights | {"adapter.conv_in.weight": torch.zeros(48, 48, 3, 3)})
    error = _refused(path)
    assert "adapter.conv_in.weight has the shape [48, 48, 3, 3]; expected 320" in error


def test_a_file_that_does_not_fit_its_own_configuration_is_refused(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    config = dataclasses.replace(
        tiny(), sf_adapter=dataclasses.replace(tiny().sf_adapter, channels=(32, 64, 128))
    )
    error = _refused(write_model(tiny_weights, config))
    assert "has the shape [96, 64, 1, 1], expected [128, 64, 1, 1]" in error


@pytest.mark.parametrize(
    "config",
    [
        "{not json",
        "[" * 100_000,
        '{"unknown": 1}',
        '{"text": {"layers": 1000000000}}',
        '{"text": {"layers": "many"}}',
        '{"text": {"known_tokens": [70000]}}',
        '{"unet": {"widths": [32, 64]}}',
        '{"unet": {"widths": []}}',
        '{"mf_encoder": {"arm": "ref_dual_spade", "downsample": [true]}}',
        '{"mf_encoder": {"arm": "another"}}',
        '{"sf_adapter": {"control_factor": 1e999}}',
        '{"vae": {"kind": "unshuffle"}}',
        "7",
    ],
)
def test_a_damaged_configuration_is_one_error(
    config: str, tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    weights = {k: v for k, v in tiny_weights.items() if k.startswith("adapter.")}
    path = write_model(weights | {UNET_KEY: tiny_weights[UNET_KEY]}, **{"c2gm.config": config})
    assert _refused(path).startswith(f"{path} has a damaged configuration: ")


def test_a_damaged_card_is_one_error(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    path = write_model(tiny_weights, **{"c2gm.card": "{"})
    assert _refused(path).startswith(f"{path} has a damaged model card: ")


# Kinds of file


def test_a_base_alone_is_never_given_a_random_adapter(tiny_base: Path) -> None:
    error = _refused(tiny_base)
    assert f"{tiny_base} is Stable Diffusion without SGDM's adapter" in error
    assert "--base" in error


def test_a_slim_file_asks_for_its_base(tmp_path: Path, tiny_file: Path) -> None:
    convert_checkpoint(tiny_file, tmp_path / "slim.safetensors", slim=True)
    assert "--base" in _refused(tmp_path / "slim.safetensors")


def test_a_whole_file_refuses_a_base(tiny_file: Path, tiny_base: Path) -> None:
    assert "needs no --base" in _refused(tiny_file, tiny_base)


def test_a_slim_file_refuses_another_base(tmp_path: Path, tiny_file: Path, tiny_base: Path) -> None:
    slim, other = tmp_path / "slim.safetensors", tmp_path / "other.safetensors"
    convert_checkpoint(tiny_file, slim, slim=True)
    weights = load_file(tiny_base)
    weights["first_stage_model.decoder.conv_out.weight"] *= 1.01
    save_file(weights, other)
    assert f"{other} is not the base that {slim} was trained on" in _refused(slim, other)


def test_a_slim_file_refuses_itself_as_base(tmp_path: Path, tiny_file: Path) -> None:
    slim = tmp_path / "slim.safetensors"
    convert_checkpoint(tiny_file, slim, slim=True)
    assert "is no Stable Diffusion 2.1-base (slim)" in _refused(slim, slim)


def test_a_slim_file_without_an_attention_tensor_is_refused(
    tmp_path: Path, tiny_file: Path, tiny_base: Path
) -> None:
    slim = tmp_path / "slim.safetensors"
    convert_checkpoint(tiny_file, slim, slim=True)
    weights = load_file(slim)
    key = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q.weight"
    del weights[key]
    save_file(weights, slim, {"c2gm.config": json.dumps(tiny().to_dict())})
    assert f"{key} [96, 96] is missing" in _refused(slim, tiny_base)


def test_an_adapter_alone_is_refused(
    tiny_weights: Weights, write_model: Callable[..., Path]
) -> None:
    weights = {k: v for k, v in tiny_weights.items() if k.startswith("adapter.")}
    assert "holds the adapter alone" in _refused(write_model(weights))


def test_a_file_of_something_else_is_refused_by_its_first_name(
    write_model: Callable[..., Path],
) -> None:
    path = write_model({"lora_unet_down.alpha": torch.zeros(1)})
    assert f"{path} is neither an SGDM model nor" in _refused(path)
    with pytest.raises(CheckpointError, match="lora_unet_down.alpha"):
        describe_file(path)


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    path = _raw(tmp_path / "none.safetensors", b'{"__metadata__":{"format":"pt"}}')
    assert "it has no tensors" in _refused(path)


# Damaged safetensors files and header bombs


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert _refused(tmp_path / "no.safetensors").startswith(f"{tmp_path / 'no.safetensors'} does")


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "e.safetensors").write_bytes(b"")
    assert "is empty" in _refused(tmp_path / "e.safetensors")


@pytest.mark.parametrize("kept", [5, 8, 9, 2000, 200_000, -1])
def test_a_truncated_file_is_refused(kept: int, tmp_path: Path, tiny_file: Path) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(tiny_file.read_bytes()[:kept])
    error = _refused(path)
    assert error.startswith(f"{path} is ")
    assert "cut short" in error or "no safetensors file" in error


def test_a_web_page_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "p.safetensors").write_text("<!doctype html><title>Sign in</title>")
    assert "is no safetensors file" in _refused(tmp_path / "p.safetensors")


@pytest.mark.parametrize(
    ("header", "data", "length"),
    [
        (b"{", b"", 2**63),
        (b"{" + b" " * 64, b"", 2**40),
        (b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4]}}', b"abcd", None),
        (b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}', b"", None),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"", None),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', b"abcdefgh", None),
        (b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', b"abcd", None),
        (b'{"a":{"dtype":"F9","shape":[1],"data_offsets":[0,4]}}', b"abcd", None),
        (b'{"a":' + b"[" * 1_000_000, b"", None),
        (b'{"__metadata__":{"c2gm.config":7}}', b"", None),
        (b"{" * 400, b"", None),
    ],
)
def test_a_hostile_header_is_refused(
    header: bytes, data: bytes, length: int | None, tmp_path: Path
) -> None:
    path = _raw(tmp_path / "bomb.safetensors", header, data, length)
    assert "damaged" in _refused(path)


def test_a_giant_header_is_refused_unread(tmp_path: Path) -> None:
    path = _raw(tmp_path / "bomb.safetensors", b"{", length=2**30)
    os.truncate(path, 2**30 + 64)
    error = _refused(path)
    assert "header of 1073741824 bytes" in error and str(path) in error


# PyTorch files


class _Payload:
    """Writes a file when it is unpickled, as an attacker's would run a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "code_ran"


@pytest.fixture
def hostile_ckpt(tmp_path: Path, marker: Path, tiny_weights: Weights) -> Path:
    payload = _Payload(f'"{sys.executable}" -c "open({str(marker)!r}, {"w"!r})"')
    path = tmp_path / "hostile.ckpt"
    torch.save({"state_dict": tiny_weights, "hyper_parameters": payload}, path)
    return path


def test_the_hostile_file_would_run_code_if_it_were_loaded_carelessly(
    hostile_ckpt: Path, marker: Path
) -> None:
    torch.load(hostile_ckpt, weights_only=False)
    assert marker.exists()


def test_nothing_of_a_file_with_code_is_executed(hostile_ckpt: Path, marker: Path) -> None:
    error = _refused_conversion(hostile_ckpt)
    assert f"{hostile_ckpt} carries code or objects beside its weights" in error
    assert "system" in error and "Nothing of it was run" in error
    assert "c2gm convert" in _refused(hostile_ckpt)
    with pytest.raises(CheckpointError):
        describe_file(hostile_ckpt)
    assert not marker.exists()


def test_nothing_of_a_file_with_code_and_an_innocent_name_is_executed(
    hostile_ckpt: Path, marker: Path
) -> None:
    renamed = hostile_ckpt.rename(hostile_ckpt.with_suffix(".safetensors"))
    assert "is a PyTorch file" in _refused(renamed)
    assert "is a PyTorch file in spite of its name" in _refused_conversion(renamed)
    assert not marker.exists()


def test_a_bare_pickle_is_refused_unread(tmp_path: Path, marker: Path) -> None:
    for name in ("bare.ckpt", "bare.safetensors"):
        payload = _Payload(f'"{sys.executable}" -c "open({str(marker)!r}, {"w"!r})"')
        (tmp_path / name).write_bytes(pickle.dumps(payload))
        assert name in _refused_conversion(tmp_path / name)
        assert name in _refused(tmp_path / name)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "model.pth"])
def test_loading_a_pytorch_file_tells_how_to_convert_it(
    name: str, tmp_path: Path, tiny_weights: Weights
) -> None:
    torch.save({"state_dict": tiny_weights}, tmp_path / name)
    assert f"c2gm convert {name} OUT.safetensors" in _refused(tmp_path / name)


def test_callback_classes_of_old_lightning_are_reported(
    tmp_path: Path, tiny_weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    callback = type("ModelCheckpoint", (), {"__module__": module.__name__})
    module.ModelCheckpoint = callback
    for parent in ("pytorch_lightning", "pytorch_lightning.callbacks"):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    path = tmp_path / "authors.ckpt"
    torch.save({"state_dict": tiny_weights, "callbacks": {callback: {"best": 1}}}, path)
    error = _refused_conversion(path)
    assert f"the class {module.__name__}.ModelCheckpoint" in error
    assert "'state_dict' alone" in error


@pytest.mark.parametrize("kept", [0, 3, 1000, 1_000_000, -1])
def test_a_truncated_ckpt_is_refused(kept: int, tmp_path: Path, tiny_weights: Weights) -> None:
    torch.save({"state_dict": tiny_weights}, tmp_path / "whole.ckpt")
    cut = tmp_path / "cut.ckpt"
    cut.write_bytes((tmp_path / "whole.ckpt").read_bytes()[:kept])
    assert str(cut) in _refused_conversion(cut)


def test_a_compressed_ckpt_cannot_unfold(tmp_path: Path) -> None:
    path = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"\0" * 50_000_000)
    assert "compressed inside" in _refused_conversion(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "holds no weights"),
        ({"state_dict": {}}, "holds no weights"),
        ({"state_dict": {"adapter.x": "text"}}, "holds a str at adapter.x"),
        ({"epoch": 3}, "holds a int at epoch"),
        ({"state_dict": {"x": torch.zeros(1)}}, "neither an SGDM model nor"),
    ],
)
def test_a_ckpt_of_something_else_is_refused(content: Any, words: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.ckpt")
    assert words in _refused_conversion(tmp_path / "other.ckpt")


def test_a_ckpt_of_the_wrong_shapes_is_refused(tmp_path: Path, tiny_weights: Weights) -> None:
    # A view of one number over a huge shape: refused by its shape, never unfolded.
    huge = torch.zeros(1).expand(2**20, 2**20)
    torch.save({"state_dict": tiny_weights | {KEY: huge}}, tmp_path / "huge.ckpt")
    error = _refused_conversion(tmp_path / "huge.ckpt")
    assert f"{KEY} has the shape [1048576, 1048576], expected [64, 64, 3, 3]" in error


# Conversions that make no sense


def test_conversions_without_sense_are_refused(
    tmp_path: Path, tiny_file: Path, tiny_base: Path
) -> None:
    slim = tmp_path / "slim.safetensors"
    convert_checkpoint(tiny_file, slim, slim=True)
    assert "(slim)" in _refused_conversion(slim)
    assert "(base)" in _refused_conversion(tiny_base, slim=True)
    assert "--slim or --to" in _refused_conversion(tiny_file, slim=True, to="diffusers")
    with pytest.raises(CheckpointError, match="must end in .safetensors"):
        convert_checkpoint(tiny_file, tmp_path / "out.ckpt")


def test_mini_has_neither_a_base_nor_a_diffusers_form(tmp_path: Path, mini_model: SGDM) -> None:
    path = tmp_path / "mini.safetensors"
    save_sgdm(mini_model, path, None)
    assert "no slim form" in _refused_conversion(path, slim=True)
    with pytest.raises(CheckpointError, match="diffusers cannot hold"):
        convert_checkpoint(path, tmp_path / "folder", to="diffusers")
    assert read_checkpoint(path).config == mini()
