"""Stage D: references that the model drew itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from flat_world import block_of_water

from c2gm.errors import TrainingError
from c2gm.legend import palette
from c2gm.map_scale import map_scale, scale_text
from c2gm.references import enlarge_reference
from c2gm.training import batches as batches_module
from c2gm.training.batches import batches
from c2gm.training.crops import CropConfig, cut_crop
from c2gm.training.own_references import (
    OwnReferences,
    drawn_by,
    parent_imagery,
    with_drawn_parents,
)
from c2gm.training.records import RecordPool, write_shard
from c2gm.training.train import Run

PLAIN = CropConfig(size=64, no_reference=0, corrupt=1, masked=0, recolour=False)


class Echo:
    """A painter that draws the imagery it sees, a third as bright, and notes what it was given."""

    latent_channels = 4

    def __init__(self):
        self.seen = []

    def features(self, imagery, reference, zoom=None, look=None):
        self.seen.append((imagery, reference))
        return imagery

    def embed(self, text):
        self.seen[-1] += (text,)

    def sample(self, noise, features, text):
        assert noise(0).shape == (len(features), 4, features.shape[1] // 8, features.shape[2] // 8)
        return features

    def decode(self, latent):
        return latent // 3


def own(records, **changes):
    values = {"share": 0.5, "kept": 8, "every": 100, "seed": 0, **changes}
    return OwnReferences(RecordPool(records), **values)


def test_drawn_parents_lie_where_the_true_ones_do():
    record = block_of_water()
    (drawn,) = with_drawn_parents([record], drawn_by(Echo()), np.random.default_rng(0))
    for factor, parent in ((2, drawn.parent2), (4, drawn.parent4)):
        enlarged = enlarge_reference(parent, factor).astype(int)
        inside = np.abs(enlarged - record.imagery // 3).max(-1)
        assert np.mean(inside > 2) < 0.03  # only along the block's edge
    assert drawn.parent2.shape == record.parent2.shape
    assert drawn.parent4.shape == record.parent4.shape
    assert drawn.drawn_parents and np.array_equal(drawn.map, record.map)


def test_parents_are_drawn_in_the_order_of_a_cascade():
    painter = Echo()
    with_drawn_parents([block_of_water(18)], drawn_by(painter), np.random.default_rng(0))
    (first, nothing, first_text), (second, reference, second_text) = painter.seen
    assert nothing is None and first_text == scale_text(map_scale(16), None)
    assert second_text == scale_text(map_scale(17), 2)
    assert first.shape == (1, 128, 128, 3) and second.shape == reference.shape == (1, 192, 192, 3)
    middle = reference[0, 16:-16, 16:-16].astype(int) - second[0, 16:-16, 16:-16] // 3
    assert np.mean(np.abs(middle) > 2) < 0.05


def test_imagery_of_a_parent_is_averaged_and_mirrored_at_its_rim():
    imagery = np.arange(320 * 320 * 3, dtype=np.uint32).reshape(320, 320, 3).astype(np.uint8)
    small = parent_imagery(imagery, 4)
    assert small.shape == (128, 128, 3)
    assert np.array_equal(small[24, 24], np.rint(imagery[:4, :4].mean((0, 1))).astype(np.uint8))
    assert np.array_equal(small[23], small[24]) and np.array_equal(small[:, 0], small[:, 47])


def test_the_pool_gives_own_drawings_at_their_share_and_keeps_the_zooms(records):
    pool = own(records)
    rng = np.random.default_rng(1)
    assert not any(pool.draw(rng, {"town": 1}).drawn_parents for _ in range(20))  # none drawn yet
    while not pool.full:
        pool.redraw(drawn_by(Echo()), {"town": 1})
    drawn = [pool.draw(rng, {"town": 1}) for _ in range(2000)]
    zooms = np.unique([record.zoom for record in drawn], return_counts=True)
    alone = [pool.source.draw(rng, {"town": 1}) for _ in range(2000)]
    expected = np.unique([record.zoom for record in alone], return_counts=True)
    assert zooms[0].tolist() == expected[0].tolist()
    assert np.abs(zooms[1] - expected[1]).max() < 120
    kept = {record.zoom for record in pool._drawn}
    able = [record.drawn_parents for record in drawn if record.zoom in kept]
    assert 0.45 < np.mean(able) < 0.55


def test_drawings_are_replaced_evenly_over_the_crops(records):
    pool = own(records)
    while not pool.full:
        pool.redraw(drawn_by(Echo()), {"town": 1})
    before = list(pool._drawn)
    for crops in range(0, 100, 10):
        if pool.due(crops):
            pool.redraw(drawn_by(Echo()), {"town": 1})
    assert len(pool._drawn) == 8
    assert not any(a is b for a in before for b in pool._drawn)


def test_drawn_references_are_not_damaged_any_further():
    record = block_of_water()
    drawn = dataclasses.replace(record, drawn_parents=True)
    clean = enlarge_reference(record.parent2, 2)[0, 0]
    rngs = [np.random.default_rng(seed) for seed in range(8)]
    references = [cut_crop(drawn, PLAIN, rng).reference for rng in rngs]
    assert all(reference.std() == 0 for reference in references)
    assert clean.tolist() in [reference[0, 0].tolist() for reference in references]
    rngs = [np.random.default_rng(seed) for seed in range(8)]
    assert any(cut_crop(record, PLAIN, rng).reference.std() > 0 for rng in rngs)


def test_batches_can_be_made_of_the_pool(records):
    pool = own(records, share=1.0)
    while not pool.full:
        pool.redraw(drawn_by(Echo()), {"town": 1})
    source = batches(pool, {"town": 1}, PLAIN, 4, 0)
    assert next(source).reference.shape == (4, 3, 64, 64)
    source.close()


def test_records_without_parents_are_told(tmp_path):
    bare = dataclasses.replace(block_of_water(14), parent2=None, parent4=None)
    write_shard(tmp_path / "records" / "a", [bare])
    with pytest.raises(TrainingError, match="no references"):
        own(tmp_path / "records").redraw(drawn_by(Echo()), {"town": 1})


def test_a_joint_run_draws_its_references_with_the_averaged_weights(configured, monkeypatch):
    run = Run(configured("joint", steps=2, own_references=1.0, own_pool=4, no_reference=0.0))
    marks = []
    original = OwnReferences.redraw

    def redraw(self, draw, kinds):
        name = next(iter(run.trained))
        marks.append(run.model.get_parameter(name).equal(run.average.values[name]))
        original(self, draw, kinds)

    seen = []
    cut = batches_module.cut_crop
    monkeypatch.setattr(OwnReferences, "redraw", redraw)
    monkeypatch.setattr(
        batches_module, "cut_crop", lambda record, *rest: seen.append(record) or cut(record, *rest)
    )
    run.go()
    assert marks and all(marks)
    assert any(record.drawn_parents for record in seen)
    assert run.clock.step == 2 and run.folder.weights.exists()


def test_an_encoder_run_takes_what_it_reads_for_its_references(configured, monkeypatch):
    run = Run(configured("encoder", steps=2, own_references=1.0, own_pool=4, no_reference=0.0))
    seen = []
    cut = batches_module.cut_crop
    monkeypatch.setattr(
        batches_module, "cut_crop", lambda record, *rest: seen.append(record) or cut(record, *rest)
    )
    run.go()
    drawn = [record for record in seen if record.drawn_parents]
    assert drawn
    legend = {tuple(colour) for colour in palette().tolist()}
    for record in drawn:
        assert {tuple(colour) for colour in record.parent2.reshape(-1, 3).tolist()} <= legend
