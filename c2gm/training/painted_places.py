"""Records of painted imagery over real vectors: where, in which look, under which name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import mercantile
import numpy as np
import shapely

from ..cartography.map_objects import MapObjects
from ..grid import TileRange, bounds_of
from ..worlds.osm_ground import PaintedGround
from ..worlds.osm_parts import Look
from .build_records import WINDOWS_PER_ZOOM, ground_records
from .ground import Ground
from .records import Record, write_shard

Degrees = tuple[float, float, float, float]
ATTRIBUTION = "(c) OpenStreetMap contributors"
FIRST_NEAR_ZOOM = 16
CORE_MARGIN = 250.0  # metres of EPSG:3857


@dataclass(frozen=True)
class PaintedPlace:
    """Ground of one shard and how it looks.

    Attributes:
        name: of the place, "osm-" and a number.
        bounds: (west, south, east, north) in degrees.
        look: climate, seed and growth.
        zooms: of its records; zoom 14 needs two zoom-14 tiles a side.
    """

    name: str
    bounds: Degrees
    look: Look
    zooms: tuple[int, ...] = (14, 15, 16, 17, 18)


def painted_ground(objects: MapObjects, place: PaintedPlace) -> Ground:
    """Ground that a place's records are cut from; its map shows the trees that were painted."""
    imagery = PaintedGround(
        objects, place.bounds, place.look, name=place.name, attribution=ATTRIBUTION
    )
    return Ground(
        place=place.name,
        imagery=imagery,
        objects=imagery.mapped_objects(),
        bounds=place.bounds,
        zooms=place.zooms,
    )


def built_up_blocks(objects: MapObjects, count: int, *, side: int) -> Iterator[Degrees]:
    """Bounds of the squares of `side` zoom-14 tiles that hold most buildings, no tile twice."""
    middles = shapely.get_coordinates(shapely.centroid(objects.areas["building"]))
    tiles = np.array(
        [mercantile.tile(*mercantile.lnglat(x, y), 14)[:2] for x, y in middles.tolist()]
    )
    blocks, sizes = np.unique(tiles // side, axis=0, return_counts=True)
    for x, y in (blocks[np.argsort(-sizes)][:count] * side).tolist():
        yield bounds_of(TileRange(14, x, y, x + side - 1, y + side - 1))


def built_up_core(objects: MapObjects, bounds: Degrees) -> Degrees:
    """The part of bounds that holds the middle four fifths of the buildings, and some more."""
    middles = shapely.get_coordinates(shapely.centroid(objects.areas["building"]))
    west, south, east, north = bounds
    low, high = np.array(mercantile.xy(west, south)), np.array(mercantile.xy(east, north))
    inside = middles[((middles > low) & (middles < high)).all(1)]
    first, last = np.quantile(inside, (0.1, 0.9), axis=0) if len(inside) else (low, high)
    first, last = np.maximum(first - CORE_MARGIN, low), np.minimum(last + CORE_MARGIN, high)
    return (*mercantile.lnglat(*first), *mercantile.lnglat(*last))


def painted_records(
    objects: MapObjects, place: PaintedPlace, windows_per_zoom: dict[int, int]
) -> list[Record]:
    """Records of a place: high zooms where most is built, low zooms anywhere."""
    rng = np.random.default_rng(place.look.seed)
    ground = painted_ground(objects, place)
    near = tuple(zoom for zoom in place.zooms if zoom >= FIRST_NEAR_ZOOM)
    wide_zooms = tuple(zoom for zoom in place.zooms if zoom < FIRST_NEAR_ZOOM)
    core = replace(ground, bounds=built_up_core(objects, place.bounds), zooms=near)
    wide = replace(ground, zooms=wide_zooms)
    return [
        *ground_records(core, windows_per_zoom, rng),
        *ground_records(wide, windows_per_zoom, rng),
    ]


def build_painted_shards(
    out: Path,
    objects: MapObjects,
    places: Iterable[PaintedPlace],
    windows_per_zoom: dict[int, int] = WINDOWS_PER_ZOOM,
) -> None:
    """One shard a place; those that are there are kept, so it can be stopped and resumed."""
    for place in places:
        folder = out / place.name
        if not folder.exists():
            write_shard(folder, painted_records(objects, place, windows_per_zoom))
