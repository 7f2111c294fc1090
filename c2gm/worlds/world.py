"""A made-up world without end: from its seed, vectors and an aerial picture of any place.

The plane of EPSG:3857 is the world's ground, one metre of it one metre on the ground everywhere.
All is made district by district (the ground between roads, about two square kilometres), and a
district depends on the seed and its place alone: any box, asked in any order, shows the same.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mercantile
import numpy as np
import shapely

from ..cartography.map_objects import MapObjects
from ..errors import ImageryError
from ..grid import HALF_WORLD, HALO, LATENT_SIZE, TILE_SIZE, PixelBox
from .aerial import AerialPainter
from .canvas import Canvas
from .chance import generator
from .country import Country, country
from .districts import DistrictPlan, grown, plan_district
from .relief import Bounds
from .roads import District
from .roundabouts import LARGEST_RADIUS
from .scene import scene
from .settlements import CITY, TOWN, VILLAGE
from .shapes import ShapeSet, shape_set
from .vectors import district_areas

GENERATOR_VERSION = 2
LOWEST_ZOOM, HIGHEST_ZOOM = 14, 19
OBJECTS_MARGIN = 1000.0  # metres of objects round a box that generalisation wants to see
_SAMPLES_MARGIN = 400.0  # with this, zooms 14 and 15 differ a little near the rim
_SHARES_OF_SAMPLES = ((CITY, 0.3), (TOWN, 0.4), (VILLAGE, 0.2), (0, 0.1))
_KEPT_DISTRICTS = 96  # in memory; a zoom-14 window needs about nine
_SHORT = 30_000.0  # metres from the world's middle within which samples lie


class World:
    """The world of a seed.

    Attributes:
        seed: what decides everything.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._country: Country = country(seed)
        self._plan = lru_cache(maxsize=_KEPT_DISTRICTS)(self._planned)
        self._painter = lru_cache(maxsize=_KEPT_DISTRICTS)(self._painter_of)

    @property
    def climate(self) -> str:
        """Its climate: "temperate", "dry" or "desert"."""
        return self._country.climate

    def objects(self, bounds: Bounds) -> MapObjects:
        """All map objects that touch bounds, whole, metres of EPSG:3857.

        An object is the same whichever bounds it is asked by; areas are cut along the roads between
        districts. `world_map.WorldMap` draws the map, the same in any box; a map of the objects of
        a box and `OBJECTS_MARGIN` round it has the same content, but edges that are simplified
        from end to end may lie elsewhere by a fraction of a pixel, mostly at zoom 14.

        Args:
            bounds: (left, bottom, right, top) in metres of EPSG:3857.
        """
        areas: dict[str, list[Any]] = defaultdict(list)
        lines: dict[str, list[Any]] = defaultdict(list)
        trees = []
        for district in self._country.roads.districts(bounds):
            plan = self._plan(district)
            for kind, shapes in district_areas(plan.layout).items():
                areas[kind].extend(shapes)
            for kind, shapes in plan.lines.items():
                lines[kind].extend(shapes)
            trees.append(plan.layout.trees)
        for road in self._country.roads.within(grown(bounds, LARGEST_RADIUS)):
            lines[road.kind].extend(self._country.roundabouts.parts(road))
        trunks = self._country.trunks.within(bounds)
        lines["motorway"] += [*trunks.carriageways, *trunks.ramps]
        lines["railway"] += trunks.railways
        lines["rail_yard"] += trunks.yards
        grounds = [found for found in trees if len(found)]
        return _near(bounds, areas, lines, np.concatenate(grounds) if grounds else np.zeros((0, 3)))

    def picture(self, box: PixelBox) -> np.ndarray:
        """The aerial picture of a box at zooms 14 to 19, uint8 [H,W,3].

        Raises:
            ImageryError: a world has no picture at this zoom.
        """
        if not LOWEST_ZOOM <= box.zoom <= HIGHEST_ZOOM:
            raise ImageryError(
                f"World {self.seed} has no picture at zoom {box.zoom}. "
                f"Ask for zooms {LOWEST_ZOOM} to {HIGHEST_ZOOM}."
            )
        bounds = grown(box.mercator_bounds(), 1.0)
        districts = self._country.roads.districts(bounds)
        whole = shapely.box(*bounds)
        for district in districts:
            if district.shape.covers(whole):
                return self._painter(district)[0].paint(box)
        picture = np.zeros((box.height, box.width, 3), dtype=np.uint8)
        covered = np.zeros((box.height, box.width), dtype=np.uint8)
        for district in districts:
            self._paint_part(district, box, picture, covered)
        return picture

    def _paint_part(
        self, district: District, box: PixelBox, picture: np.ndarray, covered: np.ndarray
    ) -> None:
        """Paint the pixels of a district that it covers more than those before it did."""
        part = _pixels_of(district.shape.bounds, box)
        if part.width <= 0 or part.height <= 0:
            return
        painter, mask = self._painter(district)
        canvas = Canvas(part, _centre(box.zoom), (0, 0, 0))
        canvas.fill(mask)
        share = canvas.pixels()[..., 0]
        rows = slice(part.top - box.top, part.bottom - box.top)
        columns = slice(part.left - box.left, part.right - box.left)
        more = share > covered[rows, columns]
        if more.any():
            picture[rows, columns][more] = painter.paint(part)[more]
            covered[rows, columns][more] = share[more]

    def sample(self, index: int, *, tiles: int = 1) -> PixelBox:
        """Box of `tiles` x `tiles` tiles of zoom 14 near the equator, a place worth looking at.

        Mostly round towns, sometimes round villages or anywhere; never mostly sea.

        Args:
            index: other numbers are other places.
            tiles: side of the square.
        """
        rng = generator(self.seed, 90, index)
        topology = self._country.settlements.topology
        ranks = [rank for rank, _ in _SHARES_OF_SAMPLES]
        wanted = ranks[int(rng.choice(len(ranks), p=[share for _, share in _SHARES_OF_SAMPLES]))]
        reach = int(_SHORT / topology.spacing)
        for attempt in range(400):
            node = (int(rng.integers(-reach, reach)), int(rng.integers(-reach, reach)))
            rank = self._country.settlements.rank(node)
            if rank != wanted and (attempt < 300 or rank == 0):
                continue
            box = _tiles_round(topology.place(node), tiles, rng)
            if self._country.waters.still(box.mercator_bounds()).area < 0.45 * _area(box):
                return box
        return _tiles_round(topology.place((0, 0)), tiles, rng)

    def _planned(self, district: District) -> DistrictPlan:
        return plan_district(self._country, district)

    def _painter_of(self, district: District) -> tuple[AerialPainter, ShapeSet]:
        """(who paints a district, its ground as a white shape)."""
        layout = self._plan(district).layout
        painter = AerialPainter(
            scene(layout, self.seed),
            seed=self.seed,
            centre=_centre(14),
            heights=self._country.relief.height,
        )
        return painter, shape_set([district.shape], np.array([255, 255, 255]))


