"""Imports of diffusers and open_clip, the two packages that only the extra `library` brings.

Both import torchvision where it is installed, and so fail beside a torchvision whose compiled part
does not fit the installed torch (a CUDA build from a package index beside a CPU torch).
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch

from ..errors import MissingExtra

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_diffusers(part: str = "") -> Any:
    """The package diffusers, or one module of it, such as "models.resnet".

    A part is there sooner: what its package offers by name may import Transformers and SciPy.

    Raises:
        MissingExtra: it is not installed.
    """
    return _import("diffusers", part)


def import_open_clip() -> Any:
    """The package open_clip.

    Raises:
        MissingExtra: it is not installed.
    """
    return _import("open_clip")


def _import(name: str, part: str = "") -> Any:
    if importlib.util.find_spec(name) is None:
        raise MissingExtra(
            f"This needs the package {name}, which is not installed. "
            'Install it with: pip install "c2gm[library]"'
        )
    with _without_collecting_garbage():
        if part:
            return importlib.import_module(f"{name}.{part}")
        _repair_torchvision()
        return importlib.import_module(name)


@contextmanager
def _without_collecting_garbage() -> Iterator[None]:
    """For imports: all they make stays, and looking for garbage in it takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@lru_cache(maxsize=1)
def _repair_torchvision() -> Any:
    """Defines the two operators that a mismatched torchvision misses, and only then.

    The cache keeps the library object, and with it the operators, alive.
    """
    if importlib.util.find_spec("torchvision") is None:
        return None
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    else:
        return None
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        library.define(operator + _SCHEMA)
    return library
