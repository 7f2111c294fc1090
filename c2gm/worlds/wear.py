"""Roads as they age: stretches paved anew, worn lanes, darker wheel tracks."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from .palette import Colour
from .place_chance import chances, first_points
from .shapes import ShapeSet, shape_set

SPACING = 70.0  # metres between stretches, about
POINTS = 7  # of the line that follows a stretch
SHADES = np.array([0.8, 0.88, 0.94, 1.06, 1.12])


def road_patches(lines: Any, half_width: float, colour: Colour, seed: int) -> ShapeSet:
    """Stretches of road that were paved at another time, some of one lane only."""
    lines = np.asarray(lines, dtype=object).reshape(-1)
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
    stretches[lane] = shapely.offset_curve(stretches[lane], half_width / 2)
    width = np.where(chances(marks, seed, 89) < 0.5, 0.98, 0.46) * half_width
    strips = shapely.buffer(stretches, width, cap_style="flat")
    shade = SHADES[(chances(marks, seed, 90) * len(SHADES)).astype(int)]
    return shape_set(strips, np.clip(np.array(colour) * shade[:, None], 0, 255).round())


def wheel_tracks(lines: Any, half_width: float, colour: Colour) -> ShapeSet:
    """The middle of carriageways, a little darker from tyres and oil."""
    strips = shapely.buffer(np.asarray(lines, dtype=object), 0.55 * half_width, cap_style="flat")
    return shape_set(strips, np.round(np.array(colour) * 0.95))
