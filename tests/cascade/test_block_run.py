"""Blocks painted elsewhere make the map that one process makes."""

from __future__ import annotations

import dataclasses
import random
import sqlite3
from collections import Counter

import pytest
from imaginary import GROUND, ZOOMS, TextureModel, imagery_of, is_pond, read_map
from inline_workers import InlineExecutor, InlineWorkers

from c2gm.cascade import frontier as frontier_module
from c2gm.cascade.blocks import BlockWorker, WorkerInputs
from c2gm.errors import JobError, Stopped
from c2gm.grid import TileRange, bounds_of
from c2gm.tilesets.open import open_tileset


@pytest.fixture(params=[16, 3])
def side(request, monkeypatch) -> int:
    """Windows a side of a block; few, so that the test's map has many blocks."""
    monkeypatch.setattr(frontier_module, "BLOCK", request.param)
    monkeypatch.setattr("c2gm.cascade.blocks.BLOCK", request.param)
    return request.param


@pytest.fixture
def small_blocks(monkeypatch) -> None:
    monkeypatch.setattr(frontier_module, "BLOCK", 3)
    monkeypatch.setattr("c2gm.cascade.blocks.BLOCK", 3)


def workers(seed: int = 0, **more) -> InlineWorkers:
    imagery = more.pop("imagery", None) or imagery_of(GROUND, is_hole=is_pond)
    model = more.pop("model", None) or TextureModel()
    worker = BlockWorker(WorkerInputs(imagery, model))
    return InlineWorkers(worker, chance=random.Random(seed), **more)


def test_blocks_make_the_map_of_one_process(paint, whole_map, side):
    ours = workers()
    result = paint(model=InlineExecutor(ours))
    assert read_map(result.path) == read_map(whole_map)
    assert len(ours.given) == {16: 3, 3: 7}[side]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("seed", range(4))
def test_their_order_does_not_matter(paint, whole_map_4x, seed):
    # At 4X zooms 15 and 16 both stand on 14, so that as many blocks wait as there is room for.
    ours = workers(seed, room=5)
    path = paint(model=InlineExecutor(ours), cascade_factor=4).path
    assert read_map(path) == read_map(whole_map_4x)
    assert ours.most_waiting == 5


@pytest.mark.usefixtures("small_blocks")
def test_lost_blocks_go_out_again(paint, whole_map, tmp_path):
    losses: Counter = Counter()

    def is_lost(task) -> bool:
        losses[task.place] += 1
        return losses[task.place] <= 2 and sum(task.place) % 2 == 0

    ours = workers(is_lost=is_lost)
    path = paint(model=InlineExecutor(ours), keep_job=True).path
    assert read_map(path) == read_map(whole_map)
    with sqlite3.connect(tmp_path / "map.mbtiles.c2gm-job" / "job.sqlite") as job:
        rows = job.execute("SELECT z, x, y, attempts, worker, length(sha256) FROM blocks")
        stored = {row[:3]: row[3:] for row in rows}
    assert len(stored) == len(losses)
    for place, (attempts, worker, length) in stored.items():
        assert attempts == (3 if sum(place) % 2 == 0 else 1)
        assert (worker, length) == ("inline", 32)


@pytest.mark.usefixtures("small_blocks")
def test_a_block_that_is_always_lost_ends_the_run_and_keeps_the_rest(paint, whole_map):
    ours = workers(is_lost=lambda task: task.stage.zoom == 16 and task.windows.left > 34001)
    with pytest.raises(JobError, match="was lost 5 times, last by worker inline: the worker was"):
        paint(model=InlineExecutor(ours))
    result = paint(model=InlineExecutor(workers()))
    assert result.reused_tiles > 0
    assert read_map(result.path) == read_map(whole_map)


