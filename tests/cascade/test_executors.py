import threading
import time

import numpy as np
import pytest
from imaginary import GROUND, imagery_of

from c2gm.cascade.executors import Batch, paint_batches
from c2gm.grid import Window
from c2gm.painting.geometry import SEAMLESS
from c2gm.painting.window_inputs import read_imagery

INPUTS = read_imagery(imagery_of(GROUND), Window(8500, 5600, 14), SEAMLESS)


def pictures_of(inputs) -> np.ndarray:
    return np.zeros((len(inputs), 4, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize("ahead", [1, 2, 9])
def test_batches_come_painted_and_in_order(ahead):
    batches = [Batch((INPUTS,) * count) for count in (4, 4, 1)] + [Batch((), (INPUTS.window,))]
    done = list(paint_batches(iter(batches), pictures_of, ahead=ahead))
    assert [batch for batch, _ in done] == batches
    assert [None if pictures is None else len(pictures) for _, pictures in done] == [4, 4, 1, None]


def test_no_batch_is_no_work():
    assert list(paint_batches(iter(()), pictures_of)) == []


def test_inputs_are_read_while_the_model_paints():
    read = []

    def batches():
        for number in range(4):
            read.append(number)
            yield Batch((INPUTS,))

    def paint(inputs):
        deadline = time.monotonic() + 10
        wanted = min(4, painted + 2)
        while len(read) < wanted and time.monotonic() < deadline:
            time.sleep(0.001)
        assert len(read) == wanted  # the next one, and no more
        return pictures_of(inputs)

    painted = 0
    for _ in paint_batches(batches(), paint, ahead=1):
        painted += 1
    assert painted == 4


def test_a_failure_in_reading_is_raised_to_the_user():
    def batches():
        yield Batch((INPUTS,))
        raise OSError("the disk was pulled out")

    with pytest.raises(OSError, match="pulled out"):
        list(paint_batches(batches(), pictures_of))


def test_a_closed_painting_leaves_no_thread_at_work():
    before = threading.active_count()
    painting = paint_batches(iter([Batch((INPUTS,))] * 9), pictures_of, ahead=3)
    next(painting)
    painting.close()
    assert threading.active_count() == before
