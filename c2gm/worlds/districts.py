"""A district laid out: the ground between roads, from its shape to every building and tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from .bridges import street_bridges
from .cells import Cell, cut_cells
from .chance import generator
from .country import Country
from .district_ground import (
    DistrictGround,
    middle_of,
    open_pieces,
    polygons,
    town_ground,
    with_woods,
)
from .layout import Layout, corridors
from .planner import Planner
from .planting import plant
from .profiles import Profile
from .relief import Bounds
from .roads import District
from .settlements import TOWN, Settlement
from .streets import STREET_RULES, cell_streets
from .trunk import Skeleton
from .trunk_lines import TrunkLines
from .waters import Reach

ROOM = 80.0  # metres beyond a district whose roads and waters its picture needs
FRONTAGE = 30.0
_NEAR_A_ROAD = 14.0
_END_MEETS = 6.0  # metres: cuts reach a little beyond the border of their cell
_ALLEYS = {  # share of the short streets that are alleys or yard roads
    "old": 0.3,
    "perimeter": 0.12,
    "terraces": 0.12,
    "slabs": 0.25,
    "commercial": 0.2,
    "industry": 0.2,
}
_LINE_KINDS = ("motorway", "main_road", "street", "service", "driveway", "track", "footpath")


@dataclass(frozen=True)
class DistrictPlan:
    """A district laid out.

    Attributes:
        layout: all that its picture shows, borrowed lines of neighbours included.
        lines: its own lines by kind.
    """

    layout: Layout
    lines: dict[str, list[Any]]


def plan_district(country: Country, district: District) -> DistrictPlan:
    """Lay out a district; the same for the same country and district."""
    rng = generator(country.seed, 70, *district.key[0], *district.key[1])
    bounds = grown(district.shape.bounds, ROOM)
    trunks = country.trunks.within(bounds)
    still = country.waters.still(bounds)
    running = country.waters.reaches(bounds)
    water, streams = _waters(running, bounds, still)
    settlements = country.settlements.within(district.shape.bounds)
    ground = DistrictGround(country, settlements, town_ground(district, settlements, rng), rng)
    islands = country.roundabouts.islands(bounds)
    pieces = open_pieces(district.shape, water, trunks, streams, islands)
    cells, cuts = cut_cells(pieces, ground)
    cells = with_woods(country, cells)
    lines = _lines(country, district, trunks, streams, bounds)
    borrowed = {kind: len(shapes) for kind, shapes in lines.items()}
    border = _border(country, district)
    added = _streets(border, district.shape, cells, cuts, rng)
    blocked = shapely.union_all([still, *trunks.axes, *trunks.ramps, *trunks.railways])
    added += _bridges(country, district, running, added, ground.town, blocked)
    _add_streets(lines, added, border)
    planner = Planner(country.climate, lines, rng, frontage=FRONTAGE)
    beaches = _beaches(country, district, still, lines)
    for beach in beaches:
        planner.plan(beach, "beach")
    otherwise = "open" if country.climate == "desert" else "fields"
    for plot, use in _plots(district.shape, lines, water, beaches, cells, otherwise=otherwise):
        planner.plan(plot, use)
    _add_farms(planner, rng)
    planner.finish()
    trees = plant(
        planner.parcels,
        lines,
        planner.buildings,
        water,
        density=country.tree_density,
        extra=planner.hedgerows,
        rng=rng,
    )
    trees = trees[shapely.contains_xy(district.shape, trees[:, :2])]
    layout = Layout(
        profile=_profile(country, settlements, district),
        skeleton=_skeleton(trunks, water, lines),
        water=water,
        lines=lines,
        parcels=planner.parcels,
        buildings=planner.buildings,
        trees=trees,
        built_up=planner.built_up,
        details=planner.details,
        outline=district.shape,
    )
    own = {kind: shapes[borrowed[kind] :] for kind, shapes in lines.items()}
    own["stream"] = [part for s in streams for part in _parts_inside(s, district.shape)]
    return DistrictPlan(layout, own)


def grown(bounds: Bounds, metres: float) -> Bounds:
    """Bounds with `metres` more on each side."""
    return bounds[0] - metres, bounds[1] - metres, bounds[2] + metres, bounds[3] + metres


def _parts_inside(line: Any, shape: Any) -> list[Any]:
    parts = shapely.get_parts(line.intersection(shape))
    return [part for part in parts if shapely.get_type_id(part) == 1 and part.length > 0.5]


def _waters(reaches: list[Reach], bounds: Bounds, still: Any) -> tuple[Any, list[Any]]:
    """(all water with an area, streams)."""
    rivers = [r.line.buffer(r.width / 2) for r in reaches if r.width]
    water = shapely.union_all([still, *rivers]).intersection(shapely.box(*bounds))
    dry = [r.line.difference(water) for r in reaches if not r.width]
    parts = shapely.get_parts(shapely.clip_by_rect(np.array(dry, dtype=object), *bounds))
    streams = [p for p in shapely.get_parts(parts) if shapely.get_type_id(p) == 1 and p.length > 5]
    return water, streams


def _lines(
    country: Country, district: District, trunks: TrunkLines, streams: list[Any], bounds: Bounds
) -> dict[str, list[Any]]:
    """Lines that the district borrows: its border roads and what crosses it."""
    lines: dict[str, list[Any]] = {kind: [] for kind in _LINE_KINDS}
    lines["motorway"] = [*trunks.carriageways, *trunks.ramps]
    for road in country.roads.within(bounds):
        lines[road.kind].extend(country.roundabouts.parts(road))
    lines["railway"], lines["rail_yard"] = list(trunks.railways), list(trunks.yards)
    lines["stream"] = list(streams)
    return lines


def _border(country: Country, district: District) -> list[Any]:
    """What is there of the roads round a district into which streets may open."""
    roads = (road for road in district.roads if road.kind != "track")
    return [part for road in roads for part in country.roundabouts.parts(road)]


def _streets(
    border: list[Any],
    shape: Any,
    cells: list[Cell],
    cuts: list[tuple[str, Any]],
    rng: np.random.Generator,
) -> list[tuple[str, Any]]:
    """Roads (kind, line) that fill the cells, and those that cut them."""
    inside = shape.buffer(0.3)  # beyond the border the neighbour would not know of them
    added = [(kind, part) for kind, line in cuts for part in _parts_inside(line, inside)]
    roads = shapely.union_all([*border, *(line for _, line in added)])
    for cell in cells:
        rule = STREET_RULES.get(cell.use)
        if rule is not None:
            streets = cell_streets(cell.shape, rule, heading=cell.heading, roads=roads, rng=rng)
            share = _ALLEYS.get(cell.use, 0.0)
            added += [
                ("service" if street.length < 110 and rng.random() < share else "street", street)
                for street in streets
            ]
    return added


def _bridges(
    country: Country,
    district: District,
    running: list[Reach],
    roads: list[tuple[str, Any]],
    town: Any,
    obstacles: Any,
) -> list[tuple[str, Any]]:
    """Streets over the waters of a town, of a chance of their own: dry towns stay as they are."""
    streets = [line for kind, line in roads if kind == "street"]
    waters = [(reach.line, reach.width) for reach in running]
    rng = generator(country.seed, 71, *district.key[0], *district.key[1])
    return [("street", b) for b in street_bridges(waters, streets, town, obstacles, rng)]


def _add_streets(
    lines: dict[str, list[Any]], added: list[tuple[str, Any]], border: list[Any]
) -> None:
    """Only what hangs together with the border's roads stays."""
    joined = _joined_to(np.array([line for _, line in added], dtype=object), border)
    kept = [road for road, there in zip(added, joined.tolist(), strict=True) if there]
    for kind, line in without_blind_main_roads(kept, border):
        lines[kind].append(line)


