"""Buildings on the plots between streets, turned to the street they stand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely


@dataclass(frozen=True)
class HouseRule:
    """How a quarter's buildings stand along the rim of a plot (metres).

    Attributes:
        width: along the street.
        depth: away from it.
        setback: from the plot's rim to the front.
        gap: between neighbours.
        roofs: (kind, share) pairs; kinds "gable", "hip", "flat".
        height: to the eaves.
        filled: share of the places that are built on.
        shed: share of the houses with a small building behind them.
        wing: share of the houses with a wing.
    """

    width: tuple[float, float]
    depth: tuple[float, float]
    setback: tuple[float, float]
    gap: tuple[float, float]
    roofs: tuple[tuple[str, float], ...]
    height: tuple[float, float]
    filled: float = 0.93
    shed: float = 0.0
    wing: float = 0.0


HOUSE_RULES = {
    "old": HouseRule((8, 17), (9, 14), (0, 0.6), (0, 0.4), (("gable", 1.0),), (6, 12), 0.96, 0.3),
    "perimeter": HouseRule(
        (14, 26),
        (11, 14),
        (0.5, 2.5),
        (0, 0.2),
        (("gable", 0.5), ("flat", 0.5)),
        (12, 20),
        0.94,
        0.2,
    ),
    "terraces": HouseRule(
        (24, 52), (9, 11), (4, 6), (4, 9), (("gable", 0.9), ("flat", 0.1)), (5, 8), 0.94, 0.5
    ),
    "villas": HouseRule(
        (10, 15),
        (8, 12),
        (4, 9),
        (3.5, 10),
        (("gable", 0.55), ("hip", 0.4), ("flat", 0.05)),
        (4, 7),
        0.88,
        0.45,
        0.35,
    ),
    "grid houses": HouseRule(
        (12, 18), (9, 13), (6, 8), (4, 8), (("gable", 0.5), ("hip", 0.5)), (3, 6), 0.94, 0.3, 0.35
    ),
    "curved houses": HouseRule(
        (14, 20),
        (10, 14),
        (7, 10),
        (5, 11),
        (("gable", 0.4), ("hip", 0.6)),
        (3, 6),
        0.94,
        0.15,
        0.45,
    ),
    "desert villas": HouseRule(
        (15, 21), (13, 18), (5, 8), (5, 8), (("flat", 0.85), ("hip", 0.15)), (6, 9), 0.86, 0.5, 0.4
    ),
    "court": HouseRule(
        (7, 20), (6, 11), (0, 1), (1, 14), (("flat", 0.7), ("gable", 0.3)), (3, 7), 0.7
    ),
    "backland": HouseRule(
        (9, 16),
        (8, 12),
        (1, 4),
        (6, 16),
        (("gable", 0.6), ("hip", 0.25), ("flat", 0.15)),
        (3, 7),
        0.8,
        0.5,
    ),
    "farm": HouseRule((14, 34), (9, 15), (6, 14), (9, 26), (("gable", 1.0),), (4, 8), 0.8, 0.2),
}


@dataclass(frozen=True)
class Buildings:
    """Rectangular buildings: corners counter-clockwise from the front left, front edge first.

    Attributes:
        corners: float64 [n,4,2], metres.
        roofs: kind of roof, [n] of str.
        heights: float64 [n], metres to the eaves.
        quarters: quarter of each, [n] of str.
    """

    corners: np.ndarray = field(default_factory=lambda: np.zeros((0, 4, 2)))
    roofs: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype="U8"))
    heights: np.ndarray = field(default_factory=lambda: np.zeros(0))
    quarters: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype="U16"))

    def polygons(self) -> np.ndarray:
        """Footprints as shapely polygons."""
        polygons: np.ndarray = shapely.polygons(self.corners)
        return polygons

    def chosen(self, keep: np.ndarray) -> Buildings:
        """The buildings that a mask or an index array picks."""
        return Buildings(
            self.corners[keep], self.roofs[keep], self.heights[keep], self.quarters[keep]
        )


def joined(groups: list[Buildings]) -> Buildings:
    """All buildings of some groups."""
    if not groups:
        return Buildings()
    return Buildings(
        np.concatenate([group.corners for group in groups]),
        np.concatenate([group.roofs for group in groups]),
        np.concatenate([group.heights for group in groups]),
        np.concatenate([group.quarters for group in groups]),
    )


def rim_houses(plot: Any, quarter: str, rng: np.random.Generator) -> Buildings:
    """Houses along the rim of a plot, unchecked: some may leave it or overlap."""
    rule = HOUSE_RULES[quarter]
    groups = []
    setback = rng.uniform(*rule.setback)
    for part in shapely.get_parts(plot.buffer(-setback - 0.2, join_style="mitre")):
        ring = shapely.orient_polygons(part).exterior
        if ring.length > 2 * rule.width[0]:
            groups.append(_row(ring, quarter, rule, rng))
    return joined(groups)


def _row(ring: Any, quarter: str, rule: HouseRule, rng: np.random.Generator) -> Buildings:
    """Houses all along a ring."""
    count = int(ring.length / (rule.width[0] + rule.gap[0])) + 1
    widths, gaps = rng.uniform(*rule.width, count), rng.uniform(*rule.gap, count)
    steps = np.cumsum(widths + gaps)
    starts = rng.uniform(0, 10) + steps - steps[0]
    fits = starts + widths < ring.length
    return _houses(ring, starts[fits], widths[fits], quarter, rule, rng)


def _houses(
    ring: Any,
    starts: np.ndarray,
    widths: np.ndarray,
    quarter: str,
    rule: HouseRule,
    rng: np.random.Generator,
) -> Buildings:
    left = shapely.get_coordinates(shapely.line_interpolate_point(ring, starts))
    right = shapely.get_coordinates(shapely.line_interpolate_point(ring, starts + widths))
    run = right - left
    chord = np.hypot(*run.T)
    keep = (chord > 0.94 * widths) & (rng.random(len(widths)) < rule.filled)
    left, run, chord = left[keep], run[keep], chord[keep]
    along = run / np.maximum(chord, 1e-9)[:, None]
    inward = np.stack([-along[:, 1], along[:, 0]], 1)
    depth = rng.uniform(*rule.depth, len(chord))
    back = rng.uniform(0, 0.35 * (rule.setback[1] - rule.setback[0]) + 1e-3, len(chord))
    front = left + inward * back[:, None]
    main = _rectangles(front, along, inward, chord, depth)
    heights = rng.uniform(*rule.height, len(chord))
    names = [name for name, _ in rule.roofs]
    roofs = rng.choice(names, len(chord), p=[share for _, share in rule.roofs])
    parts = [Buildings(main, roofs.astype("U8"), heights, _named(quarter, len(chord)))]
    winged = rng.random(len(chord)) < rule.wing
    span = chord * rng.uniform(0.4, 0.6, len(chord))
    place = (
        front
        + inward * depth[:, None]
        + along * ((chord - span) * rng.integers(0, 2, len(chord)))[:, None]
    )
    wings = _rectangles(place, along, inward, span, rng.uniform(3.5, 6.5, len(chord)))
    parts.append(
        Buildings(wings, roofs.astype("U8"), heights, _named(quarter, len(chord))).chosen(winged)
    )
    shed = (rng.random(len(chord)) < rule.shed) & ~winged
    place = (
        front
        + inward * (depth + rng.uniform(3, 12, len(chord)))[:, None]
        + along * (chord * rng.uniform(-0.1, 0.8, len(chord)))[:, None]
    )
    sheds = _rectangles(
        place, along, inward, rng.uniform(3, 7, len(chord)), rng.uniform(3, 6, len(chord))
    )
    flat = np.where(rng.random(len(chord)) < 0.5, "flat", "gable")
    parts.append(
        Buildings(sheds, flat, np.full(len(chord), 2.6), _named(quarter, len(chord))).chosen(shed)
    )
    return joined(parts)


def courtyard_houses(plot: Any, rng: np.random.Generator) -> Buildings:
    """Low buildings in the court of a block, unchecked."""
    rule = HOUSE_RULES["court"]
    return joined(
        [
            _row(shapely.orient_polygons(part).exterior, "court", rule, rng)
            for part in shapely.get_parts(plot.buffer(-rng.uniform(18, 26), join_style="mitre"))
            if part.area > 120
        ]
    )


def slabs(plot: Any, rng: np.random.Generator) -> Buildings:
    """Long blocks of flats in rows on a large plot, unchecked."""
    return _lattice(
        plot,
        (rng.uniform(38, 75), rng.uniform(11, 15)),
        rng.uniform(16, 27),
        "slabs",
        rng,
        height=(12, 30),
        filled=0.85,
    )


def halls(plot: Any, quarter: str, rng: np.random.Generator) -> tuple[Buildings, list[Any]]:
    """Halls or shops on a large plot, unchecked, and the rectangles left free of them."""
    along, inward, low, high = _frame(plot)
    largest = rng.uniform(60, 120) if quarter == "industry" else rng.uniform(55, 90)
    lots = np.array(_split([*low, *high], largest, rng))
    gap = rng.uniform(3, 10, (len(lots), 2))
    size = np.maximum(lots[:, 2:] - lots[:, :2] - 2 * gap, 8)
    origin = (lots[:, :1] + gap[:, :1]) * along + (lots[:, 1:2] + gap[:, 1:]) * inward
    count = len(lots)
    directions = np.broadcast_to(along, (count, 2)), np.broadcast_to(inward, (count, 2))
    corners = _rectangles(origin, *directions, size[:, 0], size[:, 1])
    built = rng.random(count) < (0.6 if quarter == "commercial" else 0.72)
    free = [shapely.Polygon(ring) for ring in corners[~built]]
    roofs = np.where(rng.random(count) < 0.3, "gable", "flat").astype("U8")
    heights = rng.uniform(5, 12, count)
    every = Buildings(corners, roofs, heights, _named(quarter, count))
    return every.chosen(built), free


def _frame(plot: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Axes of a plot along its longest side, and its lowest and highest coordinates on them."""
    frame = np.array(plot.minimum_rotated_rectangle.exterior.coords)
    edges = np.diff(frame, axis=0)
    lengths = np.hypot(*edges.T)
    along = edges[int(lengths.argmax())] / lengths.max()
    inward = np.array([-along[1], along[0]])
    ring = np.array(plot.exterior.coords) @ np.stack([along, inward], 1)
    return along, inward, ring.min(0), ring.max(0)


