"""Cascade references: the enlarged crop of the parent map under one window.

One way to enlarge, used by painting, training and evaluation alike. The parent map is enlarged on
the world's pixel grid and then cut, never a crop enlarged by itself, so that the references of
neighbouring windows agree to the last bit (rule 4 of the painting rules).
"""

from __future__ import annotations

import numpy as np

from .errors import ConfigError
from .grid import PixelBox

MARGIN = 4  # parent pixels on each side that the enlargement may look at
INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


def parent_box(box: PixelBox, cascade_factor: int) -> PixelBox:
    """The parent pixels that the reference of `box` is made of, margin included.

    The corners of `box` must lie on the parent's pixels (multiples of the cascade factor).
    """
    step = cascade_factor.bit_length() - 1
    return PixelBox(
        box.zoom - step,
        box.left // cascade_factor - MARGIN,
        box.top // cascade_factor - MARGIN,
        box.right // cascade_factor + MARGIN,
        box.bottom // cascade_factor + MARGIN,
    )


def enlarge_reference(
    parent: np.ndarray, cascade_factor: int, interpolation: str = "bilinear"
) -> np.ndarray:
    """Enlarge the parent pixels of `parent_box` and cut the margin off.

    Args:
        parent: uint8 [h,w,3], cut by `parent_box`, margin included.
        cascade_factor: 2 or 4 (any power of two).
        interpolation: nearest, bilinear or bicubic (a = -0.5), in Pillow's sense.

    Returns:
        uint8 [(h-8)*factor, (w-8)*factor, 3].

    Raises:
        ConfigError: the interpolation has another name.
    """
    if interpolation not in INTERPOLATIONS:
        raise ConfigError(f"Interpolation {interpolation!r} is not one of {INTERPOLATIONS}.")
    if interpolation == "nearest":
        inner = parent[MARGIN:-MARGIN, MARGIN:-MARGIN]
        return np.repeat(np.repeat(inner, cascade_factor, axis=0), cascade_factor, axis=1)
    # Columns first and 8 bit in between, as Pillow does, whose pictures are the golden ones.
    wide = _enlarge_rows(parent.swapaxes(0, 1), cascade_factor, interpolation).swapaxes(0, 1)
    return _enlarge_rows(wide, cascade_factor, interpolation)


def _enlarge_rows(pixels: np.ndarray, factor: int, interpolation: str) -> np.ndarray:
    """Enlarge along axis 0 and drop the margin; each output phase has its own few taps."""
    count = pixels.shape[0] - 2 * MARGIN
    source = pixels.astype(np.float32)
    phases = []
    for phase in range(factor):
        centre = (phase + 0.5) / factor - 0.5
        first = int(np.floor(centre))
        taps = (
            range(first, first + 2) if interpolation == "bilinear" else range(first - 1, first + 3)
        )
        total = np.zeros((count, *pixels.shape[1:]), dtype=np.float32)
        for tap in taps:
            weight = np.float32(_kernel(centre - tap, interpolation))
            total += weight * source[MARGIN + tap : MARGIN + tap + count]
        phases.append(total)
    enlarged = np.stack(phases, axis=1)
    rounded = np.clip(np.floor(enlarged + 0.5), 0, 255).astype(np.uint8)
    return rounded.reshape(count * factor, *pixels.shape[1:])


def _kernel(distance: float, interpolation: str) -> float:
    d = abs(distance)
    if interpolation == "bilinear":
        return max(0.0, 1.0 - d)
    a = -0.5  # Keys' cubic as Pillow has it
    if d < 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    if d < 2:
        return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return 0.0
