import numpy as np
import pytest
import shapely

from c2gm.cartography.generalise import generalise, smooth_polygons
from c2gm.cartography.map_objects import AREA_KINDS, LINE_KINDS, MapObjects
from c2gm.cartography.style import map_style
from c2gm.grid import mercator_resolution

from .conftest import line, rectangle, shapes

ZOOMS = range(14, 19)


def drawn_classes(objects: MapObjects, zoom: int) -> set[str]:
    style, shown = map_style(zoom), generalise(objects, zoom)
    classes = {symbol.map_class for symbol in style.areas if symbol.kind in shown.areas}
    return classes | {symbol.map_class for symbol in style.lines if symbol.kind in shown.lines}


def test_no_class_disappears_at_a_higher_zoom_except_built_up_areas(town: MapObjects) -> None:
    classes = [drawn_classes(town, zoom) for zoom in ZOOMS]
    for here, next_zoom in zip(classes, classes[1:], strict=False):
        assert here - {"built-up area"} <= next_zoom
    assert {"main road", "motorway", "railway", "wood", "water", "built-up area"} <= classes[0]
    assert {"building", "street", "path"} <= classes[-1]


def test_generalising_twice_gives_the_same_objects(town: MapObjects) -> None:
    first, second = generalise(town, 15), generalise(town, 15)
    for kind, array in {**first.areas, **first.lines}.items():
        again = {**second.areas, **second.lines}[kind]
        assert shapely.to_wkb(array).tolist() == shapely.to_wkb(again).tolist()


def test_the_source_is_left_as_it_was(town: MapObjects) -> None:
    before = shapely.to_wkb(town.areas["building"]).tolist()
    roads = shapely.to_wkb(town.lines["motorway"]).tolist()
    generalise(town, 14)
    assert shapely.to_wkb(town.areas["building"]).tolist() == before
    assert shapely.to_wkb(town.lines["motorway"]).tolist() == roads


def test_areas_are_valid_and_larger_than_the_least_area(town: MapObjects) -> None:
    for zoom in ZOOMS:
        for kind, areas in generalise(town, zoom).areas.items():
            symbol = map_style(zoom).area(kind)
            assert symbol is not None
            assert shapely.is_valid(areas).all()
            least = symbol.least_area * mercator_resolution(zoom) ** 2
            assert (shapely.area(areas) > 0.8 * least).all(), (zoom, kind)


def test_houses_become_one_built_up_area_at_zoom_14_and_buildings_at_zoom_17(
    town: MapObjects,
) -> None:
    houses = MapObjects(areas={"building": town.areas["building"]})
    far, near = generalise(houses, 14), generalise(houses, 17)
    assert len(far.areas["built_up"]) == 1
    assert "building" not in far.areas
    assert len(near.areas["building"]) == len(town.areas["building"])
    assert "built_up" not in near.areas


def test_a_large_park_is_no_built_up_area_even_where_parks_are_not_drawn() -> None:
    quarter = shapes(rectangle(0, 0, 2400, 1200))
    small, large = rectangle(200, 200, 150, 150), rectangle(1200, 100, 1000, 1000)
    objects = MapObjects(areas={"built_up": quarter, "park": shapes(small, large)})
    far = generalise(objects, 14)
    assert "park" not in far.areas
    built_up = shapely.union_all(far.areas["built_up"])
    assert not built_up.intersects(large.buffer(-60))
    assert built_up.contains(small)


def test_houses_a_pixel_apart_are_joined_at_zoom_16() -> None:
    pair = shapes(rectangle(0, 0, 40, 40), rectangle(41.5, 0, 40, 40))
    joined = generalise(MapObjects(areas={"building": pair}), 16).areas["building"]
    assert len(joined) == 1
    assert np.isclose(shapely.area(joined[0]), 81.5 * 40, rtol=0.01)
    assert shapely.get_num_coordinates(joined[0]) == 5
    apart = generalise(MapObjects(areas={"building": pair}), 17).areas["building"]
    assert len(apart) == 2


def test_small_holes_are_filled_and_large_ones_stay() -> None:
    pixel = mercator_resolution(16)
    holes = [rectangle(x, 50, side, side).exterior.coords for x, side in ((50, 8), (150, 100))]
    wood = shapely.Polygon(rectangle(0, 0, 400, 400).exterior.coords, holes)
    assert 8**2 < 50 * pixel**2 < 100**2
    (kept,) = generalise(MapObjects(areas={"wood": shapes(wood)}), 16).areas["wood"]
    assert shapely.get_num_interior_rings(kept) == 1


def test_neighbouring_pieces_count_as_one_area() -> None:
    pixel = mercator_resolution(15)
    side = 11 * pixel  # 121 px2 each, 242 px2 together
    pieces = shapes(rectangle(0, 0, side, side), rectangle(side, 0, side, side))
    assert len(generalise(MapObjects(areas={"park": pieces}), 15).areas["park"]) == 1
    assert "park" not in generalise(MapObjects(areas={"park": pieces[:1]}), 15).areas


def test_narrow_road_areas_are_left_out_at_zoom_15() -> None:
    narrow, wide = rectangle(0, 0, 900, 6), rectangle(0, 100, 900, 30)
    objects = MapObjects(areas={"road_area": shapes(narrow, wide)})
    assert "road_area" not in generalise(objects, 14).areas
    (kept,) = generalise(objects, 15).areas["road_area"]
    assert kept.intersects(wide) and not kept.intersects(narrow)
    assert len(generalise(objects, 16).areas["road_area"]) == 2


