import pytest

from c2gm.errors import ConfigError
from c2gm.evaluation.bars import missed_bars, parse_bar
from c2gm.evaluation.measures import BY_NAME, MEASURES
from c2gm.evaluation.scoring import ZoomScores


def scores(**measures):
    return {zoom: ZoomScores(4, 0, dict(measures), {}, {}) for zoom in (16, 17)}


@pytest.mark.parametrize(
    ("text", "zoom", "least", "most"),
    [
        ("z17.miou=0.7", 17, 0.7, float("inf")),
        ("seam_ratio=0.95..1.05", None, 0.95, 1.05),
        ("off_palette=..0.03", None, float("-inf"), 0.03),
    ],
)
def test_a_bar_is_read_and_written_back(text, zoom, least, most):
    bar = parse_bar(text)
    assert (bar.zoom, bar.least, bar.most) == (zoom, least, most)
    assert str(bar) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("miou", "is no bar"),
        ("17.miou=0.5", "is no bar"),
        ("beauty=1", "no measure 'beauty'"),
        ("miou=high", "is no number"),
        ("miou=", "lets nothing pass"),
        ("miou=0.9..0.1", "lets nothing pass"),
    ],
)
def test_a_bar_of_another_form_is_refused(text, told):
    with pytest.raises(ConfigError, match=told):
        parse_bar(text)


def test_bars_are_missed_zoom_by_zoom_and_limits_pass():
    found = scores(miou=0.7, seam_ratio=1.2)
    assert missed_bars([parse_bar("miou=0.7"), parse_bar("seam_ratio=..1.2")], found) == []
    missed = missed_bars([parse_bar("seam_ratio=0.95..1.05")], found)
    assert [entry.zoom for entry in missed] == [16, 17]
    assert "seam_ratio at zoom 16 is 1.2" in str(missed[0])


def test_what_was_not_measured_misses_its_bar():
    assert missed_bars([parse_bar("z18.miou=0")], scores(miou=1))[0].value is None
    assert missed_bars([parse_bar("z17.apls=0")], scores(apls=None))[0].value is None
    assert "was not measured" in str(missed_bars([parse_bar("apls=0")], scores(apls=None))[0])


def test_a_bar_of_every_zoom_asks_only_zooms_that_can_have_it():
    found = scores(cross_scale_ratio=1.0)
    found[16].measures["cross_scale_ratio"] = None  # the lowest zoom has none below
    assert missed_bars([parse_bar("cross_scale_ratio=0.5..1.6")], found) == []


def test_measures_have_a_name_a_title_and_a_sentence():
    assert len(BY_NAME) == len({measure.title for measure in MEASURES}) == len(MEASURES)
    assert all(measure.meaning.endswith(".") for measure in MEASURES)
