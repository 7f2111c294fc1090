"""Boxes are cut from canonical blocks, past the rim and around the world."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2gm.grid import TILE_SIZE, PixelBox
from c2gm.imagery.blocks import BLOCK_SIZE, Block, BlockCache, BlockImagery


class Coordinates(BlockImagery):
    """Every pixel of the world says where it is; every third block is empty."""

    def __init__(self, cache_bytes: int = 1 << 20) -> None:
        super().__init__(cache_bytes)
        self.made: list[PixelBox] = []

    def make_block(self, box: PixelBox) -> Block | None:
        self.made.append(box)
        if (box.left // BLOCK_SIZE + box.top // BLOCK_SIZE) % 3 == 2:
            return None
        y, x = np.mgrid[box.top : box.bottom, box.left : box.right]
        return np.stack([x % 251, y % 241, (x + y) % 239], -1).astype(np.uint8), np.ones(
            x.shape, bool
        )


def expected(box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
    side = TILE_SIZE << box.zoom
    y, x = np.mgrid[box.top : box.bottom, box.left : box.right]
    x = x % side
    valid = (y >= 0) & (y < side) & ((x // BLOCK_SIZE + y // BLOCK_SIZE) % 3 != 2)
    rgb = np.stack([x % 251, y % 241, (x + y) % 239], -1).astype(np.uint8)
    return np.where(valid[..., None], rgb, 0), valid


@st.composite
def pixel_boxes(draw: st.DrawFn) -> PixelBox:
    zoom = draw(st.integers(0, 4))
    side = TILE_SIZE << zoom
    left, top = draw(st.integers(-side, 2 * side)), draw(st.integers(-600, side + 600))
    return PixelBox(
        zoom, left, top, left + draw(st.integers(1, 700)), top + draw(st.integers(1, 700))
    )


@settings(max_examples=40, deadline=None)
@given(pixel_boxes())
def test_any_box_of_the_world_and_past_its_edges_holds_the_right_pixels(box: PixelBox) -> None:
    rgb, valid = Coordinates().read(box)
    expected_rgb, expected_valid = expected(box)
    assert np.array_equal(valid, expected_valid)
    assert np.array_equal(rgb, expected_rgb)


def test_a_box_without_extent_is_empty() -> None:
    rgb, valid = Coordinates().read(PixelBox(3, 5, 5, 5, 9))
    assert rgb.shape == (4, 0, 3)
    assert valid.shape == (4, 0)


def test_only_whole_canonical_blocks_are_made_and_none_twice_while_they_fit() -> None:
    imagery = Coordinates(64 << 20)
    for left in range(0, 2048, 130):
        imagery.read(PixelBox(5, left, 700, left + 320, 1020))
    assert all(box.left % 512 == 0 and box.top % 512 == 0 for box in imagery.made)
    assert all(box.width == box.height == 512 for box in imagery.made)
    assert len(imagery.made) == len(set(imagery.made))


def test_threads_that_want_the_same_block_make_it_once() -> None:
    class Slow(Coordinates):
        def make_block(self, box: PixelBox) -> Block | None:
            time.sleep(0.05)
            return super().make_block(box)

    imagery = Slow(64 << 20)
    boxes = [PixelBox(5, left, 300, left + 320, 620) for left in range(0, 1024, 64)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(imagery.read, boxes))
    assert len(imagery.made) == len(set(imagery.made)) == 6
    for box, (rgb, valid) in zip(boxes, answers, strict=True):
        assert np.array_equal(rgb, expected(box)[0])
        assert np.array_equal(valid, expected(box)[1])


def test_a_block_that_fails_fails_for_all_who_wait_and_can_be_tried_again() -> None:
    class Failing(Coordinates):
        def make_block(self, box: PixelBox) -> Block | None:
            if len(self.made) < 2:
                self.made.append(box)
                raise OSError("once")
            return super().make_block(box)

    imagery = Failing()
    box = PixelBox(5, 0, 0, 9, 9)
    for _ in range(2):
        with pytest.raises(OSError, match="once"):
            imagery.read(box)
    assert imagery.read(box)[1].all()


def test_the_cache_keeps_within_its_bytes_and_drops_what_was_unused_for_longest() -> None:
    block = (np.zeros((10, 10, 3), np.uint8), np.ones((10, 10), bool))
    cache = BlockCache(max_bytes=1000)  # two of 400 bytes
    cache.put((0, 0, 0), block)
    cache.put((0, 1, 0), block)
    assert cache.get((0, 0, 0)) is block
    cache.put((0, 2, 0), block)
    assert cache.nbytes == 800
    assert cache.get((0, 1, 0)) is None
    assert cache.get((0, 0, 0)) is block


def test_a_read_does_not_hand_out_the_cached_arrays() -> None:
    imagery = Coordinates()
    box = PixelBox(4, 0, 0, 512, 512)
    imagery.read(box)[0][:] = 9
    assert np.array_equal(imagery.read(box)[0], expected(box)[0])