def _split(box: list[float], largest: float, rng: np.random.Generator) -> list[list[float]]:
    """Cut a rectangle (u0, v0, u1, v1) across its longer side until its parts are small."""
    size = box[2] - box[0], box[3] - box[1]
    side = int(size[1] > size[0])
    if size[side] < largest * rng.uniform(0.7, 1.5):
        return [box]
    middle = box[side] + size[side] * rng.uniform(0.35, 0.65)
    first, second = list(box), list(box)
    first[side + 2] = second[side] = middle
    return _split(first, largest, rng) + _split(second, largest, rng)


def _lattice(
    plot: Any,
    size: tuple[float, float],
    gap: float,
    quarter: str,
    rng: np.random.Generator,
    *,
    height: tuple[float, float],
    filled: float,
) -> Buildings:
    along, inward, low, high = _frame(plot)
    places = []
    for start, end, step in zip(low, high, (size[0] + gap, size[1] + gap), strict=True):
        room = float(end - start) - gap
        count = max(1, int(room / step))
        places.append(start + gap + np.arange(count) * (room / count))
    grid_u, grid_v = (axis.ravel() for axis in np.meshgrid(*places))
    count = len(grid_u)
    width = size[0] * rng.uniform(0.72, 1.0, count)
    depth = size[1] * rng.uniform(0.8, 1.0, count)
    origin = grid_u[:, None] * along + grid_v[:, None] * inward
    directions = np.broadcast_to(along, (count, 2)), np.broadcast_to(inward, (count, 2))
    corners = _rectangles(origin, *directions, width, depth)
    keep = rng.random(count) < filled
    return Buildings(
        corners,
        np.full(count, "flat", dtype="U8"),
        rng.uniform(*height, count),
        _named(quarter, count),
    ).chosen(keep)


