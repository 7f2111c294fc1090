"""The nodes and the library draw the same, with ComfyUI's U-Net, text tower, VAE and samplers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bad_names import BAD_NAMES
from formula_weights import tiny_state_dict
from install_server import HERE, REPOSITORY, server_environment, server_python
from safetensors.torch import load_file, save_file
from torch import Tensor

from c2gm.grid import Window
from c2gm.map_scale import map_scale, scale_text
from c2gm.models.checkpoints import convert_checkpoint, load_sgdm
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.painting.world_noise import WorldNoise
from c2gm.sampling import SamplerConfig

MODELS = ("mini", "tiny", "slim")
SIZES = {"mini": 128, "tiny": 64, "slim": 64}
WINDOWS = [Window(5, 3, 14), Window(6, 3, 14), Window(5, 4, 14), Window(6, 4, 14)]
LATENT_BAR = 1e-4
SEED = 7
LINKS = ("out", "secret_link")  # plain names where there are no such links


@dataclass(frozen=True)
class Measured:
    """What ComfyUI's side found, and what the library computes from the same inputs."""

    answers: dict[str, Any]
    comfyui: dict[str, Tensor]
    inputs: dict[str, Tensor]
    files: dict[str, dict[str, str | None]]


@pytest.fixture(scope="session")
def model_files(
    tmp_path_factory: pytest.TempPathFactory, mini_file: Path
) -> dict[str, dict[str, str | None]]:
    """Mini, and Stable Diffusion's layout at tiny widths: as a whole file, and slim on a base."""
    folder = tmp_path_factory.mktemp("agreement_models")
    weights = tiny_state_dict()
    save_file(weights, folder / "tiny.safetensors")
    base = {key: value for key, value in weights.items() if not key.startswith("adapter.")}
    save_file(base, folder / "base.safetensors")
    convert_checkpoint(folder / "tiny.safetensors", folder / "slim.safetensors", slim=True)
    return {
        "mini": {"file": str(mini_file), "base": None},
        "tiny": {"file": str(folder / "tiny.safetensors"), "base": None},
        "slim": {
            "file": str(folder / "slim.safetensors"),
            "base": str(folder / "base.safetensors"),
        },
    }


