"""Roofs as faces lit by the sun, and the shadows that buildings and crowns cast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from .palette import Palette
from .place_chance import chances
from .plots import Buildings
from .shapes import ShapeSet, shape_set


@dataclass(frozen=True)
class Sun:
    """Where the light comes from.

    Attributes:
        towards: unit vector on the ground that points to the sun.
        reach: metres of shadow per metre of height.
    """

    towards: np.ndarray
    reach: float


def sun_of(seed: int) -> Sun:
    """The sun of a seed: in the south, higher or lower."""
    rng = np.random.default_rng([seed, 5])
    turn = -np.pi * rng.uniform(0.12, 0.88)
    return Sun(np.array([np.cos(turn), np.sin(turn)]), float(rng.uniform(0.45, 1.5)))


def roof_faces(houses: Buildings, tint: np.ndarray, sun: Sun, seed: int) -> tuple[ShapeSet, ...]:
    """Roofs as layers in drawing order: faces, flat tops, the shade of units, units.

    Args:
        houses: what carries the roofs.
        tint: colour of each, float64 [n,3].
        sun: lights the slopes.
        seed: source of chance.
    """
    polygons, colours = [], []
    for kind, cut in (("gable", _gable), ("hip", _hip)):
        chosen = houses.roofs == kind
        for face, normal in cut(houses.corners[chosen]):
            light = 0.94 + 0.42 * (normal @ sun.towards)
            polygons.append(shapely.polygons(face))
            colours.append(tint[chosen] * light[:, None])
    flat = houses.roofs == "flat"
    first, second = (chances(houses.corners[flat][:, 0], seed, salt)[:, None] for salt in (21, 22))
    polygons.append(shapely.polygons(houses.corners[flat]))
    colours.append(tint[flat] * np.where(first < 0.5, 0.86, 1.08))
    inner = shape_set(
        shapely.polygons(_shrunk(houses.corners[flat], 0.7)),
        _rounded(tint[flat] * (0.9 + 0.18 * second)),
    )
    # rims lie under inner faces and these under units: sorting by colour would lose that order
    faces = shape_set(np.concatenate(polygons), _rounded(np.concatenate(colours)))
    return faces, inner, *_roof_units(houses, tint, sun, seed)


def _roof_units(
    houses: Buildings, tint: np.ndarray, sun: Sun, seed: int
) -> tuple[ShapeSet, ShapeSet]:
    """Chimneys, skylights, stair heads and machines: (their shade, themselves)."""
    span = np.hypot(*(houses.corners[:, 1] - houses.corners[:, 0]).T)
    depth = np.hypot(*(houses.corners[:, 2] - houses.corners[:, 1]).T)
    usual = np.clip(span * depth / 110, 0.7, 9)
    count = (usual * 2 * chances(houses.corners[:, 0], seed, 23) + 0.5).astype(int)
    own = np.repeat(np.arange(len(span)), np.where(houses.heights > 2.7, count, 0))
    corners = houses.corners[own]
    number = np.arange(len(own)) - np.searchsorted(own, own)
    spots = corners[:, 0] + number[:, None] * 1.7
    share = np.stack([0.12 + 0.76 * chances(spots, seed, salt) for salt in (24, 25)])[..., None]
    middle = (
        corners[:, 0]
        + (corners[:, 1] - corners[:, 0]) * share[0]
        + (corners[:, 3] - corners[:, 0]) * share[1]
    )
    along = _unit(corners[:, 1] - corners[:, 0])
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    flat = (houses.roofs[own] == "flat")[:, None]
    size = np.stack([chances(spots, seed, salt) for salt in (26, 27)], 1)
    half = np.where(flat, 0.6 + 1.8 * size, 0.35 + 0.55 * size)
    half = np.minimum(half, 0.16 * np.minimum(span, depth)[own][:, None])
    right, up = along * half[:, :1], across * half[:, 1:]
    outline = np.stack(
        [middle - right - up, middle + right - up, middle + right + up, middle - right + up], 1
    )
    shades = np.array([0.55, 0.75, 1.25, 1.5])
    light = shades[(chances(spots, seed, 28) * len(shades)).astype(int)][:, None]
    shade = outline - (sun.towards * 0.9 * min(sun.reach, 1.0))
    return (
        shape_set(shapely.polygons(shade), _rounded(tint[own] * 0.6)),
        shape_set(shapely.polygons(outline), _rounded(tint[own] * light)),
    )


def building_shadows(houses: Buildings, sun: Sun) -> np.ndarray:
    """Ground that buildings shade, polygons."""
    away = -sun.towards * sun.reach
    moved = houses.corners + (houses.heights[:, None] * away)[:, None]
    points = (
        shapely.multipoints(
            np.concatenate([houses.corners, moved], axis=1).reshape(-1, 2),
            indices=np.repeat(np.arange(len(moved)), 8),
        )
        if len(moved)
        else np.zeros(0, dtype=object)
    )
    shadows: np.ndarray = shapely.convex_hull(points)
    return shadows


def roof_colours(
    places: np.ndarray, kinds: np.ndarray, hall: np.ndarray, palette: Palette, seed: int
) -> np.ndarray:
    """Colour of roofs by place [n,2], kind [n] and whether they span a hall [n], float64 [n,3]."""
    pick, light = chances(places, seed, 29), chances(places, seed, 30)
    pitched = (kinds != "flat") & ~hall
    colours = np.zeros((len(places), 3))
    for name, chosen in (("hall", hall), ("pitched", pitched), ("flat", ~hall & ~pitched)):
        choices = np.array(palette.roofs[name], dtype=float)
        colours[chosen] = choices[(pick[chosen] * len(choices)).astype(int)]
    shades = np.array([0.7, 0.84, 0.93, 1.0, 1.08, 1.2])
    tinted: np.ndarray = colours * shades[(light * len(shades)).astype(int)][:, None]
    return tinted


def _gable(corners: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two faces along the longer side: (corners, outward direction) each."""
    corners = _long_side_first(corners)
    first_ridge = (corners[:, 0] + corners[:, 3]) / 2
    last_ridge = (corners[:, 1] + corners[:, 2]) / 2
    front = np.stack([corners[:, 0], corners[:, 1], last_ridge, first_ridge], 1)
    back = np.stack([first_ridge, last_ridge, corners[:, 2], corners[:, 3]], 1)
    outward = _unit(corners[:, 0] - corners[:, 3])
    return [(front, outward), (back, -outward)]


