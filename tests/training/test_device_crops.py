"""Crops that a device cuts for itself, from records that lie on it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from flat_world import block_of_water

from c2gm.errors import TrainingError
from c2gm.references import enlarge_reference
from c2gm.training.batches import pixels_of
from c2gm.training.chance import Chance
from c2gm.training.crops import CropConfig
from c2gm.training.device_colour import blurred, damage_references, recolour_batch, some
from c2gm.training.device_crops import Shelf, device_batches
from c2gm.training.records import RecordPool
from c2gm.training.train import Run

CPU = torch.device("cpu")
PLAIN = CropConfig(size=128, no_reference=0, corrupt=0, masked=0, recolour=False, misplaced=0)


def noisy_record(seed=0):
    rng = np.random.default_rng(seed)
    record = block_of_water()
    pixels = rng.integers(0, 256, (320, 320, 3), dtype=np.uint8)
    return dataclasses.replace(
        record,
        imagery=pixels,
        map=255 - pixels,
        classes=(pixels[..., 0] % 13).astype(np.uint8),
        labels=(pixels[..., 1] % 5).astype(np.uint8),
        parent2=rng.integers(0, 256, (168, 168, 3), dtype=np.uint8),
        parent4=rng.integers(0, 256, (88, 88, 3), dtype=np.uint8),
    )


@pytest.fixture
def shelf():
    shelf = Shelf(CPU, 4)
    shelf.put([noisy_record(seed) for seed in range(4)])
    return shelf


def cut(shelf, config=PLAIN, size=24, seed=0):
    return shelf.cut(config, size, np.random.default_rng(seed), Chance(CPU, seed))


def test_all_pictures_of_a_crop_are_of_one_place_and_turned_alike(shelf):
    batch = cut(shelf)
    assert torch.allclose(batch.map, -batch.imagery, atol=1e-6)
    red = ((batch.imagery[:, 0] + 1) * 127.5).round().long()
    green = ((batch.imagery[:, 1] + 1) * 127.5).round().long()
    assert torch.equal(batch.classes, red % 13) and torch.equal(batch.labels, green % 5)


def unturned(picture, way):
    """A picture in one of the eight symmetries."""
    turned = torch.rot90(picture, way % 4, (1, 2))
    return turned.flip(2) if way >= 4 else turned


def place_of(crop, whole):
    """The symmetry in which a crop is a part of a picture, and where (its rows and columns)."""
    for way in range(8):
        turned = unturned(crop, way)
        corners = (whole[:, :193:8, :193:8] == turned[:, :1, :1]).all(0).nonzero().tolist()
        for row, column in corners:
            rows, columns = slice(8 * row, 8 * row + 128), slice(8 * column, 8 * column + 128)
            if torch.equal(whole[:, rows, columns], turned):
                return way, rows, columns
    raise AssertionError("the crop is no part of its record")


def test_crops_are_cut_out_of_records_in_every_symmetry():
    record = noisy_record()
    shelf = Shelf(CPU, 1)
    shelf.put([record])
    whole = pixels_of([record.imagery])[0]
    ways = [place_of(crop, whole)[0] for crop in cut(shelf, size=64).imagery]
    assert set(ways) == set(range(8))


def test_references_are_the_enlarged_parents_of_their_crop():
    record = noisy_record()
    shelf = Shelf(CPU, 1)
    shelf.put([record])
    batch = cut(shelf, size=16)
    assert set(batch.cascade_factors) == {2, 4} and batch.has_reference.all()
    parents = {2: record.parent2, 4: record.parent4}
    enlarged = {f: pixels_of([enlarge_reference(p, f)])[0] for f, p in parents.items()}
    whole = pixels_of([record.imagery])[0]
    for crop, reference, factor in zip(
        batch.imagery, batch.reference, batch.cascade_factors, strict=True
    ):
        way, rows, columns = place_of(crop, whole)
        apart = (unturned(reference, way) - enlarged[factor][:, rows, columns]).abs()
        assert apart.max() <= 1.1 / 127.5  # the host rounds twice


def test_without_a_reference_there_is_ground_and_no_factor(shelf):
    batch = cut(shelf, dataclasses.replace(PLAIN, no_reference=1.0))
    assert set(batch.cascade_factors) == {None} and not batch.has_reference.any()
    assert batch.reference.flatten(2).std(-1).max() < 1e-6


def test_shares_are_kept(shelf):
    config = dataclasses.replace(PLAIN, size=64, no_reference=0.4, masked=0.5, misplaced=0.5)
    batch = cut(shelf, config, size=400)
    assert float(batch.has_reference.float().mean()) == pytest.approx(0.6, abs=0.08)
    grey = (batch.imagery * 127.5 + 127.5 == 127).all(1).flatten(1).float().mean(1)
    assert float((grey > 0.01).float().mean()) == pytest.approx(0.5, abs=0.1)
    whole = grey == 0
    apart = (batch.map + batch.imagery).abs().flatten(1).mean(1)
    assert float((apart[whole] > 0.05).float().mean()) == pytest.approx(0.5, abs=0.12)


def test_drawn_references_are_not_damaged(shelf):
    damaging = dataclasses.replace(PLAIN, corrupt=1.0)
    own = Shelf(CPU, 1)
    own.put([dataclasses.replace(noisy_record(), drawn_parents=True)])
    assert torch.equal(cut(own, damaging).reference, cut(own).reference)
    assert not torch.equal(cut(shelf, damaging).reference, cut(shelf).reference)


def test_damage_leaves_the_others_alone():
    references = torch.rand(8, 3, 64, 64) * 255
    which = torch.tensor([True, False] * 4).view(-1, 1, 1, 1)
    damaged = damage_references(references, which, Chance(CPU, 1))
    assert torch.equal(damaged[1::2], references[1::2])
    assert (damaged[::2] != references[::2]).flatten(1).any(1).sum() >= 3
    assert damaged.min() >= 0 and damaged.max() <= 255


def test_recolouring_changes_colours_and_keeps_shapes():
    imagery = torch.full((16, 3, 64, 64), 60.0)
    imagery[:, :, :, 32:] = 190.0
    weathered = recolour_batch(imagery, Chance(CPU, 3))
    assert weathered.shape == imagery.shape and bool(weathered.isfinite().all())
    means = weathered.mean((2, 3))
    assert float(means.std(0).min()) > 5
    brighter = weathered[..., 40:].mean((1, 2, 3)) > weathered[..., :24].mean((1, 2, 3))
    assert brighter.float().mean() > 0.9


def test_blur_keeps_the_mean_and_flat_pictures():
    flat = torch.full((2, 3, 32, 32), 7.0)
    sigma = torch.tensor([0.5, 2.0]).view(-1, 1, 1, 1)
    assert torch.allclose(blurred(flat, sigma), flat, atol=1e-4)
    spike = torch.zeros(2, 1, 33, 33)
    spike[:, :, 16, 16] = 1
    spread = blurred(spike, sigma)
    assert torch.allclose(spread.sum((1, 2, 3)), torch.ones(2), atol=1e-4)
    assert spread[1].max() < spread[0].max() < 1
    assert some(Chance(CPU, 0), 1.0, 3).all()


def test_the_shelf_exchanges_its_oldest_records(records):
    source = RecordPool(records)
    shelf = Shelf(CPU, 3)
    stream = device_batches(
        source, {"town": 1}, PLAIN, 2, shelf=shelf, turnover=1, chance=Chance(CPU, 0)
    )
    assert next(stream).imagery.shape == (2, 3, 128, 128)
    marked = shelf.pictures["imagery"].clone().fill_(1)
    shelf.pictures["imagery"].copy_(marked)
    next(stream)
    assert sum(bool((picture != 1).any()) for picture in shelf.pictures["imagery"]) == 1
    next(stream)
    next(stream)
    assert all(bool((picture != 1).any()) for picture in shelf.pictures["imagery"])
    stream.close()


def test_records_of_another_size_are_told():
    small = dataclasses.replace(block_of_water(), imagery=np.zeros((256, 256, 3), np.uint8))
    with pytest.raises(TrainingError, match="on_device to 0"):
        Shelf(CPU, 1).put([small])


def test_a_run_trains_from_the_shelf(configured):
    run = Run(configured("encoder", steps=2, on_device=3))
    run.go()
    assert run.clock.step == 2 and run.folder.weights.exists()
