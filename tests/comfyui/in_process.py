"""ComfyUI and the pack in one process, for tests that need no server; run by the server's Python.

`load_pack()` must come before any other import of `comfy`: ComfyUI looks for its flags then.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from launch_server import install_shim

REPOSITORY = Path(__file__).resolve().parents[2]


def load_pack(comfyui: str | Path) -> ModuleType:
    """ComfyUI on the CPU, and the pack as ComfyUI imports it: by path, under another name."""
    install_shim()
    sys.path.insert(0, str(comfyui))
    sys.argv = ["main.py", "--cpu", "--use-pytorch-cross-attention"]
    import comfy.options

    comfy.options.enable_args_parsing()
    import torch

    torch.set_grad_enabled(False)
    spec = importlib.util.spec_from_file_location(
        "pack", REPOSITORY / "__init__.py", submodule_search_locations=[str(REPOSITORY)]
    )
    assert spec is not None and spec.loader is not None
    pack = importlib.util.module_from_spec(spec)
    sys.modules["pack"] = pack
    spec.loader.exec_module(pack)
    return pack
