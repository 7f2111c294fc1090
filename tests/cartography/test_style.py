from c2gm.cartography.map_objects import AREA_KINDS, LINE_KINDS
from c2gm.cartography.style import map_style
from c2gm.legend import CLASS_ID

ZOOMS = range(14, 19)


def test_symbols_name_kinds_and_classes_that_exist() -> None:
    for zoom in ZOOMS:
        style = map_style(zoom)
        assert {symbol.kind for symbol in style.areas} <= set(AREA_KINDS)
        assert {symbol.kind for symbol in style.lines} <= set(LINE_KINDS)
        assert {symbol.map_class for symbol in (*style.areas, *style.lines)} <= set(CLASS_ID)


def test_every_kind_is_drawn_at_some_zoom() -> None:
    styles = [map_style(zoom) for zoom in ZOOMS]
    assert {symbol.kind for style in styles for symbol in style.areas} == set(AREA_KINDS)
    assert {symbol.kind for style in styles for symbol in style.lines} == set(LINE_KINDS)


def test_what_a_zoom_shows_the_next_shows_too_except_built_up_areas() -> None:
    for zoom in range(14, 18):
        here, next_zoom = map_style(zoom), map_style(zoom + 1)
        areas = {symbol.kind for symbol in here.areas} - {"built_up"}
        assert areas <= {symbol.kind for symbol in next_zoom.areas}
        lines = {symbol.kind for symbol in here.lines}
        assert lines <= {symbol.kind for symbol in next_zoom.lines}


def test_least_areas_shrink_on_the_ground_from_zoom_to_zoom() -> None:
    for zoom in range(14, 18):
        for symbol in map_style(zoom).areas:
            finer = map_style(zoom + 1).area(symbol.kind)
            assert finer is None or finer.least_area / 4 < symbol.least_area


def test_widths_follow_the_specification() -> None:
    def widths(kind: str) -> list[float | None]:
        lines = [map_style(zoom).line(kind) for zoom in ZOOMS]
        return [line.width if line else None for line in lines]

    assert widths("motorway") == [5, 7, 10, 15, 20]
    assert widths("main_road") == [4, 6, 9, 14, 18]
    assert widths("street") == [None, 3, 5, 10, 13]
    assert widths("service") == [None, None, 3, 5, 7]
    assert widths("driveway") == [None, None, None, 5, 7]
    assert widths("track") == [None, None, None, 2, 2]
    assert widths("footpath") == [None, None, None, None, 2]
    assert widths("railway") == [1.5, 2, 2, 3, 3]


def test_zooms_outside_the_table_use_the_nearest_column() -> None:
    assert map_style(9) == map_style(14)
    assert map_style(21) == map_style(18)
