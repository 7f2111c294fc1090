"""The archive that the ComfyUI registry makes of this repository: lean, whole and harmless."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
MAX_BYTES = 40_000_000

# Words that the registry's scanner looks for, as packs report them; none of them is a fault.
SCANNED = {
    "connect": r"\.connect\(",
    "bind": r"\.bind\(",
    "send": r"\.send\(",
    "environment": r"os\.environ|os\.getenv",
    "http client": r"ClientSession|urllib\.request|requests\.(get|post)",
    "file host": r"githubusercontent|huggingface\.co/\S+/resolve|pastebin|discord",
    "eval": r"(?<![.\w])(eval|exec)\(",
    "process": r"subprocess|os\.system|os\.popen",
    "import by name": r"import_module\(|__import__\(",
    "base64": r"b64decode",
    "removal": r"rm -rf",
    "native code": r"ctypes",
}
# What remains, to be told when a review is asked for: file -> words -> why.
REMAINS = {
    "c2gm/assets/leaflet/leaflet.js": {"bind"},  # as released
    "c2gm/cascade/ledger.py": {"connect"},  # a job's own SQLite file
    "c2gm/tilesets/mbtiles.py": {"connect"},  # MBTiles are SQLite files
    "c2gm/tilesets/unfinished_export.py": {"connect"},  # what an export keeps is one as well
    "c2gm/models/libraries.py": {"import by name"},  # optional packages, by fixed names
    "c2gm/evaluation/libraries.py": {"import by name"},  # the same
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
# `c2gm convert` reads the authors' files with weights_only, and names what torch raises then.
NAMES_ERRORS_OF_PICKLE = "c2gm/models/checkpoint_files.py"
FORBIDDEN_MODULES = {"pickle", "subprocess", "ctypes", "marshal", "shelve"}


def archive() -> list[Path]:
    """Files of the repository that .comfyignore does not name, and that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True
    )
    lines = (REPOSITORY / ".comfyignore").read_text(encoding="utf-8").splitlines()
    ignored = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [
        REPOSITORY / name
        for name in names
        if not any(name == rule or (rule[-1] == "/" and name.startswith(rule)) for rule in ignored)
        and (REPOSITORY / name).is_file()
    ]


FILES = archive()
MODULES = [path for path in FILES if path.suffix == ".py"]


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def test_the_archive_is_lean() -> None:
    assert sum(path.stat().st_size for path in FILES) < MAX_BYTES
    rooms = {name_of(path).split("/")[0] for path in FILES}
    assert rooms <= {
        *("__init__.py", "nodes", "c2gm", "web", "locales", "workflows"),
        *("pyproject.toml", "requirements.txt", "README.md", "LICENSE", "CITATION.cff"),
        *("CHANGELOG.md", ".comfyignore"),
    }


def imported(path: Path) -> set[Path]:
    """Modules of this repository that a module imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parent
            for _ in range(node.level - 1):
                base = base.parent
            base = base.joinpath(*(node.module or "").split(".")) if node.module else base
            for target in (base, *(base / alias.name for alias in node.names)):
                found |= {target.with_suffix(".py"), target / "__init__.py"}
    return {target for target in found if target.is_file()}


def test_everything_that_the_nodes_reach_is_in_the_archive() -> None:
    left, reached = [REPOSITORY / "__init__.py"], set()
    while left:
        path = left.pop()
        if path not in reached:
            reached.add(path)
            left += imported(path)
    assert len(reached) > 60
    missing = {name_of(path) for path in reached - set(FILES)}
    assert missing == set()


@pytest.mark.parametrize("word", SCANNED)
def test_the_registrys_scanner_finds_only_what_is_known(word: str) -> None:
    found = set()
    for path in FILES:
        if path.suffix not in (".py", ".js", ".mjs", ".md", ".json", ".html", ".css", ".toml"):
            continue
        if re.search(SCANNED[word], path.read_text(encoding="utf-8")):
            found.add(name_of(path))
    assert found == {name for name, words in REMAINS.items() if word in words}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_shipped_module_runs_text_or_other_programs(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS, f"line {node.lineno}"
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            if name_of(path) == NAMES_ERRORS_OF_PICKLE:
                names.discard("pickle")
            assert not names & FORBIDDEN_MODULES, f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN_MODULES, f"line {node.lineno}"
