"""Who may know whom: the arrows of the house, read off the source of every module."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LIBRARY = REPOSITORY / "c2gm"

GROUND = {"errors", "grid", "legend", "map_scale", "recolour", "references", "words"}
# room -> rooms that it may import besides itself and the ground floor.
ARROWS: dict[str, set[str]] = {
    "imagery": set(),
    "tilesets": {"imagery"},
    "sources": {"imagery", "tilesets"},  # imagery of any kind, kept in tile sets too
    "models": set(),
    "sampling": set(),
    "painting": {"imagery"},
    "cascade": {"painting", "imagery", "tilesets"},
    "cartography": {"imagery"},
    "worlds": {"cartography", "imagery"},
    "evaluation": {
        *("cascade", "painting", "imagery", "tilesets", "sources"),
        *("models", "sampling", "cartography", "worlds"),
    },
    "tracing": {
        *("evaluation", "cascade", "painting", "imagery", "tilesets"),
        *("models", "sampling", "cartography", "worlds"),
    },
    "training": {
        *("cascade", "painting", "imagery", "tilesets", "sources"),
        *("models", "sampling", "cartography", "worlds", "evaluation"),
    },
}
# Single modules that may do more: module -> modules.
EXCEPTIONS: dict[str, set[str]] = {
    "sampling": {"models.config", "models.libraries"},
    "models.sgdm_map_model": {"sampling"},  # the network as the painter sees it holds a sampler
}
WITHOUT_TORCH = {
    "imagery",
    "tilesets",
    "sources",
    "painting",
    "cascade",
    "cartography",
    "worlds",
} | GROUND

# Rooms that ComfyUI's nodes reach may load these when they are imported, and nothing else.
LIGHT = {"affine", "mercantile", "numpy", "PIL", "pmtiles", "rasterio", "safetensors"}
NODE_ROOMS = {"imagery", "tilesets", "sources", "models", "sampling"} | GROUND
NODE_ROOMS |= {"painting", "cascade"}


@dataclass(frozen=True)
class Import:
    """One import statement's target, as absolute name, and where it stands."""

    module: str
    line: int
    relative: bool
    top_level: bool
    typing_only: bool


MODULES = sorted(LIBRARY.rglob("*.py"))


def dotted(path: Path) -> str:
    """Name inside the library: c2gm/models/vae.py -> models.vae; a package is its folder's name."""
    parts = path.relative_to(LIBRARY).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(module: str) -> str:
    return module.partition(".")[0]


@functools.cache
def imports(path: Path) -> tuple[Import, ...]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = path.relative_to(REPOSITORY).parent.parts
    return tuple(_imports_of(tree.body, package, top_level=True, typing_only=False))


def _imports_of(
    body: list[ast.stmt], package: tuple[str, ...], *, top_level: bool, typing_only: bool
) -> Iterator[Import]:
    for statement in body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield Import(alias.name, statement.lineno, False, top_level, typing_only)
        elif isinstance(statement, ast.ImportFrom):
            for name in _targets(statement, package):
                relative = statement.level > 0
                yield Import(name, statement.lineno, relative, top_level, typing_only)
        inside = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
        guarded = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)
        for field in ("body", "orelse", "finalbody"):
            yield from _imports_of(
                getattr(statement, field, []),
                package,
                top_level=top_level and not inside,
                typing_only=typing_only or (guarded and field == "body"),
            )
        for part in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
            yield from _imports_of(
                part.body, package, top_level=top_level and not inside, typing_only=typing_only
            )


def _targets(statement: ast.ImportFrom, package: tuple[str, ...]) -> list[str]:
    """`from .. import a` imports modules, `from ..a import b` the module a (or its module b)."""
    base = package[: len(package) - statement.level + 1] if statement.level else ()
    parts = [*base, *(statement.module.split(".") if statement.module else [])]
    folder = REPOSITORY.joinpath(*parts)
    if not statement.level or not folder.is_dir():
        return [".".join(parts)]
    names = [alias.name for alias in statement.names]
    is_module = [(folder / f"{name}.py").exists() or (folder / name).is_dir() for name in names]
    return [
        ".".join([*parts, name] if known else parts)
        for name, known in zip(names, is_module, strict=True)
    ]


