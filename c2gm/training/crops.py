"""From records to training crops: cut, turn, recolour, corrupt the reference.

Everything random comes from one generator that is handed in, so a run can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..legend import GROUND
from ..references import MARGIN, enlarge_reference
from .recolour import recolour
from .records import Record
from .warped_cut import WarpedCut

INVALID_GREY = 127


@dataclass(frozen=True)
class CropConfig:
    """How crops are made.

    Attributes:
        size: side, px.
        no_reference: share without a reference.
        corrupt: share of true references that are damaged; drawn ones are as they will be met.
        masked: share with a part of the imagery missing.
        recolour: whether imagery is recoloured.
        warped: share turned by any angle and scaled by up to 30 %, where the record has room. Their
            map pictures are resampled and no longer crisp: for training on classes alone.
        misplaced: share whose imagery lies up to 2 px off its truth.
    """

    size: int = 128
    no_reference: float = 0.4
    corrupt: float = 0.6
    masked: float = 0.1
    recolour: bool = True
    warped: float = 0.0
    misplaced: float = 0.15


@dataclass(frozen=True)
class Crop:
    """One training example; pictures are uint8 [size,size,3], the rest uint8 [size,size].

    `labels` are numbers of label sets. `cascade_factor` is None where there is no reference (which
    is then ground colour). `zoom` is that of the look, which the scale text names; `imagery_zoom`
    that of the grid.
    """

    imagery: np.ndarray
    map: np.ndarray
    classes: np.ndarray
    reference: np.ndarray
    cascade_factor: int | None
    zoom: int
    imagery_zoom: int
    labels: np.ndarray


def cut_crop(record: Record, config: CropConfig, rng: np.random.Generator) -> Crop:
    """A random crop of a record, on the grid of latents, turned and damaged at random."""
    moved = rng.integers(-2, 3, 2) if rng.random() < config.misplaced else np.zeros(2, np.int64)
    factor = _cascade_factor(record, config, rng)
    cut: _PlainCut | WarpedCut | None = None
    if rng.random() < config.warped:
        cut = WarpedCut.random(record.imagery.shape[0], config.size, rng)
    if cut is None:
        cut = _PlainCut.random(record.imagery.shape[0], config.size, rng)
    imagery = cut.smooth(record.imagery, moved)
    truth, classes = cut.exact(record.map), cut.exact(record.classes)
    labels = cut.exact(record.label_ids())
    reference = np.full((config.size, config.size, 3), GROUND, dtype=np.uint8)
    if factor is not None:
        reference = cut.reference(getattr(record, f"parent{factor}"), factor)
        if not record.drawn_parents and rng.random() < config.corrupt:
            reference = corrupt_reference(reference, rng)
    if config.recolour:
        missing = (imagery == INVALID_GREY).all(-1)
        imagery = recolour(imagery, rng)
        imagery[missing] = INVALID_GREY  # of what is not there, no sensor has another picture
    if rng.random() < config.masked:
        hidden = _half_plane(config.size, rng)
        imagery[hidden] = INVALID_GREY
        truth[hidden] = GROUND
        classes[hidden] = 0
        labels[hidden] = 0
    turn = int(rng.integers(8))
    return Crop(
        imagery=_turned(imagery, turn),
        map=_turned(truth, turn),
        classes=_turned(classes, turn),
        reference=_turned(reference, turn),
        cascade_factor=factor,
        zoom=record.text_zoom,
        imagery_zoom=record.zoom,
        labels=_turned(labels, turn),
    )


def _cascade_factor(record: Record, config: CropConfig, rng: np.random.Generator) -> int | None:
    factors = [f for f in (2, 4) if getattr(record, f"parent{f}") is not None]
    if not factors or rng.random() < config.no_reference:
        return None
    return int(rng.choice(factors))


@dataclass(frozen=True)
class _PlainCut:
    """A square of a window, pixels as they are."""

    size: int
    side: int  # of the window
    top: int
    left: int

    @classmethod
    def random(cls, side: int, size: int, rng: np.random.Generator) -> _PlainCut:
        """Anywhere on the grid of latents."""
        top, left = (int(value) * 8 for value in rng.integers(0, (side - size) // 8 + 1, 2))
        return cls(size, side, top, left)

    def smooth(self, picture: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """A copy of the square, moved by (rows, columns) px as far as the window reaches."""
        top, left = np.clip(np.array([self.top, self.left]) + moved, 0, self.side - self.size)
        return np.array(picture[top : top + self.size, left : left + self.size])

    def exact(self, picture: np.ndarray) -> np.ndarray:
        """A copy of the square."""
        rows = slice(self.top, self.top + self.size)
        return np.array(picture[rows, self.left : self.left + self.size])

    def reference(self, parent: np.ndarray, factor: int) -> np.ndarray:
        """The square of the enlarged parent picture."""
        side = self.size // factor + 2 * MARGIN
        row, column = self.top // factor, self.left // factor
        return enlarge_reference(np.array(parent[row : row + side, column : column + side]), factor)


def corrupt_reference(reference: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Damage a reference as a drawn parent would be: blurred, noisy, moved, partly wrong."""
    from scipy.ndimage import gaussian_filter

    damaged: np.ndarray = reference.astype(np.float32)
    if rng.random() < 0.5:
        sigma = rng.uniform(0.5, 3.0)
        damaged = gaussian_filter(damaged, (sigma, sigma, 0))
    if rng.random() < 0.4:
        damaged = np.roll(damaged, tuple(rng.integers(-6, 7, 2)), axis=(0, 1))
    if rng.random() < 0.4:
        cells = reference.shape[0] // 16
        holes = np.kron(rng.random((cells, cells)) < rng.uniform(0.05, 0.4), np.ones((16, 16)))
        other = np.roll(damaged[::-1, ::-1], reference.shape[0] // 3, axis=0)
        fill = (
            other
            if rng.random() < 0.5
            else np.broadcast_to(np.array(GROUND, np.float32), other.shape)
        )
        damaged = np.where(holes[..., None] > 0, fill, damaged)
    if rng.random() < 0.5:
        noise = rng.standard_normal(damaged.shape, dtype=np.float32)
        damaged = damaged + np.float32(rng.uniform(1, 10)) * noise
    result: np.ndarray = np.clip(np.rint(damaged), 0, 255).astype(np.uint8)
    return result


def _half_plane(size: int, rng: np.random.Generator) -> np.ndarray:
    """Where imagery ends: one side of a straight line, bool [size,size]."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:size, :size] - size / 2
    return np.asarray(rows * np.sin(angle) + columns * np.cos(angle) > rng.uniform(0, 0.5) * size)


def _turned(picture: np.ndarray, turn: int) -> np.ndarray:
    """One of the eight symmetries of the square."""
    turned = np.rot90(picture, turn % 4)
    return np.ascontiguousarray(turned[:, ::-1] if turn >= 4 else turned)
