"""What a run will need, told before anything starts."""

from __future__ import annotations

import dataclasses

import pytest
from torch import nn

from c2gm.errors import ConfigError
from c2gm.models.presets import mini
from c2gm.models.sgdm import count_parameters
from c2gm.training import step_counts
from c2gm.training.plan import GIB, GPUS, plan_counts, plan_run
from c2gm.training.step_counts import count_step


@pytest.fixture
def encoder_counts(configured):
    return count_step(configured("encoder"))


def test_parameters_are_those_of_the_model(encoder_counts):
    expected = count_parameters(mini())
    assert encoder_counts.parameters == expected["all"]["total"]
    assert encoder_counts.trained == expected["mf_encoder"]["total"]


def test_work_and_activations_grow_with_the_batch(configured, encoder_counts):
    four = count_step(configured("encoder", batch=4))
    assert four.flops == pytest.approx(2 * encoder_counts.flops, rel=1e-3)
    assert four.kept_bytes == pytest.approx(2 * encoder_counts.kept_bytes, rel=1e-3)
    assert len(four.operations) == len(encoder_counts.operations)


def test_work_and_activations_of_one_layer_are_counted_by_hand(configured, monkeypatch):
    class OneLayer(nn.Module):
        def __init__(self, model, config):
            super().__init__()
            self.layer = nn.Conv2d(3, 16, 3, padding=1, bias=False, device="meta")
            model.layer = self.layer

        def trained(self):
            return {"layer.weight": self.layer.weight}

        def forward(self, batch, share, chance):
            return self.layer(batch.imagery).sum()

    monkeypatch.setitem(step_counts.STAGES, "vae", OneLayer)
    counts = count_step(configured("vae"))
    one_way = 2 * 2 * 64 * 64 * 9 * 3 * 16  # batch 2, 64 px; imagery needs no gradient
    assert counts.flops == 2 * one_way
    assert counts.kept_bytes == 2 * 3 * 64 * 64 * 4
    assert counts.largest_bytes == 2 * 16 * 64 * 64 * 4


def test_memory_is_added_up_and_compared(configured, encoder_counts):
    config = configured("encoder")
    plan = plan_counts(config, encoder_counts, GPUS["h100"])
    assert plan.memory["gradients"] == 4 * encoder_counts.trained
    assert plan.memory["optimiser"] == 8 * encoder_counts.trained
    assert plan.memory["weights"] == 4 * encoder_counts.parameters
    assert plan.memory["activations"] == encoder_counts.kept_bytes
    assert plan.fits and "fits" in plan.text()
    small = dataclasses.replace(GPUS["t4"], memory=GIB)
    assert not plan_counts(config, encoder_counts, small).fits
    without = plan_counts(configured("encoder", ema=0.0), encoder_counts, GPUS["h100"])
    assert without.memory["average"] == 0
    half = plan_counts(configured("encoder", precision="auto"), encoder_counts, GPUS["h100"])
    assert half.precision == "bf16" and half.memory["activations"] < encoder_counts.kept_bytes


def test_steps_and_minutes_follow_from_each_other(configured, encoder_counts):
    by_steps = plan_counts(configured("encoder", steps=500), encoder_counts, GPUS["a100"])
    assert by_steps.steps == 500
    assert by_steps.minutes == pytest.approx(500 * by_steps.seconds_a_step / 60)
    by_time = configured("encoder", steps=0, minutes=10.0, accumulate=3)
    plan = plan_counts(by_time, encoder_counts, GPUS["a100"])
    assert plan.seconds_a_step == pytest.approx(3 * by_steps.seconds_a_step)
    assert plan.minutes == pytest.approx(10, rel=0.01)
    assert plan.crops == plan.steps * 2 * 3


def test_a_faster_device_is_told_to_be_faster(configured):
    counts = count_step(configured("encoder", batch=64, crop=128))
    config = configured("encoder", batch=64, crop=128)
    t4, h100 = (plan_counts(config, counts, GPUS[name]) for name in ("t4", "h100"))
    assert h100.seconds_a_step < 0.3 * t4.seconds_a_step


def test_the_plan_of_this_processor_is_near_the_truth(configured):
    plan = plan_run(configured("encoder"))
    assert plan.device == "cpu" and plan.fits
    assert 1e-3 < plan.seconds_a_step < 60


def test_an_unknown_device_is_told(configured):
    with pytest.raises(ConfigError, match="'abacus'.*h100"):
        plan_run(configured(), "abacus")
