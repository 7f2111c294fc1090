"""Layers of ground, roads, markings and textures over real vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from .footprints import Houses
from .osm_parts import GroundParts, Look, Marked
from .palette import Colour, Palette
from .place_chance import chances, shape_chances
from .scene import FURROW_HEADINGS
from .shapes import ShapeSet, shape_set
from .wear import road_patches, wheel_tracks

HALF_WIDTHS = {  # metres from the middle of a road to its kerb
    "motorway": 5.2,
    "main_road": 4.2,
    "street": 2.9,
    "service": 2.0,
    "driveway": 1.5,
    "track": 1.4,
    "footpath": 0.7,
    "stream": 1.5,
    "railway": 2.4,
    "rail_yard": 2.0,
}
TEXTURES = {  # (fine grain, mottling)
    "farmland": (55, 80),
    "built_up": (90, 100),
    "sand": (110, 190),
    "park": (75, 190),
    "wood": (120, 100),
    "water": (10, 25),
    "road_area": (40, 60),
}


def ground_layers(ground: GroundParts, colours: Palette, look: Look) -> tuple[ShapeSet, ...]:
    """Areas, gardens, waters, ways and roads, in drawing order."""
    area, lines, seed = ground.area, ground.lines, look.seed
    kinds = colours.ground
    lots = kinds["desert villas" if look.climate == "desert" else "villas"]
    built_up = kinds["old"] if ground.dense else lots
    greens = (*kinds["meadow"], *kinds["park"], kinds["pitch"][1])
    gardens = (*lots, kinds["meadow"][0], kinds["yard"][0])
    paved = np.random.default_rng([seed, 50]).random() < 0.6
    side = colours.pavement if paved else kinds["verge"][0]
    layers = [
        _tinted(area("built_up"), built_up, seed, 51, spread=0.06),
        _tinted(area("farmland"), colours.crops, seed, 52),
        _tinted(area("sand"), (kinds["bare"][0], colours.gravel, kinds["yard"][0]), seed, 53),
        _tinted(area("park"), greens, seed, 54),
        _tinted(ground.gardens, gardens, seed, 55, spread=0.2),
        _hedges(ground.gardens, colours, seed),
        _aprons(ground.houses, colours, seed),
        _tinted(area("car_park"), kinds["parking"], seed, 56),
        _tinted(area("wood"), kinds["wood"], seed, 57),
        _strips(lines, ("stream",), 1.6, colours.bank),
        _strips(lines, ("stream",), 0.0, colours.water),
        _plain(shapely.buffer(area("water").shapes, 2.0), colours.bank),
        _tinted(area("water"), (colours.water,), seed, 59, spread=0.03),
        _strips(lines, ("railway", "rail_yard"), 1.2, colours.ballast),
        _tinted(area("road_area"), (colours.pavement, colours.gravel), seed, 60),
        _strips(lines, ("main_road",), 2.0, side),
        _strips(lines, ("street",), 1.3, side),
        _strips(lines, ("track",), 0.0, colours.earth),
        _strips(lines, ("footpath",), 0.0, colours.gravel),
        _strips(lines, ("driveway",), 0.0, colours.pavement),
        _strips(lines, ("service",), 0.0, colours.street, seed=seed),
        _strips(lines, ("street",), 0.0, colours.street, seed=seed),
        *_worn(lines, "street", colours.street, seed),
        _strips(lines, ("main_road",), 0.0, colours.asphalt, seed=seed),
        *_worn(lines, "main_road", colours.asphalt, seed),
        _strips(lines, ("motorway",), 1.6, _times(colours.asphalt, 0.92)),
        _strips(lines, ("motorway",), 0.0, colours.asphalt, seed=seed),
        *_worn(lines, "motorway", colours.asphalt, seed),
    ]
    return tuple(layer for layer in layers if len(layer.bounds))


def markings(lines: dict[str, np.ndarray]) -> tuple[ShapeSet, ...]:
    """White dashes of main roads, and rails."""
    white = np.array([214, 212, 206])
    roads = [lines[kind] for kind in ("main_road", "motorway") if kind in lines]
    dashes = [_dashed(line) for line in (np.concatenate(roads) if roads else [])]
    strips = shapely.buffer(np.concatenate(dashes), 0.16, cap_style="flat") if dashes else []
    rails = [
        shapely.offset_curve(lines[kind], side)
        for kind in ("railway", "rail_yard")
        if kind in lines
        for side in (-0.75, 0.75)
    ]
    tracks = shapely.buffer(np.concatenate(rails), 0.22) if rails else []
    return shape_set(strips, white), shape_set(tracks, np.array([92, 84, 78]))


def _dashed(line: Any) -> np.ndarray:
    starts = np.arange(3.0, line.length - 6, 12.0)
    ends = shapely.get_coordinates(shapely.line_interpolate_point(line, starts + 4))
    firsts = shapely.get_coordinates(shapely.line_interpolate_point(line, starts))
    dashes: np.ndarray = shapely.linestrings(np.stack([firsts, ends], 1))
    return dashes


def textures(ground: GroundParts) -> tuple[ShapeSet, ...]:
    """Fine grain and mottling, coded as `Scene.texture` tells."""
    areas = [
        shape_set(ground.area(kind).shapes, np.array([*codes, 0]))
        for kind, codes in TEXTURES.items()
        if kind not in ("water", "road_area")
    ]
    roads = ("street", "main_road", "motorway", "service", "driveway")
    own = {kind: ground.lines[kind] for kind in roads if kind in ground.lines}
    return (
        *areas,
        shape_set(ground.gardens.shapes, np.array([80, 100, 0])),
        shape_set(ground.area("water").shapes, np.array([*TEXTURES["water"], 0])),
        shape_set(ground.area("car_park").shapes, np.array([45, 60, 0])),
        _strips(own, tuple(own), 0.8, (56, 70, 0)),
    )


def furrows(ground: GroundParts, seed: int) -> ShapeSet:
    """Fields with furrows and mown meadows, coded as `Scene.fields` tells."""
    fields, meadows = ground.area("farmland"), ground.area("park")
    chance = np.stack([chances(fields.marks, seed, salt) for salt in (66, 67)], 1)
    codes = [
        (_heading(field), 20 + int(44 * first), int(15 + 110 * second**2))
        for field, (first, second) in zip(fields.shapes, chance, strict=True)
    ]
    turns, mown = (chances(meadows.marks, seed, salt) for salt in (68, 69))
    codes += [
        (int(turn * FURROW_HEADINGS), 30, int(90 * share**2))
        for turn, share in zip(turns.tolist(), mown.tolist(), strict=True)
    ]
    shapes = np.concatenate([fields.shapes, meadows.shapes])
    return shape_set(shapes, np.array(codes).reshape(-1, 3))


def _heading(field: Any) -> int:
    """Direction of a field's longest side, whole degrees."""
    sides = np.diff(shapely.get_coordinates(shapely.oriented_envelope(field)), axis=0)
    run = sides[int(np.hypot(*sides.T).argmax())] if len(sides) else (1.0, 0.0)
    return int(np.degrees(np.arctan2(run[1], run[0]))) % FURROW_HEADINGS


