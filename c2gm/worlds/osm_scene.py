"""A scene over real vectors: what a map tells, and plausible ground, growth and roofs between."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from ..cartography.map_objects import MapObjects
from .crowns import crown_groups
from .footprints import house_roofs, house_shadows
from .nearness import within
from .osm_growth import planted
from .osm_layers import ground_layers, markings, materials
from .osm_parts import Bounds, GroundIndex, GroundParts, Look
from .palette import Colour, palette
from .roofs import sun_of
from .scene import Scene
from .shapes import shape_set
from .traffic import car_shapes, cars_on_parks, cars_on_roads

GROUNDS_KEPT = 9


class SceneMaker:
    """Makes scenes of any part of the same objects; two scenes agree where they overlap."""

    def __init__(self, objects: MapObjects, look: Look) -> None:
        """Take objects in metres on the ground from any origin."""
        self._look = look
        self._index = GroundIndex(objects, look)
        self._grown = lru_cache(GROUNDS_KEPT)(self._ground)

    def scene(self, bounds: Bounds) -> Scene:
        """The scene within bounds (left, bottom, right, top), metres."""
        ground, trees = self._grown(bounds)
        look = self._look
        rng = np.random.default_rng([look.seed, 3])
        colours = palette(look.climate, rng)
        sun = sun_of(look.seed)
        background = _rounded(colours.ground["verge"][1])
        cars, car_colours = _cars(ground, look.seed)
        shapes = ground.houses.shapes
        return Scene(
            palette=colours,
            sun=sun,
            background=background,
            ground=ground_layers(ground, colours, look),
            markings=markings(ground, look.seed),
            materials=materials(ground, look.seed),
            crowns=crown_groups(trees, colours, look.seed),
            roofs=house_roofs(ground.houses, colours, sun, look.seed),
            footprints=shape_set(shapes, np.array([0, 0, 0])),
            shadows=shape_set(house_shadows(ground.houses, sun), np.array([0, 0, 255])),
            cars=shape_set(cars, car_colours),
            car_shadows=shape_set(
                shapely.transform(cars, lambda c: c - sun.towards * 1.1), np.array([0, 0, 255])
            ),
            relief=look.relief,
        )

    def free_trees(self, bounds: Bounds) -> np.ndarray:
        """Trees within bounds that stand in no wood: x, y and radius, float64 [n,3]."""
        ground, trees = self._grown(bounds)
        left, bottom, right, top = bounds
        x, y = trees[:, 0], trees[:, 1]
        inside = (x >= left) & (x < right) & (y >= bottom) & (y < top)
        wood = within(trees[:, :2], ground.area("wood").shapes)
        found: np.ndarray = trees[inside & ~wood]
        return found

    def _ground(self, bounds: Bounds) -> tuple[GroundParts, np.ndarray]:
        ground = self._index.parts(bounds)
        return ground, planted(ground, self._look)


def _cars(ground: GroundParts, seed: int) -> tuple[Any, np.ndarray]:
    moving, parked = (
        cars_on_roads(ground.lines, seed),
        cars_on_parks(ground.area("car_park").shapes, seed),
    )
    places = np.concatenate([moving[0], parked[0]])
    return car_shapes(places, np.concatenate([moving[1], parked[1]]), seed)


def _rounded(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in colour)
    return red, green, blue
