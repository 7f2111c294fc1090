"""How far imagery lies off its map: edges of both, correlated.

Edges are compared by their direction, not by which side is bright: each is a gradient of doubled
angle (g^2 / |g|, as a complex number), so that the two rims of a road count whether the road is
bright or dark. The correlation is summed over many tiles before its peak is looked for, since one
tile alone is mostly edges that the map does not show.

Symbols: A, B = fields of imagery and map; C = sum of Re ifft(fft A conj(fft B)), whose peak lies at
the shift by which the imagery is moved against the map.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import mercantile
import numpy as np
from mercantile import Tile

from ..errors import TrainingError
from ..grid import TILE_SIZE, ground_resolution
from .dataset_layout import IMAGERY, MAP, DatasetPart
from .dataset_split import thinned

REACH = 24  # px: larger shifts are not looked for
CLEAR = 8.0  # a peak stands out of the noise by so many of its spreads
_SMOOTHING = 1.2  # px
_TILES_OF_A_PLACE = 16  # the furrows of a few fields can look like a shift
_MIDDLE = TILE_SIZE // 2


@dataclass(frozen=True)
class Shift:
    """Imagery against its map.

    Attributes:
        right, down: px by which the imagery is moved; meaningless where it is not clear.
        clarity: height of the peak over the noise, in spreads of the noise.
        tiles: how many were looked at.
    """

    right: float
    down: float
    clarity: float
    tiles: int

    @property
    def length(self) -> float:
        """Its length, px."""
        return math.hypot(self.right, self.down)

    @property
    def clear(self) -> bool:
        """Whether edges of imagery and map fit each other anywhere at all."""
        return self.clarity >= CLEAR


@dataclass(frozen=True)
class ShiftReport:
    """The shift of a part of a data set: of all tiles, and place by place where that is clear."""

    zoom: int
    whole: Shift
    places: dict[Tile, Shift]
    metres_a_pixel: float

    @property
    def worst(self) -> Shift:
        """The longest clear shift of the whole or of a place with tiles enough to tell."""
        clear = [s for s in self.places.values() if s.clear and s.tiles >= _TILES_OF_A_PLACE]
        return max([self.whole, *clear], key=lambda shift: shift.length)


def measure_shift(
    part: DatasetPart, tiles: Sequence[Tile], *, zoom: int | None = None, most: int = 400
) -> ShiftReport:
    """Measure the shift between imagery and map.

    Args:
        part: with the pictures.
        tiles: of the part.
        zoom: that is looked at, by default the highest up to 17, where edges are sharpest.
        most: tiles that are read, chosen by chance.

    Raises:
        TrainingError: there are no tiles of the zoom, or a picture cannot be read.
    """
    zooms = sorted({tile.z for tile in tiles})
    if zoom is None:
        zoom = max((z for z in zooms if z <= 17), default=zooms[0])
    if zoom not in zooms:
        raise TrainingError(f"{part.folder} has no tiles of zoom {zoom}, but of {zooms}.")
    chosen = thinned([tile for tile in tiles if tile.z == zoom], most, seed=0)
    places: dict[Tile, list[np.ndarray]] = {}
    for tile in chosen:
        correlation = _correlation(part.read(IMAGERY, tile), part.read(MAP, tile))
        places.setdefault(Tile(tile.x >> 3, tile.y >> 3, zoom - 3), []).append(correlation)
    bounds = mercantile.bounds(chosen[len(chosen) // 2])
    return ShiftReport(
        zoom=zoom,
        whole=_shift([c for members in places.values() for c in members]),
        places={place: _shift(members) for place, members in sorted(places.items())},
        metres_a_pixel=ground_resolution(zoom, (bounds.south + bounds.north) / 2),
    )


def _correlation(imagery: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Correlation of the edges of one tile, float64 [256,256], no shift in the middle."""
    a, b = edge_field(imagery), edge_field(truth)
    size = np.linalg.norm(a) * np.linalg.norm(b)
    if size == 0:
        return np.zeros((TILE_SIZE, TILE_SIZE))
    product = np.fft.fft2(a) * np.conj(np.fft.fft2(b))
    correlation: np.ndarray = np.fft.fftshift(np.fft.ifft2(product).real) / size
    return correlation


def edge_field(picture: np.ndarray) -> np.ndarray:
    """Edges of a picture uint8 [H,W,3] as complex [H,W]: doubled angle, strength capped, mean 0."""
    from scipy.ndimage import gaussian_filter

    pixels = picture.astype(np.float32)
    across = gaussian_filter(pixels, (_SMOOTHING, _SMOOTHING, 0), order=(0, 1, 0))
    down = gaussian_filter(pixels, (_SMOOTHING, _SMOOTHING, 0), order=(1, 0, 0))
    strength = np.hypot(across, down)
    strongest = strength.argmax(-1)[..., None]
    gradient = np.take_along_axis(across + 1j * down, strongest, -1)[..., 0]
    strength = np.abs(gradient)
    if not strength.any():
        return np.zeros(strength.shape, dtype=np.complex64)
    # Deep shadows would outweigh everything: no edge counts more than twice the usual one.
    cap = 2 * np.median(strength[strength > 0.5]) if (strength > 0.5).any() else 1.0
    field = np.square(gradient / np.maximum(strength, 1e-6)) * np.minimum(strength, cap)
    window = np.hanning(field.shape[0])[:, None] * np.hanning(field.shape[1])[None, :]
    result: np.ndarray = (field - field.mean()) * window
    return result


def _shift(correlations: Iterable[np.ndarray]) -> Shift:
    correlations = list(correlations)
    total = np.sum(correlations, axis=0)
    inner = slice(_MIDDLE - REACH, _MIDDLE + REACH + 1)
    near = total[inner, inner]
    row, column = np.unravel_index(near.argmax(), near.shape)
    far = np.ones(total.shape, dtype=bool)
    far[_MIDDLE - 2 * REACH : _MIDDLE + 2 * REACH, _MIDDLE - 2 * REACH : _MIDDLE + 2 * REACH] = (
        False
    )
    spread = float(total[far].std())
    peak = float(near[row, column] - total[far].mean())
    top, left = int(row) + _MIDDLE - REACH, int(column) + _MIDDLE - REACH
    return Shift(
        right=int(column) - REACH + _between(total[top, left - 1 : left + 2]),
        down=int(row) - REACH + _between(total[top - 1 : top + 2, left]),
        clarity=peak / spread if spread > 0 else 0.0,
        tiles=len(correlations),
    )


def _between(three: np.ndarray) -> float:
    """Where between pixels a peak lies: the top of the parabola through three values."""
    before, middle, after = (float(value) for value in three)
    bend = before - 2 * middle + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
