"""Batches: reproducible by number, honest about zooms and labels."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from c2gm.errors import TrainingError
from c2gm.training.batches import batches, collate
from c2gm.training.crops import CropConfig, cut_crop
from c2gm.training.label_sets import LABEL_ID
from c2gm.training.records import Record, RecordPool, write_shard

SMALL = CropConfig(size=64, no_reference=0.5)


def record(seed=0, **changes):
    rng = np.random.default_rng(seed)
    one = Record(
        imagery=rng.integers(0, 256, (96, 96, 3), dtype=np.uint8),
        map=rng.integers(0, 256, (96, 96, 3), dtype=np.uint8),
        classes=rng.integers(0, 13, (96, 96), dtype=np.uint8),
        parent2=rng.integers(0, 256, (56, 56, 3), dtype=np.uint8),
        parent4=None,
        zoom=16,
        place="town-1",
        complete=True,
        ranked_roads=True,
    )
    return replace(one, **changes)


@pytest.fixture
def pool(tmp_path):
    write_shard(tmp_path / "a", [record(0), record(1), record(2)])
    return RecordPool(tmp_path)


def taken(pool, count, **options):
    source = batches(pool, {"town": 1.0}, SMALL, 2, 5, **options)
    first = list(itertools.islice(source, count))
    source.close()
    return first


def test_a_run_that_goes_on_draws_what_it_would_have_drawn(pool):
    whole = taken(pool, 5)
    rest = taken(pool, 2, first=3)
    for one, other in zip(whole[3:], rest, strict=True):
        assert torch.equal(one.imagery, other.imagery) and torch.equal(one.map, other.map)
    assert not torch.equal(whole[0].imagery, whole[1].imagery)


def test_the_zooms_of_a_batch_are_those_of_its_texts():
    looks = [record(zoom=16, look_zoom=14), record(zoom=16), record(zoom=15, look_zoom=16)]
    rng = np.random.default_rng(0)
    assert collate([cut_crop(one, SMALL, rng) for one in looks]).zooms == (14, 16, 16)


def test_labels_of_a_batch_are_those_of_its_records():
    unknown = np.full((96, 96), LABEL_ID["unknown"], dtype=np.uint8)
    plain = replace(SMALL, masked=0)
    rng = np.random.default_rng(0)
    batch = collate([cut_crop(r, plain, rng) for r in (record(labels=unknown), record())])
    assert (batch.labels[0] == LABEL_ID["unknown"]).all() and (batch.labels[1] == 0).all()
    assert batch.labels.dtype == torch.int64 and batch.labels.shape == (2, 64, 64)


def test_pixels_lie_between_minus_one_and_one(pool):
    (batch,) = taken(pool, 1)
    assert batch.imagery.shape == (2, 3, 64, 64)
    assert float(batch.map.min()) >= -1 and float(batch.map.max()) <= 1


def test_an_error_while_batches_are_made_reaches_who_asks_for_them(pool):
    source = batches(pool, {"city": 1.0}, SMALL, 2, 0)
    with pytest.raises(TrainingError, match="none of city"):
        next(source)
