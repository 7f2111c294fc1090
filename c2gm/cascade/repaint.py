"""Paint again what depends on an edit, and nothing else.

A person corrects a low zoom of a finished map. Tiles whose references show the correction are
painted again, then the tiles that depend on those; every other tile stays as it is, to the byte.
The work is an ordinary job whose ledger begins with all tiles that stay.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from mercantile import Tile

from ..errors import JobError, JobKeyChanged
from ..grid import PixelBox, TileRange, Window, square_box, tile_box, tiles_of_box, wrapped
from ..imagery.base import Imagery
from ..painting.map_model import MapModel
from ..references import MARGIN, parent_box
from ..tilesets.base import StoredTileSet, TileSet
from ..tilesets.open import check_name, open_tileset
from .disk import check_disk
from .edits import Edit
from .frontier import Frontier
from .generate import (
    KEY_NAME,
    Result,
    is_finished,
    job_folder_of,
    plan_for,
    rehearse,
    write_map,
)
from .job import Job, claim, job_key, key_changes
from .ledger import Ledger
from .local import LocalExecutor
from .plan import Plan, Stage
from .progress import OnProgress, ShouldStop
from .run import run, stopped
from .settings import GenerateSettings, parse_stages
from .work import Work

EDIT_NAME = "edit"  # in the job key
TEXT_NAME = "text of zoom "
# How large the plan may be: a map has all tiles of its area but where imagery is missing.
MOST_TILES, MOST_HOLES = 100_000, 100
_TILES_A_STORE = 64
_WINDOWS_A_STORE = 4096


@dataclass(frozen=True)
class Repaint:
    """What an edit asks for.

    Attributes:
        plan: Of the whole map.
        todo: Tiles to paint by zoom.
        windows: Windows to paint for them by zoom.
    """

    plan: Plan
    todo: Mapping[int, frozenset[Tile]]
    windows: Mapping[int, frozenset[Window]]

    @property
    def tiles(self) -> int:
        """Tiles to paint, all zooms together."""
        return sum(len(tiles) for tiles in self.todo.values())


def settings_of_map(map_: TileSet, *, force: bool = False) -> GenerateSettings:
    """The settings that a map was painted with.

    Raises:
        JobError: the map does not tell, so it was not painted by this program.
    """
    key = _key_of(map_)
    try:
        texts = {
            int(name.removeprefix(TEXT_NAME)): str(text)
            for name, text in key.items()
            if name.startswith(TEXT_NAME)
        }
        west, south, east, north = (float(edge) for edge in key["bounds"])
        return GenerateSettings(
            zooms=tuple(operator.index(zoom) for zoom in key["zooms"]),
            bounds=(west, south, east, north),
            stages=parse_stages(key["stages"]),
            seed=operator.index(key["seed"]),
            edges=key["edges"],
            mode=key["mode"],
            interpolation=key["interpolation"],
            texts=texts,
            max_tiles=MOST_TILES + MOST_HOLES * sum(1 for z in map_.zooms for _ in map_.tiles(z)),
            force=force,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise JobError(
            "What the map tells of its painting cannot be read "
            f"({type(error).__name__}: {str(error)[:60]}). Give a map that c2gm generate wrote."
        ) from error


def plan_repaint(plan: Plan, map_: StoredTileSet, edit: Edit) -> Repaint:
    """The tiles that depend on an edit, with the windows and rim tiles that painting them takes."""
    dirty = _dependent(plan, map_, edit)
    rim: dict[int, set[Tile]] = {stage.zoom: set() for stage in plan.stages}
    todo: dict[int, frozenset[Tile]] = {}
    windows: dict[int, frozenset[Window]] = {}
    for stage in reversed(plan.stages):
        if stage.copied:
            todo[stage.zoom] = windows[stage.zoom] = frozenset()
            continue
        is_edited = stage.zoom == edit.zoom
        again = set() if is_edited else {tile for tile in dirty[stage.zoom] if tile in map_}
        todo[stage.zoom] = frozenset(again | rim[stage.zoom])
        frontier = Frontier(stage, plan.geometry.ring)
        needed = {
            window
            for tile in todo[stage.zoom]
            for window in frontier.windows_of(tile).values()
            if (window.x, window.y, window.z) in stage.windows
        }
        windows[stage.zoom] = frozenset(needed)
        if stage.cascade_factor is not None and stage.parent is not None:
            parent = next(one for one in plan.stages if one.zoom == stage.parent)
            for window in needed:
                rim[parent.zoom] |= _missing(parent, _parents(plan, stage, window))
    return Repaint(plan, todo, windows)


def repaint(
    imagery: Imagery,
    model: MapModel,
    map_path: str | Path,
    out_path: str | Path,
    edit: Edit,
    *,
    start: TileSet | None = None,
    force: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Result:
    """Write a map with an edit, and everything that depends on it painted again.

    Args:
        imagery: What the map was painted from.
        model: What painted it, with the same settings.
        map_path: The map.
        out_path: Name of the new map.
        edit: What changed.
        start: The tile set that the map began with, if it began with one.
        force: Replace what has the name.
        on_progress: Told after every batch.
        should_stop: Asked once a batch.

    Raises:
        JobKeyChanged: imagery or model are not those of the map.
        JobError: the map does not tell how it was painted, or the name is taken.
        Stopped: the user stopped it; the same call goes on.
    """
    out_path = Path(out_path)
    check_name(out_path)
    if out_path.resolve() == Path(map_path).resolve():
        raise JobError(f"{out_path} is the map itself. Give the new map another name.")
    folder = job_folder_of(out_path)
    with open_tileset(map_path) as map_:
        settings = settings_of_map(map_, force=force)
        # Of other imagery the plan itself would fail, and blame the area.
        told = {"imagery": _key_of(map_).get("imagery")}
        _refuse_changes(map_path, told, {"imagery": imagery.fingerprint})
        plan = plan_for(imagery, settings, start)
        key = job_key(plan, imagery, model, settings, texts=settings.texts, start=start)
        key = _with_edit(map_path, _key_of(map_), key, edit)
        if not force and is_finished(out_path, key):
            return Result(out_path, plan, nothing_to_do=True)
        rehearse(out_path, settings)
        check_disk(plan, folder, out_path)
        work = plan_repaint(plan, map_, edit)
        with Ledger(folder) as ledger:
            if ledger.read_key() != json.loads(json.dumps(key)):
                ledger.clear()
                for part in _staying(work, map_, edit):
                    ledger.store(part)
                claim(ledger, key)
            job = Job(
                plan,
                imagery,
                LocalExecutor(model),
                settings,
                texts=settings.texts,
                ledger=ledger,
                start=start,
            )
            try:
                meter = run(job, on_progress=on_progress, should_stop=should_stop)
                tiles = write_map(job, out_path, key)
            except KeyboardInterrupt:
                raise stopped(folder) from None
            ledger.delete()
    return Result(
        out_path,
        plan,
        tiles=tiles,
        painted_windows=meter.painted,
        reused_tiles=meter.reused_tiles,
        seconds=meter.seconds,
    )


def _key_of(map_: TileSet) -> dict[str, Any]:
    try:
        key = json.loads(map_.metadata.get(KEY_NAME, "null"))
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict):
        raise JobError(
            "The map does not tell how it was painted, so nothing of it can be painted again. "
            "Give a map that c2gm generate wrote."
        )
    return key


def _with_edit(
    map_path: str | Path, old: Mapping[str, Any], new: dict[str, Any], edit: Edit
) -> dict[str, Any]:
    """The key of the new map; edits of edits are told apart by a chain of hashes."""
    _refuse_changes(map_path, {k: value for k, value in old.items() if k != EDIT_NAME}, new)
    earlier = old.get(EDIT_NAME, [])
    chain = [
        *(earlier if isinstance(earlier, list) else [str(earlier)]),
        f"{edit.zoom}:{edit.fingerprint}",
    ]
    return {**new, EDIT_NAME: chain}


def _refuse_changes(map_path: str | Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if changes := key_changes(old, new):
        raise JobKeyChanged(
            f"{Path(map_path).name} was painted with other settings: {changes}. Give the imagery, "
            "the model and the options that it was painted with."
        )


def _dependent(plan: Plan, map_: TileSet, edit: Edit) -> dict[int, dict[Tile, PixelBox]]:
    """Tiles that change with an edit, by zoom, and which part of each may change."""
    dirty: dict[int, dict[Tile, PixelBox]] = {stage.zoom: {} for stage in plan.stages}
    dirty[edit.zoom] = {tile: _changed_part(map_, edit, tile) for tile in edit.tiles}
    for stage in plan.stages:
        if stage.zoom == edit.zoom or stage.copied or stage.parent is None:
            continue
        windows = {
            window
            for part in dirty[stage.parent].values()
            for window in _windows_that_see(plan, stage, part)
        }
        for window in windows:
            for tile, part in _tiles_of_window(plan, stage, window):
                known = dirty[stage.zoom].get(tile)
                dirty[stage.zoom][tile] = part if known is None else _hull(known, part)
    return dirty


def _changed_part(map_: TileSet, edit: Edit, tile: Tile) -> PixelBox:
    """The smallest box that holds the pixels that an edit changes in a tile."""
    whole, old, new = tile_box(tile), map_.get(tile), edit.tiles[tile]
    if old is None or old.shape != new.shape:
        return whole
    changed = (old != new).any(-1)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    if not len(rows):
        return whole
    return PixelBox(
        tile.z,
        whole.left + int(columns[0]),
        whole.top + int(rows[0]),
        whole.left + int(columns[-1]) + 1,
        whole.top + int(rows[-1]) + 1,
    )


def _windows_that_see(plan: Plan, stage: Stage, part: PixelBox) -> Iterator[Window]:
    """Windows of a stage with any of these parent pixels in a reference that they depend on."""
    factor = stage.cascade_factor or 1
    enlarged = PixelBox(
        stage.zoom,
        part.left * factor,
        part.top * factor,
        part.right * factor,
        part.bottom * factor,
    )
    for tile in tiles_of_box(enlarged.grown(plan.geometry.reach + MARGIN * factor)):
        if tile in stage.windows:
            yield Window(tile.x % (1 << tile.z), tile.y, tile.z)


def _tiles_of_window(plan: Plan, stage: Stage, window: Window) -> Iterator[tuple[Tile, PixelBox]]:
    """Tiles that a window reaches into, and the part of each that it reaches."""
    box = plan.geometry.box(window)
    for tile in tiles_of_box(box):
        if tile in stage.tiles:
            place = square_box(tile.x, tile.y, tile.z)
            turned = tile_box(wrapped(tile)).left - place.left
            left, right = max(box.left, place.left), min(box.right, place.right)
            top, bottom = max(box.top, place.top), min(box.bottom, place.bottom)
            yield wrapped(tile), PixelBox(tile.z, left + turned, top, right + turned, bottom)


def _hull(first: PixelBox, second: PixelBox) -> PixelBox:
    return PixelBox(
        first.zoom,
        min(first.left, second.left),
        min(first.top, second.top),
        max(first.right, second.right),
        max(first.bottom, second.bottom),
    )


def _parents(plan: Plan, stage: Stage, window: Window) -> TileRange:
    box = square_box(window.x, window.y, window.z).grown(plan.geometry.reach)
    return tiles_of_box(parent_box(box, stage.cascade_factor or 1))


def _missing(parent: Stage, tiles: Iterable[Tile]) -> set[Tile]:
    """Tiles that references need and the map does not hold: beyond the area that was asked for.

    Of those inside, what has no tile had no imagery, and what depends on the edit is painted.
    """
    return {
        wrapped(tile)
        for tile in tiles
        if tile in parent.tiles
        and not parent.copied
        and (parent.exported is None or tile not in parent.exported)
    }


def _staying(work: Repaint, map_: StoredTileSet, edit: Edit) -> Iterator[Work]:
    """What the ledger begins with: tiles that stay, edited ones, windows that nothing needs."""
    for stage in work.plan.stages:
        todo, windows = work.todo[stage.zoom], work.windows[stage.zoom]
        waiting = iter(
            wrapped(tile)
            for tile in stage.tiles
            if wrapped(tile) not in todo and not (stage.copied and wrapped(tile) not in map_)
        )
        while group := list(islice(waiting, _TILES_A_STORE)):
            yield Work(
                tiles={
                    tile: edit.tiles[tile] if tile in edit.tiles else map_.get(tile)
                    for tile in group
                }
            )
        if stage.copied:
            continue
        idle = iter(
            window
            for tile in stage.windows
            if (window := Window(tile.x % (1 << tile.z), tile.y, tile.z)) not in windows
        )
        while chosen := list(islice(idle, _WINDOWS_A_STORE)):
            yield Work(empty_windows=chosen)