@pytest.fixture(scope="session")
def measured(
    tmp_path_factory: pytest.TempPathFactory,
    comfyui_folder: Path,
    model_files: dict[str, dict[str, str | None]],
) -> Measured:
    """Everything, measured in one process of the server's Python."""
    folder = tmp_path_factory.mktemp("in_process")
    rng = np.random.default_rng(0)
    field = WorldNoise(SEED)
    inputs = {
        "imagery": torch.from_numpy(rng.integers(0, 256, (4, 128, 128, 3), dtype=np.uint8)),
        "reference": torch.from_numpy(rng.integers(0, 256, (4, 128, 128, 3), dtype=np.uint8)),
        "noise": torch.from_numpy(
            np.stack([[field.window(window, k) for window in WINDOWS] for k in range(4)])
        ),
    }
    save_file(inputs, folder / "inputs.safetensors")
    request = {
        "comfyui": str(comfyui_folder / "ComfyUI"),
        "text": scale_text(map_scale(14), 4),
        "seed": SEED,
        "windows": [[window.x, window.y, window.z] for window in WINDOWS],
        "bad_names": [name for name in BAD_NAMES if not name.startswith(LINKS)],
        "models": {name: {**model_files[name], "size": SIZES[name]} for name in MODELS},
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    python = str(server_python(comfyui_folder))
    compiled = [python, "-m", "compileall", "-q", "nodes", "c2gm", "__init__.py"]
    subprocess.run(compiled, check=True, cwd=REPOSITORY)  # as from the second start on
    subprocess.run(
        [python, str(HERE / "in_process_checks.py"), str(folder)],
        check=True,
        env=server_environment(),
    )
    return Measured(
        json.loads((folder / "answers.json").read_text(encoding="utf-8")),
        load_file(folder / "answers.safetensors"),
        inputs,
        model_files,
    )


@pytest.fixture(scope="session")
def library(measured: Measured) -> Callable[[str], dict[str, Tensor]]:
    """The library's values of a model, computed once."""
    known: dict[str, dict[str, Tensor]] = {}

    def compute(name: str) -> dict[str, Tensor]:
        if name not in known:
            known[name] = _compute(measured, name)
        return known[name]

    return compute


@torch.inference_mode()
def _compute(measured: Measured, name: str) -> dict[str, Tensor]:
    size = SIZES[name]
    imagery, reference = (
        measured.inputs[key][:, :size, :size].numpy() for key in ("imagery", "reference")
    )
    noise = measured.inputs["noise"][..., : size // 8, : size // 8].numpy()
    file, base = measured.files[name]["file"], measured.files[name]["base"]
    assert file is not None
    sgdm = load_sgdm(file, base)
    values: dict[str, Tensor] = {}
    for cfg in (1.0, 7.0):
        model = SGDMMapModel(sgdm, SamplerConfig("ddim", 4, cfg), model_hash="test")
        text = model.embed(scale_text(map_scale(14), 4))
        features = model.features(imagery, reference)
        latent = model.sample(lambda k: noise[k], features, text)
        values[f"latent_cfg{cfg:g}"] = latent
        if f"{name}.ksampler_noise" in measured.comfyui:
            own = measured.comfyui[f"{name}.ksampler_noise"].numpy()
            values[f"ksampler_cfg{cfg:g}"] = model.sample(
                lambda k, own=own: own,  # type: ignore[misc]
                features,
                text,
            )
    values["text"] = text
    values |= {f"feature{level}": value for level, value in enumerate(features.maps)}
    if features.draft is not None:
        values["draft"] = features.draft
    if model.reads_classes:
        classes = model.read_classes(imagery, reference, 14, 14)
        values["read_classes"] = torch.from_numpy(classes)
        given = model.features(imagery, reference, 14, 14, classes / np.float32(255))
        assert given.draft is not None
        values["draft_given"] = given.draft
        started = SGDMMapModel(sgdm, SamplerConfig("ddim", 4, denoise=0.5), model_hash="test")
        values["latent_read"] = started.sample(lambda k: noise[k], features, text)
    values["pictures"] = torch.from_numpy(model.decode(latent))
    pixels = measured.inputs["imagery"][:2, :size, :size].permute(0, 3, 1, 2).float()
    values["encoded"] = sgdm.encode(pixels / 127.5 - 1)
    return values


def relative(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("cfg", ["1", "7"])
def test_stock_euler_on_world_noise_gives_the_librarys_latents(
    measured: Measured, library: Callable[[str], dict[str, Tensor]], name: str, cfg: str
) -> None:
    ours = measured.comfyui[f"{name}.latent_cfg{cfg}"]
    assert relative(ours, library(name)[f"latent_cfg{cfg}"]) < LATENT_BAR


def test_drawing_starts_from_what_is_read_as_in_the_library(
    measured: Measured, library: Callable[[str], dict[str, Tensor]]
) -> None:
    read = library("mini")["latent_read"]
    assert relative(measured.comfyui["mini.latent_read"], read) < LATENT_BAR
    assert relative(library("mini")["latent_cfg1"], read) > 0.05  # not what noise alone gives


@pytest.mark.parametrize("name", ["mini", "tiny"])
@pytest.mark.parametrize("cfg", ["1", "7"])
@pytest.mark.parametrize("count", [1, 4])
def test_sampler_custom_advanced_with_our_noise_gives_the_librarys_latents(
    measured: Measured,
    library: Callable[[str], dict[str, Tensor]],
    name: str,
    cfg: str,
    count: int,
) -> None:
    ours = measured.comfyui[f"{name}.advanced_cfg{cfg}_{count}"]
    assert len(ours) == count
    assert relative(ours, library(name)[f"latent_cfg{cfg}"][:count]) < LATENT_BAR


@pytest.mark.parametrize("name", ["mini", "tiny"])
@pytest.mark.parametrize("cfg", ["1", "7"])
@pytest.mark.parametrize("count", [1, 4])
def test_ksamplers_own_noise_in_the_librarys_sampler_gives_its_latents(
    measured: Measured,
    library: Callable[[str], dict[str, Tensor]],
    name: str,
    cfg: str,
    count: int,
) -> None:
    ours = measured.comfyui[f"{name}.ksampler_cfg{cfg}_{count}"]
    assert len(ours) == count
    assert relative(ours, library(name)[f"ksampler_cfg{cfg}"][:count]) < LATENT_BAR


@pytest.mark.parametrize("name", MODELS)
def test_features_and_draft_are_the_librarys(
    measured: Measured, library: Callable[[str], dict[str, Tensor]], name: str
) -> None:
    values = library(name)
    names = [key for key in values if key.startswith("feature") or key == "draft"]
    assert len(names) == (4 if name == "mini" else 3)
    for key in names:
        assert relative(measured.comfyui[f"{name}.{key}"], values[key]) < 1e-5, key


def test_what_is_read_at_corners_is_the_librarys(
    measured: Measured, library: Callable[[str], dict[str, Tensor]]
) -> None:
    ours, values = measured.comfyui["mini.read_classes"].int(), library("mini")
    assert (ours - values["read_classes"].int()).abs().max() <= 1
    assert relative(measured.comfyui["mini.draft_given"], values["draft_given"]) < 0.01


@pytest.mark.parametrize("name", MODELS)
def test_text_embeddings_are_the_librarys_also_with_a_cut_vocabulary(
    measured: Measured, library: Callable[[str], dict[str, Tensor]], name: str
) -> None:
    assert relative(measured.comfyui[f"{name}.text"], library(name)["text"]) < 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_the_vae_encodes_and_decodes_as_the_librarys(
    measured: Measured, library: Callable[[str], dict[str, Tensor]], name: str
) -> None:
    values = library(name)
    assert relative(measured.comfyui[f"{name}.encoded"], values["encoded"]) < 5e-5
    pictures = measured.comfyui[f"{name}.pictures"].int()
    assert (pictures - values["pictures"].int()).abs().max() <= 1


@pytest.mark.parametrize("name", ["mini", "tiny"])
def test_a_window_does_not_depend_on_its_batch_nor_on_joined_calls(
    measured: Measured, name: str
) -> None:
    for what in ("batch_euler", "batch_euler_ancestral", "split_calls"):
        assert measured.answers[f"{name}.{what}"] < LATENT_BAR, what


@pytest.mark.parametrize("name", ["mini", "tiny"])
def test_strength_start_and_end_of_apply(measured: Measured, name: str) -> None:
    answers = measured.answers
    assert answers[f"{name}.effect"] > 1e-3
    assert answers[f"{name}.strength_0"] == 0
    assert answers[f"{name}.ends_at_0"] == 0
    assert answers[f"{name}.ends_half_way"] > 1e-4
    assert answers[f"{name}.halves_add_up"] < LATENT_BAR


@pytest.mark.parametrize("name", ["mini", "tiny"])
def test_cloning_shares_features_and_unloading_changes_nothing(
    measured: Measured, name: str
) -> None:
    assert measured.answers[f"{name}.clones_share"]
    assert measured.answers[f"{name}.after_unload"] == 0


@pytest.mark.parametrize("name", ["mini", "tiny"])
def test_a_lora_acts_and_leaves_the_model_as_it_was(measured: Measured, name: str) -> None:
    assert measured.answers[f"{name}.lora_effect"] > 1e-4
    assert measured.answers[f"{name}.lora_order"] < 1e-5, "before Apply as after it"
    assert measured.answers[f"{name}.lora_gone"] == 0
    assert measured.answers[f"{name}.weight_restored"]


def test_what_does_not_fit_is_said_in_one_sentence(measured: Measured) -> None:
    size, side, batch = measured.answers["mini.messages"]
    assert size.startswith("ConfigError: Features are for latents of another size: [16, 16]")
    assert side.startswith("ConfigError: Imagery of 60 x 60 px does not fit the latents.")
    assert batch.startswith("ConfigError: References [1, 128, 128] and imagery [4, 128, 128]")


@pytest.mark.parametrize("name", ["mini", "tiny"])
def test_out_of_memory_names_the_next_smaller_batch(measured: Measured, name: str) -> None:
    cascade, stock = measured.answers[f"{name}.out_of_memory"]
    assert cascade == (
        "MemoryFull: Batches of 4 windows do not fit into the memory of cpu. Set batch to 2."
    )
    assert stock.startswith("MemoryFull: 4 windows do not fit into the memory of cpu together.")
    assert "at most 2 windows" in stock


@pytest.mark.parametrize("name", ["mini", "tiny"])
def test_cancel_stops_within_one_call_of_the_unet(measured: Measured, name: str) -> None:
    assert measured.answers[f"{name}.cancelled"].startswith("InterruptProcessingException")
    assert measured.answers[f"{name}.unet_calls"] == ["begun"]


def test_16_bit_weights_draw_nearly_the_same_and_models_do_not_mix(measured: Measured) -> None:
    assert measured.answers["mini.bfloat16"] < 0.2
    assert measured.answers["mini.float16"] < 0.03
    assert measured.answers["mini.beside_another"] == 0


def test_no_node_follows_a_bad_name_when_it_runs(measured: Measured) -> None:
    assert measured.answers["followed_names"] == []


def test_loading_the_nodes_opens_no_socket_and_writes_no_file(measured: Measured) -> None:
    assert measured.answers["touched"] == []


def test_a_loaded_file_is_shared_while_it_is_used(measured: Measured) -> None:
    assert measured.answers["same_parts_again"]
    assert measured.answers["bfloat16"] == "torch.bfloat16"


def test_loading_the_nodes_imports_nothing_heavy(measured: Measured) -> None:
    assert measured.answers["load_seconds"] < 0.1  # 0.05 on a quiet machine
    loaded = {name.partition(".")[0] for name in measured.answers["loaded_modules"]}
    assert loaded <= {"pack", "mercantile"}, "only ours and the tile arithmetic"
    models = [name for name in measured.answers["loaded_modules"] if ".c2gm.models." in name]
    assert models == ["pack.c2gm.models.config"]
