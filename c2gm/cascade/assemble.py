"""From window pictures to tiles: what one painted batch adds to the ledger."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import numpy as np
from mercantile import Tile

from ..errors import JobError
from ..grid import Window
from ..painting.feather import feather_tile
from ..painting.geometry import Geometry
from ..painting.window_inputs import tile_part
from .executors import Batch
from .frontier import Frontier
from .work import State, Work

CACHED_PICTURES = 96  # about 370 kB each: the three window rows of a block

Entry = tuple[np.ndarray, np.ndarray]
"""Picture uint8 [H,W,3] of a painted window, and valid bool [256,256] of its tile."""


class TileAssembler:
    """Completes the tiles of one stage as their windows come in.

    Args:
        frontier: States of the stage; kept up to date here.
        fetch: Brings the pictures that no longer fit in memory.
        geometry: How windows lie.
        cached: Pictures that are kept in memory.
    """

    def __init__(
        self,
        frontier: Frontier,
        fetch: Callable[[Window], Entry],
        geometry: Geometry,
        *,
        cached: int = CACHED_PICTURES,
    ) -> None:
        self._frontier = frontier
        self._fetch = fetch
        self._geometry = geometry
        self._cached = cached
        self._pictures: OrderedDict[Window, Entry] = OrderedDict()

    def assemble(self, batch: Batch, pictures: np.ndarray | None) -> Work:
        """The work of a painted batch: its windows, and the tiles that are complete with them.

        Args:
            batch: The batch.
            pictures: uint8 [n,H,W,3] in the order of its inputs, None where it has none.
        """
        work = Work(empty_windows=list(batch.empty))
        for inputs, picture in zip(batch.inputs, () if pictures is None else pictures, strict=True):
            entry = picture, tile_part(inputs.valid, self._geometry)
            work.windows[inputs.window] = self._pictures[inputs.window] = entry
        self.complete(work, work.windows)
        return work

    def complete(self, work: Work, painted: Iterable[Window]) -> None:
        """Add to a work the tiles that are complete with its windows, and what can go then.

        Args:
            work: Has the empty windows and, where others assembled them, finished tiles.
            painted: The windows that were painted.
        """
        painted = list(painted)
        self._frontier.mark(painted, State.PAINTED)
        self._frontier.mark(work.empty_windows, State.EMPTY)
        for finished, packed in work.packed_tiles.items():
            self._frontier.finish(finished, packed.state)
        for tile in self._frontier.complete_tiles([*painted, *work.empty_windows]):
            pixels = self._tile(tile)
            work.tiles[tile] = pixels
            self._frontier.finish(tile, State.EMPTY if pixels is None else State.PAINTED)
        work.dropped = self._frontier.droppable([*work.tiles, *work.packed_tiles])
        for window in work.dropped:
            self._pictures.pop(window, None)
        while len(self._pictures) > self._cached:
            self._pictures.popitem(last=False)

    def _tile(self, tile: Tile) -> np.ndarray | None:
        """Pixels of a complete tile, None without a valid imagery pixel.

        uint8 [256,256,3]; [256,256,4] where some imagery is missing, transparent there.
        """
        windows = self._frontier.windows_of(tile)
        if not self._frontier.painted(windows[0, 0]):
            return None
        picture, valid = self._entry(windows[0, 0])
        if not valid.any():
            return None
        if self._geometry.ring:
            pixels = feather_tile(
                {
                    offset: self._entry(window)[0]
                    for offset, window in windows.items()
                    if self._frontier.painted(window)
                }
            )
        else:
            pixels = tile_part(picture, self._geometry)
        if valid.all():
            return pixels
        opacity = np.where(valid, np.uint8(255), np.uint8(0))[..., None]
        return np.concatenate([np.where(opacity > 0, pixels, np.uint8(0)), opacity], axis=-1)

    def _entry(self, window: Window) -> Entry:
        """Picture and valid pixels of a painted window, from memory or fetched."""
        if window in self._pictures:
            self._pictures.move_to_end(window)
            return self._pictures[window]
        entry = self._fetch(window)
        size = self._geometry.window_size
        if entry[0].shape != (size, size, 3):
            raise JobError(
                f"The job is damaged: window {window.z}/{window.x}/{window.y} has "
                f"{entry[0].shape[1]} px a side, not {size}. Delete its folder and begin anew."
            )
        self._pictures[window] = entry
        return entry
