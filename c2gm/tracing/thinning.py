"""Masks thinned to lines of one pixel (Guo and Hall 1989, as `skimage.morphology.thin`)."""

from __future__ import annotations

import numpy as np

# Neighbours from the east against the clock; bit k of a neighbourhood's number is the k-th of them.
_AROUND = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
_PASSES = (1, 2)


def thinned(mask: np.ndarray) -> np.ndarray:
    """The middle lines of a mask, bool [H,W] of bool [H,W]; what hangs together stays together."""
    height, width = mask.shape
    cells = np.pad(mask, 1).astype(np.uint8).ravel()
    steps = np.array([row * (width + 2) + column for row, column in _AROUND])
    last = np.empty(len(cells), dtype=np.int32)  # where a pixel came last among those beside
    # A pixel that stayed is looked at again when something beside it went.
    went = [np.flatnonzero(cells)] * len(_PASSES)
    while sum(map(len, went)):
        for number, bit in enumerate(_PASSES):
            beside = np.concatenate([w + s for w in went for s in (0, *steps)])
            beside = beside[cells[beside] > 0]
            last[beside] = turn = np.arange(len(beside))
            beside = beside[last[beside] == turn]  # each pixel once
            code = np.zeros(len(beside), dtype=np.uint8)
            for place, step in enumerate(steps):
                code |= cells[beside + step] << np.uint8(place)
            went[number] = beside[_REMOVED[code] & bit > 0]
            cells[went[number]] = 0
    return cells.reshape(height + 2, width + 2)[1:-1, 1:-1].astype(bool)


def _removed() -> np.ndarray:
    """For each neighbourhood the passes that remove its pixel, uint8 [256]."""
    table = np.zeros(256, dtype=np.uint8)
    for code in range(256):
        x = [bool(code >> place & 1) for place in range(8)]
        corners = [(x[k], x[k + 1], x[(k + 2) % 8]) for k in (0, 2, 4, 6)]
        crossings = sum(not side and (corner or then) for side, corner, then in corners)
        pairs = sum(side or corner for side, corner, _ in corners)
        other = sum(corner or then for _, corner, then in corners)
        if crossings != 1 or not 2 <= min(pairs, other) <= 3:
            continue
        for bit, (a, b, c, d) in zip(_PASSES, ((1, 2, 7, 0), (5, 6, 3, 4)), strict=True):
            if not ((x[a] or x[b] or not x[c]) and x[d]):
                table[code] |= bit
    return table


_REMOVED = _removed()
