"""A town laid out: from its seed to every road, plot, building and tree, in local metres."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from .greenery import along_lines, blob, field_parcels, scattered, winding_paths
from .plots import (
    HOUSE_RULES,
    Buildings,
    halls,
    joined,
    rim_houses,
    slabs,
    standing,
)
from .profiles import Profile, profile
from .streets import STREET_RULES, cell_streets
from .trunk import FRAME, HALF_WIDTHS, Skeleton, skeleton, wavy

OPEN_USES = ("fields", "wood", "open", "park")


@dataclass(frozen=True)
class Parcel:
    """A piece of ground of one use.

    Attributes:
        use: a quarter, or "fields", "meadow", "wood", "park", "pitch", "open", "parking", "yard",
            "verge".
        shape: polygon.
        heading: direction of furrows or rows, radians.
        chance: 0..1, decides colour and growth.
    """

    use: str
    shape: Any
    heading: float
    chance: float


@dataclass
class Layout:
    """Everything on the ground, shapely geometries and arrays in metres from the centre."""

    profile: Profile
    skeleton: Skeleton
    water: Any = field(default_factory=shapely.Polygon)
    lines: dict[str, list[Any]] = field(default_factory=dict)
    parcels: list[Parcel] = field(default_factory=list)
    buildings: Buildings = field(default_factory=Buildings)
    trees: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))  # x, y, radius
    built_up: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class _Cell:
    shape: Any
    use: str
    heading: float


def lay_out(seed: int) -> Layout:
    """The layout of a seed."""
    rng = np.random.default_rng([seed, 2])
    kind = profile(seed)
    bones = skeleton(kind, rng)
    layout = Layout(kind, bones)
    layout.water = _with_lakes(kind, bones, rng)
    cells, collectors = _cells(layout, rng)
    roads = shapely.union_all([*bones.main_roads, *collectors])
    streets = list(collectors)
    for cell in cells:
        rule = STREET_RULES.get(cell.use)
        if rule is not None:
            streets += cell_streets(cell.shape, rule, heading=cell.heading, roads=roads, rng=rng)
    layout.lines = {
        "motorway": [*bones.carriageways, *bones.ramps],
        "main_road": bones.main_roads,
        "street": streets,
        "railway": [] if bones.railway.is_empty else [bones.railway],
    }
    _drop_islands(layout)
    _fill_plots(layout, cells, rng)
    return layout


def _with_lakes(kind: Profile, bones: Skeleton, rng: np.random.Generator) -> Any:
    count = int(rng.integers(2, 5)) if kind.water == "lakes" else int(rng.random() < 0.35)
    roads = shapely.union_all([*bones.main_roads, bones.axis, bones.railway])
    keep_off = roads.buffer(28)
    lakes = [bones.water]
    for _ in range(count):
        lake = blob(rng, rng.uniform(-1250, 1250, 2), rng.uniform(45, 260))
        parts = shapely.get_parts(lake.difference(keep_off).buffer(-8).buffer(8))
        lakes += [part for part in parts if part.area > 2500]
    return shapely.union_all(lakes)


def _cells(layout: Layout, rng: np.random.Generator) -> tuple[list[_Cell], list[Any]]:
    """The pieces of ground between main roads, with their use, and roads that halve big ones."""
    bones = layout.skeleton
    net = [*bones.main_roads, bones.axis, bones.railway, FRAME.exterior]
    pieces = shapely.get_parts(shapely.polygonize([shapely.node(shapely.union_all(net))]))
    blocked = shapely.union_all(
        [
            layout.water.buffer(12),
            bones.axis.buffer(30),
            shapely.union_all(bones.ramps).buffer(9),
            bones.railway.buffer(11),
        ]
    )
    shapes = [
        part
        for piece in pieces
        for part in shapely.get_parts(piece.difference(blocked).buffer(-4).buffer(4))
        if part.area > 2500
    ]
    # the opening above rounds corners, so streets reach back to the roads by this much
    shapes = [shape.buffer(0.01) for shape in shapes]
    cells: list[_Cell] = []
    collectors: list[Any] = []
    waiting = [(shape, _use(shape, layout.profile, rng)) for shape in shapes]
    common = rng.uniform(0, np.pi)
    while waiting:
        shape, use = waiting.pop()
        if use not in OPEN_USES:
            town = _town_ground(layout.profile)
            inner = shape.intersection(town)
            if inner.area < 0.85 * shape.area:
                rest = _rural(layout.profile, rng)
                outer = shapely.get_parts(shape.difference(town))
                cells += [_Cell(part, rest, 0.0) for part in outer if part.area > 400]
                waiting += [(p, use) for p in shapely.get_parts(inner) if p.area > 2500]
                continue
            if shape.area > 260_000:
                halves, cut = _halved(shape, rng)
                if halves:
                    collectors.append(cut)
                    waiting += [(half, _use(half, layout.profile, rng)) for half in halves]
                    continue
        cells.append(_Cell(shape, use, _heading(shape, layout.profile, common, rng)))
    return cells, collectors


def _town_ground(kind: Profile) -> Any:
    turns = np.linspace(0, 2 * np.pi, 100)
    swell = 1 + 0.12 * np.cos(2 * turns + kind.core_radius) + 0.1 * np.cos(5 * turns + 1)
    rim = kind.urban_radius * swell[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
    return shapely.Polygon(rim)


def _use(shape: Any, kind: Profile, rng: np.random.Generator) -> str:
    middle = shape.centroid
    distance = float(np.hypot(middle.x, middle.y)) * rng.uniform(0.85, 1.15)
    if not shape.intersects(_town_ground(kind)) or distance > kind.urban_radius * 1.25:
        return _rural(kind, rng)
    if shape.area < 130_000 and rng.random() < kind.park_share:
        return "park"
    if rng.random() < 0.06 and distance > kind.core_radius:
        return _rural(kind, rng)
    core, middle_ring, rim = kind.quarters
    if distance < kind.core_radius:
        return core
    return middle_ring if distance < 0.55 * kind.urban_radius else rim


def _rural(kind: Profile, rng: np.random.Generator) -> str:
    if kind.climate == "desert":
        return "open" if rng.random() < 0.93 else "fields"
    return "wood" if rng.random() < 0.2 else "fields"


def _heading(shape: Any, kind: Profile, common: float, rng: np.random.Generator) -> float:
    if kind.trunk == "grid" and rng.random() < 0.3:
        return common
    frame = np.array(shape.minimum_rotated_rectangle.exterior.coords)
    edges = np.diff(frame, axis=0)
    longest = edges[int(np.hypot(*edges.T).argmax())]
    return float(np.arctan2(longest[1], longest[0]))


def _halved(shape: Any, rng: np.random.Generator) -> tuple[list[Any], Any]:
    """Cut a cell across its length by a road: (both sides, the road), or no sides."""
    frame = np.array(shape.minimum_rotated_rectangle.exterior.coords)
    edges = np.diff(frame, axis=0)
    lengths = np.hypot(*edges.T)
    across = edges[int(lengths.argmin())]
    middle = np.array(shape.centroid.coords[0]) + rng.uniform(-60, 60, 2)
    line = wavy(rng, middle - across, middle + across, sway=35, length=700)
    parts = [
        part
        for part in shapely.get_parts(shapely.LineString(line).intersection(shape))
        if shapely.get_type_id(part) == 1
    ]
    if not parts:
        return [], None
    cut = max(parts, key=lambda part: part.length)
    net = shapely.union_all([shape.boundary, _stretched(cut, 5.0)])
    halves = [
        part
        for part in shapely.get_parts(shapely.polygonize([shapely.node(net)]))
        if shape.covers(part.representative_point()) and part.area > 1000
    ]
    return (halves, _stretched(cut, 5.0)) if len(halves) > 1 else ([], None)


def _stretched(line: Any, metres: float) -> Any:
    points = np.array(line.coords)
    for end, before in ((0, 1), (-1, -2)):
        run = points[end] - points[before]
        points[end] += run / max(float(np.hypot(*run)), 1e-9) * metres
    return shapely.LineString(points)


def _drop_islands(layout: Layout) -> None:
    """Leave out streets and main roads that no road joins to the largest net."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    kinds = [(kind, line) for kind in ("main_road", "street") for line in layout.lines[kind]]
    lines = np.array([line for _, line in kinds], dtype=object)
    first, second = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=0.6)
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(lines), len(lines)))
    _, group = connected_components(links, directed=False)
    largest = np.bincount(group, weights=shapely.length(lines)).argmax()
    for kind in ("main_road", "street"):
        layout.lines[kind] = [
            line for (name, line), own in zip(kinds, group, strict=True) if name == kind and own == largest
        ]


