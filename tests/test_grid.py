import math
import warnings

import mercantile
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mercantile import Tile

from c2gm.errors import AreaError
from c2gm.grid import (
    MAX_LATITUDE,
    Area,
    PixelBox,
    TileRange,
    Window,
    bounds_of,
    ground_resolution,
    mercator_resolution,
    parent_range,
    pixels_of_bounds,
    tile_box,
    tiles_in_bounds,
    tiles_of_box,
    wrapped,
)

zooms = st.integers(0, 22)


@st.composite
def tiles(draw, lowest=0, highest=22):
    zoom = draw(st.integers(lowest, highest))
    side = 1 << zoom
    return Tile(draw(st.integers(0, side - 1)), draw(st.integers(0, side - 1)), zoom)


@st.composite
def ranges(draw, lowest=1, highest=20):
    """Ranges of tiles, across the antimeridian too."""
    first = draw(tiles(lowest, highest))
    side = 1 << first.z
    width = draw(st.integers(1, min(6, side - 1)))
    height = draw(st.integers(1, min(6, side - first.y)))
    return TileRange(first.z, first.x, first.y, first.x + width - 1, first.y + height - 1)


@st.composite
def boxes(draw):
    zoom = draw(st.integers(0, 20))
    left, top = draw(st.integers(-2000, 9000)), draw(st.integers(-2000, 9000))
    width, height = draw(st.integers(1, 2000)), draw(st.integers(1, 2000))
    return PixelBox(zoom, left, top, left + width, top + height)


@given(tile=tiles())
def test_the_bounds_of_a_tile_touch_that_tile_alone(tile):
    bounds = mercantile.bounds(tile)
    found = tiles_in_bounds(tuple(bounds), tile.z)
    assert list(found) == [tile]


@given(tile=tiles(highest=19))
def test_bounds_rounded_to_six_decimals_touch_that_tile_alone(tile):
    west, south, east, north = (round(value, 6) for value in mercantile.bounds(tile))
    assert list(tiles_in_bounds((west, south, east, north), tile.z)) == [tile]


@given(tile_range=ranges())
def test_the_bounds_of_a_range_touch_exactly_the_range(tile_range):
    found = tiles_in_bounds(bounds_of(tile_range), tile_range.zoom)
    assert {wrapped(tile) for tile in found} == {wrapped(tile) for tile in tile_range}


@given(tile_range=ranges())
def test_the_pixels_of_a_ranges_bounds_are_those_of_its_box(tile_range):
    pixels, box = pixels_of_bounds(bounds_of(tile_range), tile_range.zoom), tile_range.box
    world = 256 << tile_range.zoom
    assert (pixels.width, pixels.height, pixels.top) == (box.width, box.height, box.top)
    assert (pixels.left - box.left) % world == 0


# At lower zooms so small an area is within the slack that borders of tiles have.
@given(lng=st.floats(-179.9, 179.9), lat=st.floats(-85, 85), zoom=st.integers(7, 18))
def test_a_small_area_touches_the_tile_of_its_middle_as_mercantile_names_it(lng, lat, zoom):
    found = tiles_in_bounds((lng - 1e-4, lat - 1e-5, lng + 1e-4, lat + 1e-5), zoom)
    assert mercantile.tile(lng, lat, zoom) in found


