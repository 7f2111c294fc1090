"""A small made-up town in metres of EPSG:3857, near 47 degrees north."""

import numpy as np
import pytest
import shapely

from c2gm.cartography.map_objects import MapObjects
from c2gm.grid import HALF_WORLD, PixelBox, mercator_resolution

EAST, NORTH = 1_060_000.0, 5_970_000.0  # south-west corner of the town
SIDE = 1500.0


def rectangle(x: float, y: float, width: float, height: float) -> shapely.Polygon:
    """A rectangle, metres from the corner of the town."""
    return shapely.box(EAST + x, NORTH + y, EAST + x + width, NORTH + y + height)


def line(*points: tuple[float, float]) -> shapely.LineString:
    """A line, metres from the corner of the town."""
    return shapely.LineString(np.array(points) + np.array([EAST, NORTH]))


def shapes(*geometries: object) -> np.ndarray:
    """Geometries as the array that `MapObjects` holds."""
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return array


def box_at(zoom: int, x: float, y: float, *, width: int, height: int | None = None) -> PixelBox:
    """A box of pixels round a place, metres from the corner of the town."""
    height = width if height is None else height
    resolution = mercator_resolution(zoom)
    column = round((EAST + x + HALF_WORLD) / resolution) - width // 2
    row = round((HALF_WORLD - NORTH - y) / resolution) - height // 2
    return PixelBox(zoom, column, row, column + width, row + height)


@pytest.fixture(scope="session")
def town() -> MapObjects:
    """Every kind of object: roads on a slant, houses, a wood with a clearing, a lake, trees."""
    rng = np.random.default_rng(7)
    houses = [
        rectangle(200 + 30 * i, 250 + 35 * j, 14 + 5 * rng.random(), 12 + 5 * rng.random())
        for i in range(25)
        for j in range(12)
    ]
    clearing = rectangle(1050, 1050, 150, 150).exterior.coords
    wood = shapely.Polygon(rectangle(950, 950, 400, 400).exterior.coords, [clearing])
    lake = shapely.Point(EAST + 300, NORTH + 1150).buffer(180)
    return MapObjects(
        areas={
            "farmland": shapes(rectangle(0, 900, 900, 600)),
            "built_up": shapes(rectangle(180, 230, 780, 450)),
            "sand": shapes(rectangle(1200, 300, 200, 150)),
            "park": shapes(rectangle(1000, 300, 150, 150), rectangle(1000, 500, 90, 40)),
            "wood": shapes(wood),
            "water": shapes(lake),
            "road_area": shapes(rectangle(1150, 600, 300, 25)),
            "building": shapes(*houses),
        },
        lines={
            "stream": shapes(line((480, 1150), (900, 1000), (1500, 900))),
            "rail_yard": shapes(line((0, 90), (600, 90))),
            "railway": shapes(line((0, 60), (1500, 140))),
            "motorway": shapes(
                line((0, 760), (700, 790), (1500, 800)), line((0, 785), (700, 815), (1500, 825))
            ),
            "main_road": shapes(
                line((0, 200), (750, 220), (1500, 180)), line((970, 0), (985, 1500))
            ),
            "street": shapes(
                *[line((190 + 90 * i, 215), (192 + 90 * i, 700)) for i in range(8)],
                line((170, 450), (985, 455)),
                line((400, 700), (400, 715)),
            ),
            "service": shapes(line((1000, 205), (1010, 560), (1200, 600))),
            "driveway": shapes(line((1200, 350), (1390, 350)), line((1200, 400), (1390, 400))),
            "track": shapes(line((985, 900), (1400, 1000), (1450, 1500))),
            "footpath": shapes(line((1000, 300), (1100, 420), (1150, 450))),
        },
        trees=np.array([[EAST + 1010 + 12 * i, NORTH + 470] for i in range(10)]),
    )
