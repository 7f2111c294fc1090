import pytest
from hypothesis import given
from hypothesis import strategies as st
from imaginary import imagery_of
from mercantile import Tile

from c2gm.cascade.plan import Plan, make_plan
from c2gm.cascade.settings import GenerateSettings, parse_stages
from c2gm.errors import AreaError, ConfigError
from c2gm.grid import TileRange, Window, bounds_of, pixels_of_bounds, tiles_of_box
from c2gm.references import parent_box

WIDE = bounds_of(TileRange(10, 500, 300, 503, 303))  # imagery much larger than any area below
ONE = TileRange(16, 8010 * 4, 4810 * 4, 8010 * 4, 4810 * 4)  # a tile in its middle


def plan_of(tiles: TileRange, zooms: tuple[int, ...], bounds=WIDE, **settings) -> Plan:
    return make_plan(GenerateSettings(zooms=zooms, bounds=bounds_of(tiles), **settings), bounds)


def windows(plan: Plan) -> dict[int, int]:
    return {counts.zoom: counts.windows for counts in plan.counts()}


def test_one_tile_takes_nine_windows():
    assert windows(plan_of(ONE, (16,))) == {16: 9}


def test_an_area_of_n_by_m_tiles_takes_one_more_window_on_each_side():
    tiles = TileRange(16, 32040, 19240, 32043, 19244)
    assert windows(plan_of(tiles, (16,))) == {16: 6 * 7}


def test_64_by_64_tiles_cost_at_most_1_7_windows_of_area_a_tile():
    tiles = TileRange(16, 32000, 19200, 32063, 19263)
    assert windows(plan_of(tiles, (16,)))[16] * 40**2 / (64**2 * 32**2) <= 1.7


def test_the_demo_takes_61_windows_at_4x_and_121_at_2x():
    at_4x = plan_of(ONE, (16, 18))
    assert sum(windows(at_4x).values()) == 61
    at_2x = plan_of(ONE, (16, 17, 18), cascade_factor=2)
    assert sum(windows(at_2x).values()) == 121


def test_open_edges_take_one_window_a_tile():
    assert windows(plan_of(ONE, (16, 18), edges="open")) == {16: 1, 18: 16}
    at_2x = plan_of(ONE, (16, 17, 18), cascade_factor=2, edges="open")
    assert windows(at_2x) == {16: 1, 17: 4, 18: 16}


def test_paper_mode_takes_one_window_a_tile():
    assert windows(plan_of(ONE, (16, 18), mode="paper")) == {16: 1, 18: 16}


def test_imagery_that_ends_is_an_edge_without_a_ring():
    plan = plan_of(ONE, (16, 18), bounds=bounds_of(ONE))
    assert [counts.painted for counts in plan.counts()] == [1, 16]


@pytest.mark.parametrize("factor", [2, 4])
@given(
    left=st.integers(64, 180),
    top=st.integers(64, 180),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
)
def test_everything_that_an_asked_tile_depends_on_is_planned(factor, left, top, width, height):
    """Walks the dependencies tile by tile, as they are defined, without arithmetic of ranges."""
    first = TileRange(16, 32000 + left, 19200 + top, 32000 + left, 19200 + top)
    tiles = first.union(
        TileRange(16, first.left + width - 1, first.top, first.right + width - 1, first.top)
    ).union(TileRange(16, first.left, first.top, first.left, first.top + height - 1))
    zooms = (14, 15, 16) if factor == 2 else (14, 16)
    plan = plan_of(tiles, zooms, cascade_factor=factor)
    stages = {stage.zoom: stage for stage in plan.stages}
    needed = set(tiles)
    for zoom in reversed(zooms):
        stage = stages[zoom]
        asked = set(plan.area.tiles(zoom))
        assert asked == set(stage.exported)
        needed |= asked
        assert all(tile in stage.tiles for tile in needed)
        below = set()
        for x, y, _ in needed:
            for window in [Window(x + dx, y + dy, zoom) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]:
                assert (window.x, window.y, zoom) in stage.windows
                if stage.cascade_factor:
                    below |= set(tiles_of_box(parent_box(window.box, stage.cascade_factor)))
        needed = below


@given(left=st.integers(0, 900), width=st.integers(1, 40))
def test_extra_tiles_are_at_most_one_a_side_at_4x_and_two_at_2x(left, width):
    tiles = TileRange(18, 128000 + left, 77000, 128000 + left + width, 77003)
    for factor, zooms, most in ((4, (12, 14, 16, 18), 1), (2, tuple(range(13, 19)), 2)):
        for stage in plan_of(tiles, zooms, cascade_factor=factor).stages:
            assert stage.exported is not None
            assert stage.exported.left - stage.tiles.left <= most
            assert stage.tiles.right - stage.exported.right <= most


def test_the_whole_world_has_every_tile_once():
    world = (-180.0, -85.0511287798066, 180.0, 85.0511287798066)
    plan = make_plan(GenerateSettings(zooms=(0, 1, 2, 3)), world)
    assert [len(stage.tiles) for stage in plan.stages] == [1, 4, 16, 64]
    # Beyond the poles there is no imagery; columns wrap.
    assert [len(stage.windows) for stage in plan.stages] == [1, 4, 16, 64]


