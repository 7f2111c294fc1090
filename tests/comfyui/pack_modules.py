"""Node modules that need no ComfyUI, imported as ComfyUI would: below the pack as a package."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from install_server import REPOSITORY

PACK = "c2gm_pack"


def node_module(name: str) -> ModuleType:
    """`nodes/NAME.py`, whose `..c2gm` is the library beside it."""
    for package, folder in ((PACK, REPOSITORY), (f"{PACK}.nodes", REPOSITORY / "nodes")):
        if package not in sys.modules:
            module = ModuleType(package)
            module.__path__ = [str(folder)]
            sys.modules[package] = module
    return importlib.import_module(f"{PACK}.nodes.{name}")