def corridors(lines: dict[str, list[Any]], kinds: tuple[str, ...], extra: float) -> Any:
    """Ground that roads of some kinds take, with `extra` metres on each side, one geometry."""
    buffers = []
    for kind in kinds:
        if lines.get(kind):
            buffers.append(shapely.buffer(np.array(lines[kind]), HALF_WIDTHS[kind] + extra, quad_segs=4))
    return shapely.union_all(np.concatenate(buffers)) if buffers else shapely.Polygon()


def _fill_plots(layout: Layout, cells: list[_Cell], rng: np.random.Generator) -> None:
    lines = layout.lines
    taken = [
        layout.water.buffer(4),
        corridors(lines, ("motorway",), 3.0),
        corridors(lines, ("main_road",), 3.5),
        corridors(lines, ("street",), 2.0),
        layout.skeleton.railway.buffer(5),
    ]
    plots = shapely.get_parts(FRAME.difference(shapely.union_all(taken)))
    plots = plots[shapely.area(plots) > 60]
    tree = shapely.STRtree([cell.shape for cell in cells])
    homes = np.full(len(plots), -1)
    plot_index, cell_index = tree.query(shapely.point_on_surface(plots), predicate="intersects")
    homes[plot_index] = cell_index
    planner = _Planner(layout, rng)
    for plot, home in zip(plots, homes.tolist(), strict=True):
        planner.plan(plot, cells[home].use if home >= 0 else "verge")
    planner.finish()