@given(zoom=st.integers(1, 18))
def test_an_area_across_the_antimeridian_is_one_range_that_wraps(zoom):
    found = tiles_in_bounds((179.99, -10.0, -179.99, 10.0), zoom)
    side = 1 << zoom
    assert found.left < side <= found.right
    assert Tile(0, side // 2, zoom) in found and Tile(side - 1, side // 2, zoom) in found
    if zoom > 1:
        assert Tile(side // 2, side // 2, zoom) not in found


def test_the_whole_world_is_every_tile():
    assert tiles_in_bounds((-180, -90, 180, 90), 3) == TileRange(3, 0, 0, 7, 7)


@given(tile_range=ranges())
def test_a_range_counts_and_holds_the_tiles_that_it_lists(tile_range):
    listed = list(tile_range)
    assert len(listed) == len(tile_range)
    assert all(tile in tile_range and wrapped(tile) in tile_range for tile in listed)
    assert Tile(0, 0, tile_range.zoom + 1) not in tile_range
    assert "14/1/1" not in tile_range


@given(tile_range=ranges())
def test_a_grown_range_reaches_one_tile_further_on_each_side(tile_range):
    grown = tile_range.grown(1)
    assert grown.box == tile_range.box.grown(256)
    assert grown.union(tile_range) == grown


def test_ranges_of_two_zooms_have_no_union():
    with pytest.raises(ValueError, match="zooms 3 and 4"):
        TileRange(3, 0, 0, 1, 1).union(TileRange(4, 0, 0, 1, 1))


@given(tile_range=ranges(lowest=4), step=st.integers(1, 3))
def test_the_parent_range_is_made_of_the_tiles_parents(tile_range, step):
    parents = {wrapped(tile) for tile in parent_range(tile_range, step)}
    assert parents == {mercantile.parent(wrapped(t), zoom=t.z - step) for t in tile_range}


@given(box=boxes())
def test_the_tiles_of_a_box_hold_it_and_no_outer_row_or_column_is_idle(box):
    held = tiles_of_box(box).box
    assert held.left <= box.left < held.left + 256
    assert held.top <= box.top < held.top + 256
    assert held.right - 256 < box.right <= held.right
    assert held.bottom - 256 < box.bottom <= held.bottom


@given(tile=tiles())
def test_the_window_of_a_tile_is_32_pixels_larger_on_each_side(tile):
    assert Window(tile.x, tile.y, tile.z).box == tile_box(tile).grown(32)


def test_windows_past_the_poles_exist_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Window(0, -1, 3).box == PixelBox(3, -32, -288, 288, 32)
        assert len(list(TileRange(3, 7, 0, 8, 0))) == 2


@given(tile=tiles())
def test_the_metres_of_a_tile_are_mercantiles(tile):
    expected = mercantile.xy_bounds(tile)
    assert tile_box(tile).mercator_bounds() == pytest.approx(tuple(expected), abs=1e-6)


@given(zoom=zooms)
def test_the_ground_is_finer_away_from_the_equator(zoom):
    assert ground_resolution(zoom, 0) == mercator_resolution(zoom)
    assert ground_resolution(zoom, 60) == pytest.approx(mercator_resolution(zoom) / 2)
    assert mercator_resolution(zoom) == pytest.approx(156543.033928 / 2**zoom)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ((0, 10, 5, 5), "South 10 is not below north 5"),
        ((3, 1, 3, 2), "no width"),
        ((-181, 0, 5, 5), "Longitudes"),
        ((0, -91, 5, 5), "Latitudes"),
        ((0, 86, 5, 88), "85.05 degrees"),
        ((0, -88, 5, -86), "85.05 degrees"),
        ((math.nan, 0, 5, 5), "not numbers"),
        ((0, 0, math.inf, 5), "not numbers"),
    ],
)
def test_bounds_that_are_no_place_are_refused_in_words(bounds, words):
    with pytest.raises(AreaError, match=words):
        Area(bounds, (14,))


@pytest.mark.parametrize("asked", [(), (15, 14), (14, 14), (-1, 0), (14, 23)])
def test_zooms_that_cannot_be_are_refused(asked):
    with pytest.raises(AreaError, match="must"):
        Area((0, 0, 1, 1), asked)


def test_an_area_at_the_pole_ends_where_web_maps_end():
    area = Area((0, 80, 10, 90), (5,))
    assert area.tiles(5).top == 0
    assert bounds_of(area.tiles(5))[3] == pytest.approx(MAX_LATITUDE)
