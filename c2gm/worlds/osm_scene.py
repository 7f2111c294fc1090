"""A scene over real vectors: what a map tells, and plausible ground, growth and roofs between."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from ..cartography.map_objects import MapObjects
from .crowns import crown_groups
from .footprints import house_roofs, house_shadows
from .nearness import within
from .osm_growth import planted
from .osm_layers import furrows, ground_layers, markings, textures
from .osm_parts import Bounds, GroundIndex, GroundParts, Look
from .palette import Colour, palette
from .roofs import Sun
from .scene import Scene
from .shapes import shape_set
from .traffic import car_shapes, cars_on_parks, cars_on_roads


class SceneMaker:
    """Makes scenes of any part of the same objects; two scenes agree where they overlap."""

    def __init__(self, objects: MapObjects, look: Look) -> None:
        """Take objects in metres on the ground from any origin."""
        self.look = look
        self._index = GroundIndex(objects, look)

    def scene(self, bounds: Bounds) -> Scene:
        """The scene within bounds (left, bottom, right, top), metres."""
        ground = self._index.parts(bounds)
        look = self.look
        rng = np.random.default_rng([look.seed, 3])
        colours = palette(look.climate, rng)
        turn = rng.uniform(0.15, 0.85) * np.pi * -1  # the sun stands in the south
        sun = Sun(np.array([np.cos(turn), np.sin(turn)]), float(rng.uniform(0.45, 1.5)))
        background = _rounded(colours.ground["yard"][0])
        cars, car_colours = _cars(ground, look.seed)
        shapes = ground.houses.shapes
        return Scene(
            palette=colours,
            sun=sun,
            background=background,
            ground=ground_layers(ground, colours, look),
            markings=markings(ground.lines),
            texture=textures(ground),
            fields=furrows(ground.areas.get("farmland", shapes[:0]), look.seed),
            crowns=crown_groups(planted(ground, look), colours, look.seed),
            roofs=house_roofs(ground.houses, colours, sun, look.seed),
            footprints=shape_set(shapes, np.array([50, 55, 0])),
            shadows=shape_set(house_shadows(ground.houses, sun), np.array([0, 0, 255])),
            cars=shape_set(cars, car_colours),
            car_shadows=shape_set(
                shapely.transform(cars, lambda c: c - sun.towards * 1.1), np.array([0, 0, 255])
            ),
        )

    def free_trees(self, bounds: Bounds) -> np.ndarray:
        """Trees within bounds that stand in no wood: x, y and radius, float64 [n,3]."""
        ground = self._index.parts(bounds)
        trees = planted(ground, self.look)
        left, bottom, right, top = bounds
        x, y = trees[:, 0], trees[:, 1]
        inside = (x >= left) & (x < right) & (y >= bottom) & (y < top)
        wood = within(trees[:, :2], ground.areas.get("wood"), 0.0)
        found: np.ndarray = trees[inside & ~wood]
        return found


def _cars(ground: GroundParts, seed: int) -> tuple[Any, np.ndarray]:
    moving, parked = cars_on_roads(ground.lines, seed), cars_on_parks(ground.car_parks, seed)
    places = np.concatenate([moving[0], parked[0]])
    return car_shapes(places, np.concatenate([moving[1], parked[1]]), seed)


def _rounded(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in colour)
    return red, green, blue
