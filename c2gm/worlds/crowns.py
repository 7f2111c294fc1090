"""Tree crowns by shade: which colour stands where, and how crowns are outlined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .palette import Colour, Palette
from .place_chance import chances

LIGHTS = (0.88, 1.0, 1.11, 1.25)  # every colour of crown occurs in these shades
LOBES = 14  # points of an outline


@dataclass(frozen=True)
class Crowns:
    """Trees of one shade.

    Attributes:
        places: float64 [n,2], metres.
        radii: metres, [n].
        colour: of the lit crown.
        outline: closed outline of a crown of radius 1, float64 [k,2].
    """

    places: np.ndarray
    radii: np.ndarray
    colour: Colour
    outline: np.ndarray


def crown_groups(trees: np.ndarray, palette: Palette, seed: int) -> tuple[Crowns, ...]:
    """Trees [n,3] (x, y, radius) by shade; neighbours are often of one kind."""
    trees = np.concatenate([trees, _limbs(trees, seed)])
    shades = [_lit(colour, light) for colour in palette.crowns for light in LIGHTS]
    places = trees[:, :2]
    kind = 0.55 * _stands(places, seed) + 0.45 * chances(places, seed, 79)
    light = chances(places, seed, 80)
    own = (kind * 0.9999 * len(palette.crowns)).astype(int) * len(LIGHTS)
    own += (light * len(LIGHTS)).astype(int)
    rng = np.random.default_rng([seed, 81])
    # maps tell where trees stand, not how wide they are: crowns spread more than their usual size
    radii = trees[:, 2] * (0.7 + 0.75 * chances(places, seed, 82) ** 2)
    return tuple(
        Crowns(places[own == k], radii[own == k], shade, _outline(rng))
        for k, shade in enumerate(shades)
    )


def _limbs(trees: np.ndarray, seed: int) -> np.ndarray:
    """Side crowns and bushes that lean on trees, [n,3]: without them crowns would be discs."""
    places = trees[:, :2]
    own = trees[chances(places, seed, 83) < 0.55]
    turn, size = (chances(own[:, :2], seed, salt) for salt in (84, 92))
    reach = own[:, 2] * (0.65 + 0.4 * size)
    turns = 2 * np.pi * turn
    limbs = own[:, :2] + reach[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
    return np.column_stack([limbs, own[:, 2] * (0.75 - 0.35 * size)])


def groves(points: np.ndarray) -> np.ndarray:
    """Share of the trees that stand at points, 0.1 to 1: groups and gaps of 30 to 100 m."""
    x, y = points[:, 0], points[:, 1]
    waves = np.sin(x / 17 + np.sin(y / 29)) + np.sin(y / 13 - x / 41) + np.sin((x + y) / 53)
    share: np.ndarray = np.clip(0.45 + 0.35 * waves, 0.1, 1)
    return share


def clumps(points: np.ndarray) -> np.ndarray:
    """Where a wood has its large trees (1) and its gaps (0), over 15 to 40 m, float64 [n]."""
    x, y = points[:, 0], points[:, 1]
    waves = np.sin(x / 5.3 + 1.6 * np.sin(y / 7.9)) + np.sin(y / 4.1 - x / 9.7 + np.sin(x / 6.3))
    share: np.ndarray = np.clip(0.5 + 0.3 * waves, 0, 1)
    return share


def _stands(points: np.ndarray, seed: int) -> np.ndarray:
    """Slow waves over the ground, 0 to 1: stands of one species."""
    x, y = points[:, 0] + 13.7 * (seed % 101), points[:, 1] - 7.3 * (seed % 89)
    waves = np.sin(x / 31 + 1.7 * np.sin(y / 47)) + np.sin(y / 39 - x / 83 + np.sin(x / 19))
    share: np.ndarray = np.clip(0.5 + 0.25 * waves, 0, 1)
    return share


def _outline(rng: np.random.Generator) -> np.ndarray:
    """A roundish outline with lobes, of mean radius 1."""
    turns = np.linspace(0, 2 * np.pi, LOBES + 1)
    swell = np.ones_like(turns)
    for waves, most in ((2, 0.14), (3, 0.1), (5, 0.09)):
        swell += rng.uniform(0.2, 1) * most * np.cos(waves * turns + rng.uniform(0, 2 * np.pi))
    outline: np.ndarray = np.stack([np.cos(turns) * swell, np.sin(turns) * swell], 1)
    outline[-1] = outline[0]
    return outline


def _lit(colour: Colour, light: float) -> Colour:
    red, green, blue = (min(255.0, value * light) for value in colour)
    return red, green, blue
