"""From window pictures to tiles: what one painted batch adds to the ledger."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from mercantile import Tile

from ..grid import Window
from ..painting.feather import feather_tile
from ..painting.geometry import Geometry
from ..painting.window_inputs import tile_part
from .executors import Batch
from .frontier import Frontier
from .ledger import Ledger, State, Work

CACHED_PICTURES = 96  # about 370 kB each: the three window rows of a block


class TileAssembler:
    """Completes the tiles of one stage as their windows come in.

    Args:
        frontier: States of the stage; kept up to date here.
        ledger: Holds the pictures that no longer fit in memory.
        geometry: How windows lie.
    """

    def __init__(self, frontier: Frontier, ledger: Ledger, geometry: Geometry) -> None:
        self._frontier = frontier
        self._ledger = ledger
        self._geometry = geometry
        self._pictures: OrderedDict[Window, tuple[np.ndarray, np.ndarray]] = OrderedDict()

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
        self._frontier.mark(work.windows, State.PAINTED)
        self._frontier.mark(work.empty_windows, State.EMPTY)
        for tile in self._frontier.complete_tiles([*work.windows, *work.empty_windows]):
            pixels = self._tile(tile)
            work.tiles[tile] = pixels
            self._frontier.finish(tile, State.EMPTY if pixels is None else State.PAINTED)
        work.dropped = self._frontier.droppable(work.tiles)
        for window in work.dropped:
            self._pictures.pop(window, None)
        while len(self._pictures) > CACHED_PICTURES:
            self._pictures.popitem(last=False)
        return work

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

    def _entry(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Picture and valid pixels of a painted window, from memory or from the ledger."""
        if window in self._pictures:
            self._pictures.move_to_end(window)
            return self._pictures[window]
        entry = self._pictures[window] = self._ledger.window(window)
        return entry
