"""Real footprints as blocks: rectangles that carry a roof each, with kinds by size and shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from .palette import Palette
from .place_chance import chances, first_points, lattice, shape_chances
from .plots import Buildings
from .roofs import Sun, building_shadows, roof_colours, roof_faces
from .shapes import ShapeSet, shape_set

NEAR_RECTANGLE = 0.9  # share of the oriented envelope that a plain rectangle fills
MOST_BLOCKS = 4
MOST_STEPS = 11  # lines of a footprint's own raster; more complex ones get a flat roof
RIM = 0.7  # metres
UNIT_SPACING = 7.0  # metres between things on flat roofs
SAME_LINE = 0.7  # metres between corners that count as one line


@dataclass(frozen=True)
class Houses:
    """Buildings with any footprint.

    Attributes:
        shapes: footprints, polygons in metres.
        blocks: the rectangles that they are made of.
        owner: index into `shapes` of each block, int64.
        wing: whether a larger block of its shape lies over a block, bool.
        floors: height to the eaves of each shape, metres.
        kinds: kind of roof of each shape.
    """

    shapes: np.ndarray
    blocks: Buildings
    owner: np.ndarray
    wing: np.ndarray
    floors: np.ndarray
    kinds: np.ndarray


def houses(shapes: np.ndarray, *, density: np.ndarray, climate: str, seed: int) -> Houses:
    """Houses on footprints.

    Args:
        shapes: polygons in metres.
        density: share of the ground round each that is built on, which decides heights.
        climate: decides kinds of roof.
        seed: source of chance.
    """
    area, steep, high = shapely.area(shapes), *(shape_chances(shapes, seed, k) for k in (1, 2))
    floors = _heights(area, high, density)
    kinds = _roof_kinds(area, steep, climate, density)
    corners, owner, wing = _blocks(shapes, kinds)
    hall = np.where(area > 900, "industry", "villas")
    blocks = Buildings(corners, kinds[owner], floors[owner], hall[owner].astype("U16"))
    return Houses(shapes, blocks, owner, wing, floors, kinds)


def _heights(area: np.ndarray, chance: np.ndarray, density: np.ndarray) -> np.ndarray:
    city = np.clip((density - 0.12) / 0.2, 0, 1)
    house = 4 + 3 * chance + city * 10 * chance
    block = 7 + 8 * chance + city * 24 * chance
    heights: np.ndarray = np.select([area < 40, area < 260], [2.2 + 0.6 * chance, house], block)
    return heights


def _roof_kinds(
    area: np.ndarray, chance: np.ndarray, climate: str, density: np.ndarray
) -> np.ndarray:
    flat = np.select([area < 40, area < 350, area < 1000], [0.4, 0.12, 0.4], 0.85)
    if climate == "desert":
        flat = np.maximum(flat, 0.86)
    flat = np.maximum(flat, np.minimum(0.6, 2 * density - 0.2))
    hip = flat + (1 - flat) * 0.35
    kinds: np.ndarray = np.select([chance < flat, chance < hip], ["flat", "hip"], "gable")
    return kinds.astype("U8")


def _blocks(shapes: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners [n,4,2] of all blocks, the shape that owns each, and which are wings."""
    if len(shapes) == 0:
        return np.zeros((0, 4, 2)), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
    envelopes = shapely.orient_polygons(shapely.oriented_envelope(shapes))
    good = shapely.get_type_id(envelopes) == 3
    share = shapely.area(shapes) / np.maximum(shapely.area(envelopes), 1e-6)
    plain = np.flatnonzero(good & (share > NEAR_RECTANGLE))
    corners = [_fitted(envelopes[plain], share[plain])]
    owner = [plain]
    for index in np.flatnonzero(good & (share <= NEAR_RECTANGLE) & (kinds != "flat")):
        found = _cut_up(shapes[index])
        corners.append(found)
        owner.append(np.full(len(found), index))
    every, own = np.concatenate(corners), np.concatenate(owner)
    # a shape's blocks come in the order of the ground they add: the first one is the main block
    wing = np.r_[False, own[1:] == own[:-1]][: len(own)]
    return every, own, wing


