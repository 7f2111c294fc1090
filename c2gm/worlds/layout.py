"""A town laid out: from its seed to every road, plot, building and tree, in local metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from .cells import Cell, town_cells
from .gardens import Details
from .greenery import blob
from .parcels import Parcel
from .planner import Planner
from .planting import plant
from .plots import Buildings
from .profiles import Profile, profile
from .streets import STREET_RULES, cell_streets
from .trunk import FRAME, HALF_WIDTHS, Skeleton, skeleton


@dataclass(frozen=True)
class Layout:
    """Everything on the ground, shapely geometries and arrays in metres from the centre.

    Attributes:
        profile: what kind of town it is.
        skeleton: motorway, railway, main roads and great waters.
        water: all water, one geometry.
        lines: by `cartography.map_objects.LINE_KINDS`.
        parcels: pieces of ground of one use, later ones over earlier ones.
        buildings: every building.
        trees: float64 [n,3], x, y and radius.
        built_up: plots that are built on.
        details: what only the picture shows.
        outline: the ground that the picture shows; what lies beyond is drawn by a neighbour, whose
            roads along the common border stand in `lines` of both. None: all of it.
    """

    profile: Profile
    skeleton: Skeleton
    water: Any
    lines: dict[str, list[Any]]
    parcels: list[Parcel]
    buildings: Buildings
    trees: np.ndarray
    built_up: list[Any]
    details: Details
    outline: Any = None


def lay_out(seed: int) -> Layout:
    """The layout of a seed."""
    rng = np.random.default_rng([seed, 2])
    kind = profile(seed)
    bones = skeleton(kind, rng)
    water = _with_lakes(kind, bones, rng)
    cells, collectors = town_cells(kind, bones, water, rng)
    lines = _road_net(bones, cells, collectors, rng)
    planner = Planner(kind.climate, lines, rng)
    beaches = _beaches(water, rng)
    for beach in beaches:
        planner.plan(beach, "beach")
    for plot, use in _plots(lines, water, beaches, cells):
        planner.plan(plot, use)
    planner.finish()
    trees = plant(
        planner.parcels,
        lines,
        planner.buildings,
        water,
        density=kind.tree_density,
        extra=planner.hedgerows,
        rng=rng,
    )
    return Layout(
        kind,
        bones,
        water,
        lines,
        planner.parcels,
        planner.buildings,
        trees,
        planner.built_up,
        planner.details,
    )


def corridors(lines: dict[str, list[Any]], kinds: tuple[str, ...], extra: float) -> Any:
    """Ground that roads of some kinds take, with `extra` metres on each side, one geometry."""
    buffers = [
        shapely.buffer(np.array(lines[kind]), HALF_WIDTHS[kind] + extra, quad_segs=4)
        for kind in kinds
        if lines[kind]
    ]
    return shapely.union_all(np.concatenate(buffers)) if buffers else shapely.Polygon()


def _with_lakes(kind: Profile, bones: Skeleton, rng: np.random.Generator) -> Any:
    count = int(rng.integers(2, 5)) if kind.water == "lakes" else int(rng.random() < 0.35)
    roads = shapely.union_all([*bones.main_roads, bones.axis, *bones.ramps, bones.railway])
    keep_off = roads.buffer(28)
    lakes = [bones.water]
    for _ in range(count):
        lake = blob(rng, rng.uniform(-1250, 1250, 2), rng.uniform(45, 260))
        parts = shapely.get_parts(lake.difference(keep_off).buffer(-8).buffer(8))
        lakes += [part for part in parts if part.area > 2500]
    return shapely.union_all(lakes)


def _road_net(
    bones: Skeleton, cells: list[Cell], collectors: list[Any], rng: np.random.Generator
) -> dict[str, list[Any]]:
    roads = shapely.union_all([*bones.main_roads, *collectors])
    streets = list(collectors)
    for cell in cells:
        rule = STREET_RULES.get(cell.use)
        if rule is not None:
            streets += cell_streets(cell.shape, rule, heading=cell.heading, roads=roads, rng=rng)
    main_roads, streets = _joined_roads(bones.main_roads, streets)
    return {
        "motorway": [*bones.carriageways, *bones.ramps],
        "main_road": main_roads,
        "street": streets,
        "service": [],
        "driveway": [],
        "track": [],
        "footpath": [],
        "rail_yard": bones.yard,
        "stream": bones.streams,
        "railway": [] if bones.railway.is_empty else [bones.railway],
    }


def _joined_roads(main_roads: list[Any], streets: list[Any]) -> tuple[list[Any], list[Any]]:
    """Main roads and streets without those that no road joins to the largest net."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    lines = np.array([*main_roads, *streets], dtype=object)
    first, second = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=0.6)
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(lines), len(lines)))
    _, group = connected_components(links, directed=False)
    own = group == np.bincount(group, weights=shapely.length(lines)).argmax()
    count = len(main_roads)
    return list(lines[:count][own[:count]]), list(lines[count:][own[count:]])


def _beaches(water: Any, rng: np.random.Generator) -> list[Any]:
    """Strips of sand along a part of the shore of large waters, on the land's side."""
    beaches = []
    for part in shapely.get_parts(water):
        if part.area < 60_000 or rng.random() < 0.45:
            continue
        middle = part.boundary.interpolate(rng.random(), normalized=True)
        reach = middle.buffer(rng.uniform(150, 900))
        strip = part.buffer(rng.uniform(10, 34)).difference(water).intersection(reach)
        inner = strip.intersection(FRAME).buffer(-1.5).buffer(1.5)
        beaches += [piece for piece in shapely.get_parts(inner) if piece.area > 600]
    return beaches


def _plots(
    lines: dict[str, list[Any]], water: Any, beaches: list[Any], cells: list[Cell]
) -> list[tuple[Any, str]]:
    """The ground that roads, rails and water leave, in pieces, with the use of its cell."""
    taken = [
        water.buffer(4),
        *beaches,
        corridors(lines, ("motorway",), 3.0),
        corridors(lines, ("main_road",), 3.5),
        corridors(lines, ("street",), 2.0),
        shapely.union_all([*lines["railway"], *lines["rail_yard"]]).buffer(5),
        shapely.union_all(lines["stream"]).buffer(5),
    ]
    plots = shapely.get_parts(FRAME.difference(shapely.union_all(taken)))
    plots = plots[shapely.area(plots) > 60]
    uses = np.full(len(plots), "verge", dtype="U16")
    tree = shapely.STRtree([cell.shape for cell in cells])
    own, home = tree.query(shapely.point_on_surface(plots), predicate="intersects")
    uses[own] = [cells[index].use for index in home]
    return list(zip(plots, uses.tolist(), strict=True))
