"""Pieces of ground of one use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parcel:
    """A piece of ground of one use.

    Attributes:
        use: a quarter, or "fields", "meadow", "wood", "park", "pitch", "open", "parking", "yard",
            "bare", "beach", "verge".
        shape: polygon.
        heading: direction of furrows or rows, radians.
        chance: 0..1, decides colour and growth.
    """

    use: str
    shape: Any
    heading: float
    chance: float
