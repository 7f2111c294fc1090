import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2gm.painting.feather import feather_tile, feather_weights

AROUND = [(dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


def windows_of(mosaic: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Window pictures cut from a mosaic whose middle tile begins at (288, 288)."""
    return {(dx, dy): mosaic[256 + dy * 256 :, 256 + dx * 256 :][:320, :320] for dx, dy in AROUND}


def test_weights_of_neighbours_sum_to_one():
    weights = feather_weights()
    assert weights.shape == (320,) and weights.dtype == np.float32
    np.testing.assert_allclose(weights[:64] + weights[256:], 1, atol=1e-6)
    np.testing.assert_array_equal(weights[64:256], 1)


def test_weights_rise_by_half_a_cosine():
    weights = feather_weights()
    steps = np.arange(64)
    np.testing.assert_allclose(
        weights[:64], 0.5 - 0.5 * np.cos(np.pi * (steps + 0.5) / 64), atol=1e-6
    )
    np.testing.assert_allclose(weights[::-1], weights, atol=1e-6)


@pytest.mark.parametrize("level", range(256))
def test_a_constant_picture_survives_exactly(level):
    picture = np.full((320, 320, 3), level, dtype=np.uint8)
    tile = feather_tile(dict.fromkeys(AROUND, picture))
    assert tile.dtype == np.uint8 and (tile == level).all()


def test_windows_that_agree_give_the_mosaic_exactly():
    mosaic = np.random.default_rng(0).integers(0, 256, (832, 832, 3), dtype=np.uint8)
    tile = feather_tile(windows_of(mosaic))
    np.testing.assert_array_equal(tile, mosaic[288:544, 288:544])


def test_windows_are_summed_by_their_weights_over_the_overlap():
    pictures = {offset: np.zeros((320, 320, 3), dtype=np.uint8) for offset in AROUND}
    pictures[1, 0] = np.full((320, 320, 3), 200, dtype=np.uint8)
    tile = feather_tile(pictures)
    assert (tile[:, :224] == 0).all()
    expected = np.rint(200 * feather_weights()[:32])
    np.testing.assert_array_equal(tile[128, 224:, 0], expected)


@given(missing=st.sets(st.sampled_from([offset for offset in AROUND if offset != (0, 0)])))
def test_missing_windows_leave_a_constant_picture_as_it_is(missing):
    picture = np.full((320, 320, 3), 199, dtype=np.uint8)
    tile = feather_tile({offset: picture for offset in AROUND if offset not in missing})
    assert (tile == 199).all()


def test_a_tile_alone_is_the_middle_of_its_window():
    picture = np.random.default_rng(1).integers(0, 256, (320, 320, 3), dtype=np.uint8)
    np.testing.assert_array_equal(feather_tile({(0, 0): picture}), picture[32:288, 32:288])


def test_the_order_in_which_windows_come_changes_nothing():
    generator = np.random.default_rng(2)
    pictures = {o: generator.integers(0, 256, (320, 320, 3), dtype=np.uint8) for o in AROUND}
    backwards = dict(reversed(list(pictures.items())))
    np.testing.assert_array_equal(feather_tile(pictures), feather_tile(backwards))
