"""What must be installed for what: the lists agree, and the nodes' part runs without the rest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

# Every ComfyUI has these; a line in requirements.txt could replace them.
OF_COMFYUI = {"torch", "numpy", "pillow", "safetensors"}
ROOMS_OF_THE_NODES = ("imagery", "tilesets", "models", "painting", "cascade")

BLOCK = '''
import sys
from importlib.abc import MetaPathFinder

class Block(MetaPathFinder):
    """Imports of these packages fail as if they were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return None

sys.meta_path.insert(0, Block())
'''
# Distribution -> module, where the names differ.
MODULES = {"open_clip_torch": "open_clip", "pillow": "PIL", "pre-commit": "pre_commit"}


def pyproject_list(name: str) -> set[str]:
    """Names of one list of pyproject.toml (Python 3.10 has no reader of TOML)."""
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(name)} = \[(.*?)\]\n", text, flags=re.DOTALL | re.MULTILINE)
    assert found is not None, f"pyproject.toml has no list {name}"
    return set(re.findall(r'"([^"]+)"', found[1]))


def lines_of(name: str) -> list[str]:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def distribution(requirement: str) -> str:
    return re.split(r"[<>=!~\[; ]", requirement)[0].lower().replace("_", "-")


def extras_of_the_library() -> set[str]:
    """Modules that only the extras bring."""
    names = pyproject_list("library")
    others = {"ray", "transformers", "torchvision", "timm"}
    return {MODULES.get(name, name) for name in names} | others


def run_without(blocked: set[str], program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(blocked=blocked) + program],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=REPOSITORY / "tests",
        check=False,
    )


def test_requirements_are_the_dependencies_that_comfyui_lacks() -> None:
    assert pyproject_list("dependencies") - OF_COMFYUI == set(lines_of("requirements.txt"))
    assert pyproject_list("dependencies") >= OF_COMFYUI


def test_comfyui_s_own_packages_get_no_upper_bound() -> None:
    everything = set().union(*map(pyproject_list, ("dependencies", "library", "dev")))
    assert [name for name in everything if re.search(r"[<=~]", name)] == []


def test_constraints_are_plain_pins_of_all_that_is_named() -> None:
    pins = lines_of("constraints.txt")
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", pin)] == []
    named = set().union(*map(pyproject_list, ("dependencies", "library", "dev")))
    wanted = {distribution(name) for name in named} - {"c2gm"}
    assert wanted - {distribution(pin) for pin in pins} == set()
    assert {"torch==2.13.0", "torchvision==0.28.0"} <= set(pins)


def test_constraints_are_what_is_tested_with() -> None:
    """Pins that are installed in another version prove nothing."""
    from importlib.metadata import PackageNotFoundError, version

    different = []
    for pin in lines_of("constraints.txt"):
        name, _, pinned = pin.partition("==")
        try:
            installed = version(name).partition("+")[0]
        except PackageNotFoundError:
            continue
        if installed != pinned:
            different.append(f"{pin}, installed {installed}")
    assert different == []


def test_every_third_party_import_is_declared() -> None:
    import ast

    lists = ("dependencies", "library", "train", "evaluate", "distributed")
    declared = set().union(*map(pyproject_list, lists))
    known = {MODULES.get(name, name) for name in declared} | {"c2gm"}
    brought = {"affine", "contourpy", "typing_extensions"}  # by rasterio, matplotlib, torch
    faults = set()
    for path in (REPOSITORY / "c2gm").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            faults |= {name.partition(".")[0] for name in names}
    assert faults - known - brought - set(sys.stdlib_module_names) == set()


def test_the_part_that_nodes_use_loads_without_the_extras() -> None:
    program = f"""
import importlib, pkgutil, c2gm
rooms = {ROOMS_OF_THE_NODES!r}
names = ["c2gm." + name for name in ("errors", "grid", "legend", "map_scale", "references")]
names += ["c2gm.sampling"]
for room in rooms:
    package = importlib.import_module("c2gm." + room)
    found = pkgutil.iter_modules(package.__path__, package.__name__ + ".")
    names += [entry.name for entry in found]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
    result = run_without(extras_of_the_library(), program)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 40


def test_rooms_without_torch_load_without_it() -> None:
    program = """
import importlib, pkgutil
for room in ("imagery", "tilesets", "painting", "cascade"):
    package = importlib.import_module("c2gm." + room)
    for entry in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(entry.name)
"""
    result = run_without(extras_of_the_library() | {"torch", "safetensors"}, program)
    assert result.returncode == 0, result.stderr


def test_the_command_line_without_its_package_says_what_to_install() -> None:
    result = run_without({"typer"}, "from c2gm.cli.main import main\nmain()")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert 'pip install "c2gm[library]"' in result.stderr


def test_help_loads_nothing_heavy() -> None:
    program = """
from c2gm.cli.app import build_app
import typer.testing
result = typer.testing.CliRunner().invoke(build_app(), ["--help"])
assert result.exit_code == 0 and "generate" in result.output
heavy = {"torch", "numpy", "rasterio", "PIL", "diffusers", "matplotlib", "scipy", "shapely"}
print(sorted(heavy & set(sys.modules)))
"""
    result = run_without(set(), program)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"