def _hip(corners: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Four faces with a short ridge."""
    corners = _long_side_first(corners)
    along = _unit(corners[:, 1] - corners[:, 0])
    depth = np.hypot(*(corners[:, 3] - corners[:, 0]).T)[:, None]
    length = np.hypot(*(corners[:, 1] - corners[:, 0]).T)[:, None]
    inset = np.minimum(depth / 2, 0.49 * length)
    first = (corners[:, 0] + corners[:, 3]) / 2 + along * inset
    last = (corners[:, 1] + corners[:, 2]) / 2 - along * inset
    outward = _unit(corners[:, 0] - corners[:, 3])
    return [
        (np.stack([corners[:, 0], corners[:, 1], last, first], 1), outward),
        (np.stack([first, last, corners[:, 2], corners[:, 3]], 1), -outward),
        (np.stack([corners[:, 0], first, first, corners[:, 3]], 1), -along),
        (np.stack([corners[:, 1], corners[:, 2], last, last], 1), along),
    ]


def _long_side_first(corners: np.ndarray) -> np.ndarray:
    first = np.hypot(*(corners[:, 1] - corners[:, 0]).T)
    second = np.hypot(*(corners[:, 2] - corners[:, 1]).T)
    turned = np.where((second > first)[:, None, None], np.roll(corners, -1, axis=1), corners)
    return turned


def _shrunk(corners: np.ndarray, metres: float) -> np.ndarray:
    middle = corners.mean(1, keepdims=True)
    reach = corners - middle
    length = np.linalg.norm(reach, axis=2, keepdims=True)
    shrunk: np.ndarray = middle + reach * np.maximum(
        0.3, 1 - 1.4 * metres / np.maximum(length, 1e-9)
    )
    return shrunk


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.maximum(np.hypot(*vectors.T), 1e-9)[:, None]
    return unit


def _rounded(colours: np.ndarray) -> np.ndarray:
    """Colours on a coarse raster, so that many faces share one drawing call."""
    rounded: np.ndarray = np.clip(np.round(colours / 12) * 12, 0, 255).astype(np.uint8)
    return rounded
