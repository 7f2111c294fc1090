from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from c2gm.errors import ConfigError
from c2gm.models.presets import mini, sd21, tiny
from c2gm.models.sgdm import SGDM, count_parameters, trainable_parameters


@pytest.fixture(scope="module")
def model() -> SGDM:
    torch.manual_seed(0)
    return SGDM(mini()).eval()


def test_the_full_model_has_the_authors_parameters_part_by_part() -> None:
    assert count_parameters(sd21()) == {
        "mf_encoder": {"trainable": 5_278_208, "total": 5_278_208},
        "sf_adapter": {"trainable": 47_708_800, "total": 47_708_800},
        "unet": {"trainable": 99_926_400, "total": 865_910_724},
        "vae": {"trainable": 0, "total": 83_653_863},
        "text": {"trainable": 0, "total": 354_032_641},
        "all": {"trainable": 152_913_408, "total": 1_356_584_236},
    }


@pytest.mark.parametrize(("arm", "trained"), [("ref", 150_846_848), ("origin", 149_682_944)])
def test_the_other_arms_train_as_many_parameters_as_the_authors(arm: str, trained: int) -> None:
    assert count_parameters(sd21(arm))["all"]["trainable"] == trained  # type: ignore[arg-type]


def test_mini_fits_its_file() -> None:
    counts = count_parameters(mini())
    assert counts["all"]["total"] * 2 < 24 * 2**20
    assert counts["unet"]["total"] == pytest.approx(7_159_000, rel=1e-3)
    assert counts["sf_adapter"]["total"] == 923_008


def test_the_paper_trains_the_adapter_and_160_attention_tensors() -> None:
    with torch.device("meta"):
        built = SGDM(sd21())
    trained = trainable_parameters(built)
    attention = [name for name in trained if name.startswith("unet.")]
    assert len(attention) == 160
    assert len(trained) == 251
    assert all(".attn1." in name or ".attn2." in name for name in attention)


def test_features_are_scaled_once_by_the_control_factor() -> None:
    torch.manual_seed(0)
    model = SGDM(tiny()).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        f_cond = model.mf_encoder(picture, picture)
        plain = model.sf_adapter(f_cond)
        features = model.features(picture, picture)
    assert features.draft is None
    assert features.reference_latent is None
    for scaled, feature in zip(features.maps, plain, strict=True):
        assert torch.allclose(scaled, feature * 0.18215)


def test_features_of_a_known_reading_are_the_same(model: SGDM) -> None:
    picture = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        reading = model.mf_encoder.read(picture)
        logits = model.mf_encoder.class_logits(reading)
        again, whole = model.features_from(reading, logits), model.features(picture)
    assert all(torch.equal(a, b) for a, b in zip(again.maps, whole.maps, strict=True))
    assert again.draft is not None and whole.draft is not None
    assert torch.equal(again.draft, whole.draft)


def test_the_draft_steers_the_prediction_without_a_gradient(model: SGDM) -> None:
    features = model.features(torch.rand(1, 3, 64, 64))
    assert features.draft is not None
    assert features.draft.shape == (1, mini().unet.draft_channels, 8, 8)
    cells = mini().mf_encoder.draft_cells ** 2
    assert torch.allclose(features.draft.sum(dim=1), torch.full((1, 8, 8), float(cells)))
    latent, text = torch.randn(1, 4, 8, 8), model.embed([""])
    with torch.no_grad():
        steered = model.predict(latent, torch.tensor(999), text, features)
        plain = model.predict(latent, torch.tensor(999), text, replace(features, draft=None))
    assert not torch.allclose(steered, plain)


def test_one_text_serves_the_whole_batch(model: SGDM) -> None:
    with torch.no_grad():
        features = model.features(torch.rand(3, 3, 64, 64))
        text = model.embed(["geographical map tile"])
        latent, timestep = torch.randn(3, 4, 8, 8), torch.tensor(500)
        once = model.predict(latent, timestep, text, features)
        repeated = model.predict(latent, timestep.expand(3), text.repeat(3, 1, 1), features)
    assert torch.equal(once, repeated)


def test_latents_carry_the_scaling_factor() -> None:
    torch.manual_seed(0)
    model = SGDM(tiny()).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        mean, _ = model.vae.encode(picture)
        latent = model.encode(picture)
        assert torch.equal(latent, mean * 0.18215)
        assert torch.allclose(model.decode(latent), model.vae.decode(mean), atol=1e-5)


def test_a_draft_of_another_size_than_the_u_net_reads_is_refused() -> None:
    config = mini()
    encoder = replace(config.mf_encoder, draft_cells=2)
    with pytest.raises(ConfigError, match="reads 208 draft channels, but MFEncoder gives 52"):
        SGDM(replace(config, mf_encoder=encoder))
