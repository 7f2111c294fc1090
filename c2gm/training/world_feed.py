"""Fresh records while training: processes that make shards of worlds, the oldest ones given up.

The shards lie in the folder of the records like any others, so a run that is stopped goes on with
what was made before, and kinds of real ground are drawn from beside them.
"""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from types import TracebackType

import numpy as np

from ..errors import NoRecords, TrainingError
from .build_records import DECOUPLED, ground_records
from .ground import Ground
from .records import UNFINISHED, Record, RecordPool, write_shard

TRAINING_SEEDS = range(10_000)  # of worlds; the others are held out
WORLD_WINDOWS = {14: 2, 15: 6, 16: 14, 17: 20, 18: 20}
_SHARDS = "world-" + "[0-9]" * 6
_WAIT = 0.5  # seconds between looks at the folder


def world_ground(seed: int, *, index: int = 0, tiles: int = 1) -> Ground:
    """One place of a procedural world.

    Args:
        seed: of the world.
        index: other numbers are other places of it.
        tiles: side of the place in tiles of zoom 14.
    """
    from ..worlds.world import world_sample

    sample = world_sample(seed, index=index, tiles=tiles)
    return Ground(
        place=f"world-{seed}",
        imagery=sample.imagery,
        objects=sample.objects,
        bounds=sample.bounds,
        zooms=(14, 15, 16, 17, 18),
    )


def build_world_shard(root: Path, number: int) -> Path:
    """The shard of a number: each number is another place; one that is there is kept."""
    seed = TRAINING_SEEDS[number % len(TRAINING_SEEDS)]
    index = number // len(TRAINING_SEEDS)
    folder = root / f"world-{number:06d}"
    if not folder.exists():
        rng = np.random.default_rng((seed, index))
        ground = world_ground(seed, index=index)
        write_shard(folder, ground_records(ground, WORLD_WINDOWS, rng, decoupled=DECOUPLED))
    return folder


@dataclass(frozen=True)
class FeedConfig:
    """How worlds are fed.

    Attributes:
        processes: that make worlds.
        keep: shards of worlds that stay; about 80 records and 70 MB each.
        make: makes the shard of a number below a folder, named `world-` and six digits.
    """

    processes: int
    keep: int = 200
    make: Callable[[Path, int], Path] = build_world_shard


class WorldFeed:
    """A pool of records that grows by worlds while it is used, drawn from like a `RecordPool`.

    Use it in a `with` block, at whose end the processes are gone.
    """

    def __init__(self, root: Path, config: FeedConfig, *, decoupled: float = 0.0) -> None:
        self.root = root
        self.config = config
        self._decoupled = decoupled
        self._pool: RecordPool | None = None
        context = multiprocessing.get_context("spawn")
        self._stop: Event = context.Event()
        self._failures: Queue[str] = context.Queue()
        first = _next_number(root)
        self._processes: list[BaseProcess] = [
            context.Process(
                target=_make_worlds,
                args=(str(root), first + worker, config, self._stop, self._failures),
                daemon=True,
            )
            for worker in range(config.processes)
        ]

    def __enter__(self) -> WorldFeed:
        """Start the processes and wait for something to draw from.

        Raises:
            TrainingError: a process failed.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        for process in self._processes:
            process.start()
        try:
            while self._pool is None:
                self._check()
                self._pool = self._first_pool()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    @property
    def pool(self) -> RecordPool:
        """What is drawn from.

        Raises:
            TrainingError: the feed has not begun.
        """
        if self._pool is None:
            raise TrainingError("The feed of worlds has not begun: use it in a with block.")
        return self._pool

    def __len__(self) -> int:
        return len(self.pool)

    def refresh(self) -> None:
        """Take in new shards, let old ones go.

        Raises:
            TrainingError: a process failed.
        """
        self._check()
        self.pool.refresh()
        while not len(self.pool) and not self._stop.is_set():
            # All that were listed were given up this very moment; newer ones are there.
            time.sleep(0.05)
            self._check()
            self.pool.refresh()

    def draw(self, rng: np.random.Generator, kinds: dict[str, float]) -> Record:
        """A random record, see `RecordPool.draw`."""
        return self.pool.draw(rng, kinds)

    def _first_pool(self) -> RecordPool | None:
        """A pool of what is there by now; nothing while there is nothing, after a short wait."""
        if any(self.root.glob("*/records.json")):
            # What was there may be given up this very moment, before it is listed.
            with suppress(NoRecords):
                return RecordPool(self.root, decoupled=self._decoupled)
        time.sleep(_WAIT)
        return None

    def _check(self) -> None:
        if not self._failures.empty():
            raise TrainingError(f"A process that makes worlds failed: {self._failures.get()}")
        # One that was killed, or never began, has told nobody.
        if ended := [code for process in self._processes if (code := process.exitcode)]:
            raise TrainingError(
                f"A process that makes worlds ended with status {ended[0]} without a word. Look "
                "for its error above, or whether the memory ran out; the run can be resumed."
            )

    def _end(self) -> None:
        self._stop.set()
        for process in self._processes:
            process.join(timeout=2)
            if process.is_alive():  # in the middle of a world, which leaves only a .tmp folder
                process.terminate()
                process.join()


def _make_worlds(
    root: str, number: int, config: FeedConfig, stop: Event, failures: Queue[str]
) -> None:
    """One process: worlds of every n-th number until it is told to stop."""
    try:
        while not stop.is_set():
            config.make(Path(root), number)
            _give_up_oldest(Path(root), config.keep)
            number += config.processes
    except KeyboardInterrupt:
        return
    except Exception as error:  # told to the process that trains, which raises it
        failures.put(f"{type(error).__name__}: {error} (world {number})")


def _give_up_oldest(root: Path, keep: int) -> None:
    shards = sorted(root.glob(_SHARDS))
    for folder in shards[: max(0, len(shards) - keep)]:
        # Renamed first, so that nobody reads a shard that is half deleted. Another process may be
        # at the same folder, and Windows keeps what is mapped: then it goes another time.
        gone = folder.with_name(folder.name + UNFINISHED)
        with suppress(OSError):
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _next_number(root: Path) -> int:
    made = [int(folder.name[6:12]) for folder in root.glob(_SHARDS)]
    return max(made, default=-1) + 1
