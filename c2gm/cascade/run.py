"""The run of a job: zoom by zoom, each tile the reference of later ones, by the job's executor."""

from __future__ import annotations

from pathlib import Path

from ..errors import Stopped
from .job import Job
from .plan import Stage
from .progress import Meter, OnProgress, ShouldStop
from .work import Work


def run(
    job: Job, *, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> Meter:
    """Paint what the job still lacks, until every tile of its plan is in its ledger.

    Args:
        job: The job.
        on_progress: Told after every unit of work.
        should_stop: Asked once a unit of work; True stops after the last stored one.

    Returns:
        The meter with what was done.

    Raises:
        Stopped: the user stopped it; the job can be resumed.
        DiskFull: the ledger cannot grow; the job can be resumed.
    """
    meter = Meter(job.plan, on_progress)
    job.executor.run(job, meter=meter, should_stop=should_stop)
    return meter


def copy_start(job: Job, stage: Stage, *, meter: Meter, should_stop: ShouldStop | None) -> None:
    """Take the start tile set's tiles into the ledger, as references and for the map."""
    if job.start is None:
        raise ValueError("A stage is copied from a start tile set, but the job has none.")
    done = {(x, y) for x, y, _ in job.ledger.tile_states(stage.zoom)}
    meter.begin_stage(stage, tiles=len(done), windows=0)
    for tile in job.start.tiles(stage.zoom):
        if tile not in stage.tiles or (tile.x, tile.y) in done:
            continue
        pixels = job.start.get(tile)
        if pixels is not None:
            job.ledger.store(Work(tiles={tile: pixels}))
            meter.count(stage, tiles=1, finished=((tile, pixels),))
            check_stop(job, should_stop)


def check_stop(job: Job, should_stop: ShouldStop | None) -> None:
    """End the run here if the user wants it.

    Raises:
        Stopped: the user does.
    """
    if should_stop is not None and should_stop():
        raise stopped(job.ledger.folder)


def stopped(folder: Path) -> Stopped:
    """The error of a job that the user stopped."""
    return Stopped(
        f"Stopped. What is painted is kept in {folder}; the same command goes on from there."
    )
