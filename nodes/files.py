"""File names that nodes are given: checked, and kept inside ComfyUI's own folders.

A name in a workflow is a stranger's text. Every node passes it through `safe_path` both when a
prompt is checked and when it runs, because a linked text is never checked beforehand.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ..c2gm.errors import ConfigError

BUNDLED_MODEL = "c2gm-mini (bundled)"
BUNDLED_IMAGERY = "procedural town (bundled)"
RASTERS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".jp2")
SHEETS = (".tif", ".tiff", ".jp2")  # rasters that know where they lie
TILESETS = (".mbtiles", ".pmtiles")
IMAGERY = RASTERS + TILESETS
VECTORS = {"GeoJSON": ".geojson", "GeoPackage": ".gpkg"}
ASSETS = Path(__file__).resolve().parent.parent / "c2gm" / "assets"
MODEL_FOLDER = "sgdm"
CHECKPOINTS = "checkpoints"
RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")  # devices on Windows


def safe_path(name: str, folder: Path) -> Path:
    """The path of `name` inside a folder, links followed.

    Raises:
        ConfigError: the name leads out of the folder, or is no plain relative name.
    """
    parts = PurePosixPath(name).parts
    if (
        not name.strip()
        or any(ord(character) < 32 or character in ':\\<>"|?*' for character in name)
        or name.startswith("/")
        or any(part == ".." or RESERVED.match(part) for part in parts)
    ):
        raise ConfigError(
            f"{_shown(name)} is not a name inside {folder.name}/. "
            "Choose a file from the list, or give a plain relative name."
        )
    base = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(base, name))
    if path == base or os.path.commonpath([path, base]) != base:
        raise ConfigError(f"{_shown(name)} leads out of {folder.name}/. Copy the file into it.")
    return Path(path)


def existing_path(name: str, folder: Path) -> Path:
    """As `safe_path`, for a file or folder that must be there.

    Raises:
        ConfigError: nothing is there, or the name is not safe.
    """
    path = safe_path(name, folder)
    if not path.exists():
        raise ConfigError(f"{_shown(name)} is not in {folder}. Put it there, then press R.")
    return path


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:77]}...")


def input_folder() -> Path:
    """ComfyUI's input folder."""
    import folder_paths

    return Path(folder_paths.get_input_directory())


def output_folder() -> Path:
    """The folder `c2gm` in ComfyUI's output folder."""
    import folder_paths

    return Path(folder_paths.get_output_directory()) / "c2gm"


# Models -----------------------------------------------------------------------------------------


def model_names() -> list[str]:
    """The bundled model, the files of `models/sgdm`, then those of `models/checkpoints`."""
    import folder_paths

    _register_model_folder()
    own = folder_paths.get_filename_list(MODEL_FOLDER)
    return [BUNDLED_MODEL, *own, *(f"{CHECKPOINTS}/{name}" for name in checkpoint_names())]


def model_path(name: str) -> Path:
    """The file of a model's name.

    Raises:
        ConfigError: there is no such model.
    """
    if name == BUNDLED_MODEL:
        return ASSETS / "c2gm-mini.safetensors"
    _register_model_folder()
    if name.startswith(f"{CHECKPOINTS}/"):
        return checkpoint_path(name.removeprefix(f"{CHECKPOINTS}/"))
    return _listed_path(MODEL_FOLDER, name)


def checkpoint_names() -> list[str]:
    """The safetensors of `models/checkpoints`: whole models, or what a slim one stands on."""
    import folder_paths

    names = folder_paths.get_filename_list(CHECKPOINTS)
    return [name for name in names if name.lower().endswith(".safetensors")]


def checkpoint_path(name: str) -> Path:
    """The file of a checkpoint's name.

    Raises:
        ConfigError: there is no such checkpoint.
    """
    return _listed_path(CHECKPOINTS, name)


def make_model_folder() -> None:
    """Make `models/sgdm`, so that a user sees where model files go."""
    import folder_paths

    os.makedirs(os.path.join(folder_paths.models_dir, MODEL_FOLDER), exist_ok=True)


