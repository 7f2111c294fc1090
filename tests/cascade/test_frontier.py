import random

import pytest
from mercantile import Tile

from c2gm.cascade.frontier import BLOCK, Frontier, windows_in_order
from c2gm.cascade.plan import Stage
from c2gm.cascade.work import State
from c2gm.grid import TileRange, Window


def stage_of(tiles: TileRange) -> Stage:
    windows = tiles.grown(1)
    if windows.right - windows.left >= 1 << tiles.zoom:
        windows = TileRange(tiles.zoom, 0, windows.top, (1 << tiles.zoom) - 1, windows.bottom)
    return Stage(tiles.zoom, None, False, False, tiles, tiles, windows)


SMALL = TileRange(10, 100, 200, 102, 201)


def test_every_window_comes_once_block_by_block_and_row_by_row():
    windows = list(windows_in_order(TileRange(10, 10, 30, 40, 50)))
    assert len(set(windows)) == len(windows) == 31 * 21
    blocks = [(window.y // BLOCK, window.x // BLOCK) for window in windows]
    assert blocks == sorted(blocks)
    first = [(w.y, w.x) for w in windows if (w.y // BLOCK, w.x // BLOCK) == (2, 1)]
    assert first == sorted(first) and len(first) == 16 * 16


def test_columns_wrap_in_the_order_too():
    windows = list(windows_in_order(TileRange(3, 7, 0, 8, 0)))
    assert windows == [Window(7, 0, 3), Window(0, 0, 3)]


def test_a_tile_is_complete_with_its_last_window():
    frontier = Frontier(stage_of(SMALL), ring=1)
    around = list(frontier.windows_of(Tile(100, 200, 10)).values())
    frontier.mark(around[:-1], State.PAINTED)
    assert frontier.complete_tiles(around[:-1]) == []
    frontier.mark(around[-1:], State.EMPTY)
    assert frontier.complete_tiles(around[-1:]) == [Tile(100, 200, 10)]
    frontier.finish(Tile(100, 200, 10), State.PAINTED)
    assert frontier.complete_tiles(around) == []


def test_a_picture_can_go_when_no_unfinished_tile_needs_it():
    frontier = Frontier(stage_of(SMALL), ring=1)
    frontier.mark(windows_in_order(frontier.stage.windows), State.PAINTED)
    frontier.finish(Tile(100, 200, 10), State.PAINTED)
    assert frontier.droppable([Tile(100, 200, 10)]) == [Window(99, 199, 10)]
    frontier.finish(Tile(100, 201, 10), State.EMPTY)
    dropped = frontier.droppable([Tile(100, 201, 10)])
    assert dropped == [Window(99, y, 10) for y in range(200, 203)]


@pytest.mark.parametrize("tiles", [SMALL, TileRange(2, 3, 0, 4, 3), TileRange(0, 0, 0, 0, 0)])
def test_in_any_order_every_tile_is_completed_once_and_every_picture_dropped(tiles):
    frontier = Frontier(stage_of(tiles), ring=1)
    windows = list(windows_in_order(frontier.stage.windows))
    random.Random(1).shuffle(windows)
    completed, dropped = [], []
    for window in windows:
        frontier.mark([window], State.PAINTED)
        for tile in frontier.complete_tiles([window]):
            frontier.finish(tile, State.PAINTED)
            completed.append(tile)
            dropped += frontier.droppable([tile])
    assert sorted(completed) == sorted(Tile(t.x % (1 << t.z), t.y, t.z) for t in tiles)
    assert set(dropped) == set(windows)
    assert frontier.tiles_done == len(tiles) and frontier.windows_done == len(windows)


def test_restored_windows_are_not_pending():
    frontier = Frontier(stage_of(SMALL), ring=1)
    frontier.restore([(99, 199, 1), (100, 199, 2)], [(100, 200, 1)])
    assert Window(99, 199, 10) not in set(frontier.pending())
    assert frontier.windows_done == 2 and frontier.tiles_done == 1
    assert frontier.painted(Window(99, 199, 10)) and not frontier.painted(Window(100, 199, 10))


def test_windows_outside_the_stage_count_as_empty():
    frontier = Frontier(Stage(10, None, False, False, SMALL, SMALL, SMALL), ring=1)
    frontier.mark(windows_in_order(SMALL), State.PAINTED)
    assert len(frontier.complete_tiles(windows_in_order(SMALL))) == len(SMALL)
