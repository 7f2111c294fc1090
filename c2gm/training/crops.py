"""From records to training crops: cut, turn, recolour, corrupt the reference.

Everything random comes from one generator that is handed in, so a run can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..legend import GROUND
from ..references import MARGIN, enlarge_reference
from .records import Record

INVALID_GREY = 127


@dataclass(frozen=True)
class CropConfig:
    """How crops are made.

    `no_reference` is the share without a reference, `corrupt` the share of references that are
    damaged, `masked` the share with a part of the imagery missing.
    """

    size: int = 128
    no_reference: float = 0.4
    corrupt: float = 0.6
    masked: float = 0.1
    recolour: bool = True


@dataclass(frozen=True)
class Crop:
    """One training example; pictures are uint8 [size,size,3], the rest uint8 [size,size].

    `labels` are numbers of label sets. `cascade_factor` is None where there is no reference (which
    is then ground colour). `zoom` is that of the look, which the scale text names.
    """

    imagery: np.ndarray
    map: np.ndarray
    classes: np.ndarray
    reference: np.ndarray
    cascade_factor: int | None
    zoom: int
    labels: np.ndarray


def cut_crop(record: Record, config: CropConfig, rng: np.random.Generator) -> Crop:
    """A random crop of a record, on the grid of latents, turned and damaged at random."""
    places = (record.imagery.shape[0] - config.size) // 8 + 1
    top, left = (int(value) * 8 for value in rng.integers(0, places, 2))
    rows, columns = slice(top, top + config.size), slice(left, left + config.size)
    imagery = np.array(record.imagery[rows, columns])
    truth = np.array(record.map[rows, columns])
    classes = np.array(record.classes[rows, columns])
    labels = np.array(record.label_ids()[rows, columns])
    reference, factor = _reference(record, top, left, config, rng)
    if config.recolour:
        imagery = recolour(imagery, rng)
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
        labels=_turned(labels, turn),
    )


def _reference(
    record: Record, top: int, left: int, config: CropConfig, rng: np.random.Generator
) -> tuple[np.ndarray, int | None]:
    factors = [f for f in (2, 4) if getattr(record, f"parent{f}") is not None]
    if not factors or rng.random() < config.no_reference:
        return np.full((config.size, config.size, 3), GROUND, dtype=np.uint8), None
    factor = int(rng.choice(factors))
    parent = getattr(record, f"parent{factor}")
    side = config.size // factor + 2 * MARGIN
    row, column = top // factor, left // factor
    cut = np.array(parent[row : row + side, column : column + side])
    reference = enlarge_reference(cut, factor)
    if rng.random() < config.corrupt:
        reference = corrupt_reference(reference, rng)
    return reference, factor


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
        damaged = damaged + rng.normal(0, rng.uniform(1, 10), damaged.shape)
    result: np.ndarray = np.clip(np.rint(damaged), 0, 255).astype(np.uint8)
    return result


def recolour(imagery: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another sensor, another day: gain, colour, gamma, haze, blur, noise."""
    from scipy.ndimage import gaussian_filter

    pixels: np.ndarray = imagery.astype(np.float32) / 255
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
    pixels = np.clip(pixels * gain + rng.uniform(-0.08, 0.08), 0, 1) ** rng.uniform(0.75, 1.3)
    if rng.random() < 0.4:
        grey = pixels.mean(-1, keepdims=True)
        pixels = grey + (pixels - grey) * rng.uniform(0.4, 1.4)
    if rng.random() < 0.25:
        pixels = gaussian_filter(pixels, (blur := rng.uniform(0.3, 1.2), blur, 0))
    if rng.random() < 0.3:
        pixels = pixels + rng.normal(0, rng.uniform(0.005, 0.03), pixels.shape)
    result: np.ndarray = np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)
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
