"""Roofs as faces lit by the sun, and the shadows that buildings and crowns cast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from .palette import Palette
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


def roof_faces(
    houses: Buildings, palette: Palette, sun: Sun, rng: np.random.Generator
) -> tuple[ShapeSet, ...]:
    """All roofs as layers in drawing order: faces, flat tops, the shade of units, units."""
    polygons, colours = [], []
    tint = _roof_colours(houses, palette, rng)
    for kind, cut in (("gable", _gable), ("hip", _hip)):
        chosen = houses.roofs == kind
        for face, normal in cut(houses.corners[chosen]):
            light = 0.96 + 0.34 * (normal @ sun.towards)
            polygons.append(shapely.polygons(face))
            colours.append(tint[chosen] * light[:, None])
    flat = houses.roofs == "flat"
    polygons.append(shapely.polygons(houses.corners[flat]))
    colours.append(tint[flat] * rng.choice([0.8, 1.12], (int(flat.sum()), 1)))
    inner = shape_set(
        shapely.polygons(_shrunk(houses.corners[flat], 0.7)),
        _rounded(tint[flat] * rng.uniform(0.86, 1.0, (int(flat.sum()), 1))),
    )
    # rims lie under inner faces and these under units: sorting by colour would lose that order
    faces = shape_set(np.concatenate(polygons), _rounded(np.concatenate(colours)))
    return faces, inner, *_roof_units(houses, tint, sun, rng)


def _roof_units(
    houses: Buildings, tint: np.ndarray, sun: Sun, rng: np.random.Generator
) -> tuple[ShapeSet, ShapeSet]:
    """Chimneys, skylights, stair heads and machines: (their shade, themselves)."""
    span = np.hypot(*(houses.corners[:, 1] - houses.corners[:, 0]).T)
    depth = np.hypot(*(houses.corners[:, 2] - houses.corners[:, 1]).T)
    large = houses.heights > 2.7
    count = np.where(large, rng.poisson(np.clip(span * depth / 110, 0.7, 9)), 0)
    own = np.repeat(np.arange(len(span)), count)
    corners = houses.corners[own]
    share = rng.uniform(0.12, 0.88, (2, len(own), 1))
    middle = (
        corners[:, 0]
        + (corners[:, 1] - corners[:, 0]) * share[0]
        + (corners[:, 3] - corners[:, 0]) * share[1]
    )
    along = _unit(corners[:, 1] - corners[:, 0])
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    flat = (houses.roofs[own] == "flat")[:, None]
    half = np.where(
        flat, rng.uniform(0.6, 2.4, (len(own), 2)), rng.uniform(0.35, 0.9, (len(own), 2))
    )
    half = np.minimum(half, 0.16 * np.minimum(span, depth)[own][:, None])
    right, up = along * half[:, :1], across * half[:, 1:]
    outline = np.stack(
        [middle - right - up, middle + right - up, middle + right + up, middle - right + up], 1
    )
    light = rng.choice([0.55, 0.75, 1.25, 1.5], (len(own), 1))
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


def _roof_colours(houses: Buildings, palette: Palette, rng: np.random.Generator) -> np.ndarray:
    colours = np.zeros((len(houses.heights), 3))
    hall = np.isin(houses.quarters, ["industry", "commercial"])
    pitched = (houses.roofs != "flat") & ~hall
    for name, chosen in (
        ("hall", hall),
        ("pitched", pitched),
        ("flat", ~hall & ~pitched),
    ):
        choices = np.array(palette.roofs[name], dtype=float)
        colours[chosen] = choices[rng.integers(len(choices), size=int(chosen.sum()))]
    colours *= rng.choice([0.74, 0.86, 0.94, 1.0, 1.06, 1.16], len(colours))[:, None]
    return colours


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