def _tinted(
    areas: Marked, choices: tuple[Colour, ...], seed: int, salt: int, *, spread: float = 0.12
) -> ShapeSet:
    """Areas in one of some colours each, a little lighter or darker than it."""
    pick, light = chances(areas.marks, seed, salt), chances(areas.marks, seed, salt + 100)
    tints = np.array(choices)[(pick * len(choices)).astype(int)]
    shade = 1 + spread * (np.round(light * 6) / 6 - 0.5)
    return shape_set(areas.shapes, np.clip(np.round(tints * shade[:, None]), 0, 255))


def _strips(
    lines: dict[str, np.ndarray],
    kinds: tuple[str, ...],
    extra: float,
    colour: Colour,
    *,
    seed: int | None = None,
) -> ShapeSet:
    """Lines as strips, `extra` metres wider on each side; with a seed each of its own light."""
    own = [
        shapely.buffer(lines[kind], HALF_WIDTHS[kind] + extra, quad_segs=4)
        for kind in kinds
        if kind in lines
    ]
    strips = np.concatenate(own) if own else np.zeros(0, dtype=object)
    shade = np.ones(len(strips))
    if seed is not None and own:
        roads = np.concatenate([lines[kind] for kind in kinds if kind in lines])
        shade = 0.93 + 0.14 * np.round(shape_chances(roads, seed, 61) * 4) / 4
    return shape_set(strips, np.clip(np.round(np.array(colour) * shade[:, None]), 0, 255))


def _worn(
    lines: dict[str, np.ndarray], kind: str, colour: Colour, seed: int
) -> tuple[ShapeSet, ...]:
    if kind not in lines:
        return ()
    half = HALF_WIDTHS[kind]
    tracks = wheel_tracks(lines[kind], half, colour)
    return tracks, road_patches(lines[kind], half, colour, seed)


def _hedges(gardens: Marked, colours: Palette, seed: int) -> ShapeSet:
    """Hedges and walls round some gardens."""
    fenced = chances(gardens.marks, seed, 62) < 0.55
    chosen, green = gardens.shapes[fenced], chances(gardens.marks[fenced], seed, 63) < 0.7
    rims = shapely.buffer(shapely.boundary(chosen), np.where(green, 0.7, 0.3), quad_segs=2)
    tints = np.where(green[:, None], np.array(colours.crowns[1]), np.array(colours.pavement))
    return shape_set(rims, np.round(tints))


def _aprons(built: Houses, colours: Palette, seed: int) -> ShapeSet:
    """Paved ground round buildings."""
    chance = shape_chances(built.shapes, seed, 64)
    chosen = chance < 0.6
    wide = np.where(shapely.area(built.shapes) > 400, 9.0, 2.2) * (0.5 + chance)
    strips = shapely.buffer(built.shapes[chosen], wide[chosen], join_style="mitre")
    shade = 0.85 + 0.3 * np.round(shape_chances(built.shapes[chosen], seed, 65) * 5) / 5
    return shape_set(strips, np.clip(np.array(colours.pavement) * shade[:, None], 0, 255).round())


def _plain(shapes: np.ndarray, colour: Colour) -> ShapeSet:
    return shape_set(shapes, np.round(np.array(colour)))


def _times(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255.0, value * factor) for value in colour)
    return red, green, blue
