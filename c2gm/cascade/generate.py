"""From imagery to a map: the one call behind `c2gm generate` and the Cascade Sampler node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import AreaError, DiskFull, JobError, JobKeyChanged, JobLocked, TilesetError
from ..grid import tile_box
from ..imagery.base import Imagery
from ..painting.map_model import MapModel
from ..tilesets.base import StoredTileSet, TileSet
from ..tilesets.metadata import is_drawn
from ..tilesets.open import check_name, create_tileset, open_tileset
from ..tilesets.storing import TileSetWriter
from .disk import check_disk, shortage
from .executors import Executor
from .job import Job, claim, job_key, key_changes, key_hash, scale_texts
from .ledger import FILE_NAME, Ledger
from .litter import clear_litter, note_temporary
from .local import LocalExecutor
from .plan import Plan, make_plan
from .progress import OnProgress, ShouldStop
from .run import run, stopped
from .settings import GenerateSettings, stages_text

KEY_NAME = "c2gm_job"  # metadata of a map: the key it was painted with, JSON


@dataclass(frozen=True)
class Result:
    """What `generate` did.

    Attributes:
        path: The map.
        plan: What it was made by.
        nothing_to_do: The map was there already, made with the same key.
        tiles: Tiles written to the map.
        painted_windows: Windows painted by this call.
        reused_tiles: Tiles that an interrupted call had finished.
        seconds: Painting took.
    """

    path: Path
    plan: Plan
    nothing_to_do: bool = False
    tiles: int = 0
    painted_windows: int = 0
    reused_tiles: int = 0
    seconds: float = 0.0


def plan_for(imagery: Imagery, settings: GenerateSettings, start: TileSet | None = None) -> Plan:
    """The plan of a map, before any work.

    Raises:
        AreaError: the area is too large, or the imagery does not reach it.
        ConfigError: a zoom has no way to be painted, or no scale text.
        TilesetError: the start tile set does not cover the area.
    """
    zooms = None if start is None else start.zooms
    drawn = start is not None and is_drawn(start.metadata)
    plan = make_plan(settings, imagery.bounds, start_zooms=zooms, start_drawn=drawn)
    scale_texts(plan, settings.texts)  # a zoom without one is told before the model is loaded
    if start is not None:
        _check_start(plan, imagery, start)
    return plan


def generate(
    imagery: Imagery,
    painter: MapModel | Executor,
    out_path: str | Path,
    settings: GenerateSettings,
    *,
    start: TileSet | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    job_folder: str | Path | None = None,
) -> Result:
    """Paint a map of imagery, or go on with one that was begun.

    Args:
        imagery: What to paint from.
        painter: A model that paints in this process, or an executor that paints elsewhere.
        out_path: Name of the tile set; its ending decides the format.
        settings: What to paint.
        start: A tile set whose highest zoom at or below the lowest asked one begins the cascade.
        on_progress: Told after every batch.
        should_stop: Asked once a batch.
        job_folder: Where the unfinished job lies; None is `out_path` + `.c2gm-job`.

    Raises:
        JobKeyChanged: the job was begun, or the map was made, with other settings.
        JobLocked: another process works on it.
        JobError: `out_path` holds something else.
        Stopped: the user stopped it; the same call goes on.
        DiskFull: no room; the same call goes on.
        AreaError: nothing to paint there, or too much.
    """
    out_path = Path(out_path)
    check_name(out_path)
    folder = Path(job_folder or job_folder_of(out_path))
    executor = painter if isinstance(painter, Executor) else LocalExecutor(painter)
    plan = plan_for(imagery, settings, start)
    texts = scale_texts(plan, settings.texts)
    key = job_key(plan, imagery, executor.model, settings, texts=texts, start=start)
    if not settings.force and is_finished(out_path, key):
        if not settings.keep_job:
            _forget_job(folder, key)
        return Result(out_path, plan, nothing_to_do=True)
    rehearse(out_path, settings)
    check_disk(plan, folder, out_path)
    with Ledger(folder) as ledger:
        if settings.force and key_changes(ledger.read_key(), key):
            ledger.clear()
        if ledger.has_work() and not ledger.read_key():
            raise JobError(f"The job {folder} does not tell what it is of. Delete the folder.")
        claim(ledger, key)
        job = Job(
            plan,
            imagery,
            executor,
            settings,
            texts=texts,
            ledger=ledger,
            start=start,
        )
        try:
            meter = run(job, on_progress=on_progress, should_stop=should_stop)
            tiles = write_map(job, out_path, key)
        except KeyboardInterrupt:
            raise stopped(folder) from None
        except DiskFull as error:
            raise DiskFull(f"{error}{_still_needed(plan, folder, out_path)}") from error
        if not settings.keep_job or not tiles:
            ledger.delete()
    if not tiles:
        raise AreaError(
            f"{imagery.name} has no valid pixel in the area, so there is no map. Give a --bbox "
            "where it has imagery, or another --nodata."
        )
    return Result(
        out_path,
        plan,
        tiles=tiles,
        painted_windows=meter.painted,
        reused_tiles=meter.reused_tiles,
        seconds=meter.seconds,
    )


def _still_needed(plan: Plan, folder: Path, out_path: Path) -> str:
    short = shortage(plan, folder, out_path)
    return f" Until the map is complete it needs {short}." if short else ""


def job_folder_of(out_path: Path) -> Path:
    """Where the unfinished job of a map lies."""
    return out_path.with_name(f"{out_path.name}.c2gm-job")


def _forget_job(folder: Path, key: Mapping[str, Any]) -> None:
    """Delete the job of a map that is finished: the machine may have died just before that."""
    if not folder.is_dir():
        return
    with suppress(JobLocked), Ledger(folder) as ledger:
        if not key_changes(ledger.read_key() or key, key):
            ledger.delete()


def recorded_key(out_path: Path) -> dict[str, Any]:
    """The key of an unfinished job of a map, else of the map; empty where there is neither.

    Raises:
        JobLocked: another process works on the job.
        JobError: the job is damaged.
    """
    folder = job_folder_of(out_path)
    if (folder / FILE_NAME).is_file():
        with Ledger(folder) as ledger:
            return ledger.read_key()
    if not out_path.exists():
        return {}
    return _key_of_map(out_path) or {}


def write_map(job: Job, out_path: Path, key: Mapping[str, Any]) -> int:
    """Write the asked tiles of a finished job to a tile set, by zoom, column, row.

    Returns:
        How many tiles were written; with none there is no tile set.
    """
    asked = (
        (tile, pixels)
        for stage in job.plan.stages
        if stage.exported is not None
        for tile, pixels in job.ledger.tiles(stage.zoom)
        if tile in stage.exported
    )
    first = next(asked, None)
    if first is None:
        return 0
    written = 0
    metadata = map_metadata(job, key)
    clear_litter(job.ledger.folder, out_path)
    expected = sum(counts.exported for counts in job.plan.counts())
    with _new_map(out_path, metadata, job.settings, tiles_to_come=expected) as tileset:
        if isinstance(tileset, TileSetWriter):
            note_temporary(job.ledger.folder, tileset.temporary)
        for tile, pixels in chain([first], asked):
            tileset.put(tile, pixels)
            written += 1
    return written


def map_metadata(job: Job, key: Mapping[str, Any]) -> dict[str, str]:
    """Metadata of the map beside what every tile set of ours says."""
    credits = [job.imagery.attribution]
    if job.start is not None:
        credits.append(job.start.metadata.get("attribution", ""))
    # Other imagery than the library's own need not tell how it shows values beyond 8 bits.
    reading = getattr(job.imagery, "reading", "")
    return {
        "name": f"Map of {job.imagery.name}",
        **({"imagery_values": reading} if reading else {}),
        "attribution": "; ".join(dict.fromkeys(filter(None, credits))),
        "model": str(job.model.identity.get("model", "unknown")),
        "model_settings": json.dumps(job.model.identity, sort_keys=True),
        "seed": str(job.settings.seed),
        "stages": stages_text(job.plan.steps),
        "scale_texts": json.dumps({str(zoom): text for zoom, text in job.texts.items()}),
        "job_key": key_hash(key),
        KEY_NAME: json.dumps(key, sort_keys=True),
    }


def is_finished(out_path: Path, key: Mapping[str, Any]) -> bool:
    """Whether the map is there with this key.

    Raises:
        JobKeyChanged: a map of other settings is there.
        JobError: something else is there.
    """
    if not out_path.exists() or (out_path.is_dir() and not any(out_path.iterdir())):
        return False
    old = _key_of_map(out_path)
    if old is None:
        cure = "delete it yourself" if out_path.is_dir() else "--force to replace it"
        raise JobError(
            f"{out_path} is there and was not made by this program. Give another name, or {cure}."
        )
    if changes := key_changes(old, key):
        raise JobKeyChanged(
            f"{out_path} was made with other settings: {changes}. Give another name, or --force "
            "to replace it."
        )
    return True


def _key_of_map(out_path: Path) -> dict[str, Any] | None:
    """The key that a tile set says it was painted with; None where it says none."""
    try:
        with open_tileset(out_path) as tileset:
            key = json.loads(tileset.metadata.get(KEY_NAME, "null"))
    except (TilesetError, ValueError, RecursionError):
        return None
    return key if isinstance(key, dict) else None


class _Rehearsal(Exception):
    """Ends the rehearsal; a tile set that is left by an exception does not appear."""


def rehearse(out_path: Path, settings: GenerateSettings) -> None:
    """Refuse a name that the map cannot have before the work, not after it."""
    with suppress(_Rehearsal), _new_map(out_path, {}, settings, tiles_to_come=0):
        raise _Rehearsal


def _new_map(
    out_path: Path,
    metadata: Mapping[str, str],
    settings: GenerateSettings,
    *,
    tiles_to_come: int,
) -> StoredTileSet:
    """A map to be written; `force` replaces any file, and a folder that holds a map of ours."""
    return create_tileset(
        out_path,
        metadata,
        overwrite=settings.force,
        overwrite_foreign=settings.force,
        tiles_to_come=tiles_to_come,
    )


def _check_start(plan: Plan, imagery: Imagery, start: TileSet) -> None:
    """Refuse a start tile set that lacks an asked tile where there is imagery."""
    for stage in plan.stages:
        if not stage.copied:
            continue
        there = {(tile.x, tile.y) for tile in start.tiles(stage.zoom) if tile in stage.tiles}
        for tile in plan.area.tiles(stage.zoom):
            if (tile.x % (1 << tile.z), tile.y) in there or tile not in stage.tiles:
                continue
            if imagery.read(tile_box(tile))[1].any():
                raise TilesetError(
                    f"The start tile set lacks tile {tile.z}/{tile.x}/{tile.y}, where the area has "
                    "imagery. Give a --bbox inside the start tile set, or start from nothing."
                )