def _register_model_folder() -> None:
    """Make `models/sgdm` known, keeping the folders that extra_model_paths.yaml added."""
    import folder_paths

    own = os.path.join(folder_paths.models_dir, MODEL_FOLDER)
    folders, _ = folder_paths.folder_names_and_paths.get(MODEL_FOLDER, ([], set()))
    if own not in folders:
        folders = [own, *folders]
    folder_paths.folder_names_and_paths[MODEL_FOLDER] = (folders, {".safetensors"})


def _listed_path(kind: str, name: str) -> Path:
    import folder_paths

    for folder in folder_paths.get_folder_paths(kind):
        path = safe_path(name.replace("\\", "/"), Path(folder))
        if path.is_file():
            return path
    raise ConfigError(f"{_shown(name)} is not in models/{kind}. Put the file there, then press R.")


# Imagery and tile sets --------------------------------------------------------------------------


def imagery_names() -> list[str]:
    """The bundled scene, then rasters, tile sets and folders of tiles or of sheets."""
    folder = input_folder()
    names = list(_names(folder, IMAGERY))
    return [BUNDLED_IMAGERY, *sorted([*names, *_sheet_folders(names)])]


def imagery_path(name: str) -> Path:
    """The file or folder of an imagery's name.

    Raises:
        ConfigError: there is no such imagery, or it is no kind that is read.
    """
    if name == BUNDLED_IMAGERY:
        return ASSETS / "sample.tif"
    path = existing_path(name, input_folder())
    if path.is_file() and path.suffix.lower() not in IMAGERY:
        raise ConfigError(f"{_shown(name)} is no imagery. Choose one of {', '.join(IMAGERY)}.")
    return path


def tileset_names() -> list[str]:
    """Tile sets of the output folder `c2gm`, then of the input folder (as `input/NAME`)."""
    made = sorted(_names(output_folder(), TILESETS))
    given = sorted(f"input/{name}" for name in _names(input_folder(), TILESETS))
    return made + given


def tileset_path(name: str) -> Path:
    """The file or folder of a tile set's name.

    Raises:
        ConfigError: there is no such tile set.
    """
    if name.startswith("input/"):
        return existing_path(name.removeprefix("input/"), input_folder())
    return existing_path(name, output_folder())


def tileset_name(path: Path) -> str:
    """The name by which `tileset_path` finds a tile set again.

    Raises:
        ConfigError: it lies in neither folder.
    """
    real = Path(os.path.realpath(path))
    for prefix, folder in (("", output_folder()), ("input/", input_folder())):
        base = Path(os.path.realpath(folder))
        if base in real.parents:
            return prefix + real.relative_to(base).as_posix()
    raise ConfigError(f"{_shown(path.name)} is neither in output/c2gm nor in the input folder.")


def _names(folder: Path, suffixes: Iterable[str]) -> Iterable[str]:
    """Files of some kinds and tile folders below a folder, as relative names with slashes."""
    for place, folders, files in os.walk(folder):
        relative = Path(place).relative_to(folder)
        tile_folders = [name for name in folders if _is_tile_folder(Path(place) / name)]
        folders[:] = [
            name
            for name in folders
            if name not in tile_folders and not name.startswith(".") and not _is_job(name)
        ]
        yield from ((relative / name).as_posix() for name in tile_folders)
        yield from (
            (relative / name).as_posix()
            for name in files
            if Path(name).suffix.lower() in suffixes and not name.startswith(".")
        )


def _sheet_folders(names: Iterable[str]) -> list[str]:
    """Folders with several rasters that know where they lie, which are read as one imagery."""
    sheets = [PurePosixPath(name) for name in names if name.lower().endswith(SHEETS)]
    counts = Counter(sheet.parent.as_posix() for sheet in sheets)
    return [folder for folder, count in counts.items() if count > 1 and folder != "."]


def _is_tile_folder(folder: Path) -> bool:
    try:
        children = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return False
    return bool(children) and all(name.isdecimal() and int(name) <= 22 for name in children)


def _is_job(name: str) -> bool:
    return name.endswith(".c2gm-job")


def stamp(path: str | Path) -> tuple[int, int]:
    """Size and time of a file, or of all that a folder holds: changes when its content does."""
    statuses = [os.stat(path)]
    for place, folders, files in os.walk(path):
        statuses += [os.stat(os.path.join(place, name)) for name in (*folders, *files)]
    return (
        sum(status.st_size for status in statuses),
        max(status.st_mtime_ns for status in statuses),
    )