class _Planner:
    """Gives each plot its use and gathers what stands on it."""

    def __init__(self, layout: Layout, rng: np.random.Generator) -> None:
        self._layout = layout
        self._rng = rng
        self._groups: list[Buildings] = []
        self._sites: list[Any] = []
        self._homes: list[np.ndarray] = []
        self._trees: list[np.ndarray] = []
        layout.lines.update(service=[], driveway=[], track=[], footpath=[])

    def plan(self, plot: Any, use: str) -> None:
        """Use a plot."""
        if use in HOUSE_RULES or use in ("slabs", "commercial", "industry"):
            self._urban(plot, use)
        elif use == "park":
            self._park(plot)
        elif use == "wood":
            self._add(plot, "wood", 0.0)
        elif use == "fields":
            self._fields(plot)
        else:
            self._add(plot, use, 0.0)

    def _add(self, shape: Any, use: str, heading: float) -> None:
        self._layout.parcels.append(Parcel(use, shape, heading, float(self._rng.random())))

    def _urban(self, plot: Any, use: str) -> None:
        rng = self._rng
        if plot.area < 350:
            self._add(plot, "verge", 0.0)
            return
        luck = rng.random()
        if luck < 0.05 and plot.area < 40_000:
            self._park(plot)
            return
        self._layout.built_up.append(plot)
        self._add(plot, use, 0.0)
        if use == "slabs" and plot.area > 5000:
            self._stand(slabs(plot, rng), plot, 6.0)
        elif use in ("commercial", "industry") and plot.area > 4000:
            buildings, free = halls(plot, use, rng)
            self._stand(buildings, plot, 4.0)
            self._parking(free, plot)
        else:
            self._stand(rim_houses(plot, use if use in HOUSE_RULES else "terraces", rng), plot, 0.0)

    def _stand(self, buildings: Buildings, plot: Any, room: float) -> None:
        self._groups.append(buildings)
        self._homes.append(np.full(len(buildings.heights), len(self._sites)))
        self._sites.append(plot.buffer(-room) if room else plot)

    def _parking(self, lots: list[Any], plot: Any) -> None:
        inner = plot.buffer(-3)
        for lot in lots:
            if not inner.covers(lot):
                continue
            corners = np.array(lot.exterior.coords)[:4]
            run = corners[1] - corners[0]
            self._add(lot, "parking", float(np.arctan2(run[1], run[0])))
            depth = float(np.hypot(*(corners[3] - corners[0])))
            for place in np.arange(8.0, depth - 6, 16.0):
                share = place / depth
                ends = corners[:2] * (1 - share) + corners[[3, 2]] * share
                self._layout.lines["driveway"].append(shapely.LineString(ends))

    def _park(self, plot: Any) -> None:
        rng = self._rng
        if plot.area > 9000 and rng.random() < 0.4:
            pitch = _pitch(plot, rng)
            if plot.buffer(-6).covers(pitch):
                self._add(pitch, "pitch", 0.0)
        self._add(plot, "park", 0.0)
        if plot.area > 2000:
            paths = winding_paths(plot, 1 + int(plot.area > 8000) + int(plot.area > 30_000), rng)
            self._layout.lines["footpath"] += paths

    def _fields(self, plot: Any) -> None:
        rng = self._rng
        if plot.area < 4000:
            self._add(plot, "meadow", 0.0)
            return
        parcels, cuts, heading = field_parcels(plot, rng, size=(70, 210))
        for parcel in parcels:
            luck = rng.random()
            use = "fields" if luck < 0.78 else "meadow" if luck < 0.93 else "wood"
            self._add(parcel, use if parcel.area > 1500 else "meadow", heading + (np.pi / 2) * (rng.random() < 0.3))
        for cut in cuts:
            if shapely.get_type_id(cut) != 1 or cut.length < 60:
                continue
            luck = rng.random()
            if luck < 0.16:
                self._layout.lines["track"].append(cut)
            elif luck < 0.5 and self._layout.profile.climate != "desert":
                steps = np.arange(0, cut.length, rng.uniform(5, 9))
                row = shapely.get_coordinates(shapely.line_interpolate_point(cut, steps))
                row = row + rng.normal(0, 1.2, row.shape)
                self._trees.append(np.column_stack([row, rng.uniform(2, 4.6, len(row))]))

    def finish(self) -> None:
        """Place buildings, trees and the lines that lead to houses."""
        layout, rng = self._layout, self._rng
        if self._groups:
            homes = np.concatenate(self._homes)
            layout.buildings = standing(joined(self._groups), np.array(self._sites, dtype=object), homes, 0.15)
        self._drives()
        self._plant()

    def _drives(self) -> None:
        """Lines from house fronts and car parks to the nearest street."""
        layout, rng = self._layout, self._rng
        houses = layout.buildings
        home = np.isin(houses.quarters, ["villas", "grid houses", "curved houses", "desert villas"])
        home &= (houses.heights > 2.7) & (rng.random(len(home)) < 0.75)
        corners = houses.corners[home]
        side = rng.choice([0.15, 0.85], len(corners))[:, None]
        fronts = shapely.points(corners[:, 0] * (1 - side) + corners[:, 1] * side)
        roads = np.array(layout.lines["street"] + layout.lines["main_road"], dtype=object)
        tree = shapely.STRtree(roads)
        _, nearest = tree.query_nearest(fronts, all_matches=False)
        drives = shapely.shortest_line(fronts, roads[nearest])
        reach = shapely.length(drives)
        layout.lines["driveway"] += list(drives[(reach > 4) & (reach < 26)])
        aisles = [p.shape.centroid for p in layout.parcels if p.use == "parking"]
        if aisles:
            _, nearest = tree.query_nearest(np.array(aisles, dtype=object), all_matches=False)
            ways = shapely.shortest_line(np.array(aisles, dtype=object), roads[nearest])
            clear = ~shapely.intersects(ways, shapely.union_all(houses.polygons()))
            layout.lines["service"] += list(ways[clear & (shapely.length(ways) < 140)])

    def _plant(self) -> None:
        layout, rng = self._layout, self._rng
        density = layout.profile.tree_density
        groups = list(self._trees)
        for parcel in layout.parcels:
            points, radius = _growth(parcel, density, rng)
            if len(points):
                groups.append(np.column_stack([points, rng.uniform(*radius, len(points))]))
        if rng.random() < 0.7:
            lined = [line for line in layout.lines["main_road"] + layout.lines["street"] if rng.random() < 0.3 * min(1.0, density)]
            row = along_lines(lined, rng.uniform(9, 15), 6.5, rng)
            groups.append(np.column_stack([row, rng.uniform(1.8, 3.6, len(row))]))
        trees = np.concatenate(groups) if groups else np.zeros((0, 3))
        keep_off = shapely.union_all(
            [
                shapely.union_all(layout.buildings.polygons()).buffer(1.0),
                corridors(layout.lines, ("main_road", "street", "motorway"), 0.6),
                corridors(layout.lines, ("service", "footpath", "track"), 0.5),
                layout.water,
                layout.skeleton.railway.buffer(4),
            ]
        )
        shapely.prepare(keep_off)
        layout.trees = trees[~shapely.contains_xy(keep_off, trees[:, :2])]


