"""From finished runs to one model file."""

from __future__ import annotations

import pytest
import torch
from flat_world import block_of_water
from safetensors.torch import load_file, save_file

from c2gm.errors import TrainingError
from c2gm.models.checkpoints import describe_file, load_sgdm
from c2gm.models.presets import mini
from c2gm.models.sgdm import SGDM
from c2gm.training.assemble import assemble, choose, mean_model
from c2gm.training.records import write_shard
from c2gm.training.train import train


@pytest.fixture
def held_out(tmp_path):
    """One window."""
    write_shard(tmp_path / "held-out" / "a", [block_of_water()])
    return tmp_path / "held-out"


@pytest.fixture
def run(configured):
    """Makes a finished run of a step."""

    def make(stage, name, **changes):
        folder = f"{configured().folder}-{name}"
        return train(configured(stage, steps=1, folder=folder, **changes)).parent

    return make


def test_the_last_run_that_trained_a_weight_decides_it(run, held_out, tmp_path):
    first, second = run("encoder", "one"), run("encoder", "two", seed=1)
    card = assemble([first, second], tmp_path / "model.safetensors", held_out)
    wanted = load_file(second / "weights.safetensors")
    written = load_sgdm(tmp_path / "model.safetensors").state_dict()
    assert all(torch.allclose(written[name], v, atol=1e-3) for name, v in wanted.items())
    assert describe_file(tmp_path / "model.safetensors")["card"] == card
    assert [told["stage"] for told in card["runs"]] == ["encoder", "encoder"]
    assert card["credits"] == ["Procedural towns: C2GM itself"]
    assert set(card["scores"]) >= {"teacher", "no reference", "ceiling"}


@pytest.fixture
def weights_of(tmp_path):
    """Makes a finished run that holds one changed weight of a fresh model."""
    fresh = SGDM(mini()).state_dict()

    def make(name, weight, value):
        (tmp_path / name).mkdir()
        changed = {weight: torch.full_like(fresh[weight], value)}
        save_file(changed, tmp_path / name / "weights.safetensors")
        return tmp_path / name

    return make


def test_the_mean_of_runs_lies_between_them(weights_of):
    name = "unet.net.conv_out.bias"
    runs = [weights_of("one", name, 1.0), weights_of("two", name, 2.0)]
    mean = mean_model([runs[:1], runs[1:]])
    assert (mean.get_parameter(name) == 1.5).all()


def test_runs_on_different_latents_have_no_mean(weights_of):
    name = "vae.quant_conv.bias"
    with pytest.raises(TrainingError, match="different latents"):
        mean_model([[weights_of("one", name, 1.0)], [weights_of("two", name, 2.0)]])


def test_the_best_on_held_out_ground_is_chosen(weights_of, held_out, monkeypatch):
    name = "unet.net.conv_out.bias"
    good, bad = weights_of("good", name, 1.0), weights_of("bad", name, 2.0)
    seen = iter([0.2, 0.6])
    monkeypatch.setattr(
        "c2gm.training.assemble.score_records",
        lambda _records, rows: {name: {"town z16": {"miou": next(seen)}} for name in rows},
    )
    best, reached = choose({"bad": [[bad]], "good": [[good]]}, held_out)
    assert best == "good" and reached == {"bad": 0.2, "good": 0.6}
