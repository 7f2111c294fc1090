"""The files of the page's part, read as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from install_server import REPOSITORY

WEB = REPOSITORY / "web"
SCRIPTS = sorted((WEB / "js").glob("*.js"))
LITERAL = r'"((?:[^"\\]|\\.)*)"'


def test_every_text_of_the_widgets_is_there_in_chinese() -> None:
    """A text is a literal inside say(...), or a constant that is said, in capitals."""
    said = set()
    for path in SCRIPTS:
        if path.name == "language.js":
            continue
        text = re.sub(rf"{LITERAL}\s*\+\s*{LITERAL}", r'"\1\2"', path.read_text(encoding="utf-8"))
        constants = dict(re.findall(rf"const ([A-Z_]+) = {LITERAL};", text))
        for call in re.findall(r"(?<![.\w])say\(((?:[^()]|\([^()]*\))*)\)", text):
            said |= set(re.findall(LITERAL, call.split(", {")[0]))
            said |= {constants[name] for name in re.findall(r"\b[A-Z_]{3,}\b", call)}
    language = (WEB / "js" / "language.js").read_text(encoding="utf-8")
    table = language.split("const CHINESE = {")[1].split("\n};")[0]
    known = dict(re.findall(rf'^  (?:"?((?:[^"\\]|\\.)*?)"?):\s+{LITERAL},$', table, re.MULTILINE))
    assert said == set(known)
    for english, chinese in known.items():
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_use_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"https?://", text) == []
    for module in re.findall(r'from "([^"]+)"', text):
        own = module.startswith("./") and (WEB / "js" / module[2:]).is_file()
        assert own or module in ("../../../scripts/app.js", "../../../scripts/api.js")
    assert "innerHTML" not in text, "texts of maps are strangers': set textContent"