def standing(
    buildings: Buildings, plots: np.ndarray, homes: np.ndarray, *, shared: float
) -> np.ndarray:
    """Indices of the buildings that lie within their plot and overlap none before them.

    Args:
        buildings: candidates, the most important first.
        plots: shapely polygons.
        homes: index of each building's plot.
        shared: metres by which each side of two buildings may overlap (shared walls).
    """
    shapes = buildings.polygons()
    shapely.prepare(plots)
    inside = np.flatnonzero(shapely.covers(plots[homes], shapes))
    inner = shapely.buffer(shapes[inside], -shared, join_style="mitre")
    first, second = shapely.STRtree(inner).query(inner, predicate="intersects")
    clashes: dict[int, list[int]] = {}
    for late, early in zip(first.tolist(), second.tolist(), strict=True):
        if early < late:
            clashes.setdefault(late, []).append(early)
    kept = np.ones(len(inside), dtype=bool)
    for late in sorted(clashes):
        kept[late] = not any(kept[early] for early in clashes[late])
    chosen: np.ndarray = inside[kept]
    return chosen


def _rectangles(
    front: np.ndarray, along: np.ndarray, inward: np.ndarray, width: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    across, down = along * width[:, None], inward * depth[:, None]
    corners: np.ndarray = np.stack([front, front + across, front + across + down, front + down], 1)
    return corners


def _named(quarter: str, count: int) -> np.ndarray:
    return np.full(count, quarter, dtype="U16")