def test_crossed_polygons_are_mended() -> None:
    bow_tie = shapely.Polygon(line((0, 0), (300, 300), (300, 0), (0, 300)).coords)
    water = generalise(MapObjects(areas={"water": shapes(bow_tie)}), 17).areas["water"]
    assert np.isclose(shapely.area(water).sum(), 300 * 300 / 2, rtol=0.02)


def test_nothing_becomes_nothing() -> None:
    for zoom in ZOOMS:
        shown = generalise(MapObjects(), zoom)
        assert not shown.areas and not shown.lines and not len(shown.trees)


def test_smoothing_rounds_corners_and_keeps_holes_and_long_edges() -> None:
    ring = rectangle(20, 20, 60, 60).exterior.coords
    area = shapely.Polygon(rectangle(0, 0, 200, 200).exterior.coords, [ring])
    (smooth,) = smooth_polygons(shapes(area), 2, reach=5.0)
    assert smooth.is_valid and len(smooth.interiors) == 1
    outline = shapely.Polygon(smooth.exterior)
    assert 0.99 < outline.area / 200**2 < 1.0
    assert smooth.exterior.hausdorff_distance(area.exterior) < 5.0
    assert smooth.contains(line((0.01, 20), (0.01, 180)))


def test_trees_are_shown_at_zoom_18_only(town: MapObjects) -> None:
    assert len(generalise(town, 17).trees) == 0
    assert len(generalise(town, 18).trees) == 10


def random_world(seed: int) -> MapObjects:
    """Specks, strips and crowds of every kind, of sizes about the least areas and lengths."""
    rng = np.random.default_rng(seed)

    def area() -> shapely.Polygon:
        width, height = np.exp(rng.uniform(np.log(2), np.log(400), 2))
        return rectangle(*rng.uniform(0, 1500, 2), width, height)

    def crowd() -> list[shapely.Polygon]:
        side, step = np.exp(rng.uniform(np.log(3), np.log(40), 2))
        corner = rng.uniform(0, 1500, 2)
        places = [corner + (side + step) * np.array([i, j]) for i in range(6) for j in range(6)]
        return [rectangle(*place, side, side) for place in places]

    def road() -> shapely.LineString:
        steps = rng.normal(size=(rng.integers(2, 6), 2)) * np.exp(rng.uniform(1, 5))
        return line(*(rng.uniform(0, 1500, 2) + np.cumsum(steps, axis=0)))

    few = [int(count) for count in rng.integers(0, 4, len(AREA_KINDS) + len(LINE_KINDS))]
    areas = {
        kind: shapes(*(area() for _ in range(few[i])), *(crowd() if rng.random() < 0.5 else []))
        for i, kind in enumerate(AREA_KINDS)
    }
    lines = {
        kind: shapes(*(road() for _ in range(few[-1 - i]))) for i, kind in enumerate(LINE_KINDS)
    }
    return MapObjects(
        areas={kind: array for kind, array in areas.items() if len(array)},
        lines={kind: array for kind, array in lines.items() if len(array)},
    )


@pytest.mark.parametrize("seed", range(24))
def test_random_worlds_show_at_every_zoom_what_they_show_below_it(seed: int) -> None:
    world = random_world(seed)
    classes = [drawn_classes(world, zoom) for zoom in ZOOMS]
    for here, next_zoom in zip(classes, classes[1:], strict=False):
        assert here - {"built-up area"} <= next_zoom


@pytest.mark.parametrize("seed", range(12))
def test_what_a_zoom_shows_is_shown_there_at_the_next_zoom_too(seed: int) -> None:
    world = random_world(seed)
    shown = [generalise(world, zoom) for zoom in ZOOMS]
    for zoom, here, next_zoom in zip(ZOOMS, shown, shown[1:], strict=False):
        pixel = mercator_resolution(zoom)
        for kind in (*AREA_KINDS, *LINE_KINDS):
            if kind == "built_up":
                continue
            groups = [{**objects.areas, **objects.lines} for objects in (here, next_zoom)]
            for shape in groups[0].get(kind, []):
                there = shapely.STRtree(groups[1].get(kind, []))
                # Smoothed rims and merged carriageways move by some pixels.
                near = there.query(shape, "dwithin", distance=8 * pixel)
                assert len(near), (zoom, kind, shape.centroid)


def test_specks_apart_from_a_large_wood_are_judged_by_themselves() -> None:
    side, gap = 6.0, 30.0
    specks = [
        rectangle(i * (side + gap), j * (side + gap), side, side)
        for i in range(9)
        for j in range(9)
    ]
    large = rectangle(2000, 0, 300, 300)
    world = MapObjects(areas={"wood": shapes(*specks, large)})
    for zoom in (14, 15):
        (wood,) = generalise(world, zoom).areas["wood"]
        assert wood.intersects(large.centroid)


def test_specks_that_only_a_low_zoom_joins_to_a_wood_are_shown_at_none() -> None:
    side, gap = 6.0, 30.0
    specks = [
        rectangle(i * (side + gap), j * (side + gap), side, side)
        for i in range(9)
        for j in range(9)
    ]
    wood = MapObjects(areas={"wood": shapes(*specks)})
    # Closed over gaps of four pixels, of 38 m, the specks would fill 80 m2 a piece at zoom 14.
    alone = side**2 / mercator_resolution(18) ** 2
    assert alone > map_style(18).area("wood").least_area
    assert "wood" in generalise(wood, 18).areas
    assert "wood" not in generalise(wood, 15).areas
    assert "wood" not in generalise(wood, 14).areas
