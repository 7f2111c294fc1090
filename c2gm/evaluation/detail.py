"""Detail and palette: how much a map shows, and whether its flat colours are the legend's."""

from __future__ import annotations

import io

import numpy as np

from .edges import borders, near
from .reading import PURE, Reading

_RIM = 2.0  # px beside borders, where colours mix


def png_bytes(classes: np.ndarray) -> int:
    """Bytes of the labels uint8 [H,W] as a PNG: the detail of a map, whatever it consists of."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(classes).save(file, "PNG", compress_level=9)
    return file.tell()


def detail_density(classes: np.ndarray) -> float:
    """PNG bytes of the labels for each 1000 px."""
    return 1000 * png_bytes(classes) / classes.size


def off_palette(reading: Reading, valid: np.ndarray) -> tuple[int, int]:
    """Pixels more than 5 dE from every legend colour, and pixels that were looked at.

    Only pixels more than 2 px from a border of classes are: rims are mixtures by right.
    """
    inside = valid & ~near(borders(reading.classes), _RIM)
    return int(np.count_nonzero(inside & (reading.distance > PURE))), int(np.count_nonzero(inside))
