"""Every kind of fault has a cure, in the code and on the page for people."""

from __future__ import annotations

import ast
from pathlib import Path

import c2gm
from c2gm.tilesets.faults import CURES, Fault, Faults

LIBRARY = Path(c2gm.__file__).parent
PAGE = LIBRARY.parent / "docs" / "tile-sets.md"


def codes_in_the_code() -> set[str]:
    """First arguments of `faults.add(...)`, and codes of bad pictures."""
    found = set()
    for path in (LIBRARY / "tilesets").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            name = ast.unparse(node.func)
            first = node.args[0]
            is_code = name.endswith(("aults.add", "BadPicture"))
            if is_code and isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    return found


def test_every_fault_that_the_code_names_has_a_cure() -> None:
    found = codes_in_the_code()
    assert len(found) > 30
    assert found <= set(CURES)


def test_every_cure_is_told_on_the_page() -> None:
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    told = {row.split("`")[1]: row for row in rows}
    assert {code for code in CURES if code not in told} == set()
    assert [code for code, cure in CURES.items() if cure not in told[code]] == []


def test_a_fault_knows_its_zoom_and_cure() -> None:
    faults = Faults()
    faults.add("zoom-missing", "Zoom 3 is missing.", zoom=3)
    assert faults.result() == [Fault("zoom-missing", None, "Zoom 3 is missing.", 3)]
    assert faults.result()[0].cure == "Paint the zoom as well."