def test_an_area_across_the_antimeridian_is_one_range():
    bounds = bounds_of(TileRange(8, 254, 100, 257, 103))
    plan = make_plan(GenerateSettings(zooms=(8, 10)), bounds)
    assert [len(stage.tiles) for stage in plan.stages] == [16, 256]
    assert Tile(1, 100, 8) in plan.stages[0].tiles


def test_imagery_is_met_from_either_side_of_the_antimeridian():
    imagery = imagery_of(TileRange(8, 254, 100, 257, 103))
    asked = bounds_of(TileRange(8, 0, 101, 1, 102))
    plan = make_plan(GenerateSettings(zooms=(8,), bounds=asked), imagery.bounds)
    assert len(plan.stages[0].exported) == 4
    assert len(plan.stages[0].windows) == 3 * 4  # a ring, but where the imagery ends


def test_the_default_area_is_the_imagerys():
    plan = make_plan(GenerateSettings(zooms=(16,)), bounds_of(ONE))
    assert list(plan.stages[0].exported) == list(ONE)


def test_an_area_beside_the_imagery_is_refused_with_both_bounds():
    beside = TileRange(16, ONE.left + 2, ONE.top, ONE.right + 2, ONE.bottom)
    with pytest.raises(AreaError, match="does not reach the area .*Give a --bbox inside"):
        plan_of(beside, (16,), bounds=bounds_of(ONE))


def test_too_many_tiles_are_refused_with_the_number_and_the_flag():
    tiles = TileRange(16, 32000, 19200, 32009, 19209)
    with pytest.raises(AreaError, match=r"1,700 tiles .*--max-tiles 1699.*by --max-tiles 1700"):
        plan_of(tiles, (16, 18), max_tiles=1699)
    assert plan_of(tiles, (16, 18), max_tiles=1700)


def test_stages_of_the_users_are_painted_and_only_asked_zooms_exported():
    plan = plan_of(ONE, (16, 18), stages=parse_stages("15,16:2,18:4"))
    assert [(stage.zoom, stage.cascade_factor) for stage in plan.stages] == [
        (15, None),
        (16, 2),
        (18, 4),
    ]
    assert plan.stages[0].exported is None and len(plan.stages[0].tiles) > 0
    assert plan.stages[1].parent == 15 and plan.stages[0].parent is None


def test_stages_alone_name_the_zooms():
    plan = make_plan(GenerateSettings(stages=parse_stages("16:2,15")), bounds_of(ONE))
    assert plan.area.zooms == (15, 16)


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ("14,18:4", "Zoom 18 is painted 4X from zoom 16, which is not among the zooms 14, 18"),
        ("14,18,18", "repeat a zoom"),
        ("14", "Zoom 18 has no stage"),
    ],
)
def test_stages_that_cannot_be_painted_are_refused(stages, words):
    with pytest.raises(ConfigError, match=words):
        plan_of(ONE, (14, 18), stages=parse_stages(stages))


def test_zooms_that_skip_their_reference_are_refused():
    with pytest.raises(ConfigError, match="Zoom 18 is painted 4X from zoom 16"):
        plan_of(ONE, (14, 18))


def start_plan(zooms: tuple[int, ...], start_zooms: tuple[int, ...], **settings) -> Plan:
    settings = GenerateSettings(zooms=zooms, bounds=bounds_of(ONE), **settings)
    return make_plan(settings, WIDE, start_zooms=start_zooms)


def test_the_start_is_copied_where_its_zoom_is_asked_for():
    plan = start_plan((14, 15, 16), (12, 14, 17))
    first = plan.stages[0]
    assert (first.zoom, first.copied, first.exported) == (14, True, plan.area.tiles(14))
    assert plan.counts()[0].windows == 0 and plan.counts()[0].painted == 0
    assert len(first.tiles) > len(first.exported)  # references of the ring


def test_a_start_below_the_asked_zooms_gives_references_alone():
    plan = start_plan((16, 17), (14,))
    assert [(stage.zoom, stage.cascade_factor) for stage in plan.stages] == [
        (14, None),
        (16, 4),
        (17, 2),
    ]
    assert plan.stages[0].exported is None


@pytest.mark.parametrize("drawn", [False, True])
def test_only_what_is_painted_from_a_given_map_trusts_it(drawn):
    settings = GenerateSettings(zooms=(14, 15, 16), bounds=bounds_of(ONE))
    plan = make_plan(settings, WIDE, start_zooms=(14,), start_drawn=drawn)
    trusting = {stage.zoom for stage in plan.stages if stage.trusts}
    assert trusting == (set() if drawn else {15})
    assert not any(stage.trusts for stage in make_plan(settings, WIDE).stages)


def test_a_start_above_the_asked_zooms_is_refused():
    with pytest.raises(ConfigError, match="zooms 17, 18, none at or below zoom 16"):
        start_plan((16,), (17, 18))


def test_a_start_too_far_below_is_refused_with_the_zoom_between():
    with pytest.raises(ConfigError, match="Zoom 18 is painted 4X from zoom 16"):
        start_plan((18,), (14,))


def test_pixels_that_bounds_barely_touch_do_not_count():
    west, south, east, north = bounds_of(ONE)
    rounded = (round(west, 9), round(south, 9), round(east, 9), round(north, 9))
    assert tiles_of_box(pixels_of_bounds(rounded, 16)) == ONE
