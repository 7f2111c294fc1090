"""Progress of a run, told after every batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mercantile import Tile

from .plan import Plan, Stage


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Tiles and windows without imagery count as done when they are met, so totals are those of the
    plan. The rate is that of windows that were painted in this run; the time left assumes that
    all remaining windows must be painted, and is unknown before the first batch is.

    Attributes:
        zoom: Zoom of the stage that is painted.
        stage_tiles_done: Tiles of this stage that are done.
        stage_tiles: Tiles of this stage.
        tiles_done: Tiles of all stages that are done.
        tiles: Tiles of all stages.
        windows_done: Windows of all stages that are done.
        windows: Windows of all stages.
        reused_tiles: Tiles that were done before this run.
        seconds: Since this run began.
        rate: Windows painted a second, None before the first.
        seconds_left: Remaining windows at this rate, None before the first.
        finished: Tiles that this unit of work finished, with their pixels.
    """

    zoom: int
    stage_tiles_done: int
    stage_tiles: int
    tiles_done: int
    tiles: int
    windows_done: int
    windows: int
    reused_tiles: int
    seconds: float
    rate: float | None
    seconds_left: float | None
    finished: tuple[tuple[Tile, np.ndarray], ...] = ()


OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


class Meter:
    """Counts a run's work and tells it.

    Args:
        plan: Of the run.
        on_progress: Who is told, or None.
        clock: Seconds from any moment on.
    """

    def __init__(
        self,
        plan: Plan,
        on_progress: OnProgress | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.painted = 0  # windows, in this run
        self.reused_tiles = 0
        self._on_progress = on_progress
        self._clock = clock
        self._began = self._mark = clock()
        self._painting_seconds = 0.0
        self._tiles = {stage.zoom: len(stage.tiles) for stage in plan.stages}
        self._windows = sum(counts.windows for counts in plan.counts())
        self._tiles_done = dict.fromkeys(self._tiles, 0)
        self._windows_done = 0

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return self._clock() - self._began

    def begin_stage(self, stage: Stage, *, tiles: int, windows: int) -> None:
        """Count what earlier runs did of a stage, and start its clock."""
        self._tiles_done[stage.zoom] += tiles
        self._windows_done += windows
        self.reused_tiles += tiles
        self._mark = self._clock()

    def count(
        self,
        stage: Stage,
        *,
        tiles: int,
        windows: int = 0,
        painted: int = 0,
        finished: tuple[tuple[Tile, np.ndarray], ...] = (),
    ) -> None:
        """Count a unit of work and tell the progress."""
        now = self._clock()
        if windows:
            self._painting_seconds += now - self._mark
        self._mark = now
        self._tiles_done[stage.zoom] += tiles
        self._windows_done += windows
        self.painted += painted
        if self._on_progress is not None:
            self._on_progress(self.progress(stage, finished))

    def progress(
        self, stage: Stage, finished: tuple[tuple[Tile, np.ndarray], ...] = ()
    ) -> Progress:
        """How far the run is now."""
        rate = self.painted / self._painting_seconds if self._painting_seconds else 0.0
        left = self._windows - self._windows_done
        return Progress(
            zoom=stage.zoom,
            stage_tiles_done=self._tiles_done[stage.zoom],
            stage_tiles=self._tiles[stage.zoom],
            tiles_done=sum(self._tiles_done.values()),
            tiles=sum(self._tiles.values()),
            windows_done=self._windows_done,
            windows=self._windows,
            reused_tiles=self.reused_tiles,
            seconds=self.seconds,
            rate=rate or None,
            seconds_left=left / rate if rate else None,
            finished=finished,
        )
