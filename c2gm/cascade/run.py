"""The run of a job: zoom by zoom, window by window, each tile the reference of later ones.

for each stage:
    for each batch of windows:
        imagery crop, reference crop ─> model ─> window pictures
        3x3 window pictures, feathered once ─> tiles ─> ledger
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ..errors import Stopped
from ..painting.paint import Painter
from ..painting.world_noise import WorldNoise
from .assemble import TileAssembler
from .batches import read_batches
from .frontier import Frontier
from .job import Job
from .ledger import Work
from .plan import Stage
from .progress import Meter, OnProgress, ShouldStop


def run(
    job: Job, *, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> Meter:
    """Paint what the job still lacks, until every tile of its plan is in its ledger.

    Args:
        job: The job.
        on_progress: Told after every batch.
        should_stop: Asked once a batch; True stops after the last stored batch.

    Returns:
        The meter with what was done.

    Raises:
        Stopped: the user stopped it; the job can be resumed.
        DiskFull: the ledger cannot grow; the job can be resumed.
    """
    meter = Meter(job.plan, on_progress)
    noise = WorldNoise(job.settings.seed, channels=job.model.latent_channels)
    for stage in job.plan.stages:
        if stage.copied:
            _copy_start(job, stage, meter=meter, should_stop=should_stop)
        else:
            _paint_stage(job, stage, noise=noise, meter=meter, should_stop=should_stop)
    return meter


def _copy_start(job: Job, stage: Stage, *, meter: Meter, should_stop: ShouldStop | None) -> None:
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
            _check_stop(job, should_stop)


def _paint_stage(
    job: Job, stage: Stage, *, noise: WorldNoise, meter: Meter, should_stop: ShouldStop | None
) -> None:
    """Paint one zoom."""
    geometry, ledger = job.plan.geometry, job.ledger
    frontier = Frontier(stage, geometry.ring)
    frontier.restore(ledger.window_states(stage.zoom), ledger.tile_states(stage.zoom))
    meter.begin_stage(stage, tiles=frontier.tiles_done, windows=frontier.windows_done)

    assembler = TileAssembler(frontier, ledger, geometry)
    painter = Painter(job.model, noise=noise, geometry=geometry, text=job.texts[stage.zoom])
    with closing(job.executor.paint(read_batches(job, stage, frontier), painter)) as batches:
        for batch, pictures in batches:
            work = assembler.assemble(batch, pictures)
            ledger.store(work)
            finished = tuple(
                (tile, pixels) for tile, pixels in work.tiles.items() if pixels is not None
            )
            meter.count(
                stage,
                tiles=len(work.tiles),
                windows=len(batch.inputs) + len(batch.empty),
                painted=len(batch.inputs),
                finished=finished,
            )
            _check_stop(job, should_stop)


def _check_stop(job: Job, should_stop: ShouldStop | None) -> None:
    if should_stop is not None and should_stop():
        raise stopped(job.ledger.folder)


def stopped(folder: Path) -> Stopped:
    """The error of a job that the user stopped."""
    return Stopped(
        f"Stopped. What is painted is kept in {folder}; the same command goes on from there."
    )
