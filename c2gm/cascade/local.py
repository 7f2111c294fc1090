"""The executor that needs nothing but this process.

for each stage:
    for each batch of windows:
        imagery crop, reference crop ─> model ─> window pictures
        3x3 window pictures, feathered once ─> tiles ─> ledger
"""

from __future__ import annotations

from contextlib import closing

from ..painting.map_model import MapModel
from ..painting.paint import Painter
from ..painting.window_inputs import InputReader
from ..painting.world_noise import WorldNoise
from .assemble import TileAssembler
from .batches import read_batches
from .executors import Executor, paint_batches
from .frontier import Frontier
from .job import Job
from .plan import Stage
from .progress import Meter, ShouldStop
from .run import check_stop, copy_start


class LocalExecutor(Executor):
    """Paints zoom by zoom in this process.

    Args:
        model: The network.
        ahead: Batches of inputs that are read ahead.
    """

    def __init__(self, model: MapModel, *, ahead: int = 1) -> None:
        self._model = model
        self._ahead = ahead

    @property
    def model(self) -> MapModel:
        """The network."""
        return self._model

    def run(self, job: Job, *, meter: Meter, should_stop: ShouldStop | None) -> None:
        """Paint what the job still lacks, zoom by zoom, window by window."""
        noise = WorldNoise(job.settings.seed, channels=self._model.latent_channels)
        for stage in job.plan.stages:
            if stage.copied:
                copy_start(job, stage, meter=meter, should_stop=should_stop)
                continue
            painter = Painter(
                self._model,
                noise=noise,
                geometry=job.plan.geometry,
                text=job.texts[stage.zoom],
                trusts=stage.trusts,
            )
            self._paint_stage(job, stage, painter, meter=meter, should_stop=should_stop)

    def _paint_stage(
        self,
        job: Job,
        stage: Stage,
        painter: Painter,
        *,
        meter: Meter,
        should_stop: ShouldStop | None,
    ) -> None:
        """Paint one zoom."""
        geometry, ledger = job.plan.geometry, job.ledger
        frontier = Frontier(stage, geometry.ring)
        frontier.restore(ledger.window_states(stage.zoom), ledger.tile_states(stage.zoom))
        meter.begin_stage(stage, tiles=frontier.tiles_done, windows=frontier.windows_done)
        assembler = TileAssembler(frontier, ledger.window, geometry)
        read = InputReader(
            job.imagery,
            ledger.tile,
            geometry,
            cascade_factor=stage.cascade_factor,
            interpolation=job.settings.interpolation,
            corners=self._model.reads_classes,
        )
        inputs = read_batches(frontier, read, size=self._model.batch)
        with closing(paint_batches(inputs, painter, ahead=self._ahead)) as batches:
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
                check_stop(job, should_stop)
        frontier.check_complete()
