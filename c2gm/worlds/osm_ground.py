"""Painted imagery over real vectors, for any box: scenes of zoom-14 tiles, made when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import mercantile
import numpy as np
import shapely
from mercantile import Tile

from ..cartography.map_objects import MapObjects
from ..errors import ImageryError
from ..grid import HALF_WORLD, TILE_SIZE, PixelBox, mercator_resolution
from .aerial import AerialPainter
from .osm_parts import Look
from .osm_scene import SceneMaker

PAINTER_VERSION = 2
SCENE_ZOOM = 14
LOWEST_ZOOM, HIGHEST_ZOOM = 14, 19
SCENES_KEPT = 9  # a few tens of MB each
MAP_MARGIN = 600.0  # metres of EPSG:3857: what generalisation and references reach out
SMALLEST_TREE = 1.8  # metres of radius; smaller growth is bushes, which no map shows


class PaintedGround:
    """Imagery (see `imagery.base.Imagery`): real vectors painted as seen from above."""

    native_zoom = 18

    def __init__(
        self,
        objects: MapObjects,
        bounds: tuple[float, float, float, float],
        look: Look,
        *,
        name: str,
        attribution: str,
    ) -> None:
        """Take objects in EPSG:3857 and the bounds (degrees) within which there is a picture."""
        self.name = name
        self.attribution = attribution
        self.bounds = bounds
        self._objects = objects
        key = f"c2gm painted ground {PAINTER_VERSION} {name} {bounds} {look}"
        self.fingerprint = hashlib.sha256(key.encode()).hexdigest()
        west, south, east, north = bounds
        middle = mercantile.tile((west + east) / 2, (south + north) / 2, SCENE_ZOOM)
        self._centre = (middle.x * TILE_SIZE, middle.y * TILE_SIZE)
        self._metre = 1 / float(np.cos(np.radians((south + north) / 2)))
        resolution = mercator_resolution(SCENE_ZOOM)
        column, row = self._centre
        self._origin = np.array([column * resolution - HALF_WORLD, HALF_WORLD - row * resolution])
        self._look = look
        self._maker = SceneMaker(self._on_ground(objects), look)
        self._painter = lru_cache(SCENES_KEPT)(self._painter_of)

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of a box and where the ground is, see `imagery.base.Imagery.read`."""
        if not LOWEST_ZOOM <= box.zoom <= HIGHEST_ZOOM:
            raise ImageryError(
                f"{self.name} has no picture at zoom {box.zoom}. "
                f"Ask for zooms {LOWEST_ZOOM} to {HIGHEST_ZOOM}."
            )
        rgb = np.zeros((box.height, box.width, 3), dtype=np.uint8)
        valid = np.zeros((box.height, box.width), dtype=bool)
        for tile, part in self._parts(box):
            rows = slice(part.top - box.top, part.bottom - box.top)
            columns = slice(part.left - box.left, part.right - box.left)
            rgb[rows, columns] = self._painter(tile).paint(part)
            valid[rows, columns] = True
        return rgb, valid

    def mapped_objects(self) -> MapObjects:
        """What a map of the picture is drawn from: the objects, and all painted trees."""
        whole = self._whole(SCENE_ZOOM)
        found = [self._maker.free_trees(self._bounds_of(tile)) for tile, _ in self._parts(whole)]
        trees = np.concatenate([np.zeros((0, 3)), *found])
        tall = trees[trees[:, 2] > SMALLEST_TREE, :2]
        places = tall * self._metre + self._origin
        near = _around(self._objects, self.bounds)
        return MapObjects(near.areas, near.lines, places)

    def close(self) -> None:
        """Forget the scenes."""
        self._painter.cache_clear()

    def _parts(self, box: PixelBox) -> Iterator[tuple[Tile, PixelBox]]:
        """The scenes' tiles that a box touches within the bounds, and its part of each."""
        whole = self._whole(box.zoom)
        left, top = max(box.left, whole.left), max(box.top, whole.top)
        right, bottom = min(box.right, whole.right), min(box.bottom, whole.bottom)
        size = TILE_SIZE << (box.zoom - SCENE_ZOOM)
        for y in range(top // size, -(-bottom // size)) if left < right and top < bottom else ():
            for x in range(left // size, -(-right // size)):
                yield (
                    Tile(x, y, SCENE_ZOOM),
                    PixelBox(
                        box.zoom,
                        max(left, x * size),
                        max(top, y * size),
                        min(right, (x + 1) * size),
                        min(bottom, (y + 1) * size),
                    ),
                )

    def _whole(self, zoom: int) -> PixelBox:
        west, south, east, north = self.bounds
        resolution = mercator_resolution(zoom)
        left, bottom = mercantile.xy(west, south)
        right, top = mercantile.xy(east, north)
        return PixelBox(
            zoom,
            round((left + HALF_WORLD) / resolution),
            round((HALF_WORLD - top) / resolution),
            round((right + HALF_WORLD) / resolution),
            round((HALF_WORLD - bottom) / resolution),
        )

    def _painter_of(self, tile: Tile) -> AerialPainter:
        scene = self._maker.scene(self._bounds_of(tile))
        return AerialPainter(scene, seed=self._look.seed, centre=self._centre, metre=self._metre)

    def _bounds_of(self, tile: Tile) -> tuple[float, float, float, float]:
        size = TILE_SIZE * mercator_resolution(SCENE_ZOOM) / self._metre
        left = (tile.x - self._centre[0] // TILE_SIZE) * size
        top = (self._centre[1] // TILE_SIZE - tile.y) * size
        return left, top - size, left + size, top

    def _on_ground(self, objects: MapObjects) -> MapObjects:
        """Objects in metres on the ground from the centre."""
        origin = self._origin

        def moved(shapes: Any) -> Any:
            return shapely.transform(shapes, lambda points: (points - origin) / self._metre)

        return MapObjects(
            areas={kind: moved(shapes) for kind, shapes in objects.areas.items()},
            lines={kind: moved(shapes) for kind, shapes in objects.lines.items()},
            trees=(objects.trees - origin) / self._metre,
        )


def _around(objects: MapObjects, bounds: tuple[float, float, float, float]) -> MapObjects:
    """The objects that touch bounds (degrees) and a margin, large areas cut."""
    west, south, east, north = bounds
    left, bottom = mercantile.xy(west, south)
    right, top = mercantile.xy(east, north)
    frame = shapely.box(left, bottom, right, top).buffer(MAP_MARGIN, cap_style="square")
    shapely.prepare(frame)

    def near(shapes: np.ndarray) -> np.ndarray:
        found = shapes[shapely.intersects(frame, shapes)]
        whole = shapely.covers(frame, found)
        cut = shapely.intersection(shapely.make_valid(found[~whole]), frame)
        parts = np.concatenate([found[whole], cut])
        kept: np.ndarray = parts[~shapely.is_empty(parts)]
        return kept

    areas = {kind: near(shapes) for kind, shapes in objects.areas.items()}
    lines = {kind: near(shapes) for kind, shapes in objects.lines.items()}
    return MapObjects(
        {kind: shapes for kind, shapes in areas.items() if len(shapes)},
        {kind: shapes for kind, shapes in lines.items() if len(shapes)},
        objects.trees,
    )
