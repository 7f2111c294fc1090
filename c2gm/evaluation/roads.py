"""Roads: is each drawn road real, and each real road drawn?

Both maps' roads are thinned to lines of one pixel and matched (`edges.LineMatch`). Correctness is
the share of the drawn lines that lie near a true one, completeness the share of the true lines near
a drawn one. Masks are closed before they are thinned: a blur of 2 px would otherwise cut every
junction.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .edges import near

Thin = Callable[[np.ndarray], np.ndarray]

ROAD_RADIUS = 3.0  # px that a road may be off by
_CLOSING = 3
_BEYOND = 24  # px that roads are drawn on past the rim, more than their widths
_LEAST_PIXELS = 40  # smaller spots are no roads


def skeleton(mask: np.ndarray, thin: Thin | None = None) -> np.ndarray:
    """Middle lines of a road mask, bool [H,W] of bool [H,W].

    Gaps up to 6 px are closed, hairs thinner than 3 px and spots under 40 px dropped.

    Args:
        mask: The roads.
        thin: Thins a mask; None takes scikit-image's, which scores are made with.
    """
    if not mask.any():
        return np.zeros_like(mask, dtype=bool)
    # Roads go on past the rim: without this they would shrink away from it.
    grown = np.pad(mask, _BEYOND, mode="edge")
    closed = _eroded(near(grown, _CLOSING), _CLOSING)
    opened = near(_eroded(closed, 1), 1)
    lines = (thin or _skeletonize)(_without_specks(opened))
    return lines[_BEYOND:-_BEYOND, _BEYOND:-_BEYOND]


def _skeletonize(mask: np.ndarray) -> np.ndarray:
    from .libraries import scikit_image

    lines: np.ndarray = scikit_image("morphology").skeletonize(mask)
    return lines


def _eroded(mask: np.ndarray, radius: int) -> np.ndarray:
    return ~near(~mask, radius)


def _without_specks(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import label

    parts, _ = label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    result: np.ndarray = (sizes >= _LEAST_PIXELS)[parts]
    return result
