import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2gm.cartography.map_objects import AREA_KINDS, LINE_KINDS
from c2gm.cartography.style import BUILT_IN, built_in_style, map_style, read_style
from c2gm.errors import ConfigError
from c2gm.grid import mercator_resolution
from c2gm.legend import CLASS_ID, LEGEND

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
    assert widths("driveway") == [None, None, None, 4, 5]  # narrower than the specification
    assert widths("track") == [None, None, None, 2, 2]
    assert widths("footpath") == [None, None, None, None, 2]
    assert widths("railway") == [1.5, 2, 2, 3, 3]


def test_zooms_outside_the_table_use_the_nearest_column() -> None:
    assert map_style(9) == map_style(14)
    assert map_style(21) == map_style(18)


def edited(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the house style with a change."""
    content = json.loads(BUILT_IN.read_text(encoding="utf-8"))
    change(content)
    path = folder / "mine.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_colours_of_the_house_style_are_the_legends() -> None:
    content = json.loads(BUILT_IN.read_text(encoding="utf-8"))
    assert list(content["colours"]) == [entry.name for entry in LEGEND]
    assert built_in_style().colours == {entry.name: entry.colour for entry in LEGEND}


def test_an_edited_copy_is_a_style_of_its_own(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["name"] = "mine"
        content["colours"] = {"water": "#0000FF"}
        content["lines"]["street"]["width"] = 4
        content["areas"]["park"]["least_area"][1] = None

    style = read_style(edited(tmp_path, change))
    assert style.name == "mine"
    assert style.colours["water"] == (0, 0, 255)
    assert style.colours["wood"] == built_in_style().colours["wood"]
    assert [style.at(zoom).line("street").width for zoom in ZOOMS] == [4.0] * 5
    assert style.at(15).area("park") is None
    assert style.at(16).area("park") == map_style(16).area("park")


def test_a_style_may_have_other_zooms(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_text(
        '{"zooms": [10, 11], "order": ["water", ["main_road"]],'
        ' "areas": {"water": {"class": "water", "least_area": [20, 10]}},'
        ' "lines": {"main_road": {"class": "main road", "width": [null, 2], "dash": [4, 2]}}}',
        encoding="utf-8",
    )
    style = read_style(path)
    assert style.name == "two.json"
    assert style.at(3) == style.at(10) and style.at(18) == style.at(11)
    assert style.at(10).lines == ()
    assert style.at(11).line("main_road").dash == (4.0, 2.0)
    assert style.at(11).area("water").least_hole == 10.0


WRONG: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda c: c.update(colour={}), "the file: 'colour' is unknown. Write colours."),
    (lambda c: c.update(zooms=[14, 16]), "zooms: must be whole numbers in a row"),
    (lambda c: c.update(zooms=[]), "zooms: must be whole numbers in a row"),
    (lambda c: c.update(zooms=list(range(20, 25))), "zooms: must lie between 0 and 22"),
    (lambda c: c["colours"].update(water="blue"), "colours: 'water' is 'blue'. Write a colour"),
    (lambda c: c["colours"].update(sea="#000000"), "colours: 'sea' is unknown"),
    (lambda c: c["order"].remove("railway"), "order: 'railway' has a symbol but no place"),
    (lambda c: c["order"].append("water"), "order: 'water' stands there twice"),
    (lambda c: c["order"].append("see"), "order: 'see' is unknown"),
    (lambda c: c["order"].append(7), "order: must hold names of kinds"),
    (lambda c: c.update(order="water"), "order: must list the kinds"),
    (lambda c: c["areas"].update(lake={}), "areas: 'lake' is unknown"),
    (lambda c: c["areas"].update(water=[]), "areas, water: must be a JSON object"),
    (lambda c: c["areas"]["water"].pop("class"), "areas, water: 'class' is missing. Write one of"),
    (lambda c: c["areas"]["water"].update({"class": "see"}), "areas, water, class: 'see' is unkn"),
    (lambda c: c["areas"]["water"].pop("least_area"), "areas, water: 'least_area' is missing"),
    (lambda c: c["areas"]["water"].update(width=3), "areas, water: 'width' is unknown"),
    (lambda c: c["areas"]["water"].update(smoothing=1.5), "water, smoothing: 1.5 is no whole"),
    (lambda c: c["areas"]["water"].update(closing=-1), "areas, water, closing: -1 is no number"),
    (lambda c: c["lines"]["street"].update(width=[1, 2]), "street, width: has 2 values for 5 zoo"),
    (lambda c: c["lines"]["street"].update(width="5"), "lines, street, width: '5' is no number"),
    (lambda c: c["lines"]["street"].update(width=True), "lines, street, width: True is no number"),
    (lambda c: c["lines"]["street"].update(width=40), "street, width: 40 px with casing is not"),
    (lambda c: c["lines"]["street"].update(width=0), "street, width: 0 px with casing is not"),
    (lambda c: c["lines"]["track"].update(dash=3), "lines, track, dash: 3 is no [drawn, left out]"),
    (lambda c: c["lines"]["track"].update(dash=[0, 3]), "track, dash: [0, 3] is no [drawn, left"),
    (lambda c: c["trees"].update(size=3), "trees: 'size' is unknown. Write diameter."),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_style_is_refused_with_the_entry_that_is_wrong(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        read_style(edited(tmp_path, change))
    assert str(refused.value).startswith("Style mine.json, ")
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is no readable JSON"),
        ('{"zooms": [1], "zooms": [2]}', "'zooms' stands there twice"),
        ("[]", "the file: must be a JSON object"),
        ('{"zooms": NaN}', "zooms: must be whole numbers"),
    ],
)
def test_a_file_that_is_no_style_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        read_style(path)


def test_a_missing_style_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json cannot be read: No such file"):
        read_style(tmp_path / "none.json")


def test_every_entry_of_a_style_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "map-style.md").read_text(encoding="utf-8")
    content = json.loads(BUILT_IN.read_text(encoding="utf-8"))
    entries = set(content) | set(AREA_KINDS) | set(LINE_KINDS) | {"dash", "narrow_gap", "thinning"}
    for section in ("areas", "lines"):
        entries |= {name for entry in content[section].values() for name in entry} - {"class"}
    assert {entry for entry in entries if f"`{entry}`" not in page} == set()


def test_ways_to_single_houses_wait_for_zoom_18() -> None:
    at_17, at_18 = (map_style(zoom).line("driveway") for zoom in (17, 18))
    assert at_17 is not None and at_18 is not None
    house = 26 / mercator_resolution(17)  # px of the longest way to a house in a made-up town
    assert at_17.dead_end >= house
    assert at_18.dead_end == 0
