"""Trees, fields, parks and ponds."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely


def blob(
    rng: np.random.Generator, middle: np.ndarray, radius: float, *, rough: float = 0.25
) -> Any:
    """A rounded, irregular area."""
    turns = np.linspace(0, 2 * np.pi, 72)
    swell = np.ones_like(turns)
    for waves in (2, 3, 4, 6):
        swell += (
            rough / waves**0.7 * rng.uniform(0, 1) * np.cos(waves * turns + rng.uniform(0, 6.3))
        )
    stretch = rng.uniform(0.6, 1.0)
    points = np.stack([np.cos(turns) * swell, np.sin(turns) * swell * stretch], 1) * radius
    turn = rng.uniform(0, np.pi)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return shapely.Polygon(points @ spin.T + middle).buffer(0)


def scattered(
    area: Any, spacing: float, rng: np.random.Generator, *, share: float = 1.0
) -> np.ndarray:
    """Points about `spacing` metres apart in an area, a share of them kept, float64 [n,2]."""
    if area.is_empty:
        return np.zeros((0, 2))
    left, bottom, right, top = area.bounds
    x, y = np.arange(left, right, spacing), np.arange(bottom, top, spacing)
    points = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    points = points[rng.random(len(points)) < share]
    points = points + rng.uniform(-0.45, 0.45, points.shape) * spacing
    shapely.prepare(area)
    found: np.ndarray = points[shapely.contains_xy(area, points)]
    return found


def along_lines(
    lines: list[Any], spacing: float, offset: float, rng: np.random.Generator
) -> np.ndarray:
    """Points in a row on both sides of lines, float64 [n,2]."""
    rows = []
    for line in lines:
        for side in (-offset, offset):
            row = shapely.offset_curve(line, side)
            for part in shapely.get_parts(row):
                steps = np.arange(spacing / 2, part.length, spacing)
                rows.append(shapely.get_coordinates(shapely.line_interpolate_point(part, steps)))
    if not rows:
        return np.zeros((0, 2))
    points = np.concatenate(rows)
    moved: np.ndarray = points + rng.normal(0, 0.6, points.shape)
    return moved


def field_parcels(
    area: Any, rng: np.random.Generator, *, size: tuple[float, float]
) -> tuple[list[Any], list[Any], float]:
    """Cut farmland into parcels: (parcels, the lines between them, heading of the furrows)."""
    frame = np.array(area.minimum_rotated_rectangle.exterior.coords)
    edges = np.diff(frame, axis=0)
    along = edges[int(np.hypot(*edges.T).argmax())]
    heading = float(np.arctan2(along[1], along[0])) + rng.normal(0, rng.choice([0.04, 0.5]))
    turn = np.array([[np.cos(heading), np.sin(heading)], [-np.sin(heading), np.cos(heading)]])
    middle = np.array(area.centroid.coords[0])
    corners = (frame - middle) @ turn.T
    low, high = corners.min(0) - 40, corners.max(0) + 40
    cuts = []
    strips = [low[1]]
    while strips[-1] < high[1]:
        strips.append(strips[-1] + rng.uniform(*size))
        lean = rng.normal(0, 12)
        cuts.append([[low[0], strips[-1] - lean], [high[0], strips[-1] + lean]])
    for bottom, top in zip(strips[:-1], strips[1:], strict=True):
        place = low[0] + rng.uniform(0.3, 1) * size[1]
        while place < high[0]:
            lean = rng.normal(0, 12)
            cuts.append([[place - lean, bottom - 30], [place + lean, top + 30]])
            place += rng.uniform(*size) * 1.4
    lines = [shapely.LineString(np.array(cut) @ turn + middle) for cut in cuts]
    inner = shapely.union_all(lines).intersection(area)
    net = shapely.union_all([inner, area.boundary])
    parcels = [
        part
        for part in shapely.get_parts(shapely.polygonize([net]))
        if area.covers(part.representative_point())
    ]
    return parcels, list(shapely.get_parts(inner)), heading


def winding_paths(area: Any, count: int, rng: np.random.Generator) -> list[Any]:
    """Footpaths that cross a park from rim to rim."""
    from .trunk import wavy

    rim = area.exterior
    paths: list[Any] = []
    for _ in range(count):
        start = rng.uniform(0, rim.length)
        end = start + rim.length * rng.uniform(0.35, 0.65)
        points = shapely.get_coordinates(
            shapely.line_interpolate_point(rim, np.array([start, end % rim.length]))
        )
        line = shapely.LineString(wavy(rng, points[0], points[1], sway=12, length=160))
        paths.extend(
            part
            for part in shapely.get_parts(line.intersection(area))
            if shapely.get_type_id(part) == 1 and part.length > 20
        )
    return paths
