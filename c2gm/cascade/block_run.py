"""The run of a job by workers elsewhere: blocks go out, tiles and pictures come back.

A block goes out when the parent tiles that its references show are in the ledger, so that zooms
overlap and nobody waits for the end of one. Results may come in any order. A lost block goes out
again; since bytes depend on nothing but the place, and a block and its states are one transaction,
each is painted at least once and counts exactly once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from mercantile import Tile

from ..errors import JobError
from ..grid import TileRange, Window, tiles_of_box, wrapped
from ..references import parent_box
from .assemble import Entry, TileAssembler
from .blocks import BlockResult, BlockTask
from .frontier import Frontier, blocks_of
from .job import Job
from .plan import Stage
from .progress import Meter, ShouldStop
from .run import check_stop, copy_start
from .work import BlockRecord, PackedTile, Work

MOST_ATTEMPTS = 5
LOOKED_AHEAD = 64  # blocks of a zoom that are looked at for one that can go out
WAIT_SECONDS = 0.5  # so that a stop is noticed


@dataclass(frozen=True)
class Outcome:
    """What became of a block that was given out.

    Attributes:
        number: Its number.
        worker: Who had it.
        result: What came back, None if it was lost.
        reason: Why it was lost.
    """

    number: int
    worker: str
    result: BlockResult | None
    reason: str = ""


class Workers(Protocol):
    """Paint blocks somewhere."""

    def has_room(self) -> bool:
        """Whether somebody can take a block."""
        ...

    def submit(self, number: int, task: BlockTask) -> None:
        """Give out a block."""
        ...

    def wait(self, seconds: float) -> list[Outcome]:
        """What has ended, waiting for the first some time.

        Raises:
            C2GMError: a worker cannot paint, and no other will.
        """
        ...


@dataclass
class _Stage:
    """One zoom in work."""

    stage: Stage
    frontier: Frontier
    assembler: TileAssembler
    waiting: deque[TileRange]


class BlockRun:
    """Gives a job's blocks to workers until all its tiles are in its ledger.

    Args:
        job: The job.
        workers: Who paints.
        profile: Short name of how they must compute.
        meter: Counts.
    """

    def __init__(self, job: Job, workers: Workers, *, profile: str, meter: Meter) -> None:
        self._job = job
        self._workers = workers
        self._profile = profile
        self._meter = meter
        self._stages: dict[int, _Stage] = {}
        self._running: dict[int, tuple[_Stage, BlockTask]] = {}
        self._attempts: dict[tuple[int, int, int], int] = {}
        self._given = 0
        self._result = BlockResult()

    def run(self, should_stop: ShouldStop | None) -> None:
        """Paint what the job still lacks."""
        for stage in self._job.plan.stages:
            if stage.copied:
                copy_start(self._job, stage, meter=self._meter, should_stop=should_stop)
            self._stages[stage.zoom] = self._begin(stage)
        while self._running or any(stage.waiting for stage in self._stages.values()):
            while self._workers.has_room() and (ready := self._next_ready()) is not None:
                self._give_out(*ready)
            if not self._running:
                self._check_complete()
            for outcome in self._workers.wait(WAIT_SECONDS):
                self._take(outcome)
                check_stop(self._job, should_stop)
            check_stop(self._job, should_stop)
        self._check_complete()

    def _check_complete(self) -> None:
        """Nothing is painted now; zooms that have no block left must have all their tiles."""
        for work in self._stages.values():
            if not work.waiting and not work.stage.copied:
                work.frontier.check_complete()

    def _begin(self, stage: Stage) -> _Stage:
        ledger, geometry = self._job.ledger, self._job.plan.geometry
        frontier = Frontier(stage, geometry.ring)
        frontier.restore(ledger.window_states(stage.zoom), ledger.tile_states(stage.zoom))
        waiting: deque[TileRange] = deque()
        if not stage.copied:
            self._meter.begin_stage(stage, tiles=frontier.tiles_done, windows=frontier.windows_done)
            waiting.extend(
                block
                for block in blocks_of(stage.windows)
                if next(frontier.pending(block), None) is not None
            )
        return _Stage(stage, frontier, TileAssembler(frontier, self._fetch, geometry), waiting)

    def _next_ready(self) -> tuple[_Stage, TileRange] | None:
        """A block whose parents are painted, of the lowest zoom that has one."""
        for work in self._stages.values():
            for place in range(min(LOOKED_AHEAD, len(work.waiting))):
                block = work.waiting[place]
                if self._is_ready(work.stage, block):
                    del work.waiting[place]
                    return work, block
        return None

    def _is_ready(self, stage: Stage, block: TileRange) -> bool:
        if stage.parent is None:
            return True
        parent = self._stages[stage.parent]
        if parent.stage.copied:
            return True
        return parent.frontier.finished(self._parents(stage, block))

    def _parents(self, stage: Stage, block: TileRange) -> Iterable[Tile]:
        """Tiles that the references of a block show."""
        box = block.box.grown(self._job.plan.geometry.reach)
        side = 1 << (stage.parent or 0)
        for tile in tiles_of_box(parent_box(box, stage.cascade_factor or 1)):
            if 0 <= tile.y < side:
                yield wrapped(tile)

    def _give_out(self, work: _Stage, block: TileRange) -> None:
        stage, settings = work.stage, self._job.settings
        parents: dict[Tile, PackedTile] = {}
        if stage.parent is not None:
            found = {
                tile: self._job.ledger.packed_tile(tile) for tile in self._parents(stage, block)
            }
            parents = {tile: packed for tile, packed in found.items() if packed is not None}
        task = BlockTask(
            stage,
            block,
            todo=frozenset(work.frontier.pending(block)),
            parents=parents,
            text=self._job.texts[stage.zoom],
            seed=settings.seed,
            mode=settings.mode,
            interpolation=settings.interpolation,
        )
        self._given += 1
        self._running[self._given] = work, task
        self._attempts[task.place] = self._attempts.get(task.place, 0) + 1
        self._workers.submit(self._given, task)

    def _take(self, outcome: Outcome) -> None:
        """Store a result, or put a lost block back."""
        work, task = self._running.pop(outcome.number)
        zoom, x, y = task.place
        attempts = self._attempts[task.place]
        if outcome.result is None:
            if attempts >= MOST_ATTEMPTS:
                raise JobError(
                    f"Block {zoom}/{x}/{y} was lost {attempts} times, last by worker "
                    f"{outcome.worker}: {outcome.reason}. Look at its memory and its log; the "
                    "same command goes on."
                )
            work.waiting.appendleft(task.windows)
            return
        if outcome.result.profile != self._profile:
            raise JobError(
                f"Worker {outcome.worker} computes otherwise than the others, so its tiles would "
                "not fit. Give the job machines of one kind with one version of everything."
            )
        record = BlockRecord(zoom, x, y, attempts, outcome.worker, outcome.result.sha256)
        self._store(work, outcome.result, record)

    def _store(self, work: _Stage, result: BlockResult, record: BlockRecord) -> None:
        """A block and the tiles that are complete with it, in one transaction."""
        unit = Work(
            packed_windows=result.kept,
            painted_windows=result.painted,
            empty_windows=result.empty,
            packed_tiles=result.tiles,
            block=record,
        )
        self._result = result
        work.assembler.complete(unit, [*result.kept, *result.painted])
        self._job.ledger.store(unit)
        self._result = BlockResult()
        finished = {**unit.tiles, **{t: packed.unpacked() for t, packed in result.tiles.items()}}
        painted = len(result.kept) + len(result.painted)
        self._meter.count(
            work.stage,
            tiles=len(finished),
            windows=painted + len(result.empty),
            painted=painted,
            finished=tuple((t, pixels) for t, pixels in finished.items() if pixels is not None),
        )

    def _fetch(self, window: Window) -> Entry:
        """A picture of the block that is stored now, or of one before."""
        kept = self._result.kept.get(window)
        return self._job.ledger.window(window) if kept is None else kept.entry()
