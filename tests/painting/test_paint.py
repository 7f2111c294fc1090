import numpy as np
import pytest
from imaginary import TextureModel, imagery_of

from c2gm.errors import ConfigError
from c2gm.grid import TileRange, Window
from c2gm.map_scale import map_scale, scale_text
from c2gm.painting.geometry import MODES, PAPER, SEAMLESS, geometry_of
from c2gm.painting.paint import Painter
from c2gm.painting.window_inputs import WindowInputs, read_imagery
from c2gm.painting.world_noise import WorldNoise

WINDOWS = [Window(x, 20, 12) for x in range(20, 25)]


def inputs_of(windows: list[Window], geometry=SEAMLESS) -> list[WindowInputs]:
    imagery = imagery_of(TileRange(12, 16, 16, 31, 31))
    return [read_imagery(imagery, window, geometry) for window in windows]


def painter(model: TextureModel, geometry=SEAMLESS, text="a map") -> Painter:
    return Painter(model, noise=WorldNoise(1), geometry=geometry, text=text)


def test_a_short_batch_is_padded_to_the_models_shape():
    model = TextureModel(batch=4)
    pictures = painter(model)(inputs_of(WINDOWS[:3]))
    assert pictures.shape == (3, 320, 320, 3)
    assert model.calls == {"features": 1, "sample": 1, "decode": 1}


@pytest.mark.parametrize(
    ("text", "look"), [(scale_text(map_scale(16), 2), 16), ("a map of nowhere", None)]
)
def test_windows_are_read_in_the_look_that_the_text_names(text, look, monkeypatch):
    model, told = TextureModel(), []
    read = model.features

    def features(*seen, **words):
        told.append(seen[2:4])
        return read(*seen, **words)

    monkeypatch.setattr(model, "features", features)
    painter(model, text=text)(inputs_of(WINDOWS[:1]))
    assert told == [(WINDOWS[0].z, look)]


def test_company_and_place_in_a_batch_change_no_picture():
    alone = painter(TextureModel())(inputs_of(WINDOWS[2:3]))
    among = painter(TextureModel())(inputs_of(WINDOWS[:4]))
    np.testing.assert_array_equal(alone[0], among[2])


def test_the_text_is_embedded_once():
    model = TextureModel()
    paint = painter(model)
    paint(inputs_of(WINDOWS[:4]))
    paint(inputs_of(WINDOWS[4:]))
    assert model.embedded == ["a map"]


def test_paper_windows_are_as_large_as_tiles():
    pictures = painter(TextureModel(), PAPER)(inputs_of(WINDOWS[:2], PAPER))
    assert pictures.shape == (2, 256, 256, 3)


def test_a_model_that_answers_in_another_size_is_refused():
    model = TextureModel()
    model.decode = lambda latent: np.zeros((4, 640, 640, 3), dtype=np.uint8)
    with pytest.raises(ConfigError, match=r"\[4, 640, 640, 3\].*\[4, 320, 320, 3\]"):
        painter(model)(inputs_of(WINDOWS[:4]))


def test_an_unknown_mode_is_named():
    with pytest.raises(ConfigError, match="'rounds' is not one of seamless, paper"):
        geometry_of("rounds")
    assert set(MODES) == {"seamless", "paper"}


def test_windows_keep_the_shape_that_networks_need():
    for geometry in MODES.values():
        assert geometry.latent_size % 8 == 0 and (geometry.latent_size * 8 - 256) % 2 == 0
    assert SEAMLESS.latent_size == 40 and PAPER.latent_size == 32
