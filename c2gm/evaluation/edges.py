"""Edges: do the borders of classes lie where the truth has them?

Labels are hard, so there is no threshold to sweep: a border pixel of one map is a hit if the other
map has a border pixel within a radius. Counts are pooled before they are divided.
"""

from __future__ import annotations

import numpy as np

from ..grid import TILE_SIZE

NEAR_TILE_BORDER = 8  # px on each side


def borders(labels: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Pixels whose right or lower neighbour has another label, bool [H,W].

    Where one of the two is not `valid` there is no border.
    """
    across = labels[:, :-1] != labels[:, 1:]
    down = labels[:-1] != labels[1:]
    if valid is not None:
        across &= valid[:, :-1] & valid[:, 1:]
        down &= valid[:-1] & valid[1:]
    edge = np.zeros(labels.shape, dtype=bool)
    edge[:, :-1] |= across
    edge[:-1] |= down
    return edge


class LineMatch:
    """Two drawings of lines, bool [H,W], and how far each pixel of one is from the other."""

    def __init__(self, drawn: np.ndarray, true: np.ndarray) -> None:
        self._drawn, self._true = drawn, true
        self._to_true, self._to_drawn = _distance(true), _distance(drawn)

    def hits(self, radius: float, where: np.ndarray | None = None) -> np.ndarray:
        """Counts for a pooled F1.

        Args:
            radius: Pixels that a line may be off by.
            where: Line pixels that are counted, bool [H,W]; what they hit may lie anywhere.

        Returns:
            int64 [4]: drawn pixels, those near a true one, true pixels, those near a drawn one.
        """
        drawn = self._drawn if where is None else self._drawn & where
        true = self._true if where is None else self._true & where
        counted = (
            drawn,
            drawn & (self._to_true <= radius),
            true,
            true & (self._to_drawn <= radius),
        )
        return np.array([np.count_nonzero(part) for part in counted], dtype=np.int64)


def edge_match(
    predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None
) -> LineMatch:
    """The borders of two label maps [H,W], where both pixels beside them are `valid`."""
    return LineMatch(borders(predicted, valid), borders(truth, valid))


def edge_hits(predicted: np.ndarray, truth: np.ndarray, radius: float = 2.0) -> np.ndarray:
    """Counts int64 [4] of the borders of two label maps [H,W], see `LineMatch.hits`."""
    return edge_match(predicted, truth).hits(radius)


def _distance(mask: np.ndarray) -> np.ndarray:
    """Distance of each pixel to the nearest of a mask, px; infinite where the mask is empty."""
    from scipy.ndimage import distance_transform_edt

    if not mask.any():
        return np.full(mask.shape, np.inf)
    result: np.ndarray = distance_transform_edt(~mask)
    return result


def near(mask: np.ndarray, radius: float) -> np.ndarray:
    """Pixels within a radius of those of a mask, bool [H,W]."""
    within: np.ndarray = _distance(mask) <= radius
    return within


def precision_recall(hits: np.ndarray) -> tuple[float, float]:
    """Share of the drawn that is right, and of the true that is found, of pooled counts.

    Either is NaN where there is nothing to take a share of.
    """
    drawn, drawn_hit, true, true_hit = (float(value) for value in hits)
    return (
        drawn_hit / drawn if drawn else float("nan"),
        true_hit / true if true else float("nan"),
    )


def edge_f1(hits: np.ndarray) -> float:
    """F1 of pooled counts; 1 where neither picture has a border, 0 where only one has."""
    drawn, drawn_hit, true, true_hit = (float(value) for value in hits)
    if drawn == 0 and true == 0:
        return 1.0
    if drawn == 0 or true == 0 or drawn_hit + true_hit == 0:
        return 0.0
    precision, recall = drawn_hit / drawn, true_hit / true
    return 2 * precision * recall / (precision + recall)


def beside_tile_borders(shape: tuple[int, int]) -> np.ndarray:
    """Pixels within 8 px of a border between two tiles, bool, of a picture that starts on one.

    The outer rim of the picture does not count: there is no tile beyond it.
    """
    rows, columns = (_beside(length) for length in shape)
    result: np.ndarray = rows[:, None] | columns[None, :]
    return result


def _beside(length: int) -> np.ndarray:
    place = np.arange(length)
    tile, inside = place // TILE_SIZE, place % TILE_SIZE
    last = (length - 1) // TILE_SIZE
    after = (inside < NEAR_TILE_BORDER) & (tile > 0)
    before = (inside >= TILE_SIZE - NEAR_TILE_BORDER) & (tile < last)
    result: np.ndarray = after | before
    return result
