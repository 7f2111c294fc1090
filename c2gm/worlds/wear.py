"""Roads as they age: stretches paved anew, worn lanes, darker wheel tracks."""

from __future__ import annotations

import numpy as np
import shapely

from .place_chance import chances, first_points, shape_chances
from .shapes import ShapeSet, shape_set

SPACING = 70.0  # metres between stretches, about
POINTS = 7  # of the line that follows a stretch
SHADES = np.array([0.74, 0.84, 0.92, 1.08, 1.17])


def road_patches(
    lines: np.ndarray, half_widths: np.ndarray, tints: np.ndarray, seed: int
) -> ShapeSet:
    """Stretches of road that were paved at another time, some of one lane only.

    Args:
        lines: roads.
        half_widths: of each, metres.
        tints: colour of each, float64 [n,3].
        seed: source of chance.
    """
    length = shapely.length(lines)
    own = np.repeat(np.arange(len(lines)), (length / SPACING).astype(int))
    step = np.arange(len(own)) - np.searchsorted(own, own)
    marks = first_points(lines)[own] + step[:, None] * (2.7, 1.3)
    start = (step + chances(marks, seed, 85)) * SPACING
    end = np.minimum(start + 3 - 40 * np.log(1 - 0.999 * chances(marks, seed, 86)), length[own])
    kept = (end - start > 3) & (chances(marks, seed, 87) < 0.8)
    own, start, end, marks = own[kept], start[kept], end[kept], marks[kept]
    share = np.linspace(0, 1, POINTS)
    along = start[:, None] + (end - start)[:, None] * share
    points = shapely.line_interpolate_point(lines[own][:, None], along)
    stretches = shapely.linestrings(shapely.get_coordinates(points).reshape(-1, POINTS, 2))
    lane = chances(marks, seed, 88) < 0.4
    stretches[lane] = shapely.offset_curve(stretches[lane], half_widths[own][lane] / 2)
    width = np.where(chances(marks, seed, 89) < 0.5, 0.98, 0.46) * half_widths[own]
    strips = shapely.buffer(stretches, width, cap_style="flat")
    shade = SHADES[(chances(marks, seed, 90) * len(SHADES)).astype(int)]
    return shape_set(strips, np.clip(tints[own] * shade[:, None], 0, 255).round())


def wheel_tracks(
    lines: np.ndarray, half_widths: np.ndarray, tints: np.ndarray, seed: int
) -> ShapeSet:
    """The middle of carriageways, a little darker or lighter from tyres, oil and dust."""
    strips = shapely.buffer(lines, 0.55 * half_widths, cap_style="flat")
    shade = np.where(shape_chances(lines, seed, 91) < 0.7, 0.94, 1.05)
    return shape_set(strips, np.clip(tints * shade[:, None], 0, 255).round())