@pytest.mark.usefixtures("small_blocks")
def test_a_job_goes_on_with_another_executor(paint, whole_map, model):
    stops = iter([False] * 3 + [True])
    with pytest.raises(Stopped):
        paint(should_stop=lambda: next(stops, False))  # here
    stops = iter([False, True])
    with pytest.raises(Stopped):
        paint(model=InlineExecutor(workers()), should_stop=lambda: next(stops, False))
    result = paint()
    assert result.reused_tiles > 0
    assert read_map(result.path) == read_map(whole_map)


@pytest.mark.usefixtures("small_blocks")
def test_zooms_overlap_where_parents_are_done(paint):
    wide = imagery_of(TileRange(14, 8500, 5600, 8505, 5600))
    ours = workers(imagery=wide, room=2)
    paint(model=InlineExecutor(ours), imagery=wide, zooms=(14, 15), cascade_factor=2)
    assert ours.most_zooms == 2  # nobody waited for the end of a zoom
    assert len({task.place for task in ours.given}) == len(ours.given)  # and nothing was twice


@pytest.mark.usefixtures("small_blocks")
def test_a_worker_that_computes_otherwise_is_refused(paint):
    other = workers(change=lambda result: dataclasses.replace(result, profile="other"))
    with pytest.raises(JobError, match="Worker inline computes otherwise than the others"):
        paint(model=InlineExecutor(other))


def test_profiles_tell_networks_and_imagery_apart():
    class Darker(TextureModel):
        def decode(self, latent):
            return super().decode(latent) // 2

    names = {
        workers().worker.profile.name,
        workers(model=Darker()).worker.profile.name,  # says the same of itself
        workers(model=TextureModel(batch=3)).worker.profile.name,
        workers(imagery=imagery_of(GROUND, fingerprint="b")).worker.profile.name,
    }
    assert len(names) == 4
    assert workers().worker.profile == workers().worker.profile


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    "settings", [{"edges": "open"}, {"mode": "paper"}, {"cascade_factor": 2}, {"zooms": (16,)}]
)
def test_every_kind_of_map_is_the_one_of_one_process(paint, settings):
    there = read_map(paint("there.mbtiles", model=InlineExecutor(workers()), **settings).path)
    assert there == read_map(paint("here.mbtiles", **settings).path)


@pytest.mark.usefixtures("small_blocks")
def test_the_world_is_painted_by_blocks_over_its_seam(paint):
    world = imagery_of(TileRange(0, 0, 0, 0, 0))
    world.bounds = (-180.0, -85.0511287798066, 180.0, 85.0511287798066)
    more = {"imagery": world, "zooms": (0, 1, 2, 3), "cascade_factor": 2}
    there = paint("there.mbtiles", model=InlineExecutor(workers(imagery=world)), **more)
    assert read_map(there.path) == read_map(paint("here.mbtiles", **more).path)
    east = bounds_of(TileRange(3, 7, 2, 8, 4))
    part = paint(model=InlineExecutor(workers(imagery=world)), bounds=east, **more)
    whole = read_map(there.path)
    assert all(whole[tile] == picture for tile, picture in read_map(part.path).items())


@pytest.mark.usefixtures("small_blocks")
def test_a_start_tile_set_is_the_parent_of_blocks(paint, whole_map):
    with open_tileset(whole_map) as start:
        result = paint(model=InlineExecutor(workers()), start=start, zooms=(14, 15, 16))
    with open_tileset(result.path) as tileset, open_tileset(whole_map) as whole:
        for zoom in ZOOMS:
            for tile in whole.tiles(zoom):
                assert (tileset.get(tile) == whole.get(tile)).all()


@pytest.mark.usefixtures("small_blocks")
def test_progress_is_told_with_the_tiles(paint, whole_map):
    told = []
    paint(model=InlineExecutor(workers()), on_progress=told.append)
    assert told[-1].tiles_done == told[-1].tiles and told[-1].windows_done == told[-1].windows
    finished = [tile for progress in told for tile, _ in progress.finished]
    assert sorted(finished) == sorted(read_map(whole_map))
