"""What would work here and not on Windows, on macOS, or on another machine, found by reading."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = (
    *(".ci", "benchmarks", "c2gm", "docs", "locales"),
    *("nodes", "tests", "web", "workflows"),
)
PRODUCT = sorted(
    path for folder in ("c2gm", "nodes", "docs") for path in (REPOSITORY / folder).rglob("*.py")
)
TESTS = sorted((REPOSITORY / "tests").rglob("*.py"))

# Only some systems have these modules and functions.
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty"}
WINDOWS_MODULES = {"msvcrt", "winreg", "winsound"}
POSIX_FUNCTIONS = {
    *("os.fork", "os.forkpty", "os.getuid", "os.geteuid", "os.killpg", "os.setsid"),
    *("os.symlink", "os.sched_getaffinity", "os.posix_fadvise", "os.statvfs", "os.sync"),
    *("signal.SIGKILL", "signal.SIGALRM", "signal.SIGHUP", "signal.SIGUSR1", "signal.alarm"),
    *("signal.setitimer", "signal.pause"),
}
BRANCH = re.compile(r"os\.name|sys\.platform|platform\.system|hasattr\(|IS_WINDOWS|WINDOWS")

# Written in pieces, so that this file does not find itself.
MACHINE_PATHS = re.compile(
    r"(^|[^A-Za-z0-9_.])/(" + "|".join(("work", "farm", "root", "home", "Users")) + r")/"
)
OUTSIDE = ".." + "/shared"
REGISTRIES = re.compile(
    "|".join(("python" + "hosted", "registry.npm" + "js", "deb." + "debian", "pypi" + r"\.org"))
    + "|"
    + r"download\.py"
    + r"torch\.org"
)


def own_files() -> Iterator[Path]:
    """The repository's files, without what tools leave in it."""
    for path in REPOSITORY.iterdir():
        if path.is_file() and path.name != ".git":
            yield path
    for folder in FOLDERS:
        for path in (REPOSITORY / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def text_of(path: Path) -> str | None:
    content = path.read_bytes()
    return None if b"\0" in content else content.decode("utf-8", errors="replace")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in own_files()
        for number, line in enumerate((text_of(path) or "").splitlines(), start=1)
        if len(line) < 2000 and pattern.search(line)
    ]


def unguarded(source: str) -> list[tuple[int, str]]:
    """Uses of what only some systems have, outside a branch that asks for the system.

    A try statement that handles the absence and a skip mark of a test count as branches.
    """
    return list(_unguarded(ast.parse(source)))


def _unguarded(node: ast.AST) -> Iterator[tuple[int, str]]:
    if _asks_for_the_system(node):
        return
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name in POSIX_MODULES | WINDOWS_MODULES:
                yield node.lineno, alias.name
    elif isinstance(node, ast.ImportFrom) and node.module in POSIX_MODULES | WINDOWS_MODULES:
        yield node.lineno, node.module
    elif isinstance(node, ast.Attribute):
        name = ast.unparse(node)
        if name in POSIX_FUNCTIONS or node.attr in {"symlink_to", "hardlink_to"}:
            yield node.lineno, name
    for child in ast.iter_child_nodes(node):
        yield from _unguarded(child)


def _asks_for_the_system(node: ast.AST) -> bool:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        return bool(BRANCH.search(ast.unparse(node.test)))
    if isinstance(node, ast.Try):
        caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
        return bool(re.search(r"ImportError|ModuleNotFoundError|AttributeError|OSError", caught))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return any(BRANCH.search(ast.unparse(mark)) for mark in node.decorator_list)
    return False


def texts_without_encoding(source: str) -> list[int]:
    """Lines that read or write text in the system's own encoding (on Windows not UTF-8)."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(k.arg == "encoding" for k in node.keywords):
            continue
        attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if attribute in {"read_text", "write_text"}:
            if len(node.args) == (attribute == "write_text"):  # one more would be the encoding
                lines.append(node.lineno)
        elif name == "open" or (attribute == "open" and _opens_a_path(node)):
            mode = node.args[1 if name else 0] if len(node.args) > (1 if name else 0) else None
            mode = next((k.value for k in node.keywords if k.arg == "mode"), mode)
            if mode is None or "b" not in ast.unparse(mode):
                lines.append(node.lineno)
    return lines


def _opens_a_path(call: ast.Call) -> bool:
    """path.open() and path.open("r"), not rasterio.open(path) or Image.open(file)."""
    modes = {"r", "w", "a", "x", "r+", "w+"}
    return not call.args or (isinstance(call.args[0], ast.Constant) and call.args[0].value in modes)


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from resource import getrusage",
        "import os\nos.fork()",
        "import os\ndef f():\n    os.symlink('a', 'b')",
        "from pathlib import Path\nPath('a').symlink_to('b')",
        "import os, signal\nos.kill(1, signal.SIGKILL)",
    ],
)
def test_a_use_of_one_system_is_found(source: str) -> None:
    assert unguarded(source)


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import fcntl\nexcept ImportError:\n    fcntl = None",
        "import os\nif os.name != 'nt':\n    os.fork()",
        "import sys\nif sys.platform == 'linux':\n    import resource",
        "import os\npid = os.getuid() if hasattr(os, 'getuid') else 0",
    ],
)
def test_a_branch_for_the_system_is_accepted(source: str) -> None:
    assert not unguarded(source)


def test_code_that_only_some_systems_have_stands_in_a_branch() -> None:
    faults = [
        f"{path.relative_to(REPOSITORY)}:{line} {name}"
        for path in PRODUCT
        for line, name in unguarded(path.read_text(encoding="utf-8"))
    ]
    assert faults == []


def test_test_modules_can_be_loaded_on_every_system() -> None:
    """Inside a test or a fixture a skip may stand in for a branch."""
    faults = [
        f"{path.relative_to(REPOSITORY)}:{line} {name}"
        for path in TESTS
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for line, name in _unguarded(statement)
    ]
    assert faults == []


def test_text_without_encoding_is_found() -> None:
    careless = ["p.read_text()", "open('a')", "p.open('w')"]
    careful = ["p.read_text('utf-8')", "open('a', 'rb')", "p.open('wb')", "rasterio.open(p)"]
    source = "\n".join(careless + careful)
    assert texts_without_encoding(source) == [1, 2, 3]


def test_text_files_are_read_and_written_as_utf8() -> None:
    faults = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in PRODUCT
        for line in texts_without_encoding(path.read_text(encoding="utf-8"))
    ]
    assert faults == []


def test_no_file_names_a_place_on_one_machine() -> None:
    assert lines_with(MACHINE_PATHS) == []


def test_no_file_reaches_for_files_beside_the_repository() -> None:
    assert lines_with(re.compile(re.escape(OUTSIDE))) == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert lines_with(REGISTRIES) == []


def test_file_names_are_possible_on_every_system() -> None:
    """Windows refuses some characters, names and endings, and long paths; macOS ignores case."""
    names = [path.relative_to(REPOSITORY).as_posix() for path in own_files()]
    reserved = {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{port}{n}" for port in ("com", "lpt") for n in "123"),
    }
    faults = [
        name
        for name in names
        if re.search(r'[<>:"\\|?*\x00-\x1f]', name)
        or any(part.endswith((" ", ".")) for part in name.split("/"))
        or any(part.split(".")[0].lower() in reserved for part in name.split("/"))
        or len(name) > 150
    ]
    assert faults == []
    assert len({name.lower() for name in names}) == len(names)
    assert not any(path.is_symlink() for path in own_files())
