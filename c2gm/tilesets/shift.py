"""How far one picture lies beside another, though they may look quite different.

A map and the imagery it was drawn from share no colours, but edges: streets, roofs, shores. Their
edge strengths are correlated at every shift, and where that is strongest they match. One pair
tells little; the sums over many pairs of the same map tell a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

REACH = 64  # px in each direction that are looked at
SHIFT_PIXELS = 2  # that rounding and drawing may move
SHIFT_CLARITY = 4.0  # below, the best shift is chance
_BLUR = 2  # px that edges are widened by


@dataclass(frozen=True)
class Shift:
    """A shift in pixels: right and down are positive.

    Attributes:
        right: How far the second picture must move to the right to match the first.
        down: How far it must move down.
        clarity: How far the match stands out, in standard deviations of all shifts.
    """

    right: int
    down: int
    clarity: float

    @property
    def size(self) -> int:
        """The larger of both, in pixels."""
        return max(abs(self.right), abs(self.down))


def correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How well the edges of two pictures match at each shift, float64 [129,129].

    Args:
        first: uint8 [H,W,3], larger than the reach.
        second: The same shape.

    Returns:
        By rows down and columns right, from -64 to 64; sums of several pairs can be read too.
    """
    height, width = first.shape[:2]
    fade = np.hanning(height)[:, None] * np.hanning(width)
    spectra = [np.fft.rfft2(edges(picture) * fade) for picture in (first, second)]
    surface = np.fft.irfft2(spectra[0] * np.conj(spectra[1]), (height, width))
    surface = np.fft.fftshift(surface)
    row, column = height // 2, width // 2
    return surface[row - REACH : row + REACH + 1, column - REACH : column + REACH + 1]


def read_shift(surface: np.ndarray) -> Shift:
    """The best shift of a correlation, or of a sum of several."""
    down, right = np.unravel_index(int(surface.argmax()), surface.shape)
    spread = float(surface.std()) or 1.0
    clarity = (float(surface.max()) - float(np.median(surface))) / spread
    return Shift(int(right) - REACH, int(down) - REACH, clarity)


def edges(rgb: np.ndarray) -> np.ndarray:
    """Strength of edges, float32 [H,W], of mean 0 and deviation 1; 0 for a picture of one colour.

    The strongest twentieth counts alike, so that one bright roof does not outvote a town.
    """
    levels = rgb.astype(np.float32)
    strength = np.zeros(rgb.shape[:2], np.float32)
    across = np.abs(np.diff(levels, axis=1)).sum(-1)
    along = np.abs(np.diff(levels, axis=0)).sum(-1)
    strength[:, 1:] += across
    strength[:, :-1] += across
    strength[1:] += along
    strength[:-1] += along
    strength = np.minimum(strength, np.quantile(strength, 0.95) + 1)
    for axis in (0, 1):
        steps = range(1, _BLUR + 1)
        moved = [np.roll(strength, sign * step, axis) for step in steps for sign in (-1, 1)]
        strength = strength + sum(moved)
    spread = float(strength.std())
    if spread == 0:
        return np.zeros_like(strength)
    centred: np.ndarray = (strength - strength.mean()) / spread
    return centred
