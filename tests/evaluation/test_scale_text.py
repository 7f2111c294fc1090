import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2gm.evaluation.scale_text import (
    LOOKS,
    LookSamples,
    kendall_tau,
    score_scale_text,
    true_looks,
)
from c2gm.legend import CLASS_ID, palette

GROWING = np.array([[1.0, 2, 3, 4, 5], [2.0, 4, 6, 8, 10]])


def look(seed, zoom):
    """A window that shows more the higher the zoom; houses from zoom 17."""
    rng = np.random.default_rng(seed)
    ids = np.full((96, 96), CLASS_ID["ground"], dtype=np.uint8)
    names = ["wood", "water", "street", "building", "building"][: zoom - 13]
    for name in names:
        for _ in range(3):
            row, column = rng.integers(0, 72, 2)
            ids[row : row + 14, column : column + 14] = CLASS_ID[name]
    return palette()[ids]


class Obedient:
    """Draws what the text says; or ignores it; seeds add houses."""

    batch, latent_channels = 4, 4

    def __init__(self, *, reads=True, whim=0):
        self._reads, self._whim = reads, whim

    def features(self, imagery, reference, zoom=None, look=None):
        assert reference is None
        return imagery[:, 0, 0, 0]

    def embed(self, text):
        return int(text.partition("tile zoom level ")[2].partition(",")[0])

    def sample(self, noise, features, text):
        return features, text if self._reads else 17, noise(0)

    def decode(self, latent):
        seeds, zoom, noise = latent
        pictures = np.stack([look(int(seed), zoom) for seed in seeds])
        if self._whim and zoom == 18:
            count = int(abs(noise[0, 0, 0, 0]) * self._whim)
            pictures[:, :count, :count] = palette()[CLASS_ID["building"]]
        return pictures


IMAGERY = [np.full((96, 96, 3), seed, np.uint8) for seed in range(6)]


@pytest.fixture(scope="module")
def truth():
    return true_looks(look, len(IMAGERY))


def test_tau_is_one_in_order_minus_one_in_reverse_and_zero_in_ties():
    assert kendall_tau(GROWING, GROWING) == 1
    assert kendall_tau(GROWING[:, ::-1], GROWING) == -1
    assert kendall_tau(np.ones((2, 5)), GROWING) == 0


def test_pairs_between_which_the_style_does_not_change_do_not_count():
    true = np.array([[1.0, 1.01, 2, 2.02, 4]])
    drawn = np.array([[1.0, 0.5, 2, 1.9, 4]])  # wrong in those pairs alone
    assert kendall_tau(drawn, true) == 1
    assert np.isnan(kendall_tau(drawn, np.ones((1, 5))))


@given(st.permutations(range(5)), st.floats(0.1, 50))
def test_tau_is_bounded_and_blind_to_the_unit(order, factor):
    drawn = GROWING[:, list(order)]
    tau = kendall_tau(drawn, GROWING)
    assert -1 <= tau <= 1
    assert kendall_tau(factor * drawn, GROWING) == tau


def test_a_model_that_obeys_the_text_has_tau_and_effect_one(truth):
    scores = score_scale_text(Obedient(), IMAGERY, truth)
    assert scores.tau == 1 and scores.effect == pytest.approx(1)
    assert scores.seed_spread == 0 and abs(scores.shuffled_tau) < 0.6
    assert scores.windows == len(IMAGERY)


def test_a_model_that_ignores_the_text_has_neither(truth):
    scores = score_scale_text(Obedient(reads=False), IMAGERY, truth)
    assert scores.tau == 0 and scores.effect == 0


def test_the_whim_of_a_seed_shows_as_spread(truth):
    assert score_scale_text(Obedient(whim=40), IMAGERY, truth).seed_spread > 0.05


def test_samples_hold_every_window_in_every_look(truth):
    assert isinstance(truth, LookSamples)
    assert truth.detail.shape == truth.buildings.shape == (len(IMAGERY), len(LOOKS))
    assert (truth.buildings[:, LOOKS.index(18)] > truth.buildings[:, LOOKS.index(16)]).all()
