"""Map measures on pictures: PSNR-Y, legend IoU, edge F1, class shares.

Formulas and their golden values: BT.601 luma, PSNR capped at 60 dB, IoU from a pooled confusion
matrix, edge F1 on the borders of label maps within a tolerance.
"""

from __future__ import annotations

import numpy as np

PSNR_CAP = 60.0


def luma(rgb: np.ndarray) -> np.ndarray:
    """BT.601 studio-range luma, float64 [...], of RGB 0 to 255 [...,3]."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    result: np.ndarray = 16 + rgb.astype(np.float64) @ weights
    return result


def psnr_y(predicted: np.ndarray, truth: np.ndarray) -> float:
    """PSNR of the luma of two uint8 pictures [H,W,3] in dB, at most 60."""
    error = float(np.mean((luma(predicted) - luma(truth)) ** 2))
    return PSNR_CAP if error == 0 else min(PSNR_CAP, float(10 * np.log10(255**2 / error)))


def confusion(predicted: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Counts int64 [classes (truth), classes (predicted)] of two label maps of one shape."""
    index = truth.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
    return np.bincount(index, minlength=classes * classes).reshape(classes, classes)


def iou(counts: np.ndarray) -> np.ndarray:
    """IoU by class, float [classes], NaN for classes that the truth does not hold."""
    hit = np.diag(counts).astype(np.float64)
    union = counts.sum(0) + counts.sum(1) - np.diag(counts)
    present = counts.sum(1) > 0
    return np.where(present, hit / np.maximum(union, 1), np.nan)


def mean_iou(counts: np.ndarray) -> float:
    """Mean of the IoU over the classes that the truth holds."""
    return float(np.nanmean(iou(counts)))


def borders(labels: np.ndarray) -> np.ndarray:
    """Pixels whose right or lower neighbour has another label, bool [H,W]."""
    edge = np.zeros(labels.shape, dtype=bool)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge


def edge_hits(predicted: np.ndarray, truth: np.ndarray, radius: float = 2.0) -> np.ndarray:
    """Counts for an edge F1 pooled over pictures: int64 [4] = predicted border pixels, those near
    a true border, true border pixels, those near a predicted border.
    """
    from scipy.ndimage import distance_transform_edt

    drawn, true = borders(predicted), borders(truth)
    near_true = distance_transform_edt(~true) <= radius if true.any() else np.zeros_like(true)
    near_drawn = distance_transform_edt(~drawn) <= radius if drawn.any() else np.zeros_like(drawn)
    return np.array(
        [drawn.sum(), (drawn & near_true).sum(), true.sum(), (true & near_drawn).sum()],
        dtype=np.int64,
    )


def edge_f1(hits: np.ndarray) -> float:
    """F1 of pooled `edge_hits`; 1 where neither picture has a border, 0 where only one has."""
    drawn, drawn_hit, true, true_hit = (float(value) for value in hits)
    if drawn == 0 and true == 0:
        return 1.0
    if drawn == 0 or true == 0 or drawn_hit + true_hit == 0:
        return 0.0
    precision, recall = drawn_hit / drawn, true_hit / true
    return 2 * precision * recall / (precision + recall)
