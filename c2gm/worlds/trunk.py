"""The coarse skeleton of a town: waters, motorway, railway and main roads, as wavy lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.ops import substring

from .profiles import Profile

REACH = 1570.0  # metres from the centre to the rim of the drawn ground
FRAME = shapely.box(-REACH, -REACH, REACH, REACH)
MOTORWAY_GAP = 11.0  # metres from the axis to the middle of a carriageway
HALF_WIDTHS = {  # metres from the middle of a road to its kerb
    "motorway": 6.2,
    "ramp": 3.2,
    "main_road": 6.5,
    "street": 3.6,
    "service": 2.4,
    "driveway": 1.6,
    "track": 1.7,
    "footpath": 0.9,
}


@dataclass(frozen=True)
class Skeleton:
    """What cuts the ground into cells (shapely geometries in local metres).

    Attributes:
        water: rivers and sea, one geometry.
        axis: middle of the motorway, or an empty line.
        carriageways: its two sides.
        ramps: between the motorway and main roads.
        railway: the line, or an empty one.
        yard: sidings beside the railway.
        main_roads: lines, noded.
        streams: lines of water too narrow for an area.
    """

    water: Any
    axis: Any
    carriageways: list[Any]
    ramps: list[Any]
    railway: Any
    yard: list[Any]
    main_roads: list[Any]
    streams: list[Any]


def skeleton(profile: Profile, rng: np.random.Generator) -> Skeleton:
    """Lay out the skeleton of a town."""
    water = _waters(profile, rng)
    heading = rng.uniform(0, np.pi)
    axis = _passing_line(rng, heading, profile.motorway, distance=(450, 1150))
    rail_heading = heading + rng.choice([0.15, 1.2, 1.7])
    railway = _passing_line(rng, rail_heading, profile.railway, distance=(200, 900))
    sea = shapely.union_all([part for part in shapely.get_parts(water) if part.area > 4e5])
    axis, railway = _longest(axis.difference(sea)), _longest(railway.difference(sea))
    main = _main_roads(profile, rng, heading)
    blocked = shapely.union_all([sea, _along(water, 90.0)])
    main = shapely.union_all(main).difference(blocked).intersection(FRAME)
    main_roads = _long_parts(shapely.node(main), 15.0)
    ramps = _ramps(axis, main_roads, rng)
    streams = [] if profile.climate == "desert" else _streams(water, rng)
    yard = _sidings(railway.difference(water.buffer(20)), profile, rng)
    return Skeleton(water, axis, _sides(axis), ramps, railway, yard, main_roads, streams)


def wavy(
    rng: np.random.Generator, start: np.ndarray, end: np.ndarray, *, sway: float, length: float
) -> np.ndarray:
    """Points every 15 m or so from start to end, swaying to the side over about `length` metres."""
    run = end - start
    distance = float(np.hypot(*run))
    t = np.linspace(0, 1, max(3, int(distance / 15)))
    side = np.zeros_like(t)
    for share in (1.0, 0.45):
        waves = max(0.5, distance / (length * share))
        side += share * np.sin(2 * np.pi * (waves * t + rng.random())) * rng.uniform(0.5, 1)
    side *= sway * np.minimum(1, 4 * t * (1 - t) + 0.15)
    normal = np.array([-run[1], run[0]]) / max(distance, 1e-9)
    points: np.ndarray = start + t[:, None] * run + side[:, None] * normal
    return points


def _waters(profile: Profile, rng: np.random.Generator) -> Any:
    heading = rng.uniform(0, 2 * np.pi)
    along = np.array([np.cos(heading), np.sin(heading)])
    across = np.array([-along[1], along[0]])
    if profile.water == "river":
        offset = rng.uniform(-700, 700)
        ends = along * 2600
        line = wavy(rng, -ends + across * offset, ends + across * offset, sway=190, length=1500)
        width = rng.uniform(9, 26) if rng.random() < 0.4 else rng.uniform(26, 110)
        river = shapely.LineString(line).buffer(width / 2)
        return river.intersection(FRAME)
    if profile.water == "coast":
        offset = rng.uniform(250, 1050)
        ends = along * 3200
        shore = _shore(rng, -ends + across * offset, ends + across * offset)
        sea = shapely.Polygon(
            np.concatenate([shore, [ends + across * 4000, -ends + across * 4000]])
        )
        return sea.buffer(0).intersection(FRAME)
    return shapely.Polygon()


def _shore(rng: np.random.Generator, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """A coast with bays of every size, points every 12 m."""
    run = end - start
    distance = float(np.hypot(*run))
    steps = np.arange(0, distance, 12.0)
    side = np.zeros_like(steps)
    for wave in (1700.0, 900.0, 420.0, 190.0, 85.0):
        knots = rng.normal(0, 1, int(distance / wave) + 3)
        place = steps / wave
        share = place % 1.0
        share = share * share * (3 - 2 * share)
        cell = place.astype(int)
        side += 0.085 * wave**0.93 * (knots[cell] * (1 - share) + knots[cell + 1] * share)
    normal = np.array([-run[1], run[0]]) / distance
    points: np.ndarray = start + (steps / distance)[:, None] * run + side[:, None] * normal
    return points


def _sidings(railway: Any, profile: Profile, rng: np.random.Generator) -> list[Any]:
    """Parallel tracks beside a stretch of the railway."""
    track = _longest(railway)
    if track.length < 500 or rng.random() > (0.8 if profile.kind == "industry" else 0.3):
        return []
    start = rng.uniform(0.2, 0.5) * track.length
    side = rng.choice([-1, 1])
    sidings = []
    for number in range(1, int(rng.integers(3, 8))):
        part = substring(track, start + 25 * number, start + rng.uniform(260, 420) - 25 * number)
        sidings.append(shapely.offset_curve(part, side * 4.8 * number))
    return [siding for siding in sidings if siding.length > 60]


def _streams(water: Any, rng: np.random.Generator) -> list[Any]:
    """Streams that wind from one rim to another or into the river or the sea."""
    streams = []
    for _ in range(int(rng.integers(0, 3))):
        heading, offset = rng.uniform(0, 2 * np.pi), rng.uniform(500, 1300)
        along = np.array([np.cos(heading), np.sin(heading)])
        across = np.array([-along[1], along[0]]) * offset
        line = wavy(rng, across - along * 2200, across + along * 2200, sway=70, length=420)
        dry = shapely.LineString(line).intersection(FRAME).difference(water)
        streams += [part for part in shapely.get_parts(dry) if part.length > 250]
    return streams


def _passing_line(
    rng: np.random.Generator, heading: float, wanted: bool, *, distance: tuple[float, float]
) -> Any:
    along = np.array([np.cos(heading), np.sin(heading)])
    across = np.array([-along[1], along[0]]) * rng.choice([-1, 1]) * rng.uniform(*distance)
    line = wavy(rng, across - along * 2600, across + along * 2600, sway=90, length=2600)
    return shapely.LineString(line).intersection(FRAME) if wanted else shapely.LineString()


def _main_roads(profile: Profile, rng: np.random.Generator, heading: float) -> list[Any]:
    if profile.trunk == "grid":
        return _arterial_grid(profile, rng, heading)
    hub = rng.uniform(-250, 250, 2)
    spokes = 2 if profile.trunk == "cross" else int(rng.integers(4, 7))
    turns = heading + np.arange(spokes) * 2 * np.pi / spokes + rng.uniform(-0.25, 0.25, spokes)
    roads = []
    for turn in turns:
        outward = np.array([np.cos(turn), np.sin(turn)])
        roads.append(wavy(rng, hub, hub + outward * 2500, sway=70, length=1100))
    if profile.trunk == "cross":
        outward = np.array([np.cos(heading + 1.4), np.sin(heading + 1.4)])
        foot = roads[0][int(rng.integers(8, 40))]
        roads.append(wavy(rng, foot, foot + outward * 2600, sway=90, length=1200))
    elif profile.urban_radius > 900:
        roads.append(_ring(rng, hub, profile.core_radius + rng.uniform(60, 160)))
        if profile.urban_radius > 1200:
            roads.append(_ring(rng, hub, profile.urban_radius * rng.uniform(0.6, 0.8)))
    return [shapely.LineString(road) for road in roads]


def _ring(rng: np.random.Generator, hub: np.ndarray, radius: float) -> np.ndarray:
    turns = np.linspace(0, 2 * np.pi, 90)
    swell = np.ones_like(turns)
    for waves in (2, 3, 5):
        swell += rng.uniform(0.02, 0.11) * np.cos(waves * turns + rng.uniform(0, 6.3))
    ring: np.ndarray = hub + radius * swell[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
    return ring


def _arterial_grid(profile: Profile, rng: np.random.Generator, heading: float) -> list[Any]:
    roads = []
    sway = 0.0 if rng.random() < 0.45 else rng.uniform(15, 60)
    heading = 0.0 if rng.random() < 0.35 else heading
    for turn in (heading, heading + np.pi / 2):
        along = np.array([np.cos(turn), np.sin(turn)])
        across = np.array([-along[1], along[0]])
        offset = -2100 + rng.uniform(0, 500)
        while offset < 2100:
            shift = across * offset
            line = wavy(rng, shift - along * 2500, shift + along * 2500, sway=sway, length=1600)
            roads.append(shapely.LineString(line))
            offset += rng.uniform(520, 980)
    return roads


def _along(water: Any, longest: float) -> Any:
    """The parts of rivers through which a road would have to run lengthwise: none for lakes."""
    return shapely.Polygon() if water.is_empty else water.buffer(-longest)


def _sides(axis: Any) -> list[Any]:
    if axis.is_empty:
        return []
    return [shapely.offset_curve(axis, side * MOTORWAY_GAP, join_style="mitre") for side in (-1, 1)]


def _ramps(axis: Any, main_roads: list[Any], rng: np.random.Generator) -> list[Any]:
    """Diamond ramps where main roads cross the motorway, at crossings 700 m apart or more."""
    if axis.is_empty:
        return []
    places: list[float] = []
    ramps = []
    for road in main_roads:
        for point in shapely.get_parts(axis.intersection(road)):
            if shapely.get_type_id(point) != 0:
                continue
            place = axis.project(point)
            if any(abs(place - other) < 700 for other in places):
                continue
            places.append(place)
            ramps.extend(diamond(axis, road, place, rng.uniform(38, 60)))
    return ramps


def diamond(axis: Any, road: Any, place: float, spread: float) -> list[Any]:
    """Ramps of an interchange at a place along a motorway, `spread` metres off it at the road."""
    ramps = []
    crossing = road.project(axis.interpolate(place))
    here = np.array(axis.interpolate(place).coords[0])
    ahead = np.array(axis.interpolate(place + 5).coords[0]) - here
    normal = np.array([-ahead[1], ahead[0]]) / max(float(np.hypot(*ahead)), 1e-9)
    for side in (-1, 1):
        foot = _foot(road, crossing, here, normal * side, spread)
        if foot is None:
            continue
        for run in (-1, 1):
            far = place + run * 260
            if not 0 < far < axis.length:
                continue
            points = []
            for share in np.linspace(1, 0.16, 14):
                base = np.array(axis.interpolate(place + run * 260 * share).coords[0])
                rise = (1 - share) ** 1.6 * (spread - MOTORWAY_GAP) + MOTORWAY_GAP
                points.append(base + normal * side * rise)
            ramps.append(shapely.LineString([*points, foot]))
    return ramps


def _foot(
    road: Any, crossing: float, here: np.ndarray, outward: np.ndarray, spread: float
) -> np.ndarray | None:
    """The point of the road that lies `spread` metres beside the motorway's axis."""
    for run in (-1, 1):
        for distance in np.arange(20.0, 130.0, 4.0):
            place = crossing + run * distance
            if not 0 <= place <= road.length:
                break
            point = np.array(road.interpolate(place).coords[0])
            if float((point - here) @ outward) >= spread:
                return point
    return None


def _longest(lines: Any) -> Any:
    parts = [part for part in shapely.get_parts(lines) if shapely.get_type_id(part) == 1]
    return max(parts, key=lambda part: part.length, default=shapely.LineString())


def _long_parts(lines: Any, shortest: float) -> list[Any]:
    merged = shapely.get_parts(shapely.line_merge(lines))
    return [part for part in merged if part.length >= shortest]
