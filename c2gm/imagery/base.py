"""What every kind of imagery offers: pixels of any box of the world grid."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..grid import PixelBox


class Imagery(Protocol):
    """Aerial or satellite imagery, read on the world grid.

    Attributes:
        name: What to call it in messages and metadata (a file name, no path).
        bounds: (west, south, east, north) in degrees WGS 84; west > east across the antimeridian.
        native_zoom: The zoom whose ground resolution is nearest its own.
        attribution: Credit of the source, empty if unknown.
        fingerprint: Hash of what decides its pixels; part of the job key.
    """

    name: str
    bounds: tuple[float, float, float, float]
    native_zoom: int
    attribution: str
    fingerprint: str

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of a box at its zoom.

        Any box is legal, past the imagery's rim and past the world's edges too; the same pixel
        has the same value whichever box it is read by.

        Returns:
            rgb uint8 [H,W,3] and valid bool [H,W] (True = imagery is there). Invalid pixels are 0.

        Raises:
            ImageryError: the source cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of files."""
        ...