def _growth(
    parcel: Parcel, density: float, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """Where trees grow on a parcel and their radii in metres."""
    use, shape = parcel.use, parcel.shape
    if use == "wood":
        return scattered(shape, 6.4, rng, share=0.93), (2.6, 5.2)
    if use == "park":
        return scattered(shape, 9.0, rng, share=min(0.75, 0.35 * density * (0.4 + parcel.chance))), (2.2, 5.0)
    if use in ("meadow", "verge"):
        return scattered(shape, 9.0, rng, share=0.1 * density * parcel.chance), (1.5, 4.0)
    if use in ("villas", "grid houses", "curved houses", "terraces", "slabs", "desert villas"):
        return scattered(shape, 7.0, rng, share=min(0.8, 0.22 * density)), (1.4, 4.0)
    if use in ("perimeter", "old"):
        return scattered(shape, 8.0, rng, share=min(0.6, 0.1 * density)), (1.5, 3.6)
    if use in ("commercial", "industry"):
        return scattered(shape, 12.0, rng, share=min(0.5, 0.08 * density)), (1.5, 3.2)
    return np.zeros((0, 2)), (1.0, 2.0)


def _pitch(plot: Any, rng: np.random.Generator) -> Any:
    middle = plot.representative_point()
    length, width = rng.choice([(100.0, 64.0), (60.0, 40.0), (36.0, 18.0)])
    turn = rng.uniform(0, 180)
    field_shape = shapely.box(
        middle.x - length / 2, middle.y - width / 2, middle.x + length / 2, middle.y + width / 2
    )
    from shapely.affinity import rotate

    return rotate(field_shape, turn)
