"""The sea lies to the right of the coast, whatever the extract cut off."""

import numpy as np
import shapely

from c2gm.cartography.coast import sea

BOX = [shapely.box(0, 0, 1000, 1000)]
LAND, WATER = shapely.Point(500, 900), shapely.Point(500, 100)


def sea_of(*coast: shapely.Geometry) -> shapely.Geometry:
    return shapely.union_all(np.array(sea(coast, BOX), dtype=object))


def test_the_sea_is_to_the_right_of_the_coast() -> None:
    # Eastwards with the land on the left: the sea is in the south.
    found = sea_of(shapely.LineString([(-100, 500), (400, 550), (1100, 500)]))
    assert found.contains(WATER) and not found.contains(LAND)
    assert np.isclose(found.area, 1000 * 525, rtol=0.03)


def test_coast_that_was_cut_inside_the_box_goes_on_to_its_rim() -> None:
    found = sea_of(shapely.LineString([(30, 500), (400, 550), (980, 500)]))
    assert found.contains(WATER) and not found.contains(LAND)
    assert np.isclose(found.area, 1000 * 525, rtol=0.03)


def test_a_gap_in_the_coast_is_bridged() -> None:
    found = sea_of(
        shapely.LineString([(-100, 500), (450, 500)]),
        shapely.LineString([(550, 500), (1100, 500)]),
    )
    assert found.contains(WATER) and not found.contains(LAND)
    assert np.isclose(found.area, 500_000, rtol=0.01)


def test_islands_are_land_whether_lines_or_polygons() -> None:
    coast = shapely.LineString([(-100, 500), (1100, 500)])
    ring = shapely.LineString([(100, 100), (300, 100), (300, 300), (100, 300), (100, 100)])
    polygon = shapely.MultiPolygon([shapely.Polygon(ring.coords[::-1])])
    for island in (ring, polygon):
        found = sea_of(coast, island)
        assert np.isclose(found.area, 500_000 - 40_000)
        assert not found.contains(shapely.Point(200, 200))


def test_a_lone_island_lies_in_the_sea() -> None:
    island = shapely.LineString([(100, 100), (300, 100), (300, 300), (100, 300), (100, 100)])
    assert np.isclose(sea_of(island).area, 1_000_000 - 40_000)
