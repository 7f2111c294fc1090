"""How far one picture lies beside another."""

from __future__ import annotations

import numpy as np
import pytest

from c2gm.tilesets.shift import REACH, SHIFT_CLARITY, correlation, edges, read_shift


def town(seed: int = 0, side: int = 256) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 220, np.uint8)
    for _ in range(60):
        top, left = rng.integers(0, side, 2)
        picture[top : top + 17, left : left + 23] = rng.integers(0, 256, 3)
    return picture


@pytest.mark.parametrize(("right", "down"), [(0, 0), (5, 0), (-13, 8), (40, -40)])
def test_a_moved_picture_is_found_where_it_is(right: int, down: int) -> None:
    first = town(side=400)[70:326, 70:326]
    second = town(side=400)[70 + down : 326 + down, 70 + right : 326 + right]
    shift = read_shift(correlation(first, second))
    assert (shift.right, shift.down) == (right, down)
    assert shift.size == max(abs(right), abs(down))
    assert shift.clarity > SHIFT_CLARITY


def test_colours_do_not_count() -> None:
    first = town(side=300)[:256, :256]
    shift = read_shift(correlation(first, 255 - town(side=300)[9:265, 20:276] // 2))
    assert (shift.right, shift.down) == (20, 9)


def test_many_unclear_pairs_are_clear_together() -> None:
    rng = np.random.default_rng(1)
    surface = np.zeros((2 * REACH + 1, 2 * REACH + 1))
    for seed in range(12):
        ground = town(seed, 300)
        noise = rng.normal(0, 110, (256, 256, 3))
        seen = np.clip(ground[:256, 7:263] + noise, 0, 255).astype(np.uint8)
        surface += correlation(ground[:256, :256], seen)
    shift = read_shift(surface)
    assert (shift.right, shift.down) == (7, 0)


def test_one_colour_has_no_edges_and_no_clear_shift() -> None:
    plain = np.full((256, 256, 3), 7, np.uint8)
    assert not edges(plain).any()
    assert read_shift(correlation(plain, town())).clarity < SHIFT_CLARITY
