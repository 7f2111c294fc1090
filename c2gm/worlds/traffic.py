"""Cars on roads and on car parks."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from .place_chance import chances, first_points, shape_chances

SPACING = {"motorway": 40.0, "main_road": 45.0, "street": 34.0, "driveway": 16.0, "service": 60.0}
OFFSET = {"motorway": 1.8, "main_road": 2.2, "street": 2.6, "driveway": 0.0, "service": 1.2}
BAY = 2.7  # metres from one parking place to the next
CAR_COLOURS = np.array(
    [
        (206, 206, 206),
        (232, 232, 232),
        (60, 60, 64),
        (92, 94, 98),
        (140, 144, 150),
        (128, 48, 42),
        (56, 70, 104),
        (40, 42, 46),
        (186, 190, 194),
    ]
)


def cars_on_roads(lines: dict[str, Any], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cars on roads by kind: places [n,2] and headings [n]; groups and gaps, both sides."""
    places, headings = [np.zeros((0, 2))], [np.zeros(0)]
    for kind, spacing in SPACING.items():
        roads = np.asarray(lines.get(kind, ()), dtype=object)
        if not len(roads):
            continue
        count = (shapely.length(roads) / spacing).astype(int)
        busy = shape_chances(roads, seed, 41)
        own = np.repeat(np.arange(len(roads)), count)
        step = np.arange(len(own)) - np.searchsorted(own, own)
        marks = step[:, None] * (3.3, 1.0) + first_points(roads)[own]
        keep = chances(marks, seed, 42) < 0.15 + 0.85 * busy[own] ** 2
        own, step, marks = own[keep], step[keep], marks[keep]
        along = (step + 0.9 * chances(marks, seed, 43)) * spacing
        first = shapely.get_coordinates(shapely.line_interpolate_point(roads[own], along))
        second = shapely.get_coordinates(shapely.line_interpolate_point(roads[own], along + 1.0))
        run = second - first
        moving = np.hypot(*run.T) > 0.1
        heading = np.arctan2(run[moving, 1], run[moving, 0])
        side = np.where(chances(marks[moving], seed, 44) < 0.5, -1, 1) * OFFSET[kind]
        across = np.stack([-np.sin(heading), np.cos(heading)], 1)
        places.append(first[moving] + across * side[:, None])
        headings.append(heading)
    return np.concatenate(places), np.concatenate(headings)


def cars_on_parks(parks: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cars in rows on car parks (polygons): places [n,2] and headings [n]."""
    places, headings = [np.zeros((0, 2))], [np.zeros(0)]
    parks = shapely.get_parts(np.asarray(parks, dtype=object))
    filled = 0.1 + 0.75 * shape_chances(parks, seed, 45)
    for park, share in zip(parks, filled, strict=True):
        spots, heading = _rows(park)
        kept = spots[chances(spots, seed, 46) < share]
        places.append(kept)
        headings.append(np.full(len(kept), heading))
    return np.concatenate(places), np.concatenate(headings)


def bays(parks: Any, seed: int) -> np.ndarray:
    """White lines between the places of most car parks (polygons), polygons."""
    parks = shapely.get_parts(np.asarray(parks, dtype=object))
    ends = [np.zeros((0, 2, 2))]
    for park in parks[shape_chances(parks, seed, 49) < 0.75]:
        spots, heading = _rows(park)
        down = np.array([np.cos(heading), np.sin(heading)])
        starts = spots + BAY / 2 * np.array([down[1], -down[0]])
        ends.append(np.stack([starts - 2.3 * down, starts + 2.3 * down], 1))
    lines: np.ndarray = shapely.buffer(
        shapely.linestrings(np.concatenate(ends)), 0.09, cap_style="flat"
    )
    return lines


def car_shapes(places: np.ndarray, headings: np.ndarray, seed: int) -> tuple[Any, np.ndarray]:
    """Outlines and colours [n,3] of cars."""
    along = np.stack([np.cos(headings), np.sin(headings)], 1)[:, None]
    across = np.stack([-np.sin(headings), np.cos(headings)], 1)[:, None]
    size = 0.9 + 0.25 * chances(places, seed, 47)[:, None, None]
    outline = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (2.2, 0.95)
    corners = (
        places[:, None] + (outline[None, :, :1] * along + outline[None, :, 1:] * across) * size
    )
    tint = CAR_COLOURS[(chances(places, seed, 48) * len(CAR_COLOURS)).astype(int)]
    return shapely.polygons(corners), tint


def _rows(park: Any) -> tuple[np.ndarray, float]:
    """Parking places along both sides of aisles of 16 m, and the heading of cars on them."""
    envelope = shapely.oriented_envelope(park)
    if park.area < 150 or envelope.geom_type != "Polygon":
        return np.zeros((0, 2)), 0.0
    ring = shapely.get_coordinates(envelope)[:4]
    if np.hypot(*(ring[2] - ring[1])) > np.hypot(*(ring[1] - ring[0])):
        ring = np.roll(ring, -1, axis=0)
    along, down = ring[1] - ring[0], ring[3] - ring[0]
    length, depth = float(np.hypot(*along)), float(np.hypot(*down))
    rows = [y for aisle in np.arange(8.0, depth + 6, 16.0) for y in (aisle - 5.2, aisle + 5.2)]
    steps = np.arange(2.5, length - 2, BAY)
    grid = np.stack(np.meshgrid(steps / length, np.array(rows) / depth), -1).reshape(-1, 2)
    spots = ring[0] + grid[:, :1] * along + grid[:, 1:] * down
    inner = park.buffer(-2.0)
    shapely.prepare(inner)
    inside = shapely.contains_xy(inner, spots[:, 0], spots[:, 1])
    return spots[inside], float(np.arctan2(down[1], down[0]))
