import dataclasses

import numpy as np
import pytest
from imaginary import GROUND, imagery_of

from c2gm.cascade.generate import plan_for
from c2gm.cascade.progress import Meter, Progress
from c2gm.cascade.settings import GenerateSettings
from c2gm.errors import Stopped
from c2gm.grid import bounds_of

AROUND = imagery_of(GROUND.grown(1))
INSIDE = bounds_of(GROUND)
# 9 + 16 windows, 9 + 4 tiles, of which those beside the ground are painted for zoom 15 alone
PLAN = plan_for(AROUND, GenerateSettings(zooms=(14, 15), bounds=INSIDE))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_that_of_windows_painted_in_this_run():
    clock, told = Clock(), []
    meter = Meter(PLAN, told.append, clock=clock)
    clock.now += 50  # before any work: loading
    meter.begin_stage(PLAN.stages[0], tiles=0, windows=5)
    clock.now += 2
    meter.count(PLAN.stages[0], tiles=1, windows=4, painted=4)
    progress = told[0]
    assert (progress.rate, progress.seconds) == (2.0, 52.0)
    assert progress.seconds_left == 16 / 2.0
    assert (progress.windows_done, progress.windows) == (9, 25)
    assert (progress.tiles_done, progress.tiles) == (1, 13)


def test_before_the_first_window_there_is_no_time_left_to_tell():
    progress = Meter(PLAN, None, clock=Clock()).progress(PLAN.stages[0])
    assert progress.rate is None and progress.seconds_left is None


def test_empty_windows_are_done_but_do_not_raise_the_rate():
    clock = Clock()
    meter = Meter(PLAN, None, clock=clock)
    meter.begin_stage(PLAN.stages[0], tiles=0, windows=0)
    clock.now += 4
    meter.count(PLAN.stages[0], tiles=1, windows=9, painted=4)
    progress = meter.progress(PLAN.stages[1])
    assert (progress.windows_done, progress.rate, progress.seconds_left) == (9, 1.0, 16.0)


def test_progress_cannot_be_changed_by_who_is_told():
    progress = Meter(PLAN, None).progress(PLAN.stages[0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        progress.zoom = 3


def test_a_run_tells_every_batch_up_to_the_end(paint, model):
    told: list[Progress] = []
    result = paint(on_progress=told.append, zooms=(14, 15), imagery=AROUND, bounds=INSIDE)
    assert len(told) == model.calls["sample"]
    assert [p.windows_done for p in told] == sorted(p.windows_done for p in told)
    assert [p.zoom for p in told] == sorted(p.zoom for p in told)
    last = told[-1]
    assert last.windows_done == last.windows == 25 == result.painted_windows
    assert last.tiles_done == last.tiles == 13 and last.stage_tiles_done == last.stage_tiles == 4
    assert last.seconds_left == 0 and last.seconds >= told[0].seconds
    finished = [entry for p in told for entry in p.finished]
    assert len({tile for tile, _ in finished}) == len(finished) == 13, "every tile is told once"
    tile, pixels = finished[-1]
    assert tile.z == 15 and pixels.shape == (256, 256, 3) and pixels.dtype == np.uint8


def test_a_resumed_run_tells_what_it_reuses(paint):
    answers = iter([False] * 4 + [True])
    with pytest.raises(Stopped):
        paint(should_stop=lambda: next(answers, False))
    told: list[Progress] = []
    result = paint(on_progress=told.append)
    assert told[0].reused_tiles == result.reused_tiles > 0
    assert told[0].tiles_done >= told[0].reused_tiles
