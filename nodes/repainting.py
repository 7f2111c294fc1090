"""Repaint inside ComfyUI: the library's repaint with the sampler that the map was drawn with."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import comfy.utils

from ..c2gm.cascade.edits import Edit
from ..c2gm.cascade.generate import KEY_NAME
from ..c2gm.cascade.job import key_hash
from ..c2gm.cascade.progress import Progress
from ..c2gm.cascade.repaint import repaint
from ..c2gm.errors import ConfigError
from ..c2gm.imagery.base import Imagery
from ..c2gm.tilesets.open import open_tileset
from .areas import PickedArea
from .cascade import DrawnMap
from .files import output_folder, tileset_name
from .growing import GrowingTiles
from .map_model import SamplerChoice

CHOICES = ("sampler_name", "scheduler", "steps", "cfg", "strength", "start", "end")


def key_of(path: Path) -> dict[str, Any]:
    """What a map of the Cascade Sampler was drawn with.

    Raises:
        ConfigError: the map was drawn by something else.
    """
    with open_tileset(path) as map_:
        told = map_.metadata.get(KEY_NAME, "null")
    try:
        key = json.loads(told)
    except json.JSONDecodeError:
        key = None
    if not isinstance(key, dict) or not {f"model.{name}" for name in CHOICES} <= set(key):
        raise ConfigError(
            f"{path.name} was not drawn by the Cascade Sampler, so nothing of it can be drawn "
            "again. Connect a map of it, or one that Save Tileset wrote from it."
        )
    return key


def choice_of(key: dict[str, Any]) -> SamplerChoice:
    """How the map was sampled."""
    denoise = key.get("model.denoise", 1.0)  # of maps that were drawn before it existed
    return SamplerChoice(**{name: key[f"model.{name}"] for name in CHOICES}, denoise=denoise)


def area_of_map(path: Path, imagery: Imagery) -> PickedArea:
    """The area that a map was drawn for."""
    key = key_of(path)
    return PickedArea(tuple(key["bounds"]), tuple(key["zooms"]), imagery)


def repaint_map(
    imagery: Imagery,
    make_model: Callable[[SamplerChoice, int], Any],
    map_path: Path,
    edit: Edit,
    start: Path | None,
    *,
    node_id: str,
) -> DrawnMap:
    """Draw again what depends on an edit; cancelled, the same call goes on.

    Args:
        imagery: What the map was drawn from.
        make_model: Makes what draws, of a sampler's settings and a batch.
        map_path: The map.
        edit: What changed.
        start: The tile set that the map began with, if it began with one.
        node_id: The node whose page shows the new tiles.

    Raises:
        C2GMError: the map was drawn otherwise, or from other imagery.
    """
    key = key_of(map_path)
    if key.get("start") is not None and start is None:
        raise ConfigError(
            "The map was continued from another one. Connect that one as start_tileset."
        )
    folder = output_folder() / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    name = key_hash({**key, "repaint": f"{edit.zoom}:{edit.fingerprint}"})
    path = folder / f"{name}.mbtiles"
    with ExitStack() as stack:
        result = repaint(
            imagery,
            make_model(choice_of(key), key["batch"]),
            map_path,
            path,
            edit,
            start=None if start is None else stack.enter_context(open_tileset(start)),
            on_progress=Watched(node_id, key, map_path),
        )
    tiles = sum(len(stage.tiles) for stage in result.plan.stages)
    return DrawnMap(path, tiles, reused=tiles if result.nothing_to_do else result.reused_tiles)


class Watched:
    """Tells the page of progress and of new tiles; ComfyUI raises here when it is cancelled.

    There is no preview on the node: its picture is the one to paint on.
    """

    def __init__(self, node_id: str, key: dict[str, Any], map_path: Path) -> None:
        self._growing = GrowingTiles(
            node_id, tuple(key["bounds"]), tuple(key["zooms"]), before=tileset_name(map_path)
        )
        self._bar: Any = None

    def __call__(self, progress: Progress) -> None:
        """Called by the cascade after every batch."""
        self._growing.add(progress.finished)
        if self._bar is None:
            self._bar = comfy.utils.ProgressBar(progress.windows)
        self._bar.update_absolute(progress.windows_done, progress.windows)
