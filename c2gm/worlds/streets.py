"""Streets that fill a cell between main roads: warped grids and irregular quarters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely


@dataclass(frozen=True)
class StreetRule:
    """How a quarter's streets run.

    Attributes:
        spacing: metres between streets along and across.
        irregular: True for blocks of a grown town (Voronoi), False for a grid.
        warp: sideways sway of a grid in metres.
        kept: share of the edges kept beyond those that hold the network together.
        doors: share of the edges that reach the cell's border kept.
    """

    spacing: tuple[float, float]
    irregular: bool = False
    warp: float = 0.0
    kept: float = 0.85
    doors: float = 0.8


STREET_RULES = {
    "old": StreetRule((58, 62), irregular=True, kept=0.8, doors=0.8),
    "perimeter": StreetRule((92, 118), warp=9, kept=0.92, doors=0.9),
    "terraces": StreetRule((74, 150), warp=8, kept=0.8, doors=0.7),
    "villas": StreetRule((80, 128), warp=26, kept=0.78, doors=0.6),
    "grid houses": StreetRule((74, 168), kept=0.92, doors=0.75),
    "curved houses": StreetRule((82, 150), warp=42, kept=0.72, doors=0.45),
    "slabs": StreetRule((150, 190), warp=8, kept=0.75, doors=0.7),
    "commercial": StreetRule((150, 190), kept=0.7, doors=0.8),
    "industry": StreetRule((190, 260), warp=6, kept=0.75, doors=0.7),
    "desert villas": StreetRule((82, 205), warp=3, kept=0.85, doors=0.55),
}


def cell_streets(
    cell: Any, rule: StreetRule, *, heading: float, roads: Any, rng: np.random.Generator
) -> list[Any]:
    """Street lines of a cell, joined to the roads round it as far as the cell allows.

    Args:
        cell: polygon to fill.
        rule: how its streets run.
        heading: direction of a grid, radians.
        roads: the lines that streets may open into, one geometry.
        rng: source of chance.
    """
    lattice = _irregular(cell, rule, rng) if rule.irregular else _grid(cell, rule, heading, rng)
    nodes, edges = lattice
    shapely.prepare(cell)
    inside = shapely.contains_xy(cell.buffer(-0.3 * rule.spacing[0]), nodes)
    lines, ends = [], []
    for number, (line, (first, last)) in enumerate(edges):
        if inside[first] and inside[last]:
            if cell.contains(line):
                lines.append(line)
                ends.append((first, last))
        elif inside[first] or inside[last]:
            outward = line if inside[first] else line.reverse()
            door = _to_the_border(cell, outward)
            if door is None:
                continue
            opens = roads.distance(shapely.Point(door.coords[-1])) < 1.5
            if opens or rng.random() < 0.15:
                lines.append(door)
                ends.append((first if inside[first] else last, -1 if opens else -2 - number))
    return [lines[index] for index in _thinned(ends, rule, rng)]


def _to_the_border(cell: Any, line: Any) -> Any:
    """The line's first part, from its start in the cell to half a metre past the border."""
    start = line.coords[0]
    for part in shapely.get_parts(line.intersection(cell)):
        if shapely.get_type_id(part) == 1 and start in (part.coords[0], part.coords[-1]):
            forward = part if part.coords[0] == start else part.reverse()
            return _lengthened(forward, 0.5) if forward.length >= 8 else None
    return None


def _lengthened(line: Any, metres: float) -> Any:
    points = np.array(line.coords)
    run = points[-1] - points[-2]
    points[-1] += run / max(float(np.hypot(*run)), 1e-9) * metres
    return shapely.LineString(points)


def _thinned(ends: list[tuple[int, int]], rule: StreetRule, rng: np.random.Generator) -> list[int]:
    """Indices of the edges to keep: a spanning forest (the border is one node) and more."""
    group = {node: node for pair in ends for node in pair}

    def root(node: int) -> int:
        while group[node] != node:
            group[node] = group[group[node]]
            node = group[node]
        return node

    kept = []
    for index in rng.permutation(len(ends)).tolist():
        first, last = root(ends[index][0]), root(ends[index][1])
        share = rule.doors if ends[index][1] < 0 else rule.kept
        if first != last or rng.random() < share:
            group[first] = last
            kept.append(index)
    return sorted(kept)


def _irregular(
    cell: Any, rule: StreetRule, rng: np.random.Generator
) -> tuple[np.ndarray, list[tuple[Any, tuple[int, int]]]]:
    from scipy.spatial import Voronoi

    left, bottom, right, top = cell.bounds
    step = rule.spacing[0]
    x = np.arange(left - 2 * step, right + 2 * step, step)
    y = np.arange(bottom - 2 * step, top + 2 * step, rule.spacing[1])
    points = np.stack(np.meshgrid(x, y), -1)
    points[::2, :, 0] += step / 2
    points = points.reshape(-1, 2) + rng.normal(0, 0.24 * step, (points.shape[0] * len(x), 2))
    diagram = Voronoi(points)
    nodes = diagram.vertices
    pairs = [(a, b) for a, b in diagram.ridge_vertices if a >= 0 and b >= 0]
    edges = []
    for first, last in pairs:
        if np.hypot(*(nodes[first] - nodes[last])) > 4 * step:
            continue
        edges.append((shapely.LineString(nodes[[first, last]]), (first, last)))
    return nodes, edges


def _grid(
    cell: Any, rule: StreetRule, heading: float, rng: np.random.Generator
) -> tuple[np.ndarray, list[tuple[Any, tuple[int, int]]]]:
    along = np.array([np.cos(heading), np.sin(heading)])
    turn = np.stack([along, [-along[1], along[0]]])
    middle = np.array(cell.centroid.coords[0])
    corners = (np.array(cell.minimum_rotated_rectangle.exterior.coords) - middle) @ turn.T
    axes = []
    for low, high, spacing in zip(corners.min(0), corners.max(0), rule.spacing[::-1], strict=True):
        count = max(1, round((high - low) / spacing))
        steps = np.linspace(low, high, count + 1)
        steps[1:-1] += rng.uniform(-0.1, 0.1, max(0, count - 1)) * spacing
        axes.append(steps)
    phases = rng.uniform(0, 2 * np.pi, 4)

    def bent(points: np.ndarray) -> np.ndarray:
        u, v = points[..., 0], points[..., 1]
        sway = np.stack(
            [
                np.sin(v / 70 + phases[0]) + 0.6 * np.sin(u / 105 + phases[1]),
                np.sin(u / 85 + phases[2]) + 0.6 * np.sin(v / 120 + phases[3]),
            ],
            -1,
        )
        moved: np.ndarray = (points + rule.warp * sway) @ turn + middle
        return moved

    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    rows, columns = lattice.shape[:2]
    number = np.arange(rows * columns).reshape(rows, columns)
    edges = []
    for firsts, lasts in ((number[:-1], number[1:]), (number[:, :-1], number[:, 1:])):
        flat = lattice.reshape(-1, 2)
        for first, last in zip(firsts.ravel().tolist(), lasts.ravel().tolist(), strict=True):
            share = np.linspace(0, 1, 9 if rule.warp > 10 else 3)[:, None]
            line = bent(flat[first] + share * (flat[last] - flat[first]))
            edges.append((shapely.LineString(line), (first, last)))
    return bent(lattice).reshape(-1, 2), edges
