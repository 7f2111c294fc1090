"""Workers that live in the test's own process: they lose blocks and mix up their order at will."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from c2gm.cascade.block_run import BlockRun, Outcome
from c2gm.cascade.blocks import BlockResult, BlockTask, BlockWorker
from c2gm.cascade.executors import Executor
from c2gm.cascade.job import Job
from c2gm.cascade.progress import Meter, ShouldStop


@dataclass
class InlineWorkers:
    """Paints blocks when it is waited for, in an order of its own."""

    worker: BlockWorker
    room: int = 3
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    is_lost: Callable[[BlockTask], bool] = lambda task: False
    change: Callable[[BlockResult], BlockResult] = lambda result: result
    given: list[BlockTask] = field(default_factory=list)
    waiting: list[tuple[int, BlockTask]] = field(default_factory=list)
    most_waiting: int = 0
    most_zooms: int = 0

    def has_room(self) -> bool:
        return len(self.waiting) < self.room

    def submit(self, number: int, task: BlockTask) -> None:
        self.given.append(task)
        self.waiting.append((number, pickle.loads(pickle.dumps(task))))
        self.most_waiting = max(self.most_waiting, len(self.waiting))
        zooms = {waiting.stage.zoom for _, waiting in self.waiting}
        self.most_zooms = max(self.most_zooms, len(zooms))

    def wait(self, seconds: float) -> list[Outcome]:
        if not self.waiting:
            return []
        number, task = self.waiting.pop(self.chance.randrange(len(self.waiting)))
        if self.is_lost(task):
            return [Outcome(number, "inline", None, "the worker was killed")]
        result = self.change(pickle.loads(pickle.dumps(self.worker.paint(task))))
        return [Outcome(number, "inline", result)]


@dataclass
class InlineExecutor(Executor):
    """An executor over such workers."""

    workers: InlineWorkers

    @property
    def model(self):
        return self.workers.worker.profile

    def run(self, job: Job, *, meter: Meter, should_stop: ShouldStop | None) -> None:
        profile = self.workers.worker.profile.name
        BlockRun(job, self.workers, profile=profile, meter=meter).run(should_stop)
