"""The paper's recipe, from Stable Diffusion to a model file, at the size of the golden cases."""

from __future__ import annotations

import dataclasses
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from flat_world import block_of_water
from formula_weights import tiny_state_dict
from safetensors.torch import load_file, save_file

from c2gm.errors import CheckpointError
from c2gm.models.checkpoints import load_sgdm, save_sgdm
from c2gm.models.sgdm import trainable_parameters
from c2gm.training.records import RecordPool, write_shard
from c2gm.training.referenced import ReferencedRecords
from c2gm.training.run_config import read_run_config
from c2gm.training.start import start_model
from c2gm.training.train import train


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory):
    """A file like Stable Diffusion's, with the tiny model's widths: no adapter."""
    path = tmp_path_factory.mktemp("base") / "sd.safetensors"
    weights = {k: v for k, v in tiny_state_dict().items() if not k.startswith("adapter.")}
    save_file({key: value.contiguous() for key, value in weights.items()}, path)
    return path


@pytest.fixture
def recipe(records, stable_diffusion):
    """The shipped file, cut to the tiny model and three steps."""
    shipped = read_run_config(Path(str(files("c2gm"))) / "assets" / "training" / "paper.json")
    return dataclasses.replace(
        shipped,
        steps=3,
        records=str(records),
        folder=str(records.parent / "paper"),
        kinds={"town": 1.0},
        architecture="tiny",
        base=str(stable_diffusion),
        batch=2,
        crop=64,
        threads=1,
        device="cpu",
    )


def test_the_shipped_recipe_is_the_paper_s():
    shipped = read_run_config(Path(str(files("c2gm"))) / "assets" / "training" / "paper.json")
    assert (shipped.rate, shipped.batch, shipped.steps, shipped.loss) == (5e-5, 20, 200_000, "l1")
    assert (shipped.betas, shipped.weight_decay) == ((0.9, 0.999), 0.01)
    assert shipped.architecture == "sd21" and shipped.schedule == "constant"
    assert not (shipped.ema or shipped.clip or shipped.corrupt or shipped.no_reference)


@pytest.mark.parametrize("loss", ["l1", "l2"])
def test_the_recipe_runs_from_stable_diffusion_to_a_model_file(recipe, loss, tmp_path):
    before = start_model(recipe).state_dict()
    done = train(dataclasses.replace(recipe, loss=loss))
    after = start_model(dataclasses.replace(recipe, weights=(str(done.parent),)))
    trained = trainable_parameters(after)
    moved = {n for n, value in after.state_dict().items() if not torch.equal(value, before[n])}
    statistics = {name for name in moved if name.endswith(("running_mean", "running_var"))}
    assert moved - statistics <= set(trained) and len(statistics) == 6
    assert {name.partition(".")[0] for name in moved} == {"mf_encoder", "sf_adapter", "unet"}
    assert set(load_file(done)) == set(trained) | statistics
    save_sgdm(after, tmp_path / "model.safetensors", {})
    loaded = load_sgdm(tmp_path / "model.safetensors").state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in after.state_dict().items())


def test_the_base_gives_its_weights_and_the_adapter_its_own(recipe, stable_diffusion):
    given = load_file(stable_diffusion)
    model = start_model(recipe)
    key = "model.diffusion_model.time_embed.0.weight"
    assert torch.equal(model.unet.net.time_embedding.linear_1.weight, given[key].float())
    with pytest.raises(CheckpointError):
        start_model(dataclasses.replace(recipe, architecture="mini"))


def test_zooms_without_a_reference_are_left_out(tmp_path):
    bare = dataclasses.replace(block_of_water(14), parent2=None, parent4=None)
    write_shard(tmp_path / "records" / "a", [bare, block_of_water(15)])
    source = ReferencedRecords(RecordPool(tmp_path / "records"))
    rng = np.random.default_rng(0)
    assert {source.draw(rng, {"town": 1}).zoom for _ in range(20)} == {15}
