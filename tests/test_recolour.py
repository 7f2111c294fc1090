from __future__ import annotations

import numpy as np
import pytest

from c2gm.errors import ConfigError
from c2gm.legend import CLASS_ID, LEGEND, palette
from c2gm.recolour import HOUSE_STYLE, PALETTES, parse_colours, recolour

NIGHT = PALETTES["night"]


def flat(*names: str) -> np.ndarray:
    """Stripes of classes, 24 px each."""
    colours = [palette()[CLASS_ID[name]] for name in names]
    return np.repeat(np.array([colours], dtype=np.uint8), 24, axis=1).repeat(16, axis=0)


def test_every_class_gets_the_colour_of_the_palette() -> None:
    names = [entry.name for entry in LEGEND]
    drawn = recolour(flat(*names), NIGHT)
    assert np.array_equal(drawn, recolour(flat(*names), {name: NIGHT[name] for name in names}))
    for index, name in enumerate(names):
        assert tuple(drawn[8, 24 * index + 12]) == NIGHT[name]


def test_the_house_style_changes_nothing_where_the_map_is_clean() -> None:
    picture = flat("water", "ground", "street", "building")
    assert np.array_equal(recolour(picture, PALETTES[HOUSE_STYLE]), picture)


@pytest.mark.parametrize(
    ("first", "second"), [("ground", "water"), ("wood", "main road"), ("street", "water")]
)
def test_an_edge_is_mixed_of_the_new_colours_as_it_was_of_the_old(first: str, second: str) -> None:
    share = np.clip((np.arange(48) - 23) / 3, 0, 1)[None, :, None]  # an edge three pixels wide
    old = [palette()[CLASS_ID[name]].astype(float) for name in (first, second)]
    new = [np.array(NIGHT[name], dtype=float) for name in (first, second)]
    picture = np.rint(old[0] * (1 - share) + old[1] * share).astype(np.uint8).repeat(8, axis=0)
    expected = (new[0] * (1 - share) + new[1] * share).repeat(8, axis=0)
    assert np.abs(recolour(picture, NIGHT) - expected).max() < 4


def test_strips_leave_no_trace() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 13, (70, 8)).repeat(4, axis=0).repeat(4, axis=1)
    picture = palette()[classes]
    mixed = ((picture.astype(int) + np.roll(picture, 1, axis=0)) // 2).astype(np.uint8)
    whole = recolour(mixed, NIGHT)
    for top in (100, 128, 200):
        part = recolour(mixed[top : top + 60], NIGHT)
        assert np.array_equal(part[4:-4], whole[top + 4 : top + 56])


def test_colours_are_written_a_class_a_line() -> None:
    text = "water = #1a2b3c\n\nMain road: FD0\n"
    assert parse_colours(text) == {"water": (0x1A, 0x2B, 0x3C), "main road": (0xFF, 0xDD, 0)}


@pytest.mark.parametrize("line", ["water", "water = blue", "= #123456", "water = #12345"])
def test_a_line_that_is_no_colour_is_shown(line: str) -> None:
    with pytest.raises(ConfigError, match="is no colour. Write lines like water = #1a2b3c"):
        parse_colours(line)


def test_an_unknown_class_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="no class 'lake'. Its classes are ground, water"):
        parse_colours("lake = #123456")


# Red and green as two kinds of colour-blind eyes see them (Machado et al. 2009, severity 1).
SEEN = {
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}
TOLD_APART = [
    ("ground", "water"),
    ("ground", "wood"),
    ("water", "wood"),
    ("wood", "building"),
    ("building", "motorway"),
    ("motorway", "main road"),
    ("motorway", "wood"),
    ("main road", "park"),
    ("railway", "building"),
    ("street", "building"),
]


@pytest.mark.parametrize("eyes", SEEN)
@pytest.mark.parametrize(("first", "second"), TOLD_APART)
def test_the_safe_palette_is_told_apart_by_colour_blind_eyes(
    eyes: str, first: str, second: str
) -> None:
    colours = PALETTES["colour-blind safe"]
    seen = [
        np.array(SEEN[eyes]) @ (np.array(colours[name]) / 255) ** 2.2 for name in (first, second)
    ]
    shown = [255 * np.clip(colour, 0, 1) ** (1 / 2.2) for colour in seen]
    assert np.abs(shown[0] - shown[1]).max() >= 32
