"""What each stage trains, and what its loss sees."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from formula_weights import GOLDEN
from golden_cases import case, pixels, tiny_model
from torch import nn

from c2gm.errors import ConfigError
from c2gm.map_scale import NO_SCALE_TEXT, map_scale, scale_text
from c2gm.models.config import ScheduleConfig
from c2gm.models.presets import PRESETS, mini
from c2gm.models.sgdm import trainable_parameters
from c2gm.sampling import SamplerConfig, timesteps
from c2gm.training.batches import collate
from c2gm.training.chance import Chance
from c2gm.training.crops import CropConfig, cut_crop
from c2gm.training.label_sets import LABEL_ID
from c2gm.training.records import RecordPool
from c2gm.training.stages import STAGES, imprecise, noise_products, noised
from c2gm.training.start import start_model
from c2gm.training.train import Run
from c2gm.training.weight_average import WeightAverage, trained_tensors

CPU = torch.device("cpu")


@pytest.fixture
def batch(records):
    rng = np.random.default_rng(0)
    crop = CropConfig(size=64)
    return collate([cut_crop(record, crop, rng) for record in RecordPool(records).all()])


def stage_of(configured, **changes):
    config = configured("joint", **changes)
    return STAGES["joint"](start_model(config), config)


def test_the_decoder_stage_leaves_the_latents_as_they_are(configured, batch):
    run = Run(configured("decoder"))
    maps = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    before = run.model.vae.encode(maps)[0].detach()
    drawn = run.model.vae.decode(before).detach()
    run.prepare(batch)
    for _ in range(3):
        run.step_once([batch])
    assert torch.equal(run.model.vae.encode(maps)[0], before)
    assert not torch.equal(run.model.vae.decode(before), drawn)


def test_drawing_over_what_was_read_is_trained_at_the_samplers_timesteps(configured, batch):
    stage = stage_of(configured, from_reading=1.0)
    asked = []
    predict = stage.model.predict
    stage.model.predict = lambda x, t, *rest: (asked.append((x, t)), predict(x, t, *rest))[1]
    loss = stage(batch, 0.0, Chance(CPU, 0))
    ((noisy, timestep),) = asked
    assert set(timestep.tolist()) <= {499, 249} and torch.isfinite(loss)
    # What is seen hangs on the imagery that was read, not on the true map alone.
    other = dataclasses.replace(batch, imagery=-batch.imagery)
    stage(other, 0.0, Chance(CPU, 0))
    first = timestep == 499
    assert first.any() and not torch.equal(noisy[first], asked[1][0][first])
    plain = stage_of(configured)
    plain.model.predict = stage.model.predict
    plain(batch, 0.0, Chance(CPU, 0))
    plain(other, 0.0, Chance(CPU, 0))
    assert not set(asked[2][1].tolist()) <= {499, 249}


def test_drawing_over_a_reading_needs_a_model_that_reads(configured):
    config = configured("joint", from_reading=0.5)
    with pytest.raises(ConfigError, match="from_reading"):
        STAGES["joint"](tiny_model("ref_dual_spade"), config)


def test_the_vae_learns(configured, batch):
    run = Run(configured(steps=500))
    run.prepare(batch)
    losses = []
    for _ in range(40):
        run.step_once([batch])
        losses.append(run.losses.mean())
        run.losses.begin_anew()
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])


def test_the_encoder_stands_still_until_it_thaws(configured, batch):
    run = Run(configured("joint", steps=4, freeze=0.5))
    run.prepare(batch)
    encoder = {n: p.detach().clone() for n, p in run.trained.items() if "mf_encoder" in n}
    assert encoder
    moved = []
    for _ in range(4):
        run.step_once([batch])
        moved.append(any(not torch.equal(run.trained[n], p) for n, p in encoder.items()))
    assert moved == [False, False, True, True]
    rates = [group["lr"] for group in run.optimizer.param_groups]
    assert rates[1] == pytest.approx(rates[0] / 10)


@pytest.mark.parametrize("told", [False, True])
def test_only_a_class_head_that_is_told_the_look_learns_that_of_another_zoom(
    configured, batch, told, monkeypatch
):
    encoder = dataclasses.replace(mini().mf_encoder, looks=5 if told else 0)
    model = dataclasses.replace(mini(), mf_encoder=encoder)
    monkeypatch.setitem(PRESETS, "mini", lambda: model)
    other = tuple(zoom - 1 for zoom in batch.zooms)
    read = {}
    for name, zooms in (("coupled", batch.imagery_zooms), ("decoupled", other)):
        stage = stage_of(configured, freeze=0.0)
        loss = stage(dataclasses.replace(batch, zooms=zooms), 1.0, Chance(CPU, 1))
        loss.backward()
        gradient = stage.model.mf_encoder.class_head[2].weight.grad
        read[name] = gradient is not None and bool(gradient.any())
    assert read == {"coupled": True, "decoupled": told}


def test_heads_can_learn_alone(configured, batch):
    run = Run(configured("encoder", steps=1, heads_only=True))
    run.prepare(batch)
    parts = {name.split(".")[1] for name in run.trained}
    assert parts == {"class_head", "class_look", "fine_head"}
    before = {name: p.detach().clone() for name, p in run.model.mf_encoder.named_parameters()}
    run.step_once([batch])
    moved = {
        name.partition(".")[0]
        for name, p in run.model.mf_encoder.named_parameters()
        if not torch.equal(p, before[name])
    }
    assert moved == parts


def test_the_encoder_is_not_told_the_look_of_a_share_of_the_crops_that_have_their_own(
    configured, batch
):
    config = configured("encoder", no_text=1.0)
    stage = STAGES["encoder"](start_model(config), config)
    other = tuple(zoom - 1 for zoom in batch.zooms)
    for zooms, rows in ((batch.imagery_zooms, [0]), (other, [zoom - 13 for zoom in other])):
        stage.zero_grad()
        stage(dataclasses.replace(batch, zooms=zooms), 0.5, Chance(CPU, 1)).backward()
        gradient = stage.model.mf_encoder.class_look.embedding.weight.grad
        assert sorted(set(rows)) == gradient.any(dim=1).nonzero()[:, 0].tolist()


def test_a_share_of_drafts_tends_to_the_true_classes_where_they_are_known(configured, batch):
    labels = torch.full_like(batch.labels, LABEL_ID["as drawn"])
    labels[:, :32] = LABEL_ID["unmapped"]
    batch = dataclasses.replace(batch, labels=labels)
    stage = stage_of(configured, true_drafts=0.5)
    encoder = stage.model.mf_encoder
    logits = torch.randn(*batch.classes.shape[:1], encoder.config.class_head, 64, 64)
    read = encoder.draft_of(logits.softmax(dim=1))
    true = torch.zeros_like(logits).scatter_(1, batch.classes[:, None], 1.0)
    whole = encoder.draft_of(true)
    seen = []
    for step in range(200):
        chance = Chance(CPU, 0)
        chance.begin_step(step)
        told = stage._told_draft(batch, logits, chance)
        assert torch.allclose(told[:, :, :4], read[:, :, :4], atol=1e-6)
        for drawn, first, last in zip(told, read, whole, strict=True):
            moved, way = drawn[:, 4:] - first[:, 4:], last[:, 4:] - first[:, 4:]
            degree = float((moved * way).sum() / (way * way).sum())
            assert torch.allclose(moved, degree * way, atol=1e-5)
            seen.append(degree)
    assert np.mean(np.array(seen) < 1e-6) == pytest.approx(0.5, abs=0.08)
    assert np.mean(np.array(seen) > 0.5) == pytest.approx(0.25, abs=0.08)
    assert max(seen) <= 1 + 1e-5


def test_told_drafts_are_what_the_drawing_learns_from(configured, batch):
    losses = []
    for share in (0.0, 1.0):
        stage = stage_of(configured, true_drafts=share)
        with torch.no_grad():
            stage.model.unet.net.conv_in.weight[:, 4:].normal_()
        losses.append(float(stage(batch, 0.0, Chance(CPU, 1))))
    assert losses[0] != losses[1]


def test_timesteps_lean_to_high_noise(configured):
    drawn = stage_of(configured)._timesteps(2000, Chance(CPU, 0)).numpy()
    assert drawn.min() >= 0 and drawn.max() <= 999
    assert np.mean(drawn > 999 * 0.5**0.4) == pytest.approx(0.5, abs=0.04)


def test_the_few_step_polish_trains_the_sampler_s_timesteps_alone(configured):
    sampled = timesteps(SamplerConfig("ddim", 4), ScheduleConfig())
    stage = stage_of(configured, timesteps=tuple(sampled))
    values, counts = np.unique(stage._timesteps(2000, Chance(CPU, 0)), return_counts=True)
    assert values.tolist() == sorted(sampled) == [249, 499, 749, 999]
    assert counts.min() > 0.2 * counts.sum()


def test_texts_are_left_out_in_their_share(configured, batch):
    stage = stage_of(configured, no_text=0.4)
    texts: list[list[str]] = []
    stage.model.embed = lambda distinct: texts.append(distinct) or torch.zeros(1, 77, 128)
    one = dataclasses.replace(batch, zooms=(16,), cascade_factors=(2,))
    chance = Chance(CPU, 0)
    for step in range(600):
        chance.begin_step(step)
        stage._text(one, chance)
    told = [distinct[0] for distinct in texts]
    assert told.count(scale_text(map_scale(16), 2)) / 600 == pytest.approx(0.6, abs=0.06)
    assert told.count("") / 600 == pytest.approx(0.28, abs=0.06)
    assert told.count(NO_SCALE_TEXT) / 600 == pytest.approx(0.12, abs=0.06)


def test_a_step_draws_the_same_numbers_whenever_it_is_taken():
    one, two = Chance(CPU, 5), Chance(CPU, 5)
    one.normal((3, 4))
    one.begin_step(8)
    two.begin_step(8)
    assert torch.equal(one.normal((2, 2)), two.normal((2, 2)))
    assert one.host_uniform(3) == two.host_uniform(3)
    two.begin_step(9)
    one.begin_step(8)
    assert not torch.equal(one.uniform(4), two.uniform(4))


def test_noise_is_added_as_in_the_authors_schedule():
    golden = case("schedule")["alphas_cumprod"].float()
    products = noise_products(ScheduleConfig())
    assert torch.allclose(products, golden, rtol=1e-5)
    clean, noise = torch.full((1, 4, 2, 2), 2.0), torch.full((1, 4, 2, 2), 3.0)
    noisy, target = noised(clean, noise, products[[499]], "sample")
    assert torch.equal(target, clean)
    assert noisy[0, 0, 0, 0] == pytest.approx(
        float(2 * golden[499].sqrt() + 3 * (1 - golden[499]).sqrt())
    )
    assert noised(clean, noise, products[[499]], "epsilon")[1] is noise
    velocity = noised(clean, noise, products[[499]], "v_prediction")[1]
    recovered = products[499].sqrt() * noisy - (1 - products[499]).sqrt() * velocity
    assert torch.allclose(recovered, clean, atol=1e-5)


@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_the_paper_s_loss_is_the_golden_one(configured, kind):
    golden, expected = case("train"), json.loads((GOLDEN / "case_train.json").read_text())
    model = tiny_model().train()
    stage = STAGES["paper"](model, configured("paper", architecture="tiny", loss=kind))
    features = model.features(pixels(golden["rs_u8"]), pixels(golden["ref_u8"]))

    class Given(Chance):
        def normal(self, shape):
            return golden["noise"].reshape(tuple(shape))

    stage._text = lambda batch, chance: golden["context"]
    loss = stage._prediction_loss(None, features, golden["z0"], golden["t"].long(), Given(CPU, 0))
    assert float(loss.detach()) == pytest.approx(expected[f"loss_{kind}"], rel=1e-5)


def test_the_paper_trains_adapter_and_attention_alone(configured):
    run = Run(configured("paper", architecture="tiny", base="", no_reference=0.0))
    assert set(run.trained) == set(trainable_parameters(run.model))
    assert not run.model.vae.net.encoder.conv_in.weight.requires_grad


def test_statistics_of_norms_are_averaged_and_kept(configured):
    model = tiny_model().train()
    stage = STAGES["paper"](model, configured("paper", architecture="tiny"))
    tensors = trained_tensors(model, stage.trained())
    statistics = [name for name in tensors if name.endswith(("running_mean", "running_var"))]
    assert len(statistics) == 6 and all(name.startswith("mf_encoder.spade") for name in statistics)
    average = WeightAverage(tensors, 0.9)
    with torch.no_grad():
        tensors[statistics[0]].fill_(8.0)
    before = average.values[statistics[0]].clone()
    average.update(4)
    after = average.values[statistics[0]]
    assert ((before < after) & (after < 8)).all()
    with average.applied():
        assert torch.equal(model.get_buffer(statistics[0]), after)
    assert (model.get_buffer(statistics[0]) == 8).all()


def test_without_a_memory_the_average_is_the_model_itself(configured):
    layer = nn.Linear(2, 2)
    average = WeightAverage({name: p.detach() for name, p in layer.named_parameters()}, 0.0)
    with torch.no_grad():
        layer.weight.fill_(3)
    average.update(1)
    assert (average.values["weight"] == 3).all()


def test_the_decoder_learns_from_latents_some_of_which_are_nearly_exact():
    latent = torch.randn(64, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    off = (imprecise(latent, Chance(CPU, 0)) - latent).square().mean((1, 2, 3)).sqrt()
    assert off.min() < 0.05
    assert 0.1 < off.median() < 0.5
    assert off.max() < 1.0
