"""What an aerial picture of a town is made of: layers of coloured shapes, crowns, cars, shadows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from .crowns import Crowns, crown_groups
from .layout import Layout
from .materials import USES, code, lined_code
from .palette import Colour, Palette, palette
from .parcels import Parcel
from .place_chance import shape_chances
from .road_layers import road_layers
from .roofs import Sun, building_shadows, roof_colours, roof_faces, sun_of
from .shapes import ShapeSet, shape_set
from .traffic import bays, car_shapes, cars_on_parks, cars_on_roads
from .trunk import HALF_WIDTHS


@dataclass(frozen=True)
class Scene:
    """Layers in drawing order; see the fields' names.

    Attributes:
        background: colour of ground that nothing covers.
        ground: parcels, water, pavements, roads: drawn one over the other.
        markings: drawn where a pixel is smaller than a metre and a half.
        materials: shapes whose colour is a code of `materials`.
        relief: how much slopes of the ground differ in light, 0 (flat) to 1 (mountains).
    """

    palette: Palette
    sun: Sun
    background: tuple[int, int, int]
    ground: tuple[ShapeSet, ...]
    markings: tuple[ShapeSet, ...]
    materials: tuple[ShapeSet, ...]
    crowns: tuple[Crowns, ...]
    roofs: tuple[ShapeSet, ...]
    footprints: ShapeSet
    shadows: ShapeSet
    cars: ShapeSet
    car_shadows: ShapeSet
    relief: float = 0.0


OVERLAID = ("parking", "pitch", "yard", "farm")
BOX_COLOURS = np.array(
    [(150, 70, 58), (72, 98, 128), (196, 196, 190), (92, 120, 98), (178, 142, 84), (108, 108, 112)]
)
CLUTTER = np.array(
    [(206, 204, 198), (172, 166, 156), (146, 130, 112), (70, 76, 66), (96, 92, 88), (58, 70, 52)]
)


def scene(layout: Layout, seed: int) -> Scene:
    """The scene of a layout."""
    rng = np.random.default_rng([seed, 3])
    colours = palette(layout.profile.climate, rng)
    sun = sun_of(seed)
    background = tuple(int(v) for v in colours.ground["verge"][0])
    car_shapes, car_colours = _cars(layout, seed)
    boxes = layout.details.boxes
    box_colours = BOX_COLOURS[rng.integers(len(BOX_COLOURS), size=len(boxes))]
    things = np.concatenate([car_shapes, boxes])
    blocks = layout.buildings
    hall = np.isin(blocks.quarters, ["industry", "commercial"])
    tints = roof_colours(blocks.corners[:, 0], blocks.roofs, hall, colours, seed)
    return Scene(
        palette=colours,
        sun=sun,
        background=(background[0], background[1], background[2]),
        ground=_ground(layout, colours, rng, seed),
        markings=_markings(layout, seed),
        materials=_materials(layout, seed),
        crowns=crown_groups(layout.trees, colours, seed),
        roofs=roof_faces(blocks, tints, sun, seed),
        footprints=shape_set(layout.buildings.polygons(), np.array([0, 0, 0])),
        shadows=shape_set(building_shadows(layout.buildings, sun), np.array([0, 0, 255])),
        cars=shape_set(things, np.concatenate([car_colours, box_colours])),
        car_shadows=shape_set(
            shapely.transform(things, lambda c: c - sun.towards * 1.1), np.array([0, 0, 255])
        ),
    )


def _ground(
    layout: Layout, colours: Palette, rng: np.random.Generator, seed: int
) -> tuple[ShapeSet, ...]:
    lines = layout.lines
    tracks = np.array(lines["railway"] + lines["rail_yard"], dtype=object)
    streams = np.array(lines["stream"], dtype=object)
    order = [p for p in layout.parcels if p.use not in OVERLAID]
    over = [p for p in layout.parcels if p.use in OVERLAID]
    paved = rng.uniform(0.0, 0.4) if layout.profile.kind == "village" else rng.uniform(0.45, 0.95)
    layers = [
        _coloured(order, colours, seed),
        *_garden_layers(layout, colours, rng),
        _coloured(over, colours, seed),
        _plain(layout.water.buffer(3.0), colours.bank),
        _plain(layout.water, colours.water),
        _strips(streams, 3.0, colours.bank),
        _strips(streams, 1.4, colours.water),
        _strips(tracks, 4.0, colours.ballast),
        *road_layers(road_lines(layout), HALF_WIDTHS, colours, paved=paved, seed=seed),
    ]
    return tuple(layer for layer in layers if len(layer.bounds))


def road_lines(layout: Layout) -> dict[str, list[Any]]:
    """Roads by kind, ramps apart: they are narrower than carriageways."""
    bones = layout.skeleton
    return {**layout.lines, "motorway": bones.carriageways, "ramp": bones.ramps}


def _garden_layers(
    layout: Layout, colours: Palette, rng: np.random.Generator
) -> tuple[ShapeSet, ...]:
    own = layout.details
    lawns = colours.ground["desert villas" if layout.profile.climate == "desert" else "villas"]
    choices = np.array([*lawns, colours.ground["meadow"][0]])
    light = np.array([0.74, 0.86, 0.97, 1.08, 1.2])
    tones = choices[(own.tones * len(choices)).astype(int)]
    tones = tones * light[(own.tones * 37 % 1 * len(light)).astype(int)][:, None]
    paved = np.array(colours.ground["parking"][0])
    shade = rng.choice([0.9, 1.0, 1.1], len(own.aprons))[:, None]
    hedge = np.array(colours.crowns[1])
    return (
        shape_set(own.lots, np.clip(tones, 0, 255)),
        shape_set(own.aprons, np.clip(paved * shade, 0, 255)),
        shape_set(own.patios, np.array(colours.pavement)),
        shape_set(own.walls, np.array(colours.pavement)),
        shape_set(own.hedges, hedge * rng.choice([0.8, 1.0], len(own.hedges))[:, None]),
        shape_set(own.pools, np.array([104, 168, 184])),
        shape_set(own.clutter, CLUTTER[rng.integers(len(CLUTTER), size=len(own.clutter))]),
    )


def _coloured(parcels: list[Parcel], colours: Palette, seed: int) -> ShapeSet:
    """Parcels, each of its own tone: growth, age, season and wear differ from one to the next."""
    tints = []
    shapes = [parcel.shape for parcel in parcels]
    tone, hue = (shape_chances(shapes, seed, salt) for salt in (201, 202))
    for parcel, light, warmth in zip(parcels, tone.tolist(), hue.tolist(), strict=True):
        choices = colours.crops if parcel.use == "fields" else colours.ground[parcel.use]
        place = parcel.chance * len(choices)
        other = choices[(int(place) + 1) % len(choices)]
        tints.append(_toned(_between(choices[int(place)], other, 0.5 * (place % 1)), light, warmth))
    return shape_set(shapes, np.round(np.array(tints).reshape(-1, 3)))


def _toned(colour: Colour, light: float, warmth: float) -> Colour:
    """A colour, lighter or darker and warmer or cooler by two chances."""
    factor, shift = 0.8 + 0.4 * light, 0.08 * (warmth - 0.5)
    red, green, blue = colour
    return _times((red * (1 + shift), green, blue * (1 - shift)), factor)


def _plain(shape: Any, colour: tuple[float, float, float]) -> ShapeSet:
    return shape_set([shape], np.round(np.array(colour)))


def _strips(lines: np.ndarray, half: float, colour: Colour) -> ShapeSet:
    return shape_set(shapely.buffer(lines, half, quad_segs=4), np.round(np.array(colour)))


def _markings(layout: Layout, seed: int) -> tuple[ShapeSet, ...]:
    lines = layout.lines
    white = np.array([214, 212, 206])
    dashes = []
    for line in lines["main_road"] + layout.skeleton.carriageways:
        starts = np.arange(3.0, line.length - 6, 12.0)
        ends = shapely.line_interpolate_point(line, starts + 4)
        starts_at = shapely.line_interpolate_point(line, starts)
        pairs = np.stack([shapely.get_coordinates(starts_at), shapely.get_coordinates(ends)], 1)
        dashes.append(shapely.linestrings(pairs))
    strips = shapely.buffer(np.concatenate(dashes), 0.16, cap_style="flat") if dashes else []
    edges = [
        part
        for line in layout.skeleton.carriageways
        for side in (-5.4, 5.4)
        for part in shapely.get_parts(shapely.offset_curve(line, side))
    ]
    rails = [
        part
        for line in lines["railway"] + lines["rail_yard"]
        for side in (-0.75, 0.75)
        for part in shapely.get_parts(shapely.offset_curve(line, side))
    ]
    return (
        shape_set(strips, white),
        shape_set(bays(_car_parks(layout), seed), white),
        shape_set(shapely.buffer(np.array(edges, dtype=object), 0.15), white),
        shape_set(shapely.buffer(np.array(rails, dtype=object), 0.22), np.array([92, 84, 78])),
    )


def _materials(layout: Layout, seed: int) -> tuple[ShapeSet, ...]:
    """What textures the ground, coded as `materials` tells."""
    shapes = [parcel.shape for parcel in layout.parcels]
    first, second = (shape_chances(shapes, seed, salt) for salt in (203, 204))
    codes = [
        _parcel_code(parcel, *chance)
        for parcel, chance in zip(layout.parcels, np.stack([first, second], 1), strict=True)
    ]
    roads = [
        shapely.buffer(np.array(layout.lines[kind], dtype=object), HALF_WIDTHS[kind] + 1.0)
        for kind in ("street", "main_road", "motorway", "service", "driveway")
    ]
    return (
        shape_set(shapes, np.array(codes).reshape(-1, 3)),
        shape_set([layout.water], np.array(code("water"))),
        shape_set(np.concatenate(roads), np.array(code("paving"))),
        shape_set(layout.buildings.polygons(), np.array(code("roof"))),
    )


def _parcel_code(parcel: Parcel, first: float, second: float) -> tuple[int, int, int]:
    """The material of a parcel, with lines where machines work it in rows."""
    material = USES.get(parcel.use, "plain")
    if parcel.use == "fields":
        return lined_code(material, parcel.heading, 1.7 + 3.5 * first, second**1.5)
    if parcel.use == "pitch":
        return lined_code(material, parcel.heading, 6.0, 0.6)
    if parcel.use in ("meadow", "park") and second < 0.45:
        return lined_code(material, parcel.heading, 2.0 + 2 * first, second)
    return code(material)


def _cars(layout: Layout, seed: int) -> tuple[Any, np.ndarray]:
    moving = cars_on_roads(layout.lines, seed)
    parked = cars_on_parks(_car_parks(layout), seed)
    places = np.concatenate([moving[0], parked[0]])
    return car_shapes(places, np.concatenate([moving[1], parked[1]]), seed)


def _car_parks(layout: Layout) -> list[Any]:
    return [parcel.shape for parcel in layout.parcels if parcel.use == "parking"]


def _times(colour: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return (
        min(255.0, colour[0] * factor),
        min(255.0, colour[1] * factor),
        min(255.0, colour[2] * factor),
    )


def _between(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue
