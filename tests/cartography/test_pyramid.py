"""Tiles of a true map do not depend on the area they are asked with."""

import hashlib

import numpy as np
import pytest
from mercantile import Tile

from c2gm.cartography.map_objects import MapObjects
from c2gm.cartography.pyramid import Drawn, count_tiles, draw_pyramid, metatile_box, tile_groups
from c2gm.cartography.render import MapDrawing
from c2gm.errors import AreaError
from c2gm.grid import HALF_WORLD, Area, PixelBox, TileRange, tile_box
from c2gm.legend import LEGEND

from .conftest import EAST, NORTH, SIDE, rectangle, shapes

ZOOMS = (15, 16, 17)


def degrees(x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude, metres from the corner of the town."""
    lat = np.degrees(np.arctan(np.sinh((NORTH + y) / HALF_WORLD * np.pi)))
    return (EAST + x) / HALF_WORLD * 180, float(lat)


def area_of(left: float, bottom: float, right: float, top: float) -> Area:
    """Metres from the corner of the town."""
    return Area((*degrees(left, bottom), *degrees(right, top)), ZOOMS)


def drawn(objects: MapObjects, area: Area) -> dict[Tile, str]:
    tiles: dict[Tile, str] = {}

    def put(tile: Tile, pixels: np.ndarray) -> None:
        assert pixels.shape == (256, 256, 3) and pixels.dtype == np.uint8 and tile not in tiles
        tiles[tile] = hashlib.sha256(pixels.tobytes()).hexdigest()

    assert draw_pyramid(objects, area, put) == len(tiles)
    return tiles


@pytest.fixture(scope="module")
def whole_map(town: MapObjects) -> dict[Tile, str]:
    return drawn(town, area_of(0, 0, SIDE, SIDE))


@pytest.mark.parametrize("seed", range(6))
def test_tiles_are_the_same_to_the_last_byte_whatever_area_is_asked(
    town: MapObjects, whole_map: dict[Tile, str], seed: int
) -> None:
    left, right, bottom, top = np.random.default_rng(seed).uniform(0, SIDE, 4)
    left, right, bottom, top = (
        min(left, right),
        max(left, right),
        min(bottom, top),
        max(bottom, top),
    )
    part = drawn(town, area_of(left, bottom, right, top))
    assert part and part.items() <= whole_map.items()


def test_all_tiles_of_the_area_are_drawn(whole_map: dict[Tile, str]) -> None:
    area = area_of(0, 0, SIDE, SIDE)
    assert set(whole_map) == {tile for zoom in ZOOMS for tile in area.tiles(zoom)}
    assert count_tiles(area, at_most=len(whole_map)) == {
        zoom: len(area.tiles(zoom)) for zoom in ZOOMS
    }
    with pytest.raises(AreaError, match=r"more than 3\. Give fewer zooms or a smaller --bbox"):
        count_tiles(area, at_most=3)


def test_class_ids_of_a_tile_are_those_of_its_metatile(town: MapObjects) -> None:
    drawing = MapDrawing(town, 16)
    tile = next(iter(area_of(300, 300, 400, 400).tiles(16)))
    box, place = metatile_box(tile), tile_box(tile)
    rows = slice(place.top - box.top, place.bottom - box.top)
    columns = slice(place.left - box.left, place.right - box.left)
    assert (drawing.classes(place) == drawing.classes(box)[rows, columns]).all()


def test_metatiles_cover_a_range_once() -> None:
    tiles = TileRange(10, 3, 5, 12, 9)
    groups = list(tile_groups(tiles, 4))
    assert sorted(tile for group in groups for tile in group) == sorted(tiles)
    for group in groups:
        (box,) = {metatile_box(tile) for tile in group}
        assert box.left % 1024 == box.top % 1024 == 0 and box.width == box.height == 1024


def test_tiles_across_the_antimeridian_are_drawn_on_their_own_side() -> None:
    world = 2 * HALF_WORLD
    coast = shapes(rectangle(-EAST - HALF_WORLD, -NORTH - 9e5, world, 18e5))
    tiles: dict[Tile, np.ndarray] = {}
    area = Area((179.0, -1.0, -179.0, 1.0), (7,))
    draw_pyramid(MapObjects(areas={"water": coast}), area, tiles.__setitem__)
    assert {tile.x for tile in tiles} == {127, 0}
    water = LEGEND[1].colour
    for pixels in tiles.values():
        assert (pixels[128, 128] == water).all()


def test_progress_ends_with_all_tiles(town: MapObjects) -> None:
    told: list[Drawn] = []
    area = area_of(0, 0, 500, 500)
    count = draw_pyramid(town, area, lambda tile, pixels: None, on_progress=told.append)
    assert told[0] == Drawn(15, 0, count) and told[-1] == Drawn(17, count, count)
    assert [drawn.tiles_done for drawn in told] == sorted(drawn.tiles_done for drawn in told)


def test_a_metatile_of_the_whole_world_is_larger_than_it() -> None:
    assert metatile_box(Tile(0, 0, 0)) == PixelBox(0, 0, 0, 1024, 1024)