class WorldImagery:
    """A world's aerial picture as imagery, anywhere on Earth's grid.

    Attributes: those of `imagery.base.Imagery`.
    """

    native_zoom = 18
    attribution = "procedural world, C2GM"
    bounds = (-180.0, -85.0511287798066, 180.0, 85.0511287798066)

    def __init__(self, world: World) -> None:
        self.name = f"world {world.seed}"
        key = f"c2gm world {GENERATOR_VERSION} {world.seed}"
        self.fingerprint = hashlib.sha256(key.encode()).hexdigest()
        self._world = world

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of a box, see `imagery.base.Imagery.read`; zooms 14 to 19."""
        side = TILE_SIZE << box.zoom
        rgb = np.zeros((box.height, box.width, 3), dtype=np.uint8)
        valid = np.zeros((box.height, box.width), dtype=bool)
        top, bottom = max(box.top, 0), min(box.bottom, side)
        left = box.left
        while left < box.right and top < bottom:
            turn = left // side * side  # columns wrap round the world
            right = min(box.right, turn + side)
            part = PixelBox(box.zoom, left - turn, top, right - turn, bottom)
            rows, columns = (
                slice(top - box.top, bottom - box.top),
                slice(left - box.left, right - box.left),
            )
            rgb[rows, columns] = self._world.picture(part)
            valid[rows, columns] = True
            left = right
        return rgb, valid

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class WorldSample:
    """A part of a world with its truth, as training and tests want it.

    Attributes:
        imagery: the whole world's.
        objects: the map objects of `bounds` and the margin that their maps need.
        bounds: (west, south, east, north) in degrees: tiles of zoom 14 and the halo of a window.
    """

    imagery: WorldImagery
    objects: MapObjects
    bounds: Bounds


def world_sample(seed: int, *, index: int = 0, tiles: int = 2) -> WorldSample:
    """The place `index` of a world, `tiles` x `tiles` tiles of zoom 14, see `World.sample`.

    Its bounds reach past the tiles by a halo and one latent, so that zoom 14 has whole windows.
    """
    world = World(seed)
    bounds = world.sample(index, tiles=tiles).grown(HALO + LATENT_SIZE).mercator_bounds()
    objects = world.objects(grown(bounds, _SAMPLES_MARGIN))
    return WorldSample(WorldImagery(world), objects, degrees(bounds))


def _near(
    bounds: Bounds, areas: dict[str, list[Any]], lines: dict[str, list[Any]], trees: np.ndarray
) -> MapObjects:
    """What touches bounds."""
    box = shapely.box(*bounds)
    shapely.prepare(box)

    def kept(groups: dict[str, list[Any]]) -> dict[str, np.ndarray]:
        arrays = {kind: np.array(shapes, dtype=object) for kind, shapes in groups.items() if shapes}
        touching = {kind: array[box.intersects(array)] for kind, array in arrays.items()}
        return {kind: array for kind, array in touching.items() if len(array)}

    left, bottom, right, top = bounds
    x, y = trees[:, 0], trees[:, 1]
    inside = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
    return MapObjects(kept(areas), kept(lines), trees[inside, :2])


def _pixels_of(bounds: Bounds, box: PixelBox) -> PixelBox:
    """The pixels of a box that bounds touch."""
    left, bottom, right, top = bounds
    whole = box.mercator_bounds()
    resolution = (whole[2] - whole[0]) / box.width
    return PixelBox(
        box.zoom,
        max(box.left, int(np.floor((left + HALF_WORLD) / resolution)) - 1),
        max(box.top, int(np.floor((HALF_WORLD - top) / resolution)) - 1),
        min(box.right, int(np.ceil((right + HALF_WORLD) / resolution)) + 1),
        min(box.bottom, int(np.ceil((HALF_WORLD - bottom) / resolution)) + 1),
    )


def _centre(zoom: int) -> tuple[int, int]:
    """Column and row of the middle of the world's grid."""
    half = (TILE_SIZE << zoom) // 2
    return half, half


def _tiles_round(place: tuple[float, float], tiles: int, rng: np.random.Generator) -> PixelBox:
    side = 2 * HALF_WORLD / (1 << LOWEST_ZOOM)
    x = (place[0] + HALF_WORLD) / side - tiles / 2 + rng.uniform(-0.4, 0.4)
    y = (HALF_WORLD - place[1]) / side - tiles / 2 + rng.uniform(-0.4, 0.4)
    left, top = round(x) * TILE_SIZE, round(y) * TILE_SIZE
    return PixelBox(LOWEST_ZOOM, left, top, left + tiles * TILE_SIZE, top + tiles * TILE_SIZE)


def _area(box: PixelBox) -> float:
    left, bottom, right, top = box.mercator_bounds()
    return (right - left) * (top - bottom)


def degrees(bounds: Bounds) -> Bounds:
    """(west, south, east, north) of bounds in metres of EPSG:3857."""
    west, south = mercantile.lnglat(*bounds[:2])
    east, north = mercantile.lnglat(*bounds[2:])
    return west, south, east, north
