"""Layers of ground, roads, markings and textures over real vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from .footprints import Houses
from .materials import USES, code, lined_code
from .osm_parts import NO_SHAPES, GroundParts, Look, Marked
from .palette import Colour, Palette
from .place_chance import chances, shape_chances
from .road_layers import road_layers
from .shapes import ShapeSet, shape_set
from .traffic import bays

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
ROAD_HALF_WIDTHS = {
    kind: half
    for kind, half in HALF_WIDTHS.items()
    if kind not in ("stream", "railway", "rail_yard")
}
TEXTURED = ("farmland", "built_up", "sand", "park", "wood")


def ground_layers(ground: GroundParts, colours: Palette, look: Look) -> tuple[ShapeSet, ...]:
    """Areas, gardens, waters, ways and roads, in drawing order."""
    area, lines, seed = ground.area, ground.lines, look.seed
    kinds = colours.ground
    lots = kinds["desert villas" if look.climate == "desert" else "villas"]
    built_up = kinds["old"] if ground.dense else lots
    greens = (*kinds["meadow"], *kinds["park"], kinds["pitch"][1])
    gardens = (*lots, kinds["meadow"][0], kinds["yard"][0])
    paved = float(np.random.default_rng([seed, 50]).uniform(0.1, 0.95))
    layers = [
        _tinted(area("built_up"), built_up, seed, 51, spread=0.1),
        _tinted(area("farmland"), colours.crops, seed, 52),
        _tinted(area("sand"), (kinds["bare"][0], colours.gravel, kinds["yard"][0]), seed, 53),
        _tinted(area("park"), greens, seed, 54),
        _tinted(ground.gardens, gardens, seed, 55, spread=0.45),
        _hedges(ground.gardens, colours, seed),
        _aprons(ground.houses, colours, seed),
        _tinted(area("car_park"), kinds["parking"], seed, 56),
        _tinted(area("wood"), kinds["wood"], seed, 57),
        _strips(lines, ("stream",), 1.6, colours.bank),
        _strips(lines, ("stream",), 0.0, colours.water),
        _plain(shapely.buffer(area("water").shapes, 2.0), colours.bank),
        _tinted(area("water"), (colours.water,), seed, 59, spread=0.1),
        _strips(lines, ("railway", "rail_yard"), 1.2, colours.ballast),
        _tinted(area("road_area"), (colours.pavement, colours.gravel), seed, 60),
        *road_layers(lines, ROAD_HALF_WIDTHS, colours, paved=paved, seed=seed),
    ]
    return tuple(layer for layer in layers if len(layer.bounds))


def markings(ground: GroundParts, seed: int) -> tuple[ShapeSet, ...]:
    """White dashes of main roads, bays of car parks, and rails."""
    lines = ground.lines
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
    return (
        shape_set(strips, white),
        shape_set(bays(ground.area("car_park").shapes, seed), white),
        shape_set(tracks, np.array([92, 84, 78])),
    )


def _dashed(line: Any) -> np.ndarray:
    starts = np.arange(3.0, line.length - 6, 12.0)
    ends = shapely.get_coordinates(shapely.line_interpolate_point(line, starts + 4))
    firsts = shapely.get_coordinates(shapely.line_interpolate_point(line, starts))
    dashes: np.ndarray = shapely.linestrings(np.stack([firsts, ends], 1))
    return dashes


def materials(ground: GroundParts, seed: int) -> tuple[ShapeSet, ...]:
    """What textures the ground, coded as `materials` tells."""
    own = [
        shapely.buffer(ground.lines[kind], HALF_WIDTHS[kind] + 0.8, quad_segs=4)
        for kind in ("street", "main_road", "motorway", "service", "driveway")
        if kind in ground.lines
    ]
    plain = [kind for kind in TEXTURED if kind not in ("farmland", "park")]
    return (
        *(_coded(ground.area(kind).shapes, USES.get(kind, "plain")) for kind in plain),
        _lined(ground.area("farmland"), "crop", seed, 66, share=1.0),
        _lined(ground.area("park"), "meadow", seed, 68, share=0.5),
        _coded(ground.gardens.shapes, "garden"),
        _coded(ground.area("water").shapes, "water"),
        _coded(ground.area("car_park").shapes, "paving"),
        _coded(np.concatenate(own) if own else NO_SHAPES.shapes, "paving"),
        _coded(ground.houses.shapes, "roof"),
    )


def _coded(shapes: np.ndarray, material: str) -> ShapeSet:
    return shape_set(shapes, np.array(code(material)))


def _lined(areas: Marked, material: str, seed: int, salt: int, *, share: float) -> ShapeSet:
    """Areas of a material, a share of them with lines of machines along their longest side."""
    first, second = (chances(areas.marks, seed, salt + k) for k in (0, 1))
    codes = [
        lined_code(material, _heading(area), 1.7 + 3.5 * spacing, (strength / share) ** 1.5)
        if strength < share
        else code(material)
        for area, spacing, strength in zip(
            areas.shapes, first.tolist(), second.tolist(), strict=True
        )
    ]
    return shape_set(areas.shapes, np.array(codes).reshape(-1, 3))


def _heading(field: Any) -> float:
    """Direction of a field's longest side, radians."""
    sides = np.diff(shapely.get_coordinates(shapely.oriented_envelope(field)), axis=0)
    run = sides[int(np.hypot(*sides.T).argmax())] if len(sides) else (1.0, 0.0)
    return float(np.arctan2(run[1], run[0]))


def _tinted(
    areas: Marked, choices: tuple[Colour, ...], seed: int, salt: int, *, spread: float = 0.36
) -> ShapeSet:
    """Areas in one of some colours each, a little lighter or darker than it."""
    pick, light = chances(areas.marks, seed, salt), chances(areas.marks, seed, salt + 100)
    tints = np.array(choices)[(pick * len(choices)).astype(int)]
    shade = 1 + spread * (np.round(light * 6) / 6 - 0.5)
    return shape_set(areas.shapes, np.clip(np.round(tints * shade[:, None]), 0, 255))


def _strips(
    lines: dict[str, np.ndarray], kinds: tuple[str, ...], extra: float, colour: Colour
) -> ShapeSet:
    """Lines as strips, `extra` metres wider on each side."""
    own = [
        shapely.buffer(lines[kind], HALF_WIDTHS[kind] + extra, quad_segs=4)
        for kind in kinds
        if kind in lines
    ]
    strips = np.concatenate(own) if own else np.zeros(0, dtype=object)
    return shape_set(strips, np.round(np.array(colour)))


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
