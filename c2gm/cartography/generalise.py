"""Generalisation: the vectors of the world become the vectors of one zoom.

Every zoom is derived from the source, never from another zoom, and tolerances only grow towards
lower zooms: what is drawn at a zoom is drawn there at the next one too, except built-up areas,
which turn into their buildings.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely

from ..grid import HALF_WORLD, mercator_resolution
from .map_objects import MapObjects
from .roads import merge_twins
from .selection import drop_dead_ends, drop_orphans, thin_parallels
from .style import AreaSymbol, MapStyle, Style, built_in_style

Shapes = np.ndarray[Any, np.dtype[np.object_]]
_AMPLE = 4.0  # times the least area: such a polygon is not lost by simplification
_ROADS = ("driveway", "service", "street", "main_road", "motorway")
_OPEN = "park"  # a large one is a hole in the built-up area, also where no zoom draws it


def generalise(
    objects: MapObjects, zoom: int, style: Style | None = None, *, metre: float | None = None
) -> MapObjects:
    """The objects that the map of a zoom shows, in the form in which it shows them.

    Args:
        objects: the whole world in metres of EPSG:3857.
        zoom: zoom of 256 px tiles.
        style: by default the house style.
        metre: length of a metre on the ground in metres of EPSG:3857, by default that of the
            latitude of the objects.

    Returns:
        Objects in metres of EPSG:3857; kinds that the zoom does not show are missing.
    """
    style = style or built_in_style()
    symbols, pixel = style.at(zoom), mercator_resolution(zoom)
    if metre is None:
        metre = 1.0 / math.cos(math.radians(_latitude(objects)))
    sources = {kind: _polygons(shapes) for kind, shapes in objects.areas.items()}
    areas: dict[str, Shapes] = {}
    for symbol in symbols.areas:
        shapes = _area_shapes(sources, symbol, pixel, metre)
        shapes = shapes[_occur_nearer(shapes, sources, symbol, style, zoom, metre)]
        if len(shapes):
            areas[symbol.kind] = shapes
    lines = _generalised_lines(objects, symbols, pixel)
    trees = objects.trees if symbols.tree_diameter else np.zeros((0, 2))
    return MapObjects(areas=areas, lines=lines, trees=trees)


def _area_shapes(
    sources: dict[str, Shapes], symbol: AreaSymbol, pixel: float, metre: float
) -> Shapes:
    """The areas of one kind; built-up areas from land use and buildings together."""
    nothing = np.zeros(0, dtype=object)
    shapes = sources.get(symbol.kind, nothing)
    if symbol.closing_metres:
        shapes = _cut_out(shapes, sources.get(_OPEN, nothing), symbol.least_hole * pixel**2)
        grown = _closed(sources.get("building", nothing), symbol.closing_metres * metre)
        shapes = np.concatenate([shapes, grown])
    return _generalised_area(shapes, symbol, pixel=pixel, metre=metre)


def _occur_nearer(
    shapes: Shapes,
    sources: dict[str, Shapes],
    symbol: AreaSymbol,
    style: Style,
    zoom: int,
    metre: float,
) -> np.ndarray:
    """Which areas of a zoom have something of them at all higher zooms that draw the kind.

    Closing can join specks to an area that is large enough at a low zoom, while at a higher one
    they stay apart and are dropped. Built-up areas turn into their buildings and are not asked.
    """
    occurs = np.ones(len(shapes), dtype=bool)
    if symbol.closing_metres:
        return occurs
    polygons = sources.get(symbol.kind, np.zeros(0, dtype=object))
    for nearer in style.zooms:
        finer = nearer.area(symbol.kind)
        if nearer.zoom <= zoom or finer is None:
            continue
        pixel = mercator_resolution(nearer.zoom)
        # A polygon that is large enough by itself spares the work on those round it.
        ample = shapely.area(polygons) > _AMPLE * finer.least_area * pixel**2
        large = polygons[ample & (not (finer.opening or finer.opening_metres))]
        occurs_large = np.zeros(len(shapes), dtype=bool)
        occurs_large[shapely.STRtree(large).query(shapes, predicate="intersects")[0]] = True
        doubtful = np.flatnonzero(occurs & ~occurs_large)
        if not len(doubtful):
            continue
        reach = 2.0 * finer.closing * pixel
        near = shapely.STRtree(polygons).query(shapes[doubtful], "dwithin", distance=reach)[1]
        found = _area_shapes({symbol.kind: polygons[np.unique(near)]}, finer, pixel, metre)
        occurs[doubtful] = False
        occurs[doubtful[shapely.STRtree(found).query(shapes[doubtful], "intersects")[0]]] = True
    return occurs


def _latitude(objects: MapObjects) -> float:
    """Latitude of the middle of all objects, degrees."""
    arrays = [a for a in (*objects.areas.values(), *objects.lines.values()) if len(a)]
    bounds = [shapely.total_bounds(a) for a in arrays]
    ys = [y for b in bounds for y in (b[1], b[3]) if math.isfinite(y)]
    ys += [float(y) for y in objects.trees[:, 1]]
    if not ys:
        return 0.0
    middle = (min(ys) + max(ys)) / 2
    return math.degrees(math.atan(math.sinh(middle / HALF_WORLD * math.pi)))


def _polygons(shapes: Shapes | None) -> Shapes:
    """Valid single polygons of areas; what is no area falls away."""
    if shapes is None or not len(shapes):
        return np.zeros(0, dtype=object)
    shapes = np.asarray(shapes, dtype=object)
    shapes = np.where(shapely.is_valid(shapes), shapes, shapely.make_valid(shapes))
    parts = shapely.get_parts(shapely.get_parts(shapes))
    polygons: Shapes = parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)]
    return polygons


def _cut_out(shapes: Shapes, others: Shapes, least_area: float) -> Shapes:
    """The shapes without those others that are at least so large where they are joined."""
    joined = _polygons(shapely.get_parts(shapely.union_all(others)))
    large = joined[shapely.area(joined) >= least_area]
    hit, by = shapely.STRtree(large).query(shapes, predicate="intersects")
    if not len(hit):
        return shapes
    cut = shapes.copy()
    for index in np.unique(hit):
        cut[index] = shapely.difference(shapes[index], shapely.union_all(large[by[hit == index]]))
    return _polygons(cut)


def _closed(shapes: Shapes, distance: float) -> Shapes:
    """Grown together over gaps of twice the distance, corners kept."""
    if not len(shapes):
        return shapes
    grown = shapely.buffer(shapes, distance, join_style="mitre", mitre_limit=2.0)
    joined = shapely.get_parts(shapely.union_all(grown))
    return _polygons(shapely.buffer(joined, -distance, join_style="mitre", mitre_limit=2.0))


def _opened(shapes: Shapes, distance: float) -> Shapes:
    """Without the parts that are thinner than twice the distance, corners kept."""
    thinned = _polygons(shapely.buffer(shapes, -distance, join_style="mitre", mitre_limit=2.0))
    regrown = shapely.buffer(thinned, distance, join_style="mitre", mitre_limit=2.0)
    return _polygons(shapely.get_parts(shapely.union_all(regrown)))


def _generalised_area(shapes: Shapes, symbol: AreaSymbol, *, pixel: float, metre: float) -> Shapes:
    """Join, close, open, drop the small, fill small holes, simplify, smooth."""
    if not len(shapes):
        return shapes
    least_hole = symbol.least_hole * pixel**2
    if symbol.closing:
        shapes = _closed(shapes, symbol.closing * pixel)
    elif symbol.kind != "building":
        shapes = _polygons(shapely.get_parts(shapely.union_all(shapes)))
    opening = symbol.opening * pixel + symbol.opening_metres * metre
    shapes = _without_small_holes(shapes, least_hole)
    if opening:
        shapes = _without_small_holes(_opened(shapes, opening), least_hole)
    shapes = shapes[shapely.area(shapes) >= symbol.least_area * pixel**2]
    shapes = _polygons(shapely.simplify(shapes, symbol.simplify * pixel))
    if symbol.smoothing:
        rounded = smooth_polygons(shapes, symbol.smoothing, reach=2.0 * pixel)
        shapes = _polygons(shapely.simplify(rounded, 0.1 * pixel))
    return shapes


def _without_small_holes(shapes: Shapes, least_area: float) -> Shapes:
    """The polygons with holes below an area filled."""
    filled = shapes.copy()
    for index in np.flatnonzero(shapely.get_num_interior_rings(shapes)):
        rings = shapely.get_rings(shapes[index])
        holes = [hole for hole in rings[1:] if shapely.area(shapely.polygons(hole)) >= least_area]
        filled[index] = shapely.polygons(rings[0], holes or None)
    return filled


def smooth_polygons(shapes: Shapes, rounds: int, *, reach: float) -> Shapes:
    """Polygons with their corners cut by Chaikin's rule.

    Args:
        shapes: polygons.
        rounds: how often corners are cut.
        reach: a cut begins at most so far from its corner, however long the edges are.
    """
    rings, owners = shapely.get_rings(shapes, return_index=True)
    if not len(rings):
        return shapes
    coordinates, ring_of = shapely.get_coordinates(rings, return_index=True)
    for _ in range(rounds):
        coordinates, ring_of = _cut_corners(coordinates, ring_of, reach)
    smoothed = shapely.linearrings(coordinates, indices=ring_of)
    polygons: Shapes = shapely.polygons(smoothed, indices=owners)
    return polygons


def _cut_corners(
    coordinates: np.ndarray, ring_of: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """One round of Chaikin on closed rings: each edge keeps its middle half, or more."""
    inside = ring_of[1:] == ring_of[:-1]
    start, end = coordinates[:-1][inside], coordinates[1:][inside]
    length = np.maximum(np.hypot(*(end - start).T), 1e-9)
    kept_back = (end - start) * np.minimum(0.25, reach / length)[:, None]
    cut = np.stack([start + kept_back, end - kept_back], axis=1).reshape(-1, 2)
    owner = np.repeat(ring_of[:-1][inside], 2)
    first = np.r_[True, owner[1:] != owner[:-1]]
    last = np.flatnonzero(np.r_[first[1:], True])
    # Each ring is closed again with its own first point.
    return (
        np.insert(cut, last + 1, cut[np.flatnonzero(first)], axis=0),
        np.insert(owner, last + 1, owner[last]),
    )


def _generalised_lines(objects: MapObjects, style: MapStyle, pixel: float) -> dict[str, Shapes]:
    """The lines that the style shows: twins merged, the small dropped, simplified."""
    shown: dict[str, Shapes] = {}
    for symbol in style.lines:
        shapes = _line_strings(objects.lines.get(symbol.kind))
        if symbol.dash:
            shapes = _line_strings(np.array([shapely.line_merge(shapely.multilinestrings(shapes))]))
        if symbol.twin_distance:
            shapes = merge_twins(shapes, symbol.twin_distance * pixel)
        if symbol.thinning:
            shapes = thin_parallels(shapes, symbol.thinning * pixel)
        shown[symbol.kind] = shapes
    shown = _without_stubs(shown, objects, style, pixel)
    simplified = {
        symbol.kind: _line_strings(shapely.simplify(shown[symbol.kind], symbol.simplify * pixel))
        for symbol in style.lines
    }
    return {kind: shapes for kind, shapes in simplified.items() if len(shapes)}


def _without_stubs(
    shown: dict[str, Shapes], objects: MapObjects, style: MapStyle, pixel: float
) -> dict[str, Shapes]:
    """The lines without short dead ends, and without pieces that hang together with nothing."""
    for symbol in style.lines:
        if symbol.dead_end:
            # Others as they were: those of the map may have been moved onto their twins.
            others = [
                _line_strings(objects.lines.get(other.kind))
                for other in style.lines
                if other.kind in _ROADS and other.kind != symbol.kind
            ]
            shown[symbol.kind] = drop_dead_ends(
                shown[symbol.kind], symbol.dead_end * pixel, others=np.concatenate(others)
            )
    least = {symbol.kind: symbol.orphan * pixel for symbol in style.lines}
    for network in (_ROADS, *((kind,) for kind in shown if kind not in _ROADS)):
        lines = {kind: shown[kind] for kind in network if kind in shown}
        shown.update(drop_orphans(lines, least))
    return shown


def _line_strings(shapes: Shapes | None) -> Shapes:
    """Single lines with a length."""
    if shapes is None or not len(shapes):
        return np.zeros(0, dtype=object)
    parts = shapely.get_parts(np.asarray(shapes, dtype=object))
    lines: Shapes = parts[(shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 0)]
    return lines