def without_blind_main_roads(
    roads: list[tuple[str, Any]], border: list[Any]
) -> list[tuple[str, Any]]:
    """The roads (kind, line); a main road with an end at which no other road begins is a street."""
    every = np.array([*(line for _, line in roads), *border], dtype=object)
    tree = shapely.STRtree(every)
    result = []
    for index, (kind, line) in enumerate(roads):
        if kind == "main_road":
            ends = shapely.points([line.coords[0], line.coords[-1]])
            end, other = tree.query(ends, "dwithin", distance=_END_MEETS)
            if len(set(end[other != index].tolist())) < len(ends):
                kind = "street"
        result.append((kind, line))
    return result


def _joined_to(lines: np.ndarray, border: list[Any]) -> np.ndarray:
    """Which lines hang together with a line of the border, bool [n]."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    every = np.concatenate([np.array(border, dtype=object), lines])
    if not len(lines) or not border:
        return np.zeros(len(lines), dtype=bool)
    first, second = shapely.STRtree(every).query(every, predicate="dwithin", distance=0.6)
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(every), len(every)))
    _, group = connected_components(links, directed=False)
    joined: np.ndarray = np.isin(group[len(border) :], group[: len(border)])
    return joined


def _beaches(
    country: Country, district: District, still: Any, lines: dict[str, list[Any]]
) -> list[Any]:
    """Strips of sand along parts of the shore of seas and large lakes, on the land's side."""
    large = shapely.union_all([part for part in polygons(still) if part.area > 60_000])
    if large.is_empty:
        return []
    sandy = country.beaches.within(district.shape.bounds)
    roads = corridors(lines, ("motorway", "main_road", "street"), 4.0)
    strip = large.buffer(22).difference(still).intersection(sandy).intersection(district.shape)
    return [
        part
        for part in polygons(strip.difference(roads).buffer(-1.5).buffer(1.5))
        if part.area > 600
    ]


