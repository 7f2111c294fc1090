import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_maps import GROUND, ROAD, WATER, YELLOW, noisy, road_from, two_halves

from c2gm.evaluation import fidelity

HALVES = two_halves(GROUND, WATER, 128)
STREET = road_from(124)
PLAIN = two_halves(GROUND, GROUND, 0)


# Values measured once with BasicSR's luma and scikit-image: PSNR-Y, PSNR-RGB, SSIM-Y.
@pytest.mark.parametrize(
    ("drawn", "truth", "expected"),
    [
        (HALVES, two_halves(GROUND, WATER, 132), (35.6701, 33.1334, 0.97029)),
        (HALVES, two_halves(GROUND, WATER, 129), (41.6907, 39.1540, 0.98775)),
        (STREET, road_from(126), (43.5485, 41.3782, 0.98132)),
        (STREET, PLAIN, (40.5382, 38.3679, 0.98598)),
        (road_from(124, YELLOW), PLAIN, (36.3857, 26.6686, 0.97548)),
        (HALVES, PLAIN, (20.6186, 18.0819, 0.97601)),
    ],
)
def test_known_pairs_have_their_published_values(drawn, truth, expected):
    found = (
        fidelity.psnr_y(drawn, truth),
        fidelity.psnr_rgb(drawn, truth),
        fidelity.ssim_y(drawn, truth),
    )
    assert found == pytest.approx(expected, abs=1e-3)


def test_luma_of_the_colours_is_that_of_the_studio_range():
    colours = np.array([GROUND, WATER, ROAD, YELLOW])
    assert fidelity.luma(colours) == pytest.approx([221.442, 187.858, 235.0, 199.573], abs=1e-3)


def test_psnr_of_equal_pictures_is_capped():
    assert fidelity.psnr_y(STREET, STREET) == fidelity.psnr_rgb(STREET, STREET) == 60


def test_deleting_a_street_costs_less_psnr_than_a_shore_moved_by_four_pixels():
    moved_shore = fidelity.psnr_y(HALVES, two_halves(GROUND, WATER, 132))
    assert fidelity.psnr_y(PLAIN, STREET) > moved_shore


def test_luma_is_blind_to_a_change_of_hue_that_rgb_sees():
    green, purple = (120, 180, 120), (190, 141, 170)
    a, b = two_halves(GROUND, green, 128), two_halves(GROUND, purple, 128)
    assert fidelity.psnr_y(a, b) > fidelity.psnr_rgb(a, b) + 10
    assert fidelity.ssim_rgb(a, b) < fidelity.ssim_y(a, b)


def test_ssim_of_a_picture_smaller_than_its_window_is_refused():
    with pytest.raises(ValueError, match="at least 11 px"):
        fidelity.ssim_y(STREET[:8, :8], STREET[:8, :8])


@settings(max_examples=15, deadline=None)
@given(first=st.integers(0, 2**31), second=st.integers(0, 2**31))
def test_fidelity_is_symmetric_bounded_and_perfect_only_for_equals(first, second):
    a, b = noisy(first, 24), noisy(second, 24)
    for measure, most in (
        (fidelity.psnr_y, 60),
        (fidelity.psnr_rgb, 60),
        (fidelity.ssim_y, 1),
        (fidelity.ssim_rgb, 1),
    ):
        assert measure(a, b) == pytest.approx(measure(b, a))
        assert measure(a, a) == pytest.approx(most)
        assert -1 <= measure(a, b) <= most
