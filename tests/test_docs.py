"""Every command, option and node is documented, and what the documents show exists."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = sorted([REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")])


def load_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where dataclasses look it up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cli_reference() -> ModuleType:
    return load_script(REPOSITORY / "docs" / "make_cli_reference.py")


def test_the_reference_of_the_command_line_is_fresh(cli_reference: ModuleType) -> None:
    written = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == cli_reference.reference(), "stale: run make docs"


def test_every_command_teaches_with_an_example_and_every_option_has_help(
    cli_reference: ModuleType,
) -> None:
    for name, command in cli_reference.commands().items():
        assert f"c2gm {name}" in command.__doc__, f"{name} shows no example"
        for entry in cli_reference.parameters(command):
            assert entry.help.endswith("."), f"{name}: {entry.names} has no sentence of help"


def commands_in(text: str) -> Iterator[list[str]]:
    """Command lines `c2gm ...` of code blocks, continued lines joined."""
    for block in re.findall(r"```[a-z]*\n(.*?)```", text, flags=re.DOTALL):
        for line in block.replace("\\\n", " ").replace("^\n", " ").splitlines():
            line = line.strip().removeprefix("$ ")
            if line.startswith("c2gm "):
                yield shlex.split(line, comments=True)[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shown_commands_and_options_exist(page: Path, cli_reference: ModuleType) -> None:
    for words in commands_in(page.read_text(encoding="utf-8")):
        name, *rest = words
        if "--" in rest and name == "shards":  # what follows are words of c2gm generate
            begin = rest.index("--")
            words, rest = ["generate", *rest[begin + 1 :]], rest[:begin]
            assert_shown(words, cli_reference)
        assert_shown([name, *rest], cli_reference)


def assert_shown(words: list[str], cli_reference: ModuleType) -> None:
    """Hold a shown command line's name and options against the program's."""
    commands, (name, *rest) = cli_reference.commands(), words
    if name.startswith("-"):
        return
    if rest and f"{name} {rest[0]}" in commands:  # of a group
        name = f"{name} {rest.pop(0)}"
    assert name in commands, f"c2gm {name} is shown, and there is no such command"
    known = {
        option
        for entry in cli_reference.parameters(commands[name])
        for option in entry.names
        if not entry.is_argument
    }
    used = {word for word in rest if word.startswith("--")} - {"--help"}
    assert used <= known, f"c2gm {name} is shown with {sorted(used - known)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_pages_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r'(?:src|href)="([^"#]+)"', text)
    missing = [
        target
        for target in targets
        if not re.match(r"https?:|mailto:", target) and not (page.parent / target).exists()
    ]
    assert missing == []


def test_readme_shows_the_two_commands_first() -> None:
    top = (REPOSITORY / "README.md").read_text(encoding="utf-8")[:1500]
    assert "make demo" in top
    assert "make test" in top


def test_every_node_and_input_is_explained_on_its_help_page() -> None:
    pages = load_script(REPOSITORY / "docs" / "make_node_reference.py").node_pages()
    folder = REPOSITORY / "web" / "docs"
    written = {
        path.relative_to(folder).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*.md")
    }
    assert written == pages, "stale: run make docs"
    for node, page in pages.items():
        inputs = re.split(r"## (?:Outputs|输出)", page)[0]
        rows = [line for line in inputs.splitlines() if line.startswith("| ")]
        unexplained = [row for row in rows if row.endswith("|  |")]
        assert unexplained == [], f"{node}: inputs without a tooltip"


def test_the_definitions_name_every_node_of_the_pack() -> None:
    sources = (REPOSITORY / "nodes").glob("*.py")
    nodes = {
        node
        for path in sources
        for node in re.findall(r'node_id\s*=\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    pages = {path.stem for path in (REPOSITORY / "web" / "docs").glob("*.md")}
    assert nodes == pages
