"""What an aerial picture of a town is made of: layers of coloured shapes, crowns, cars, shadows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from .crowns import Crowns, crown_groups
from .layout import Layout, corridors
from .palette import Palette, palette
from .parcels import Parcel
from .roofs import Sun, building_shadows, roof_colours, roof_faces, sun_of
from .shapes import ShapeSet, shape_set
from .traffic import car_shapes, cars_on_parks, cars_on_roads
from .trunk import HALF_WIDTHS
from .wear import road_patches, wheel_tracks

FURROW_HEADINGS = 180  # furrows are drawn in whole degrees
SPACING_STEPS = 12  # and their spacing in twelfths of a metre


@dataclass(frozen=True)
class Scene:
    """Layers in drawing order; see the fields' names.

    Attributes:
        background: colour of ground that nothing covers.
        ground: parcels, water, pavements, roads: drawn one over the other.
        markings: drawn where a pixel is smaller than a metre and a half.
        texture: shapes whose colour is (fine grain, mottling, 0) in 0..255.
        fields: parcels with furrows, coded (heading, spacing, strength).
        relief: how much slopes of the ground differ in light, 0 (flat) to 1 (mountains).
    """

    palette: Palette
    sun: Sun
    background: tuple[int, int, int]
    ground: tuple[ShapeSet, ...]
    markings: tuple[ShapeSet, ...]
    texture: tuple[ShapeSet, ...]
    fields: ShapeSet
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
TEXTURES = {  # (fine grain, mottling) of a parcel, 0..255
    "wood": (120, 90),
    "park": (75, 150),
    "meadow": (80, 190),
    "fields": (50, 80),
    "pitch": (25, 40),
    "parking": (45, 60),
    "commercial": (50, 150),
    "industry": (75, 200),
    "yard": (75, 200),
    "open": (90, 80),
    "bare": (90, 80),
    "old": (90, 90),
    "desert villas": (90, 90),
}


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
        markings=_markings(layout),
        texture=_textures(layout),
        fields=_furrows(layout, rng),
        crowns=crown_groups(layout.trees, colours, seed),
        roofs=roof_faces(blocks, tints, sun, seed),
        footprints=shape_set(layout.buildings.polygons(), np.array([60, 90, 0])),
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
    tracks = lines["railway"] + lines["rail_yard"]
    order = [p for p in layout.parcels if p.use not in OVERLAID]
    over = [p for p in layout.parcels if p.use in OVERLAID]
    pavement = rng.random() < (0.85 if layout.profile.kind != "village" else 0.3)
    side = colours.pavement if pavement else colours.ground["verge"][0]
    layers = [
        _coloured(order, colours),
        *_garden_layers(layout, colours, rng),
        _coloured(over, colours),
        _plain(layout.water.buffer(3.0), colours.bank),
        _plain(layout.water, colours.water),
        _plain(shapely.union_all(lines["stream"]).buffer(3.0), colours.bank),
        _plain(shapely.union_all(lines["stream"]).buffer(1.4), colours.water),
        _plain(shapely.union_all(tracks).buffer(4.0), colours.ballast),
        _plain(corridors(lines, ("street",), 1.8), side),
        _plain(corridors(lines, ("main_road",), 2.6), side),
        _plain(corridors(lines, ("track",), 0.0), colours.earth),
        _plain(corridors(lines, ("footpath",), 0.2), colours.gravel),
        _shaded(lines["driveway"], HALF_WIDTHS["driveway"], colours.pavement, rng),
        _shaded(lines["service"], HALF_WIDTHS["service"], colours.street, rng),
        _plain(corridors(lines, ("street",), 0.0), colours.street),
        wheel_tracks(lines["street"], HALF_WIDTHS["street"], colours.street),
        road_patches(lines["street"], HALF_WIDTHS["street"], colours.street, seed),
        _plain(corridors(lines, ("main_road",), 0.0), colours.asphalt),
        wheel_tracks(lines["main_road"], HALF_WIDTHS["main_road"], colours.asphalt),
        road_patches(lines["main_road"], HALF_WIDTHS["main_road"], colours.asphalt, seed),
        _plain(corridors(lines, ("motorway",), 2.4), _times(colours.asphalt, 0.92)),
        _plain(corridors(lines, ("motorway",), 0.0), colours.asphalt),
        wheel_tracks(layout.skeleton.carriageways, HALF_WIDTHS["motorway"], colours.asphalt),
        road_patches(layout.skeleton.carriageways, HALF_WIDTHS["motorway"], colours.asphalt, seed),
    ]
    return tuple(layer for layer in layers if len(layer.bounds))


def _garden_layers(
    layout: Layout, colours: Palette, rng: np.random.Generator
) -> tuple[ShapeSet, ...]:
    own = layout.details
    lawns = colours.ground["desert villas" if layout.profile.climate == "desert" else "villas"]
    choices = np.array([*lawns, colours.ground["meadow"][0]])
    light = np.array([0.86, 0.97, 1.07, 1.16])
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


def _coloured(parcels: list[Parcel], colours: Palette) -> ShapeSet:
    tints = []
    for parcel in parcels:
        choices = colours.crops if parcel.use == "fields" else colours.ground[parcel.use]
        place = parcel.chance * len(choices)
        tints.append(_times(choices[int(place)], 0.94 + 0.12 * (place % 1.0)))
    return shape_set([p.shape for p in parcels], np.round(np.array(tints).reshape(-1, 3)))


def _plain(shape: Any, colour: tuple[float, float, float]) -> ShapeSet:
    return shape_set([shape], np.round(np.array(colour)))


def _shaded(
    lines: list[Any], half: float, colour: tuple[float, float, float], rng: np.random.Generator
) -> ShapeSet:
    """Lines as strips, each a little lighter or darker than the other."""
    strips = shapely.buffer(np.array(lines, dtype=object), half, cap_style="flat")
    shade = rng.choice([0.86, 0.94, 1.0, 1.06], len(lines))
    return shape_set(strips, np.clip(np.array(colour) * shade[:, None], 0, 255))


def _markings(layout: Layout) -> tuple[ShapeSet, ...]:
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
        shape_set(shapely.buffer(np.array(edges, dtype=object), 0.15), white),
        shape_set(shapely.buffer(np.array(rails, dtype=object), 0.22), np.array([92, 84, 78])),
    )


def _textures(layout: Layout) -> tuple[ShapeSet, ...]:
    codes = np.array([[*TEXTURES.get(p.use, (80, 100)), 0] for p in layout.parcels]).reshape(-1, 3)
    lines = layout.lines
    roads = shapely.union_all(
        [
            corridors(lines, ("street", "main_road"), 1.5),
            corridors(lines, ("motorway", "service", "driveway"), 0.5),
        ]
    )
    return (
        shape_set([p.shape for p in layout.parcels], codes),
        _plain(layout.water, (10, 25, 0)),
        _plain(roads, (56, 70, 0)),
    )


def _furrows(layout: Layout, rng: np.random.Generator) -> ShapeSet:
    parcels = [p for p in layout.parcels if p.use in ("fields", "pitch")]
    codes = []
    for parcel in parcels:
        heading = int(np.degrees(parcel.heading)) % FURROW_HEADINGS
        spacing = int(rng.integers(20, 64)) if parcel.use == "fields" else 120
        codes.append((heading, spacing, int(15 + 110 * rng.random() ** 2)))
    return shape_set([p.shape for p in parcels], np.array(codes).reshape(-1, 3))


def _cars(layout: Layout, seed: int) -> tuple[Any, np.ndarray]:
    moving = cars_on_roads(layout.lines, seed)
    parked = cars_on_parks([p.shape for p in layout.parcels if p.use == "parking"], seed)
    places = np.concatenate([moving[0], parked[0]])
    return car_shapes(places, np.concatenate([moving[1], parked[1]]), seed)


def _times(colour: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return (
        min(255.0, colour[0] * factor),
        min(255.0, colour[1] * factor),
        min(255.0, colour[2] * factor),
    )
