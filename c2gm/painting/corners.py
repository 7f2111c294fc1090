"""Reading at the corners of the tiles: what neighbouring windows are drawn from, they share.

A class head reads each window a little otherwise than its neighbour, and a wood that one window
sees and the next does not would fade out between them. So classes are read in windows of their own,
centred at the corners of the tiles, and the four round a tile are blended by the weights of the
pictures (`feather`). Where two drawn windows overlap, both are drawn from the same probabilities;
where readings disagree, one window draws the border between them.

At the rim of the imagery a corner sees little, and there is no neighbour to agree with: towards
such a side a window reads itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from ..grid import HALO, TILE_SIZE, WINDOW_SIZE, Window
from .feather import OVERLAP, feather_weights
from .map_model import MapModel
from .window_inputs import WindowInputs

READ_AT_ONCE = 2  # in every call: few are padded, and larger batches are no faster
CACHED_READINGS = 40  # two rows of a block, 1.3 MB each
_SHARED = WINDOW_SIZE - TILE_SIZE // 2  # pixels a side that a window shares with each of its four


def blend_corners(readings: Sequence[np.ndarray]) -> np.ndarray:
    """What a window is drawn from, of the readings at its corners.

    Args:
        readings: Of `corners_of`, class probabilities in 255ths, uint8 [classes,320,320].

    Returns:
        Probabilities that sum to 1, float32 [classes,320,320].
    """
    axis = feather_weights()
    blended = np.zeros(readings[0].shape, dtype=np.float32)
    # The first of two corners lies half a tile before the window, the second half a tile behind.
    places = (
        (slice(0, _SHARED), slice(-_SHARED, None)),
        (slice(-_SHARED, None), slice(0, _SHARED)),
    )
    for number, reading in enumerate(readings):
        (rows, read_rows), (columns, read_columns) = places[number // 2], places[number % 2]
        weight = axis[read_rows, None] * axis[None, read_columns]
        blended[:, rows, columns] += weight * reading[:, read_rows, read_columns]
    blended /= blended.sum(axis=0)
    return blended


def rim_weight(valid: np.ndarray) -> np.ndarray | None:
    """How much a window's own reading counts, float32 [320,320] from 0 to 1.

    It counts in the middle and towards sides beyond which there is no imagery; where the window
    overlaps a neighbour with imagery it does not. None where it counts nowhere.

    Args:
        valid: bool [320,320], True where imagery is there.
    """
    sides = (valid[:HALO], valid[-HALO:], valid[:, :HALO], valid[:, -HALO:])
    top, bottom, left, right = (not side.any() for side in sides)
    if not (top or bottom or left or right):
        return None
    weight: np.ndarray = _own_axis(top, bottom)[:, None] * _own_axis(left, right)
    return weight


def _own_axis(first_open: bool, last_open: bool) -> np.ndarray:
    """`rim_weight` along one axis, float32 [320]."""
    rising = np.ones(WINDOW_SIZE // 2, dtype=np.float32)
    rising[:OVERLAP] = 0
    rising[OVERLAP : 2 * OVERLAP] = feather_weights()[:OVERLAP]
    halves = (np.ones_like(rising) if is_open else rising for is_open in (first_open, last_open))
    first, last = halves
    return np.concatenate([first, last[::-1]])


class CornerReadings:
    """Reads each corner once, as long as it is among the last ones.

    Args:
        model: A model that reads classes.
        look: The zoom whose maps the reading shall look like; None where nobody knows.
        trusts: Whether references are a map that was given, not one that a model drew.
    """

    def __init__(self, model: MapModel, look: int | None, *, trusts: bool = False) -> None:
        self._model = model
        self._look = look
        self._trusts = trusts
        self._kept: OrderedDict[Window, np.ndarray] = OrderedDict()

    def of_batch(self, batch: Sequence[WindowInputs]) -> np.ndarray:
        """Class probabilities that a batch is drawn from, float32 [B,classes,H,W]."""
        corners = {corner.window: corner for inputs in batch for corner in inputs.corners}
        lacking = [corner for window, corner in corners.items() if window not in self._kept]
        self._kept |= self._read(lacking)
        weights = {inputs.window: rim_weight(inputs.valid) for inputs in batch}
        rims = {inputs.window: inputs for inputs in batch if weights[inputs.window] is not None}
        own = self._read(list(rims.values()))
        blended = []
        for inputs in batch:
            shared = blend_corners([self._kept[corner.window] for corner in inputs.corners])
            weight = weights[inputs.window]
            if weight is not None:
                shared += weight * (own[inputs.window] / np.float32(255) - shared)
            blended.append(shared)
        for window in corners:
            self._kept.move_to_end(window)
        while len(self._kept) > max(CACHED_READINGS, len(corners)):
            self._kept.popitem(last=False)
        return np.stack(blended)

    def _read(self, windows: list[WindowInputs]) -> dict[Window, np.ndarray]:
        """What is read of windows, a few in a call."""
        read: dict[Window, np.ndarray] = {}
        for first in range(0, len(windows), READ_AT_ONCE):
            some = windows[first : first + READ_AT_ONCE]
            read |= zip((inputs.window for inputs in some), self._read_at_once(some), strict=False)
        return read

    def _read_at_once(self, some: list[WindowInputs]) -> np.ndarray:
        """Read up to a call; fewer are padded, for the last bits depend on a batch's shape."""
        padded = [*some, *[some[-1]] * (READ_AT_ONCE - len(some))]
        references = [inputs.reference for inputs in padded if inputs.reference is not None]
        return self._model.read_classes(
            np.stack([inputs.imagery for inputs in padded]),
            np.stack(references) if references else None,
            some[0].window.z,
            self._look,
            trusts=self._trusts,
        )
