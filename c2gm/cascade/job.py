"""A job: everything that the run of one map needs, and the key that decides its bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import JobKeyChanged
from ..imagery.base import Imagery
from ..map_scale import map_scale, scale_text
from ..painting.geometry import GEOMETRY_VERSION
from ..painting.map_model import ModelProfile
from ..tilesets.base import TileSet
from .executors import Executor
from .ledger import Ledger
from .plan import Plan
from .settings import GenerateSettings, stages_text

MOST_CHANGES, MOST_LETTERS = 12, 100  # that are told of another key


@dataclass(frozen=True)
class Job:
    """A planned map with its inputs and its ledger.

    Attributes:
        plan: Stages, tiles and windows.
        imagery: What is painted from.
        executor: What paints, and where.
        settings: Seed, enlargement and the rest.
        texts: Scale text of every painted zoom.
        ledger: Tiles, pictures and states, locked for this process.
        start: The start tile set, or None.
    """

    plan: Plan
    imagery: Imagery
    executor: Executor
    settings: GenerateSettings
    texts: Mapping[int, str]
    ledger: Ledger
    start: TileSet | None = None

    @property
    def model(self) -> ModelProfile:
        """What is known of the network that paints."""
        return self.executor.model


def scale_texts(plan: Plan, overrides: Mapping[int, str]) -> dict[int, str]:
    """Scale text of every zoom that is painted: the user's, else the authors'.

    Raises:
        ConfigError: a zoom has no map scale and no text of the user's.
    """
    return {
        stage.zoom: overrides[stage.zoom]
        if stage.zoom in overrides
        else scale_text(map_scale(stage.zoom), stage.cascade_factor)
        for stage in plan.stages
        if not stage.copied
    }


def job_key(
    plan: Plan,
    imagery: Imagery,
    model: ModelProfile,
    settings: GenerateSettings,
    *,
    texts: Mapping[int, str],
    start: TileSet | None,
) -> dict[str, Any]:
    """What decides the bytes of a map, by name; values are JSON."""
    return {
        "imagery": imagery.fingerprint,
        "start": None if start is None else start_fingerprint(plan, start),
        "bounds": list(plan.area.bounds),
        "zooms": list(plan.area.zooms),
        "stages": stages_text(plan.steps),
        **_given_references(plan),
        "seed": settings.seed,
        "edges": settings.edges,
        "mode": settings.mode,
        "interpolation": settings.interpolation,
        "geometry": GEOMETRY_VERSION,
        "batch": model.batch,
        **{f"text of zoom {zoom}": text for zoom, text in texts.items()},
        **{f"model.{name}": value for name, value in model.identity.items() if name != "batch"},
    }


def _given_references(plan: Plan) -> dict[str, list[int]]:
    """The zooms whose reference was given; maps without any keep the key that they had."""
    zooms = [stage.zoom for stage in plan.stages if stage.trusts]
    return {"given references of zooms": zooms} if zooms else {}


def start_fingerprint(plan: Plan, start: TileSet) -> str:
    """Hash of the start tiles that the plan uses."""
    digest = hashlib.sha256()
    for stage in plan.stages:
        if not stage.copied:
            continue
        for tile in start.tiles(stage.zoom):
            pixels = start.get(tile) if tile in stage.tiles else None
            if pixels is not None:
                digest.update(f"{tile.z}/{tile.x}/{tile.y}/{pixels.shape}".encode())
                digest.update(pixels.tobytes())
    return digest.hexdigest()


def key_hash(key: Mapping[str, Any]) -> str:
    """One short name of a key."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]


def key_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What differs between two keys, like `seed was 1, is 2`; empty where nothing does."""
    new = json.loads(json.dumps(new))
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    told = [
        f"{_cut(name)} was {_cut(old.get(name))}, is {_cut(new.get(name))}"
        for name in names[:MOST_CHANGES]
    ]
    more = [f"{len(names) - MOST_CHANGES} more"] if len(names) > MOST_CHANGES else []
    return "; ".join(told + more)


def _cut(value: object) -> str:
    """A value for a sentence; a stranger's may be of any length."""
    text = " ".join(str(value).split())
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}..."


def claim(ledger: Ledger, key: dict[str, Any]) -> None:
    """Write the key into a new ledger, or refuse to go on with another one.

    Raises:
        JobKeyChanged: the job was begun with other settings.
    """
    old = ledger.read_key()
    if not old:
        ledger.write_key(key)
        return
    if changes := key_changes(old, key):
        raise JobKeyChanged(
            f"The job {ledger.folder} was begun with other settings: {changes}. "
            "Use the old ones to go on, or give --force to begin anew."
        )