def _fitted(envelopes: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Corners of envelopes shrunk to the area of what they enclose."""
    rings = shapely.get_coordinates(envelopes).reshape(-1, 5, 2)[:, :4]
    middle = rings.mean(1, keepdims=True)
    fitted: np.ndarray = middle + (rings - middle) * np.sqrt(share)[:, None, None]
    return fitted


def _cut_up(shape: Any) -> np.ndarray:
    """Rectangles [n,4,2] that a footprint with right angles is made of; none for other shapes."""
    ring = shapely.get_coordinates(shape.exterior)
    sides = np.diff(ring, axis=0)
    longest = sides[int(np.hypot(*sides.T).argmax())]
    along = longest / max(float(np.hypot(*longest)), 1e-9)
    turn = np.array([[along[0], along[1]], [-along[1], along[0]]])
    turned = shapely.transform(shape, lambda points: points @ turn.T)
    points = shapely.get_coordinates(turned)
    x, y = _lines(points[:, 0]), _lines(points[:, 1])
    if not 2 <= len(x) <= MOST_STEPS or not 2 <= len(y) <= MOST_STEPS:
        return np.zeros((0, 4, 2))
    column, row = np.meshgrid((x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2)
    inside = shapely.contains_xy(turned, column.ravel(), row.ravel()).reshape(column.shape)
    found = []
    free = inside.copy()
    for _ in range(MOST_BLOCKS):
        best = _largest(free, inside, x, y)
        if best is None:
            break
        bottom, top, left, right = best
        free[bottom:top, left:right] = False
        found.append(
            [[x[left], y[bottom]], [x[right], y[bottom]], [x[right], y[top]], [x[left], y[top]]]
        )
    blocks: np.ndarray = np.array(found).reshape(-1, 4, 2) @ turn
    return blocks


def _lines(values: np.ndarray) -> np.ndarray:
    """Distinct values, those nearer than `SAME_LINE` as one."""
    ordered = np.sort(values)
    groups = np.cumsum(np.r_[0, np.diff(ordered) > SAME_LINE])
    lines: np.ndarray = np.bincount(groups, weights=ordered) / np.bincount(groups)
    return lines


def _largest(
    free: np.ndarray, inside: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[int, int, int, int] | None:
    """The rectangle inside that covers most free ground, as (bottom, top, left, right)."""
    cells = np.diff(y)[:, None] * np.diff(x)[None]
    new = _summed(cells * free)
    outside = _summed((~inside).astype(float))
    rows, columns = free.shape
    bottom, top = np.triu_indices(rows + 1, 1)
    left, right = np.triu_indices(columns + 1, 1)

    def total(table: np.ndarray) -> np.ndarray:
        upper, lower = table[top], table[bottom]
        sums: np.ndarray = upper[:, right] - upper[:, left] - lower[:, right] + lower[:, left]
        return sums

    gain = np.where(total(outside) > 0.5, 0.0, total(new))
    best = int(gain.argmax())
    if gain.flat[best] < 12:
        return None
    up, across = divmod(best, len(left))
    return int(bottom[up]), int(top[up]), int(left[across]), int(right[across])


def _summed(values: np.ndarray) -> np.ndarray:
    table: np.ndarray = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    table[1:, 1:] = values.cumsum(0).cumsum(1)
    return table


def house_roofs(built: Houses, colours: Palette, sun: Sun, seed: int) -> tuple[ShapeSet, ...]:
    """Roofs as layers in drawing order; a wing's roof ends under that of its main block."""
    places = shapely.get_coordinates(shapely.point_on_surface(built.shapes))
    hall = shapely.area(built.shapes) > 900
    tint = roof_colours(places, built.kinds, hall, colours, seed)
    base = shape_set(built.shapes, np.round(np.clip(tint * 0.96, 0, 255) / 12) * 12)
    wings, main = built.wing, ~built.wing
    return (
        base,
        *_flat_tops(built, tint, sun, seed),
        *roof_faces(built.blocks.chosen(wings), tint[built.owner[wings]], sun, seed),
        *roof_faces(built.blocks.chosen(main), tint[built.owner[main]], sun, seed),
    )


def _flat_tops(
    built: Houses, tint: np.ndarray, sun: Sun, seed: int
) -> tuple[ShapeSet, ShapeSet, ShapeSet]:
    """Roofs of shapes without blocks within their rim, and what stands on them: shade, units."""
    bare = np.setdiff1d(np.arange(len(built.shapes)), built.owner)
    inner = shapely.buffer(built.shapes[bare], -RIM, join_style="mitre")
    shade = np.where(chances(first_points(built.shapes[bare]), seed, 31) < 0.5, 0.84, 1.12)
    tops = shape_set(inner, np.clip(tint[bare] * shade[:, None], 0, 255).round())
    left, bottom, right, top = shapely.total_bounds(inner) if len(inner) else (0.0, 0.0, 0.0, 0.0)
    spots = lattice((left, bottom, right, top), UNIT_SPACING, seed, 32)
    spots = spots[chances(spots, seed, 33) < 0.14]
    spot, own = shapely.STRtree(shapely.buffer(inner, -1.5)).query(
        shapely.points(spots), predicate="within"
    )
    half = 0.4 + 2.4 * chances(spots[spot], seed, 34) ** 2
    units = shapely.buffer(shapely.points(spots[spot]), half, cap_style="square")
    light = np.where(chances(spots[spot], seed, 35) < 0.5, 0.62, 1.35)[:, None]
    shadows = shapely.transform(units, lambda points: points - sun.towards)
    return (
        tops,
        shape_set(shadows, np.round(tint[bare][own] * 0.6)),
        shape_set(units, np.clip(tint[bare][own] * light, 0, 255).round()),
    )


def house_shadows(built: Houses, sun: Sun) -> np.ndarray:
    """Shadows of the blocks and of footprints without any."""
    bare = np.setdiff1d(np.arange(len(built.shapes)), built.owner)
    reach = -sun.towards * sun.reach
    swept = [_swept(built.shapes[index], reach * built.floors[index]) for index in bare.tolist()]
    return np.concatenate([building_shadows(built.blocks, sun), *swept])


def _swept(shape: Any, reach: np.ndarray) -> np.ndarray:
    """Ground that the walls of a shape's outline shade, overlapping polygons."""
    ring = shapely.get_coordinates(shape.exterior)
    sides = np.stack([ring[:-1], ring[1:], ring[1:] + reach, ring[:-1] + reach], 1)
    swept: np.ndarray = np.append(shapely.polygons(sides), shape)
    return swept