def _plots(
    shape: Any,
    lines: dict[str, list[Any]],
    water: Any,
    beaches: list[Any],
    cells: list[Cell],
    *,
    otherwise: str,
) -> list[tuple[Any, str]]:
    """The ground that roads, rails and water leave, in pieces, with the use of its cell.

    What no road reaches is put to the use `otherwise` instead of a town's.
    """
    taken = shapely.union_all(
        [
            water.buffer(4),
            *beaches,
            corridors(lines, ("motorway",), 3.0),
            corridors(lines, ("main_road",), 3.5),
            corridors(lines, ("street",), 2.0),
            corridors(lines, ("service", "track"), 1.0),
            shapely.union_all([*lines["railway"], *lines["rail_yard"]]).buffer(5),
            shapely.union_all(lines["stream"]).buffer(5),
        ]
    )
    free = np.array(polygons(shape.difference(taken)), dtype=object)
    shapes = np.array([cell.shape for cell in cells], dtype=object)
    own, home = shapely.STRtree(free).query(shapes, predicate="intersects")
    pieces = shapely.intersection(shapes[own], free[home])
    plots = [
        (part, cells[cell].use)
        for piece, cell in zip(pieces.tolist(), own.tolist(), strict=True)
        for part in polygons(piece)
        if part.area > 60
    ]
    plots = _reached(plots, lines, otherwise)
    # what belongs to no cell: strips along waters, motorways and rails
    rest = shapely.difference(shapely.union_all(free), shapely.union_all(shapes))
    plots += [(part, "verge") for part in polygons(rest) if part.area > 20]
    return plots


def _reached(
    plots: list[tuple[Any, str]], lines: dict[str, list[Any]], otherwise: str
) -> list[tuple[Any, str]]:
    """The plots, those of towns put to another use where no road leads to them."""
    roads = shapely.STRtree(
        np.array(lines["street"] + lines["main_road"] + lines["service"], dtype=object)
    )
    shapes = np.array([plot for plot, _ in plots], dtype=object)
    near = set(roads.query(shapes, predicate="dwithin", distance=_NEAR_A_ROAD)[0].tolist())
    return [
        (plot, use if index in near or use not in STREET_RULES else otherwise)
        for index, (plot, use) in enumerate(plots)
    ]


def _add_farms(planner: Planner, rng: np.random.Generator) -> None:
    """Farms beside lanes and main roads, where fields lie."""
    area = sum(parcel.shape.area for parcel in planner.parcels if parcel.use == "fields")
    roads = planner.lines["street"] + planner.lines["main_road"]
    lanes = [line for line in roads if line.length > 150]
    for _ in range(rng.poisson(area / 350_000) if lanes else 0):
        planner.farm(lanes[int(rng.integers(len(lanes)))])


def _profile(country: Country, settlements: list[Settlement], district: District) -> Profile:
    """What the painter wants to know of the place."""
    x, y = middle_of(district.shape)
    near = [s for s in settlements if s.rank >= TOWN and s.share_of_reach(x, y)[0] < 1]
    return Profile(
        kind="old town" if near else "village",
        climate=country.climate,
        trunk="grid" if near and near[0].planned else "spokes",
        urban_radius=near[0].radius if near else 0.0,
        core_radius=near[0].core_radius if near else 0.0,
        quarters=near[0].quarters if near else ("villas", "villas", "villas"),
        water="none",
        motorway=False,
        railway=False,
        park_share=0.0,
        tree_density=country.tree_density,
    )


def _skeleton(trunks: TrunkLines, water: Any, lines: dict[str, list[Any]]) -> Skeleton:
    return Skeleton(
        water=water,
        axis=shapely.union_all(trunks.axes),
        carriageways=trunks.carriageways,
        ramps=trunks.ramps,
        railway=shapely.union_all(trunks.railways),
        yard=trunks.yards,
        main_roads=lines["main_road"],
        streams=lines["stream"],
    )
