"""Class measures on label maps: confusion, IoU, F1 and shares of classes.

Counts are pooled over pictures before anything is divided, so that small tiles of one class weigh
no more than their pixels.
"""

from __future__ import annotations

import numpy as np


def confusion(
    predicted: np.ndarray, truth: np.ndarray, classes: int, valid: np.ndarray | None = None
) -> np.ndarray:
    """Counts int64 [classes (truth), classes (predicted)] of two label maps of one shape.

    Args:
        predicted: Labels below `classes`.
        truth: Labels below `classes`.
        classes: How many there are.
        valid: Pixels that count, bool; None counts all.
    """
    if valid is not None:
        predicted, truth = predicted[valid], truth[valid]
    index = truth.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
    return np.bincount(index, minlength=classes * classes).reshape(classes, classes)


def iou(counts: np.ndarray) -> np.ndarray:
    """IoU by class, float [classes], NaN for classes that the truth does not hold."""
    hit = np.diag(counts).astype(np.float64)
    union = counts.sum(0) + counts.sum(1) - np.diag(counts)
    return np.where(counts.sum(1) > 0, hit / np.maximum(union, 1), np.nan)


def class_f1(counts: np.ndarray) -> np.ndarray:
    """F1 (Dice) by class, float [classes], NaN for classes that the truth does not hold."""
    hit = np.diag(counts).astype(np.float64)
    both = counts.sum(0) + counts.sum(1)
    return np.where(counts.sum(1) > 0, 2 * hit / np.maximum(both, 1), np.nan)


def mean_iou(counts: np.ndarray) -> float:
    """Mean of the IoU over the classes that the truth holds; NaN where nothing was counted."""
    values = iou(counts)
    present = values[np.isfinite(values)]
    return float(present.mean()) if len(present) else float("nan")


def share_ratios(counts: np.ndarray) -> np.ndarray:
    """Pixels of a class in the prediction over those in the truth, float [classes].

    1 is right; NaN for classes that the truth does not hold.
    """
    predicted, truth = counts.sum(0).astype(np.float64), counts.sum(1)
    return np.where(truth > 0, predicted / np.maximum(truth, 1), np.nan)


def invented_shares(counts: np.ndarray) -> np.ndarray:
    """Share of all pixels that a class has although the truth does not hold it, float [classes]."""
    shares = counts.sum(0) / max(int(counts.sum()), 1)
    return np.where(counts.sum(1) > 0, 0.0, shares)


def merged(counts: np.ndarray, group_of: np.ndarray, groups: int) -> np.ndarray:
    """A confusion of classes as one of groups, int64 [groups, groups].

    Args:
        counts: int64 [classes, classes].
        group_of: Group of each class, int [classes].
        groups: How many groups there are.
    """
    membership = (group_of[:, None] == np.arange(groups)).astype(np.int64)
    result: np.ndarray = membership.T @ counts @ membership
    return result
