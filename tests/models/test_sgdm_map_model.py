from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from c2gm.errors import ConfigError
from c2gm.legend import CLASS_ID
from c2gm.models.config import HowToRead, SGDMConfig
from c2gm.models.mf_encoder import Reading
from c2gm.models.presets import mini, tiny
from c2gm.models.sgdm import SGDM
from c2gm.models.sgdm_map_model import SGDMMapModel, weights_hash
from c2gm.painting.map_model import MapModel
from c2gm.sampling import SamplerConfig

SIZE = 64


@pytest.fixture(scope="module")
def network() -> SGDM:
    torch.manual_seed(0)
    return SGDM(mini())


def windows(batch: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (batch, SIZE, SIZE, 3), dtype=np.uint8)


def noise(k: int) -> np.ndarray:
    rng = np.random.default_rng(100 + k)
    return rng.standard_normal((4, 4, SIZE // 8, SIZE // 8)).astype(np.float32)


def paint(
    model: MapModel, imagery: np.ndarray, reference: np.ndarray | None = None, text: str = "x"
) -> np.ndarray:
    features = model.features(imagery, reference)
    return model.decode(model.sample(noise, features, model.embed(text)))


def test_a_window_is_painted_in_whole_grey_levels(network: SGDM) -> None:
    pictures = paint(SGDMMapModel(network), windows(4), windows(4, 1))
    assert pictures.shape == (4, SIZE, SIZE, 3)
    assert pictures.dtype == np.uint8
    assert pictures.flags["C_CONTIGUOUS"]


def test_painting_again_gives_the_same_bytes(network: SGDM) -> None:
    first, again = (paint(SGDMMapModel(network), windows(4)) for _ in range(2))
    assert np.array_equal(first, again)


def test_a_window_is_painted_alike_beside_others(network: SGDM) -> None:
    model = SGDMMapModel(network)
    imagery = windows(4)
    others = imagery.copy()
    others[[0, 2, 3]] = windows(3, 9)
    assert np.array_equal(paint(model, imagery)[1], paint(model, others)[1])
    assert not np.array_equal(paint(model, imagery)[2], paint(model, others)[2])


def test_imagery_reference_and_noise_decide_the_picture(network: SGDM) -> None:
    model = SGDMMapModel(network)
    drawn = paint(model, windows(4))
    assert not np.array_equal(drawn, paint(model, windows(4, 1)))
    assert not np.array_equal(drawn, paint(model, windows(4), windows(4, 2)))
    features, text = model.features(windows(4), None), model.embed("x")
    other = model.decode(model.sample(lambda k: noise(k + 5), features, text))
    assert not np.array_equal(drawn, other)


def test_grey_levels_are_rounded_and_clamped(
    network: SGDM, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SGDMMapModel(network)

    def decoded(pixels: torch.Tensor) -> list[int]:
        monkeypatch.setattr(network, "decode", lambda latent: pixels.expand(1, 3, 1, -1))
        return model.decode(torch.zeros(1, 4, 1, 1))[0, 0, :, 0].tolist()

    levels = torch.arange(256)
    assert decoded(levels / 127.5 - 1) == levels.tolist()
    assert decoded((levels + 0.4) / 127.5 - 1) == levels.tolist()
    # 127.5, the one half that float32 can hold, goes to the even 128.
    assert decoded(torch.tensor([-7.0, 0.0, 7.0])) == [0, 128, 255]


def test_black_and_white_enter_as_minus_one_and_one(
    network: SGDM, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SGDMMapModel(network)
    seen: list[torch.Tensor] = []
    read = network.mf_encoder.read
    monkeypatch.setattr(
        network.mf_encoder,
        "read",
        lambda imagery, *more: (seen.append(imagery), read(imagery, *more))[1],
    )
    picture = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    picture[:, :, :, 2] = 255
    model.features(picture, None)
    assert seen[0].shape == (1, 3, SIZE, SIZE)
    assert seen[0][:, 0].unique().tolist() == [-1.0]
    assert seen[0][:, 2].unique().tolist() == [1.0]


def test_each_text_is_read_once(network: SGDM, monkeypatch: pytest.MonkeyPatch) -> None:
    model = SGDMMapModel(network)
    asked: list[str] = []
    embed = network.embed
    monkeypatch.setattr(network, "embed", lambda texts: (asked.extend(texts), embed(texts))[1])
    model.embed("a")
    model.embed("b")
    assert model.embed("a") is model.embed("a")
    assert asked == ["a", "b"]


def test_guidance_asks_the_empty_text_with_the_features_kept(network: SGDM) -> None:
    plain = SGDMMapModel(network, SamplerConfig("ddim", 2, 1.0))
    strong = SGDMMapModel(network, SamplerConfig("ddim", 2, 3.0))
    imagery = windows(4)
    assert not np.array_equal(paint(plain, imagery), paint(strong, imagery))
    # With the empty text both predictions are one, whatever the scale.
    features = strong.features(imagery, None)
    latents = [m.sample(noise, features, m.embed("")) for m in (plain, strong)]
    assert torch.allclose(*latents, atol=1e-4)


def test_strong_guidance_is_allowed_with_a_warning(
    network: SGDM, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        SGDMMapModel(network, SamplerConfig("ddim", 2, 3.0))
        assert not caplog.records
        SGDMMapModel(network, SamplerConfig("ddim", 2, 3.5))
    assert "palette" in caplog.text


def test_the_identity_names_what_decides_the_bytes(network: SGDM) -> None:
    model = SGDMMapModel(network, SamplerConfig("dpmpp_2m", 6, 1.5), batch=2)
    identity = model.identity
    assert identity["model"] == weights_hash(network)
    assert identity["sampler"] == "dpmpp_2m"
    assert (identity["steps"], identity["guidance_scale"], identity["batch"]) == (6, 1.5, 2)
    assert identity["dtype"] == "float32"
    assert identity["device"].startswith("cpu (")
    assert identity["threads"] == torch.get_num_threads()
    assert SGDMMapModel(network, model_hash="abc").identity["model"] == "abc"


def test_the_models_defaults_are_used_unless_told(network: SGDM) -> None:
    model = SGDMMapModel(network)
    assert (model.sampler.name, model.sampler.steps, model.batch) == ("ddim", 2, 4)
    assert model.sampler.denoise == model.identity["denoise"] == 0.5


def test_drawing_from_noise_alone_has_the_identity_that_it_always_had(network: SGDM) -> None:
    assert "denoise" not in SGDMMapModel(network, SamplerConfig("ddim", 4)).identity


def test_drawing_starts_from_what_is_read(network: SGDM) -> None:
    model = SGDMMapModel(network, SamplerConfig("ddim", 1, denoise=0.01))
    features = model.features(windows(4), None)
    text = model.embed("")
    assert features.classes is not None
    drawn = model.sample(noise, features, text)
    other = replace(features, classes=(features.classes + 1) % 13)
    assert not torch.equal(drawn, model.sample(noise, other, text))
    with pytest.raises(ConfigError, match="no class head"):
        model.sample(noise, replace(features, classes=None), text)


def test_the_hash_follows_the_weights_and_not_the_object(network: SGDM) -> None:
    other = SGDM(mini())
    other.load_state_dict(network.state_dict())
    assert weights_hash(other) == weights_hash(network)
    with torch.no_grad():
        other.unet.net.conv_out.bias[0] += 1e-3
    assert weights_hash(other) != weights_hash(network)


def test_half_precision_paints_nearly_the_same(network: SGDM) -> None:
    exact = paint(SGDMMapModel(network), windows(4)).astype(int)
    half = SGDM(mini())
    half.load_state_dict(network.state_dict())
    rounded = SGDMMapModel(half.to(torch.bfloat16))
    assert rounded.identity["dtype"] == "bfloat16"
    assert np.abs(paint(rounded, windows(4)) - exact).mean() < 3


def test_the_authors_model_without_reference_is_one_clear_error() -> None:
    config: SGDMConfig = replace(tiny(), default_steps=2)
    with pytest.raises(ConfigError, match="needs a reference"):
        SGDMMapModel(SGDM(config)).features(windows(4), None)


def test_numbers_out_of_range_are_refused_and_not_painted_black(network: SGDM) -> None:
    model = SGDMMapModel(network)
    latent = torch.zeros(4, 4, SIZE // 8, SIZE // 8)
    assert model.decode(latent).shape == (4, SIZE, SIZE, 3)
    latent[1, 0, 2, 2] = float("inf")
    with pytest.raises(ConfigError, match="leave the range of float32.*--dtype fp32"):
        model.decode(latent)


def test_each_zoom_is_read_as_the_models_file_says(
    network: SGDM, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(
        network.config, four_views_until=17, unreferenced_views=False, road_shifts=(1.0, 0.4)
    )
    expected = {
        14: (True, 1.0),
        15: (True, 0.4),
        17: (True, 0.0),
        18: (False, 0.0),
        13: (True, 0.0),
    }
    for zoom, (views, shift) in expected.items():
        assert config.how_to_read(zoom) == HowToRead(views, road_shift=shift)
    assert config.how_to_read(None) == HowToRead(four_views=True)
    assert SGDMConfig().how_to_read(14) == SGDMConfig().how_to_read(None) == HowToRead()
    streets = replace(config, street_shifts=(0.0, 2.6))
    assert streets.how_to_read(15) == HowToRead(True, road_shift=0.4, street_shift=2.6)
    assert streets.how_to_read(16) == config.how_to_read(16)
    wary = replace(config, unreferenced_views=True)
    assert wary.how_to_read(15) == HowToRead(True, unreferenced=True, road_shift=0.4)
    assert wary.how_to_read(15, trusts=True) == HowToRead(True, road_shift=0.4)
    assert wary.how_to_read(18) == HowToRead()
    monkeypatch.setattr(network, "config", config)
    model, pixels = SGDMMapModel(network), windows(4)
    drafts = {}
    for zoom in (14, 17, 18):
        features = model.features(pixels, None, zoom)
        told = network.features(model.to_pixels(pixels), how=config.how_to_read(zoom))
        assert features.draft is not None and told.draft is not None
        assert torch.equal(features.draft, told.draft)
        assert all(map(torch.equal, features.maps, told.maps))
        drafts[zoom] = features.draft
    assert not torch.equal(drafts[14], drafts[17]) and not torch.equal(drafts[17], drafts[18])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"street_shifts": (0.0, 2.0)}, "'street_shifts' are of a class head of 13 classes"),
        ({"unreferenced_views": True}, "can read without a reference.*use norm 'group'"),
    ],
)
def test_readings_that_a_model_cannot_give_are_refused(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        SGDM(replace(tiny(), **changes))


def test_maps_above_their_last_zoom_show_ground_where_a_built_up_area_is_read(
    network: SGDM,
) -> None:
    told = {look: network.config.how_to_read(18, look) for look in (None, 16, 17, 18)}
    assert {look: how.built_up for look, how in told.items()} == {
        None: True,
        16: True,
        17: False,
        18: False,
    }
    logits = torch.randn(2, 13, 16, 16, generator=torch.Generator().manual_seed(3))
    logits[:, CLASS_ID["built-up area"]] += 2
    draft, classes = network.mf_encoder.draft_and_classes(logits, told[16])
    shown, without = network.mf_encoder.draft_and_classes(logits, told[17])
    built_up = classes == CLASS_ID["built-up area"]
    assert built_up.any() and bool((without[built_up] == CLASS_ID["ground"]).all())
    assert torch.equal(without[~built_up], classes[~built_up])
    by_class, shown_by_class = (part.unflatten(1, (13, -1)) for part in (draft, shown))
    assert bool((shown_by_class[:, CLASS_ID["built-up area"]] == 0).all())
    assert torch.allclose(by_class.sum(1), shown_by_class.sum(1), atol=1e-5)
    assert torch.equal(by_class[:, CLASS_ID["water"]], shown_by_class[:, CLASS_ID["water"]])


def test_what_is_read_is_what_maps_of_the_look_show(
    network: SGDM, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built_up_everywhere(how: HowToRead, reading: Reading, *_: Any) -> torch.Tensor:
        logits = torch.zeros(4, 13, SIZE, SIZE)
        logits[:, CLASS_ID["built-up area"]] = 9
        return logits

    monkeypatch.setattr(network.mf_encoder, "logits_as_drawn", built_up_everywhere)
    model = SGDMMapModel(network)
    for look, name in ((16, "built-up area"), (17, "ground"), (None, "built-up area")):
        features = model.features(windows(4), None, 17, look)
        assert features.classes is not None and features.draft is not None
        assert bool((features.classes == CLASS_ID[name]).all())
        assert bool((features.draft.unflatten(1, (13, -1))[:, CLASS_ID[name]] > 0.9).all())


def test_what_was_read_elsewhere_is_drawn(network: SGDM) -> None:
    model, pixels, others = SGDMMapModel(network), windows(4), windows(4)[::-1]
    read = model.read_classes(pixels, None, 16, 16)
    assert read.dtype == np.uint8 and read.shape == (4, 13, SIZE, SIZE)
    assert np.abs(read.sum(axis=1, dtype=int) - 255).max() <= 13 / 2
    own = model.features(pixels, None, 16, 16)
    given = model.features(pixels, None, 16, 16, read / np.float32(255))
    assert own.draft is not None and given.draft is not None
    assert torch.allclose(own.draft, given.draft, atol=0.02)
    assert all(map(torch.equal, own.maps, given.maps))
    elsewhere = model.features(others, None, 16, 16, read / np.float32(255))
    assert elsewhere.draft is not None and torch.equal(elsewhere.draft, given.draft)
    assert not torch.equal(elsewhere.maps[0], given.maps[0])


def test_a_model_tells_whether_it_reads_classes(network: SGDM) -> None:
    model = SGDMMapModel(network)
    assert model.reads_classes and model.identity["reading"] == "corners"
    config = replace(tiny(), unet=replace(tiny().unet, draft_channels=0))
    plain = SGDMMapModel(SGDM(config))
    assert not plain.reads_classes and "reading" not in plain.identity
