"""Vectors from class rasters: hand-made masks become the objects of a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely

from ..errors import VectorError
from .generalise import smooth_polygons
from .map_objects import MapObjects
from .vectors import to_mercator

Shapes = np.ndarray[Any, np.dtype[np.object_]]

# Class numbers of the masks; a raster without classes above 5 has all its plants in class 5.
_KINDS = {1: "water", 3: "road_area", 4: "building", 5: "wood", 6: "park", 7: "sand", 8: "farmland"}
_LAST_SIMPLE_CLASS = 5
_LEAST_PIXELS = {"building": 12, "road_area": 40, "water": 20}
_LEAST_PIXELS_ELSE = 25
_GAP = 3.5  # px: unlabelled ground nearer than this to a label belongs to it


def vectorise_classes(path: str | Path) -> MapObjects:
    """Draw around the classes of a raster.

    Classes are 1 water, 2 bare land, 3 road, 4 building, 5 plants, or, where a class above 5
    occurs, 5 trees, 6 grass, 7 other paved ground, 8 farmland. Bare land, 0 (unlabelled) and higher
    numbers are ground. Narrow unlabelled gaps take the class beside them, specks fall away.

    Args:
        path: one-band raster with a coordinate system.

    Returns:
        Areas in metres of EPSG:3857; roads are `road_area`.

    Raises:
        VectorError: the raster cannot be read or has no coordinate system.
    """
    import rasterio

    try:
        with rasterio.open(path) as source:
            classes = source.read(1)
            crs, transform = source.crs, source.transform
    except rasterio.errors.RasterioIOError as error:
        raise VectorError(f"{path} cannot be read as a class raster: {error}") from error
    if crs is None:
        raise VectorError(f"The class raster {path} does not say its coordinate system.")
    present = np.unique(classes)
    kinds = {number: kind for number, kind in _KINDS.items() if number in present}
    if 5 in kinds and present.max() <= _LAST_SIMPLE_CLASS:
        kinds[5] = "park"
    classes = _cleaned(classes)
    corner = np.array([transform.c, transform.f])
    axes = np.array([[transform.a, transform.d], [transform.b, transform.e]])

    def place(points: np.ndarray) -> np.ndarray:
        return to_mercator(points @ axes + corner, crs.to_string())

    areas: dict[str, Shapes] = {}
    for number, kind in kinds.items():
        shapes = _outlines(classes == number, kind)
        if len(shapes):
            areas[kind] = shapely.transform(shapes, place)
    return MapObjects(areas=areas)


def _cleaned(classes: np.ndarray) -> np.ndarray:
    """Classes without narrow unlabelled gaps."""
    from scipy import ndimage

    distance, (rows, columns) = ndimage.distance_transform_edt(classes == 0, return_indices=True)
    filled: np.ndarray = np.where(distance <= _GAP, classes[rows, columns], classes)
    return filled


def _outlines(mask: np.ndarray, kind: str) -> Shapes:
    """Polygons round the True pixels, in pixels of the raster, without steps and specks."""
    from rasterio.features import shapes as raster_shapes
    from scipy import ndimage

    if kind != "building":
        # The majority of 5 x 5 pixels takes off hairs and steps of the brush.
        mask = ndimage.uniform_filter(mask.astype(np.float32), size=5) > 0.5
    found = [
        shapely.polygons(
            shapely.linearrings(np.array(shape["coordinates"][0])),
            [shapely.linearrings(np.array(hole)) for hole in shape["coordinates"][1:]] or None,
        )
        for shape, value in raster_shapes(mask.astype(np.uint8), mask=mask)
        if value == 1
    ]
    outlines = np.array(found, dtype=object)
    least = _LEAST_PIXELS.get(kind, _LEAST_PIXELS_ELSE)
    outlines = outlines[shapely.area(outlines) >= least] if len(outlines) else outlines
    if kind == "building":
        return _regularised(outlines)
    outlines = shapely.simplify(outlines, 1.1)
    return smooth_polygons(outlines, 1, reach=2.0)


def _regularised(buildings: Shapes) -> Shapes:
    """Buildings as rectangles where they nearly are, else with straightened edges."""
    if not len(buildings):
        return buildings
    rectangles = shapely.oriented_envelope(buildings)
    plain = shapely.area(buildings) >= 0.85 * shapely.area(rectangles)
    plain &= shapely.get_num_interior_rings(buildings) == 0
    straightened = shapely.simplify(buildings, 1.5)
    shapes: Shapes = np.where(plain, _scaled_to(rectangles, buildings), straightened)
    return shapes


def _scaled_to(rectangles: Shapes, buildings: Shapes) -> Shapes:
    """The rectangles shrunk about their middle to the area of the buildings."""
    factor = np.sqrt(shapely.area(buildings) / shapely.area(rectangles))
    centre = shapely.get_coordinates(shapely.centroid(rectangles))
    points, owner = shapely.get_coordinates(rectangles, return_index=True)
    scaled = centre[owner] + (points - centre[owner]) * factor[owner, None]
    moved: Shapes = shapely.set_coordinates(rectangles.copy(), scaled)
    return moved
