"""Motorways and railways: endless lines that cross a world from rim to rim.

A family of lines runs in one direction, some kilometres apart, each swaying by noise. Lines are cut
into pieces at fixed places, so a piece is the same for every box.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from .chance import ValueNoise, generator
from .relief import Bounds

PIECE = 1000.0  # metres of a line between two cuts
_STEP = 20.0  # metres between points of a line
_SWAYS = ((9_000.0, 1_500.0), (3_200.0, 330.0))  # (wavelength, metres to the side)
Piece = tuple[int, int]  # number of the line, number of the piece


@dataclass(frozen=True)
class Family:
    """Lines of one direction.

    Attributes:
        heading: radians.
        distance: metres between lines.
        start: metres by which the first is moved to the side.
    """

    heading: float
    distance: float
    start: float


class Routes:
    """One family of lines of a seed's world."""

    def __init__(self, seed: int, salt: int, family: Family) -> None:
        self._seed, self._salt, self.family = seed, salt, family
        along = np.array([np.cos(family.heading), np.sin(family.heading)])
        self._axes = np.stack([along, [-along[1], along[0]]])
        self._sways = [
            (ValueNoise(seed, salt + index, wave), metres)
            for index, (wave, metres) in enumerate(_SWAYS)
        ]
        self.line = lru_cache(maxsize=1 << 11)(self._line)

    def pieces(self, bounds: Bounds) -> list[Piece]:
        """Pieces that touch bounds."""
        left, bottom, right, top = bounds
        corners = np.array([(left, bottom), (right, bottom), (right, top), (left, top)])
        u, v = (corners @ self._axes.T).T
        room = sum(metres for _, metres in _SWAYS)
        numbers = range(
            int(np.floor((v.min() - room - self.family.start) / self.family.distance)),
            int(np.ceil((v.max() + room - self.family.start) / self.family.distance)) + 1,
        )
        parts = range(int(np.floor(u.min() / PIECE)), int(np.floor(u.max() / PIECE)) + 1)
        box = shapely.box(*bounds)
        found = [(number, part) for number in numbers for part in parts]
        return [piece for piece in found if self.line(piece, 0.0).intersects(box)]

    def stretch(self, piece: Piece, offset: float, more: int) -> Any:
        """A piece and `more` pieces before and after it as one line."""
        lines = [self.line((piece[0], piece[1] + k), offset) for k in range(-more, more + 1)]
        points = [np.array(line.coords) for line in lines]
        joined = [*(p[:-1] for p in points[:-1]), points[-1]]
        return shapely.LineString(np.concatenate(joined))

    def chance(self, piece: Piece) -> np.random.Generator:
        """A source of chance of a piece."""
        return generator(self._seed, self._salt + 9, *piece)

    def _line(self, piece: Piece, offset: float) -> Any:
        """The piece moved `offset` metres to the left of its direction."""
        number, part = piece
        u = part * PIECE + np.arange(round(PIECE / _STEP) + 1) * _STEP
        v = self._sideways(number, u)
        slope = (self._sideways(number, u + 1) - self._sideways(number, u - 1)) / 2
        length = np.sqrt(1 + slope * slope)
        u, v = u - slope / length * offset, v + offset / length
        return shapely.LineString(np.stack([u, v], 1) @ self._axes)

    def _sideways(self, number: int, u: np.ndarray) -> np.ndarray:
        total = np.full(u.shape, number * self.family.distance + self.family.start)
        row = np.full(u.shape, number * 100_003.0)  # far rows of the noise: lines sway each its way
        for noise, metres in self._sways:
            total = total + noise(u, row) * metres
        return total
