"""The pieces of ground between main roads, and what each is used for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import shapely

from .profiles import Profile
from .trunk import FRAME, Skeleton, wavy

OPEN_USES = ("fields", "wood", "open", "park")
LARGEST_CELL = 260_000.0  # square metres; larger ones that are built on are halved by a road
LARGEST_FIELDS = 650_000.0  # the same for farmland, by a lane


@dataclass(frozen=True)
class Cell:
    """Ground between roads: its shape, its use and the heading of its streets in radians."""

    shape: Any
    use: str
    heading: float


class Ground(Protocol):
    """What decides the use of ground.

    Attributes:
        town: where may be built, one geometry.
        rng: source of chance.
    """

    @property
    def town(self) -> Any:  # noqa: D102
        ...

    @property
    def rng(self) -> np.random.Generator:  # noqa: D102
        ...

    def use(self, shape: Any) -> str:
        """A use for ground that lies in a town, or partly."""
        ...

    def rural(self) -> str:
        """A use for ground outside towns."""
        ...

    def heading(self, shape: Any) -> float:
        """Direction of a shape's streets, radians."""
        ...

    def halved(self, shape: Any) -> tuple[list[Any], Any]:
        """(both sides, the road between them), or no sides."""
        ...

    def kind_of_cut(self, shape: Any) -> str:
        """Which kind of road halves a built-up shape."""
        ...


@dataclass(frozen=True)
class _TownGround:
    """The ground of a single town: its profile and how far it reaches."""

    profile: Profile
    town: Any
    common_heading: float
    rng: np.random.Generator

    def use(self, shape: Any) -> str:
        """A use for a shape, by how far its built part lies from the centre."""
        kind, rng = self.profile, self.rng
        inner = shape.intersection(self.town)
        if inner.area < 3000:
            return self.rural()
        middle = inner.centroid
        distance = float(np.hypot(middle.x, middle.y)) * rng.uniform(0.85, 1.15)
        if shape.area < 130_000 and rng.random() < kind.park_share:
            return "park"
        if distance > max(250.0, kind.core_radius) and rng.random() < 0.05:
            return self.rural()
        core, ring, rim = kind.quarters
        if distance < kind.core_radius:
            return core
        return ring if distance < 0.55 * kind.urban_radius else rim

    def rural(self) -> str:
        """A use for ground outside the town."""
        if self.profile.climate == "desert":
            return "open" if self.rng.random() < 0.93 else "fields"
        return "wood" if self.rng.random() < 0.2 else "fields"

    def heading(self, shape: Any) -> float:
        """Direction of a shape's streets."""
        if self.profile.trunk == "grid" and self.rng.random() < 0.3:
            return self.common_heading
        frame = np.array(shape.minimum_rotated_rectangle.exterior.coords)
        edges = np.diff(frame, axis=0)
        longest = edges[int(np.hypot(*edges.T).argmax())]
        return float(np.arctan2(longest[1], longest[0]))

    def halved(self, shape: Any) -> tuple[list[Any], Any]:
        """Both sides and the road between them."""
        return halved(shape, self.rng)

    def kind_of_cut(self, shape: Any) -> str:
        """Always a street."""
        return "street"


def town_cells(
    profile: Profile, bones: Skeleton, water: Any, rng: np.random.Generator
) -> tuple[list[Cell], list[Any]]:
    """Cells of a single town: (cells, the streets that were added to halve large ones)."""
    ground = _TownGround(profile, _town_ground(profile, bones, rng), rng.uniform(0, np.pi), rng)
    cells, cuts = cut_cells(_pieces(bones, water), ground)
    return cells, [line for _, line in cuts]


