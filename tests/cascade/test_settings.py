import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2gm.cascade.plan import make_plan
from c2gm.cascade.settings import GenerateSettings, cascade_steps, parse_stages, stages_text
from c2gm.errors import C2GMError, ConfigError

steps = st.lists(
    st.tuples(st.integers(0, 22), st.one_of(st.none(), st.sampled_from([2, 4]))), min_size=1
).map(tuple)


@given(given_steps=steps)
def test_the_text_of_stages_reads_back(given_steps):
    assert parse_stages(stages_text(given_steps)) == given_steps


def test_stages_may_be_written_with_blanks_and_an_x():
    assert parse_stages("14, 15:2x, 16:4X") == ((14, None), (15, 2), (16, 4))


NO_STAGES = ["", "14,", "a", "14:", "14:two", "14-16", "14;16", "-1", "9" * 5000, "\u0663"]


@pytest.mark.parametrize("text", NO_STAGES)
def test_a_text_that_is_no_stages_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="14,15:2,16:4"):
        parse_stages(text)


@given(text=st.text(alphabet="0123456789,:x -", max_size=30), zoom=st.integers(-1, 40))
def test_any_text_of_stages_gives_a_plan_or_an_error_of_ours(text, zoom):
    try:
        settings = GenerateSettings(zooms=(zoom,), stages=parse_stages(f"{zoom},{text}"))
        plan = make_plan(settings, (9.5, 47.0, 9.51, 47.01))
    except C2GMError as error:
        assert len(str(error)) < 300 and "\n" not in str(error)
    else:
        assert all(0 <= stage.zoom <= 22 for stage in plan.stages)


def test_at_4x_the_trunk_goes_by_two_and_zooms_between_are_2x_from_it():
    assert cascade_steps((14, 15, 16, 17, 18), 4) == (
        (14, None),
        (15, 2),
        (16, 4),
        (17, 2),
        (18, 4),
    )


def test_at_2x_each_zoom_is_painted_from_the_one_below():
    assert cascade_steps((14, 15, 16), 2) == ((14, None), (15, 2), (16, 2))
    assert GenerateSettings((14,)).cascade_factor == 2


def test_zooms_that_are_left_out_are_stepped_over():
    assert cascade_steps((14, 16, 17), 2) == ((14, None), (16, 4), (17, 2))
    assert cascade_steps((15, 16, 18), 4) == ((15, None), (16, 2), (18, 4))
    assert cascade_steps((16,), 2, start_zoom=14) == ((16, 4),)
    assert cascade_steps((14, 18), 2) == ((14, None), (18, 4)), "refused when it is planned"


def test_a_start_zoom_begins_the_trunk():
    assert cascade_steps((14, 15, 16), 4, start_zoom=14) == ((14, None), (15, 2), (16, 4))
    assert cascade_steps((15, 16, 17), 4, start_zoom=14) == ((15, 2), (16, 4), (17, 2))
    assert cascade_steps((16, 17, 18), 4, start_zoom=14) == ((16, 4), (17, 2), (18, 4))


def test_without_a_factor_no_zoom_has_a_reference():
    assert cascade_steps((14, 15), None) == ((14, None), (15, None))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"edges": "soft"}, "'soft' are not one of exact, open"),
        ({"mode": "rounds"}, "'rounds' is not one of seamless, paper"),
        ({"interpolation": "lanczos"}, "'lanczos' is not one of"),
        ({"cascade_factor": 3}, "Cascade factor 3"),
        ({"zooms": ()}, "No zooms"),
    ],
)
def test_impossible_settings_are_refused_by_name(settings, words):
    with pytest.raises(ConfigError, match=words):
        GenerateSettings(**{"zooms": (14,), **settings})
