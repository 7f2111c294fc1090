"""The feed, with shards that cost nothing; and one real world."""

import dataclasses
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from c2gm.errors import TrainingError
from c2gm.grid import HALO, LATENT_SIZE, pixels_of_bounds
from c2gm.training import world_feed
from c2gm.training.records import Record, RecordPool, write_shard
from c2gm.training.world_feed import FeedConfig, WorldFeed, build_world_shard, world_ground


def flat_shard(root: Path, number: int) -> Path:
    """Two records whose colour is their number."""
    side = np.full((64, 64, 3), number % 256, dtype=np.uint8)
    one = Record(
        imagery=side,
        map=side,
        classes=np.zeros((64, 64), dtype=np.uint8),
        parent2=None,
        parent4=None,
        zoom=16,
        place=f"world-{number}",
        complete=True,
        ranked_roads=True,
    )
    folder = root / f"world-{number:06d}"
    write_shard(folder, [one, dataclasses.replace(one, zoom=17)])
    return folder


def no_shard(root: Path, number: int) -> Path:
    """A maker that fails."""
    raise ValueError(f"no ground at {number}")


def no_word(root: Path, number: int) -> Path:
    """A maker whose process is gone at once, as a killed one is."""
    os._exit(3)


def test_a_feed_whose_process_is_gone_says_so_instead_of_waiting(tmp_path):
    feed = WorldFeed(tmp_path, FeedConfig(processes=1, keep=5, make=no_word))
    with pytest.raises(TrainingError, match="ended with status 3 without a word"):
        feed.__enter__()


def test_a_feed_makes_new_worlds_while_they_are_drawn_and_gives_the_oldest_up(tmp_path):
    rng = np.random.default_rng(0)
    with WorldFeed(tmp_path, FeedConfig(processes=2, keep=5, make=flat_shard)) as feed:
        seen = set()
        deadline = time.monotonic() + 30
        while len(seen) < 12 and time.monotonic() < deadline:
            feed.refresh()
            seen.add(feed.draw(rng, {"world": 1.0}).place)
        processes = feed._processes
    assert len(seen) >= 12
    assert not any(process.is_alive() for process in processes)
    assert len(list(tmp_path.glob("world-??????"))) <= 5 + 2


def test_a_feed_begins_though_its_first_worlds_are_given_up_before_they_are_listed(
    tmp_path, monkeypatch
):
    lists = []

    def listed_too_late(root: Path, *, decoupled: float) -> RecordPool:
        lists.append(root)
        if len(lists) == 1:
            for shard in root.glob("world-*"):
                shutil.rmtree(shard, ignore_errors=True)
            empty = root / "empty"
            empty.mkdir()
            return RecordPool(empty, decoupled=decoupled)
        return RecordPool(root, decoupled=decoupled)

    monkeypatch.setattr(world_feed, "RecordPool", listed_too_late)
    with WorldFeed(tmp_path, FeedConfig(processes=1, make=flat_shard)) as feed:
        assert len(feed) > 0
    assert len(lists) > 1


def test_a_feed_goes_on_after_the_worlds_that_are_there(tmp_path):
    flat_shard(tmp_path, 7)
    with WorldFeed(tmp_path, FeedConfig(processes=1, keep=10_000, make=flat_shard)) as feed:
        deadline = time.monotonic() + 30
        while len(feed) < 4 and time.monotonic() < deadline:
            feed.refresh()
            time.sleep(0.1)
    names = sorted(folder.name for folder in tmp_path.glob("world-??????"))
    assert names[:2] == ["world-000007", "world-000008"]


def test_a_failing_process_is_told_of(tmp_path):
    with pytest.raises(TrainingError, match="ValueError: no ground at 0"):
        with WorldFeed(tmp_path, FeedConfig(processes=1, make=no_shard)):
            pass


def test_a_feed_outside_its_block_says_so(tmp_path):
    with pytest.raises(TrainingError, match="with block"):
        WorldFeed(tmp_path, FeedConfig(processes=1)).draw(np.random.default_rng(0), {"world": 1.0})


def test_a_pool_lets_shards_go_that_were_taken_away(tmp_path):
    first, _ = flat_shard(tmp_path, 1), flat_shard(tmp_path, 2)
    pool = RecordPool(tmp_path)
    shutil.rmtree(first)
    pool.refresh()
    rng = np.random.default_rng(0)
    assert {pool.draw(rng, {"world": 1.0}).place for _ in range(20)} == {"world-2"}


@pytest.mark.slow
def test_the_shard_of_a_world_has_all_zooms_and_is_made_alike_again(tmp_path):
    again = [build_world_shard(tmp_path / name, 3) for name in ("a", "b")]
    one, other = (list(RecordPool(folder.parent).all()) for folder in again)
    assert {record.zoom for record in one} == {14, 15, 16, 17, 18}
    assert any(record.text_zoom != record.zoom for record in one)
    for record, twin in zip(one, other, strict=True):
        assert np.array_equal(record.imagery, twin.imagery)
        assert np.array_equal(record.map, twin.map)


@pytest.mark.slow
def test_a_world_ground_is_whole_tiles_and_the_rim_of_their_windows_with_imagery_everywhere():
    ground = world_ground(5)
    box = pixels_of_bounds(ground.bounds, 15)
    rim = 2 * (HALO + LATENT_SIZE)
    place = box.grown(-rim)
    assert (place.width, place.height) == (512, 512)
    assert place.left % 512 == 0 and place.top % 512 == 0
    _, valid = ground.read(box)
    assert valid.all()