def loaded(path: Path) -> Iterator[Import]:
    """What is imported as soon as the module is."""
    return (entry for entry in imports(path) if entry.top_level and not entry.typing_only)


def told(path: Path, entry: Import) -> str:
    return f"{path.relative_to(REPOSITORY)}:{entry.line} imports {entry.module}"


def test_imports_are_found_wherever_they_stand() -> None:
    found = {entry.module: entry for entry in imports(LIBRARY / "cli" / "demo.py")}
    assert found["c2gm.cli.console"].top_level
    assert not found["c2gm.cascade.generate"].top_level
    assert not found["typer"].relative
    typed = {entry.module: entry for entry in imports(LIBRARY / "cli" / "generate.py")}
    assert typed["c2gm.cascade.plan"].typing_only


def test_every_room_has_its_arrows() -> None:
    rooms = {room_of(dotted(path)) for path in MODULES}
    assert rooms - {"", "cli"} == GROUND | set(ARROWS)


def test_modules_import_only_what_lies_below_them() -> None:
    faults = []
    for path in MODULES:
        module = dotted(path)
        room = room_of(module)
        if room == "cli":
            continue  # the command line may know everything, and nothing may know it
        allowed = {"", room} | GROUND | ARROWS.get(room, set())
        for entry in imports(path):
            package, _, target = entry.module.partition(".")
            known = room_of(target) in allowed or target in EXCEPTIONS.get(module, set())
            if package == "c2gm" and not known:
                faults.append(told(path, entry))
    assert faults == []


def test_every_exception_is_still_needed() -> None:
    made = {
        dotted(path): {entry.module.partition(".")[2] for entry in imports(path)}
        for path in MODULES
    }
    needless = {
        (module, target)
        for module, targets in EXCEPTIONS.items()
        for target in targets
        if target not in made.get(module, set())
    }
    assert needless == set()


def test_the_library_names_itself_relatively() -> None:
    """In a ComfyUI pack there is no top-level c2gm."""
    places = [*MODULES, *(REPOSITORY / "nodes").rglob("*.py")]
    faults = [
        told(path, entry)
        for path in places
        for entry in imports(path)
        if entry.module.partition(".")[0] == "c2gm" and not entry.relative
    ]
    assert faults == []


def test_the_library_knows_no_comfyui() -> None:
    comfyui = {"nodes", "comfy", "comfy_api", "comfy_extras", "folder_paths", "server"}
    faults = [
        told(path, entry)
        for path in MODULES
        for entry in imports(path)
        if entry.module.partition(".")[0] in comfyui
    ]
    assert faults == []


def test_one_module_of_the_pack_knows_comfyui_s_node_api() -> None:
    knowing = {
        path.name
        for path in (REPOSITORY / "nodes").rglob("*.py")
        for entry in imports(path)
        if entry.module.partition(".")[0] == "comfy_api"
    }
    assert knowing <= {"_api.py"}


def test_the_entry_of_the_pack_loads_nothing_until_it_is_asked() -> None:
    assert list(loaded(REPOSITORY / "__init__.py")) == []


def test_rooms_without_torch_import_none_anywhere() -> None:
    faults = [
        told(path, entry)
        for path in MODULES
        if room_of(dotted(path)) in WITHOUT_TORCH
        for entry in imports(path)
        if entry.module.partition(".")[0] in {"torch", "torchvision", "diffusers", "open_clip"}
    ]
    assert faults == []


def test_rooms_that_nodes_reach_load_nothing_heavy() -> None:
    faults = []
    for path in MODULES:
        room = room_of(dotted(path))
        light = LIGHT | {"c2gm", "typing_extensions"} | set(sys.stdlib_module_names)
        if room in {"models", "sampling"}:
            light |= {"torch"}
        if room in NODE_ROOMS:
            faults += [
                told(path, entry)
                for entry in loaded(path)
                if entry.module.partition(".")[0] not in light
            ]
    assert faults == []


def test_modules_hold_one_purpose() -> None:
    """More than 400 lines are more than one."""
    lengths = {dotted(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}
