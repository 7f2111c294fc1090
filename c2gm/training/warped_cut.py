"""Crops turned by any angle and scaled: imagery, truth and reference by one and the same map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..references import MARGIN

SCALES = (1 / 1.3, 1.3)
# symbol -> meaning: w window pixel, c crop pixel, m their middles: w = m_w + A (c - m_c)


@dataclass(frozen=True)
class WarpedCut:
    """A turned and scaled square of a window.

    `axes` [2,2] takes steps of the crop (x, y) to steps of the window; `middle` (x, y) is the
    crop's middle in the window. Both count the edges of pixels, so that a pixel's middle is at 0.5.
    """

    size: int
    axes: np.ndarray
    middle: np.ndarray

    @classmethod
    def random(cls, side: int, size: int, rng: np.random.Generator) -> WarpedCut | None:
        """Any angle, scales of 1/1.3 to 1.3, anywhere in a window; None where it has no room."""
        angle = rng.uniform(0, 2 * np.pi)
        scale = float(np.exp(rng.uniform(*np.log(SCALES))))
        axes = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        reach = np.abs(axes).sum(1).max() * size / 2
        if 2 * reach > side:
            return None
        return cls(size, axes, rng.uniform(reach, side - reach, 2))

    def smooth(self, picture: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """Resampled bilinearly, uint8 [size,size,3], moved by (rows, columns) px."""
        return self._resampled(picture, self.middle + moved[::-1], self.axes, smooth=True)

    def exact(self, picture: np.ndarray) -> np.ndarray:
        """The nearest pixels, for class ids and flat pictures."""
        return self._resampled(picture, self.middle, self.axes, smooth=False)

    def reference(self, parent: np.ndarray, factor: int) -> np.ndarray:
        """The parent picture, which has a margin, enlarged and warped at once."""
        return self._resampled(
            parent, self.middle / factor + MARGIN, self.axes / factor, smooth=True
        )

    def _resampled(
        self, picture: np.ndarray, middle: np.ndarray, axes: np.ndarray, *, smooth: bool
    ) -> np.ndarray:
        from PIL import Image

        offset = middle - axes @ np.full(2, self.size / 2)
        (a, b), (d, e) = axes
        warped = Image.fromarray(np.ascontiguousarray(picture)).transform(
            (self.size, self.size),
            Image.Transform.AFFINE,
            (a, b, offset[0], d, e, offset[1]),
            Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST,
        )
        return np.array(warped)
