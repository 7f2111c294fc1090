"""Start ComfyUI's main.py with two shims: `launch_server.py MAIN_PY [OPTIONS]`.

On Linux the package index has torchvision as a CUDA build only, whose C library does not load
beside a CPU torch; its import then misses two operators. They are declared when torchvision is
first looked up, so that torch is not imported before ComfyUI wants it.

An older ComfyUI serves a folder of example workflows that newer packages of them no longer have,
and does not start without it.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path

from install_server import OLDER


class TorchvisionShim:
    """A finder that finds nothing, and declares torchvision's operators when it is asked for it."""

    library = None

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> None:
        """Called for every import."""
        if name != "torchvision" or cls.library is not None:
            return
        import torch

        if torch.version.cuda is None:
            cls.library = torch.library.Library("torchvision", "DEF")
            for operator in ("nms", "qnms"):
                cls.library.define(f"{operator}(Tensor dets, Tensor scores, float t) -> Tensor")


def install_shim() -> None:
    """Put the finder first; needed on Linux only."""
    if sys.platform == "linux":
        sys.meta_path.insert(0, TorchvisionShim)


def make_templates_folder() -> None:
    """The folder of example workflows, empty."""
    spec = importlib.util.find_spec("comfyui_workflow_templates")
    if spec is not None and spec.origin is not None:
        (Path(spec.origin).parent / "templates").mkdir(exist_ok=True)


if __name__ == "__main__":
    install_shim()
    if Path(sys.argv[1]).resolve().parent.name == OLDER:
        make_templates_folder()
    main = Path(sys.argv[1]).resolve()
    sys.argv = sys.argv[1:]
    sys.path[0] = str(main.parent)
    runpy.run_path(str(main), run_name="__main__")
