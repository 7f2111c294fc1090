"""Errors on nodes name inputs, whatever the library's own sentence says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from install_server import REPOSITORY
from pack_modules import node_module

wording = node_module("wording")
FLAG = re.compile(r"(?<![\w-])--[a-z]")
ROOMS = ("imagery", "tilesets", "painting", "cascade", "models")


def sentences() -> Iterator[str]:
    """Texts with a command line flag in the rooms that nodes reach; what is filled in reads X."""
    for room in ROOMS:
        for path in sorted((REPOSITORY / "c2gm" / room).glob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr):
                    text = "".join(
                        part.value if isinstance(part, ast.Constant) else "X"
                        for part in node.values
                    )
                    if FLAG.search(text):
                        yield text


def test_no_flag_is_left_in_any_sentence_of_the_library() -> None:
    found = list(sentences())
    assert len(found) > 15
    for sentence in found:
        assert "--" not in wording.on_node(sentence), sentence


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        (
            "a.png does not say where it lies. Give --picture-bounds west,south,east,north in "
            "degrees.",
            "a.png does not say where it lies. Give picture_bounds, like west,south,east,north, "
            "in degrees.",
        ),
        ("Give it, like --crs EPSG:32632.", "Give it, like EPSG:32632, as crs."),
        ("Give a --bbox inside the imagery.", "Give an area inside the imagery."),
        (
            "Give a smaller --bbox or fewer zooms, or allow it by --max-tiles 9.",
            "Give a smaller area or fewer zooms, or allow it by max_tiles 9.",
        ),
        (
            "a exists already. Give another name, or --force.",
            "a exists already. Give another name, or delete that one first.",
        ),
        ("a is a whole model and needs no --base.", "a is a whole model and needs no base."),
        ("Name that file or folder with --base.", "Name that file or folder as base."),
        ("Nothing to change here - or there.", "Nothing to change here - or there."),
    ],
)
def test_cures_name_inputs(sentence: str, told: str) -> None:
    assert wording.on_node(sentence) == told


def test_execute_raises_the_same_class_with_inputs_named() -> None:
    error = node_module("areas").AreaError

    def execute(cls: type, area: str) -> None:
        raise error(f"{area} is too large. Give a smaller --bbox.")

    with pytest.raises(error, match="^town is too large. Give a smaller area.$"):
        wording.told_on_node(execute)(object, area="town")


def test_numbers_are_counted_in_words() -> None:
    counts = [wording.counted(number, "tile") for number in (0, 1, 1024)]
    assert counts == ["0 tiles", "1 tile", "1,024 tiles"]
