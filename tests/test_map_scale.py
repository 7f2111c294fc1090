import json
from pathlib import Path

import pytest

from c2gm.errors import ConfigError
from c2gm.map_scale import NO_SCALE_TEXT, map_scale, scale_text, zoom_of_text, zoom_step

GOLDEN = Path(__file__).parent / "golden"


def golden_prompts() -> list[tuple[int, int, str]]:
    """(zoom, cascade factor, text) of the golden texts that name a zoom."""
    cases = json.loads((GOLDEN / "case_text.json").read_text(encoding="utf-8"))["prompts"]
    return [(c["zoom"], c["scale"], c["prompt"]) for c in cases if "tile zoom" in c["prompt"]]


@pytest.mark.parametrize(("zoom", "factor", "text"), golden_prompts())
def test_a_scale_text_is_the_authors_letter_by_letter(zoom, factor, text):
    assert scale_text(map_scale(zoom), factor) == text


def test_the_golden_texts_hold_both_factors_of_the_papers_zooms():
    assert {case[:2] for case in golden_prompts()} == {
        (zoom, factor) for zoom in range(14, 19) for factor in (2, 4)
    }


def test_without_a_reference_the_text_says_nothing_of_one():
    assert scale_text(map_scale(16), None) == (
        "geographical map tile, tile zoom level 16, map resolution 2.389m/pixel, "
        "map scale 1:8000, examples of areas to represent: street"
    )
    assert scale_text(map_scale(16), None).startswith(NO_SCALE_TEXT)


def test_resolutions_are_those_of_the_equator_to_a_hundredth_of_the_printed_digits():
    for zoom in range(21):
        exact = 2 * 20037508.342789244 / 256 / 2**zoom
        assert map_scale(zoom).resolution == pytest.approx(exact, rel=0.004)
        assert map_scale(zoom).zoom == zoom


def test_a_zoom_up_never_has_a_larger_denominator():
    denominators = [map_scale(zoom).denominator for zoom in range(21)]
    assert denominators == sorted(denominators, reverse=True)


@pytest.mark.parametrize("zoom", [-1, 21, 30])
def test_a_zoom_outside_the_table_is_named(zoom):
    with pytest.raises(ConfigError, match=f"Zoom {zoom} has no map scale"):
        map_scale(zoom)


def test_a_cascade_factor_is_a_number_of_zooms():
    assert [zoom_step(factor) for factor in (2, 4, 8, 16)] == [1, 2, 3, 4]


@pytest.mark.parametrize("factor", [-4, 0, 1, 3, 6])
def test_a_cascade_factor_that_is_no_power_of_two_is_named(factor):
    with pytest.raises(ConfigError, match=f"Cascade factor {factor} is not"):
        zoom_step(factor)


@pytest.mark.parametrize("factor", [None, 2, 4])
def test_the_zoom_of_a_scale_text_reads_back(factor):
    assert [zoom_of_text(scale_text(map_scale(zoom), factor)) for zoom in (4, 14, 18)] == [
        4,
        14,
        18,
    ]
    assert zoom_of_text("geographical map tile") is None
    assert zoom_of_text("") is None
