"""Does the scale text decide what a map shows?

The same window, on the grid of zoom 18, is drawn with the texts of zooms 14 to 18 in turn, from the
same noise and without a reference, which would tell the zoom by itself. The truth is the same
ground drawn in the look of each zoom on that grid. Two controls: texts shuffled between windows,
and the same text from another seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..legend import CLASS_ID
from ..map_scale import map_scale, scale_text
from ..models.sgdm_map_model import SGDMMapModel
from .detail import detail_density
from .reading import read_picture

LOOKS = (14, 15, 16, 17, 18)
_GRID = 18  # zoom that the windows lie on
_CHANGE = 0.05  # by which the truth's detail must change for a pair of zooms to count
_BUILDING_ZOOMS = (16, 18)  # between these the effect is measured

DrawLook = Callable[[int, int], np.ndarray]
"""Truth: picture uint8 [H,W,3] of a window by its number, in the look of a zoom."""


@dataclass(frozen=True)
class LookSamples:
    """Detail and building share of windows by text, float64 [windows, looks]."""

    detail: np.ndarray
    buildings: np.ndarray


@dataclass(frozen=True)
class ScaleTextScores:
    """How far the text decides.

    Attributes:
        tau: Share of pairs of zooms whose order of detail is right minus that of wrong pairs,
            over windows; only pairs between which the truth changes.
        effect: Growth of the building share from zoom 16 to 18 over the truth's growth.
        seed_spread: Standard deviation of that growth between two seeds, over the truth's growth.
        shuffled_tau: `tau` with the texts shuffled: the null, near 0.
        windows: How many there were.
    """

    tau: float
    effect: float
    seed_spread: float
    shuffled_tau: float
    windows: int


def score_scale_text(
    model: SGDMMapModel,
    imagery: Sequence[np.ndarray],
    truth: LookSamples,
    *,
    seed: int = 0,
) -> ScaleTextScores:
    """Score a model on windows.

    Args:
        model: What draws.
        imagery: Windows uint8 [H,W,3] on the grid of zoom 18.
        truth: Of the same windows.
        seed: Of the noise; the second seed is the next one.
    """
    first, second = (drawn_looks(model, imagery, seed=seed + k) for k in (0, 1))
    rng = np.random.default_rng(seed)
    # A window's own texts in another order, so that content stays the same.
    orders = np.argsort(rng.random(first.detail.shape), axis=1)
    growth = float(_growth(truth).sum())
    spread = (_growth(first) - _growth(second)).std() / np.sqrt(2) * np.sqrt(len(imagery))
    return ScaleTextScores(
        tau=kendall_tau(first.detail, truth.detail),
        effect=float(_growth(first).sum()) / growth if growth else float("nan"),
        seed_spread=float(spread / abs(growth)) if growth else float("nan"),
        shuffled_tau=kendall_tau(np.take_along_axis(first.detail, orders, 1), truth.detail),
        windows=len(imagery),
    )


def kendall_tau(detail: np.ndarray, true_detail: np.ndarray) -> float:
    """Kendall's tau over all windows and pairs of looks, -1 to 1.

    Pairs between which the truth's detail changes by less than 5 % do not count; ties of the map
    count 0. NaN where no pair counts.

    Args:
        detail: float64 [windows, looks].
        true_detail: The same of the truth.
    """
    total, pairs = 0.0, 0
    looks = detail.shape[1]
    for low in range(looks):
        for high in range(low + 1, looks):
            true_change = true_detail[:, high] - true_detail[:, low]
            counted = np.abs(true_change) > _CHANGE * np.maximum(true_detail[:, low], 1e-9)
            change = detail[:, high] - detail[:, low]
            total += float((np.sign(change) * np.sign(true_change))[counted].sum())
            pairs += int(np.count_nonzero(counted))
    return total / pairs if pairs else float("nan")


def true_looks(draw: DrawLook, windows: int) -> LookSamples:
    """Detail and building share of the truth of so many windows in each look."""
    return _samples([[draw(number, look) for look in LOOKS] for number in range(windows)])


def drawn_looks(model: SGDMMapModel, imagery: Sequence[np.ndarray], *, seed: int) -> LookSamples:
    """Detail and building share of what the model draws with each text, without a reference."""
    pictures: list[list[np.ndarray]] = [[] for _ in imagery]
    rng = np.random.default_rng(seed)
    size = imagery[0].shape[0] // 8
    for start in range(0, len(imagery), model.batch):
        chosen = list(imagery[start : start + model.batch])
        padded = np.stack(chosen + [chosen[-1]] * (model.batch - len(chosen)))
        noise = rng.standard_normal((model.batch, model.latent_channels, size, size))
        for look in LOOKS:
            features = model.features(padded, None, _GRID, look)
            text = model.embed(scale_text(map_scale(look), None))
            drawn = model.decode(
                model.sample(lambda _k, cut=noise: cut.astype(np.float32), features, text)  # type: ignore[misc]
            )
            for index in range(len(chosen)):
                pictures[start + index].append(drawn[index])
    return _samples(pictures)


def _samples(pictures: Sequence[Sequence[np.ndarray]]) -> LookSamples:
    building = CLASS_ID["building"]
    readings = [[read_picture(picture).classes for picture in row] for row in pictures]
    return LookSamples(
        np.array([[detail_density(ids) for ids in row] for row in readings]),
        np.array([[float((ids == building).mean()) for ids in row] for row in readings]),
    )


def _growth(samples: LookSamples) -> np.ndarray:
    """Growth of the building share between two looks, by window."""
    low, high = (LOOKS.index(zoom) for zoom in _BUILDING_ZOOMS)
    result: np.ndarray = samples.buildings[:, high] - samples.buildings[:, low]
    return result