def cut_cells(pieces: list[Any], ground: Ground) -> tuple[list[Cell], list[tuple[str, Any]]]:
    """Cut ground between roads until it is small: (cells, the roads added as (kind, line))."""
    rng = ground.rng
    cells: list[Cell] = []
    cuts: list[tuple[str, Any]] = []
    waiting = [(shape, ground.use(shape)) for shape in pieces]
    while waiting:
        shape, use = waiting.pop()
        if use in OPEN_USES:
            wide = use != "park" and shape.area > LARGEST_FIELDS
            halves, lane = ground.halved(shape) if wide else ([], None)
            if halves:
                cuts.append(("street", lane))
                waiting += [
                    (half, use if rng.random() < 0.7 else ground.rural()) for half in halves
                ]
            else:
                cells.append(Cell(shape, use, 0.0))
            continue
        inner = shape.intersection(ground.town)
        if inner.area < 0.9 * shape.area:
            rest = ground.rural()
            outer = shapely.get_parts(shape.difference(ground.town))
            waiting += [(part, rest) for part in outer if part.area > 400]
            waiting += [(part, use) for part in shapely.get_parts(inner) if part.area > 2500]
            continue
        halves, cut = ground.halved(shape) if shape.area > LARGEST_CELL else ([], None)
        if halves:
            cuts.append((ground.kind_of_cut(shape), cut))
            waiting += [(half, ground.use(half)) for half in halves]
        else:
            cells.append(Cell(shape, use, ground.heading(shape)))
    return cells, cuts


def _pieces(bones: Skeleton, water: Any) -> list[Any]:
    """Ground between main roads, clear of water, motorway and railway."""
    net = [*bones.main_roads, bones.axis, bones.railway, FRAME.exterior]
    pieces = shapely.get_parts(shapely.polygonize([shapely.node(shapely.union_all(net))]))
    blocked = shapely.union_all(
        [
            water.buffer(12),
            bones.axis.buffer(30),
            shapely.union_all(bones.ramps).buffer(9),
            bones.railway.buffer(11),
            shapely.union_all(bones.yard).buffer(11),
        ]
    )
    return [
        part
        for piece in pieces
        for part in shapely.get_parts(piece.difference(blocked).buffer(-4).buffer(4.01))
        if part.area > 2500
    ]


def _town_ground(profile: Profile, bones: Skeleton, rng: np.random.Generator) -> Any:
    """Where the town may build: an uneven disc that reaches out along main roads."""
    turns = np.linspace(0, 2 * np.pi, 120)
    swell = np.ones_like(turns)
    for waves in (2, 3, 5, 7):
        swell += rng.uniform(0.03, 0.13) * np.cos(waves * turns + rng.uniform(0, 6.3))
    rim = profile.urban_radius * swell[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
    disc = shapely.Polygon(rim).buffer(0)
    if profile.trunk == "grid":
        return disc
    reach = shapely.Point(0, 0).buffer(profile.urban_radius * 1.45)
    arms = shapely.union_all(bones.main_roads).buffer(rng.uniform(60, 130)).intersection(reach)
    return shapely.union_all([disc, arms])


def halved(shape: Any, rng: np.random.Generator) -> tuple[list[Any], Any]:
    """Cut a cell across its length by a winding road: (both sides, the road), or no sides."""
    frame = np.array(shape.minimum_rotated_rectangle.exterior.coords)
    edges = np.diff(frame, axis=0)
    across = edges[int(np.hypot(*edges.T).argmin())]
    middle = np.array(shape.centroid.coords[0]) + rng.uniform(-60, 60, 2)
    line = wavy(
        rng, middle - across, middle + across, sway=rng.uniform(8, 55), length=rng.uniform(350, 900)
    )
    return cut_by(shape, shapely.LineString(line))


def cut_by(shape: Any, line: Any) -> tuple[list[Any], Any]:
    """Both sides of a cell along a line and the part of the line that cuts, or no sides."""
    parts = [
        part
        for part in shapely.get_parts(line.intersection(shape))
        if shapely.get_type_id(part) == 1
    ]
    if not parts:
        return [], None
    cut = _stretched(max(parts, key=lambda part: part.length), 5.0)
    net = shapely.union_all([shape.boundary, cut])
    halves = [
        part
        for part in shapely.get_parts(shapely.polygonize([shapely.node(net)]))
        if shape.covers(part.representative_point()) and part.area > 1000
    ]
    return (halves, cut) if len(halves) > 1 else ([], None)


def _stretched(line: Any, metres: float) -> Any:
    points = np.array(line.coords)
    for end, before in ((0, 1), (-1, -2)):
        run = points[end] - points[before]
        points[end] += run / max(float(np.hypot(*run)), 1e-9) * metres
    return shapely.LineString(points)
