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
) -> tuple[ShapeSet, ShapeSet]:
    """(faces of all roofs, small things on flat roofs)."""
    polygons, colours = [], []
    tint = _roof_colours(houses, palette, rng)
    for kind, faces in (("gable", _gable), ("hip", _hip)):
        chosen = houses.roofs == kind
        for face, normal in faces(houses.corners[chosen]):
            light = 0.98 + 0.26 * (normal @ sun.towards)
            polygons.append(shapely.polygons(face))
            colours.append(tint[chosen] * light[:, None])
    flat = houses.roofs == "flat"
    polygons.append(shapely.polygons(houses.corners[flat]))
    colours.append(tint[flat])
    inner = _shrunk(houses.corners[flat], 0.8)
    polygons.append(shapely.polygons(inner))
    colours.append(tint[flat] * rng.uniform(0.88, 1.0, (int(flat.sum()), 1)))
    # rims must lie under the inner faces, and sorting by colour would lose that order
    faces = shape_set(np.concatenate(polygons[:-1]), _rounded(np.concatenate(colours[:-1])))
    inner_faces = shape_set(polygons[-1], _rounded(colours[-1]))
    return faces, inner_faces


def building_shadows(houses: Buildings, sun: Sun) -> np.ndarray:
    """Ground that buildings shade, polygons."""
    away = -sun.towards * sun.reach
    moved = houses.corners + (houses.heights[:, None] * away)[:, None]
    points = shapely.multipoints(
        np.concatenate([houses.corners, moved], axis=1).reshape(-1, 2),
        indices=np.repeat(np.arange(len(moved)), 8),
    ) if len(moved) else np.zeros(0, dtype=object)
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
    colours *= rng.choice([0.9, 0.96, 1.0, 1.05, 1.12], len(colours))[:, None]
    return colours


def _gable(corners: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two faces along the longer side: (corners, outward direction) each."""
    corners = _long_side_first(corners)
    ends = (corners[:, [1, 2]] + corners[:, [0, 3]][:, [0, 1]]) / 2
    first_ridge = (corners[:, 0] + corners[:, 3]) / 2
    last_ridge = (corners[:, 1] + corners[:, 2]) / 2
    front = np.stack([corners[:, 0], corners[:, 1], last_ridge, first_ridge], 1)
    back = np.stack([first_ridge, last_ridge, corners[:, 2], corners[:, 3]], 1)
    del ends
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
    shrunk: np.ndarray = middle + reach * np.maximum(0.3, 1 - 1.4 * metres / np.maximum(length, 1e-9))
    return shrunk


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.maximum(np.hypot(*vectors.T), 1e-9)[:, None]
    return unit


def _rounded(colours: np.ndarray) -> np.ndarray:
    """Colours on a coarse raster, so that many faces share one drawing call."""
    rounded: np.ndarray = np.clip(np.round(colours / 8) * 8, 0, 255).astype(np.uint8)
    return rounded
