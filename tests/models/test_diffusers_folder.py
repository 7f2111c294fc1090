"""Stable Diffusion as a diffusers folder: written, loaded by diffusers, and read back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from c2gm.errors import CheckpointError
from c2gm.models.checkpoints import convert_checkpoint, load_sgdm, read_checkpoint
from c2gm.models.libraries import import_diffusers
from c2gm.models.text import tokenize

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory, tiny_file: Path) -> Path:
    """The tiny model as a diffusers folder. Do not write to it."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    convert_checkpoint(tiny_file, folder, to="diffusers")
    return folder


def _copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "folder"))


def test_there_and_back_again_is_bit_exact(
    tmp_path: Path, tiny_folder: Path, tiny_weights: Weights
) -> None:
    convert_checkpoint(tiny_folder, tmp_path / "back.safetensors")
    back = load_file(tmp_path / "back.safetensors")
    assert set(back) == set(tiny_weights)
    for key, tensor in tiny_weights.items():
        assert back[key].dtype == tensor.dtype and torch.equal(back[key], tensor), key


def test_the_folder_holds_the_parts_and_the_adapter(tiny_folder: Path) -> None:
    files = {p.relative_to(tiny_folder).as_posix() for p in tiny_folder.rglob("*") if p.is_file()}
    assert files == {
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "adapter.safetensors",
    }
    adapter = load_file(tiny_folder / "adapter.safetensors")
    assert sum(key.startswith("adapter.") for key in adapter) == 100
    text = json.loads((tiny_folder / "text_encoder" / "config.json").read_text())
    assert text["num_hidden_layers"] == 2


def test_diffusers_loads_what_was_written(tiny_folder: Path, tiny_file: Path) -> None:
    diffusers = import_diffusers()
    model = load_sgdm(tiny_file)
    for part, kind, ours in (
        ("unet", diffusers.UNet2DConditionModel, model.unet.net),
        ("vae", diffusers.AutoencoderKL, model.vae.net),
    ):
        theirs = kind.from_pretrained(tiny_folder / part).state_dict()
        assert set(theirs) == set(ours.state_dict())
        assert all(torch.equal(theirs[key], tensor) for key, tensor in ours.state_dict().items())


def test_the_text_encoder_of_transformers_embeds_as_ours(
    tiny_folder: Path, tiny_file: Path
) -> None:
    import_diffusers()  # repairs a torchvision that does not fit, which Transformers imports
    from transformers import CLIPTextModel

    theirs, report = CLIPTextModel.from_pretrained(
        tiny_folder / "text_encoder", output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"]
    tokens = tokenize(["geographical map tile, tile zoom level 17"])
    with torch.no_grad():
        expected = load_sgdm(tiny_file).text(tokens)
        found = theirs(tokens).last_hidden_state
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


def test_a_folder_with_an_adapter_is_a_model(tiny_folder: Path, tiny_weights: Weights) -> None:
    checkpoint = read_checkpoint(tiny_folder)
    assert checkpoint.config.name == "tiny"
    assert set(checkpoint.tensors) == set(tiny_weights)


def test_names_of_other_versions_and_half_variants_are_read(
    tmp_path: Path, tiny_folder: Path, tiny_weights: Weights
) -> None:
    folder = _copy(tiny_folder, tmp_path)
    vae = folder / "vae" / "diffusion_pytorch_model.safetensors"
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = load_file(vae)
    for new, before in old.items():
        weights = {key.replace(f".{new}.", f".{before}."): t for key, t in weights.items()}
    save_file({key: tensor.half() for key, tensor in weights.items()}, vae)
    vae.rename(vae.with_name("diffusion_pytorch_model.fp16.safetensors"))
    text = folder / "text_encoder" / "model.safetensors"
    weights = {k.removeprefix("text_model."): t for k, t in load_file(text).items()}
    save_file(weights | {"text_model.embeddings.position_ids": torch.arange(77)}, text)
    checkpoint = read_checkpoint(folder)
    for key in (
        "first_stage_model.decoder.mid.attn_1.proj_out.weight",
        "cond_stage_model.model.transformer.resblocks.1.attn.in_proj_bias",
    ):
        assert torch.equal(checkpoint.tensors[key].read().float(), tiny_weights[key])


def test_a_base_folder_alone_is_refused(tmp_path: Path, tiny_folder: Path) -> None:
    folder = _copy(tiny_folder, tmp_path)
    (folder / "adapter.safetensors").unlink()
    with pytest.raises(CheckpointError, match="without SGDM's adapter"):
        load_sgdm(folder)


def test_a_missing_part_is_named(tmp_path: Path, tiny_folder: Path) -> None:
    folder = _copy(tiny_folder, tmp_path)
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(CheckpointError) as caught:
        load_sgdm(folder)
    assert f"{folder} is no diffusers folder" in str(caught.value)
    assert "vae/diffusion_pytorch_model.safetensors" in str(caught.value)


def test_a_wrong_tensor_in_a_folder_is_named_as_it_stands_there(
    tmp_path: Path, tiny_folder: Path
) -> None:
    folder = _copy(tiny_folder, tmp_path)
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    key = "down_blocks.0.attentions.0.proj_in.weight"
    save_file(load_file(file) | {key: torch.zeros(32, 32, 1, 1)}, file)
    with pytest.raises(CheckpointError) as caught:
        load_sgdm(folder)
    error = str(caught.value)
    assert str(file) in error
    assert f"{key} has the shape [32, 32, 1, 1], expected [32, 32]" in error


def test_a_folder_is_not_written_over(tmp_path: Path, tiny_file: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(CheckpointError, match="exists already"):
        convert_checkpoint(tiny_file, tmp_path / "there", to="diffusers")


def test_a_failed_conversion_leaves_nothing(
    tmp_path: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("c2gm.models.checkpoint_files.os.fsync", disk_full)
    with pytest.raises(CheckpointError, match="No space left"):
        convert_checkpoint(tiny_file, tmp_path / "folder", to="diffusers")
    assert list(tmp_path.iterdir()) == []
