"""Which windows of a stage are to paint, which tiles they complete, which pictures can go.

Two small arrays per stage, a byte a window and a byte a tile; columns wrap around the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from mercantile import Tile

from ..errors import JobError
from ..grid import TileRange, Window
from .plan import Stage
from .work import State

BLOCK = 16  # tiles a side of the blocks in which a stage is painted


class Frontier:
    """States of one stage's windows and tiles.

    Args:
        stage: The stage.
        ring: Windows beside a tile that reach into it, on each side.
    """

    def __init__(self, stage: Stage, ring: int) -> None:
        self.stage = stage
        self.ring = ring
        self._windows = _StateGrid(stage.windows)
        self._tiles = _StateGrid(stage.tiles)

    def restore(
        self,
        windows: Iterable[tuple[int, int, int]],
        tiles: Iterable[tuple[int, int, int]],
    ) -> None:
        """Take the (x, y, state) of earlier work.

        Raises:
            JobError: a place or a state that the stage does not have.
        """
        for grid, places, rows in (
            (self._windows, self.stage.windows, windows),
            (self._tiles, self.stage.tiles, tiles),
        ):
            for x, y, state in rows:
                if not _is_place(x, y, places) or state not in (State.PAINTED, State.EMPTY):
                    raise JobError(
                        f"The job is damaged: zoom {places.zoom} has no {x!s:.20}/{y!s:.20} in "
                        f"state {state!s:.20}. Delete its folder and begin anew."
                    )
                grid[x, y] = State(state)

    def check_complete(self) -> None:
        """Refuse to end a stage that lacks a tile.

        Raises:
            JobError: earlier work says that its windows are done, and has no such tile.
        """
        if self._tiles.done() == len(self.stage.tiles):
            return
        for x, y, z in self.stage.tiles:
            if not self.finished([Tile._make((x, y, z))]):
                raise JobError(
                    f"The job is damaged: it lacks tile {z}/{x % (1 << z)}/{y}, whose windows are "
                    "done. Delete its folder and begin anew."
                )

    def pending(self, part: TileRange | None = None) -> Iterator[Window]:
        """Windows to paint, of a part or of all, in the order of `windows_in_order`."""
        for window in windows_in_order(part or self.stage.windows):
            if self._windows[window.x, window.y] is State.PENDING:
                yield window

    def finished(self, tiles: Iterable[Tile]) -> bool:
        """Whether all of these tiles that the stage has are written or have nothing to write.

        A tile whose own window is outside the stage has no imagery.
        """
        return all(
            self._tiles[tile[0], tile[1]] is not State.PENDING
            for tile in tiles
            if tile in self.stage.tiles and tile in self.stage.windows
        )

    def mark(self, windows: Iterable[Window], state: State) -> None:
        """Note that windows are painted or empty."""
        for window in windows:
            self._windows[window.x, window.y] = state

    def complete_tiles(self, windows: Iterable[Window]) -> list[Tile]:
        """Tiles that are not finished and have all their windows, among those that these touch."""
        near = {tile for window in windows for tile in self._around(window)}
        return sorted(
            tile
            for tile in near
            if self._tiles[tile.x, tile.y] is State.PENDING
            and all(
                self._windows.get(window.x, window.y) is not State.PENDING
                for window in self.windows_of(tile).values()
            )
        )

    def windows_of(self, tile: Tile) -> dict[tuple[int, int], Window]:
        """(dx, dy) -> the windows that reach into a tile."""
        reach = range(-self.ring, self.ring + 1)
        return {
            (dx, dy): _wrapped_window(tile.x + dx, tile.y + dy, tile.z)
            for dy in reach
            for dx in reach
        }

    def painted(self, window: Window) -> bool:
        """Whether a window has a picture; windows outside the stage have none."""
        return self._windows.get(window.x, window.y) is State.PAINTED

    def finish(self, tile: Tile, state: State) -> None:
        """Note that a tile is written or has nothing to write."""
        self._tiles[tile.x, tile.y] = state

    def droppable(self, tiles: Iterable[Tile]) -> list[Window]:
        """Painted windows around these finished tiles that no unfinished tile needs."""
        near = {window for tile in tiles for window in self.windows_of(tile).values()}
        return sorted(
            window
            for window in near
            if self.painted(window)
            and all(
                self._tiles[tile.x, tile.y] is not State.PENDING for tile in self._around(window)
            )
        )

    def _around(self, window: Window) -> Iterator[Tile]:
        reach = range(-self.ring, self.ring + 1)
        for dy in reach:
            for dx in reach:
                x, y = (window.x + dx) % (1 << window.z), window.y + dy
                if (x, y, window.z) in self.stage.tiles:
                    yield Tile._make((x, y, window.z))

    @property
    def windows_done(self) -> int:
        """Windows that are painted or empty."""
        return self._windows.done()

    @property
    def tiles_done(self) -> int:
        """Tiles that are written or have nothing to write."""
        return self._tiles.done()


class _StateGrid:
    """States of a range, by column (wrapping) and row."""

    def __init__(self, tiles: TileRange) -> None:
        self._range = tiles
        self._side = 1 << tiles.zoom
        shape = tiles.bottom - tiles.top + 1, tiles.right - tiles.left + 1
        self._states = np.zeros(shape, dtype=np.uint8)

    def __getitem__(self, place: tuple[int, int]) -> State:
        x, y = place
        return State(self._states[y - self._range.top, (x - self._range.left) % self._side])

    def __setitem__(self, place: tuple[int, int], state: State) -> None:
        x, y = place
        self._states[y - self._range.top, (x - self._range.left) % self._side] = state

    def get(self, x: int, y: int) -> State:
        """The state; a place outside the range counts as empty."""
        return self[x, y] if (x, y, self._range.zoom) in self._range else State.EMPTY

    def done(self) -> int:
        return int(np.count_nonzero(self._states))


def _is_place(x: object, y: object, places: TileRange) -> bool:
    return isinstance(x, int) and isinstance(y, int) and (x, y, places.zoom) in places


def windows_in_order(windows: TileRange) -> Iterator[Window]:
    """Windows block by block, row by row inside a block, so that the pictures waiting for
    neighbours and the parent tiles in use stay few.
    """
    for block in blocks_of(windows):
        for x, y, z in block:
            yield _wrapped_window(x, y, z)


def blocks_of(windows: TileRange) -> Iterator[TileRange]:
    """The parts of a range that lie in the blocks of 16 x 16 of the world grid, row by row."""
    for block_y in range(windows.top // BLOCK, windows.bottom // BLOCK + 1):
        for block_x in range(windows.left // BLOCK, windows.right // BLOCK + 1):
            yield TileRange(
                windows.zoom,
                max(windows.left, block_x * BLOCK),
                max(windows.top, block_y * BLOCK),
                min(windows.right, block_x * BLOCK + BLOCK - 1),
                min(windows.bottom, block_y * BLOCK + BLOCK - 1),
            )


def _wrapped_window(x: int, y: int, z: int) -> Window:
    return Window(x % (1 << z), y, z)
