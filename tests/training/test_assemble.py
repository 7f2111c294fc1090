"""From finished runs to one model file."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from c2gm.errors import TrainingError
from c2gm.models.checkpoints import describe_file, load_sgdm
from c2gm.training.assemble import assemble, choose, mean_model
from c2gm.training.train import train


@pytest.fixture
def run(configured):
    """Makes a finished run of a step."""

    def make(stage, name, **changes):
        folder = f"{configured().folder}-{name}"
        return train(configured(stage, steps=1, folder=folder, **changes)).parent

    return make


def test_the_last_run_that_trained_a_weight_decides_it(run, records, tmp_path):
    first, second = run("encoder", "one"), run("encoder", "two", seed=1)
    card = assemble([first, second], tmp_path / "model.safetensors", records)
    wanted = load_file(second / "weights.safetensors")
    written = load_sgdm(tmp_path / "model.safetensors").state_dict()
    assert all(torch.allclose(written[name], v, atol=1e-3) for name, v in wanted.items())
    assert describe_file(tmp_path / "model.safetensors")["card"] == card
    assert [told["stage"] for told in card["runs"]] == ["encoder", "encoder"]
    assert card["credits"] == ["Procedural towns: C2GM itself"]
    assert set(card["scores"]) >= {"teacher", "no reference", "ceiling"}


def test_the_mean_of_runs_lies_between_them(run):
    one, two = run("decoder", "one"), run("decoder", "two", rate=0.5)
    name = next(n for n in load_file(one / "weights.safetensors") if n.endswith("conv_out.weight"))
    ends = [load_file(folder / "weights.safetensors")[name] for folder in (one, two)]
    mean = mean_model([[one], [two]]).state_dict()[name]
    assert torch.allclose(mean, (ends[0] + ends[1]) / 2) and not torch.equal(ends[0], ends[1])


def test_runs_on_different_latents_have_no_mean(run):
    with pytest.raises(TrainingError, match="different latents"):
        mean_model([[run("vae", "one")], [run("vae", "two", rate=0.5)]])


def test_the_best_on_held_out_ground_is_chosen(run, records, monkeypatch):
    good, bad = run("decoder", "good"), run("decoder", "bad", rate=0.5)
    seen = iter([0.2, 0.6])
    monkeypatch.setattr(
        "c2gm.training.assemble.score_records",
        lambda _records, rows: {name: {"town z16": {"miou": next(seen)}} for name in rows},
    )
    name, reached = choose({"bad": [[bad]], "good": [[good]]}, records)
    assert name == "good" and reached == {"bad": 0.2, "good": 0.6}
