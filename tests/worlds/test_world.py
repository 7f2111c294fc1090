import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from c2gm.cartography.map_objects import AREA_KINDS, LINE_KINDS, MapObjects
from c2gm.cartography.render import MapDrawing
from c2gm.errors import ImageryError
from c2gm.grid import TILE_SIZE, PixelBox
from c2gm.worlds.country import country
from c2gm.worlds.districts import grown, without_blind_main_roads
from c2gm.worlds.planner import Planner
from c2gm.worlds.world import OBJECTS_MARGIN, World, WorldImagery, degrees, world_sample

SEED = 12
HALF_WIDTHS = {"motorway": 6.0, "main_road": 6.0, "street": 3.4, "railway": 3.0}
unhurried = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SEED)


@pytest.fixture(scope="module")
def crossing(world: World) -> tuple[int, int]:
    """Column and row, at zoom 18, of a place where three districts or more meet."""
    roads = country(SEED).roads
    x, y = next(
        place
        for node in roads.topology.nodes_within((0, 0, 9000, 9000))
        if roads.topology.neighbours(node)[2:]
        for place in [roads.topology.place(node)]
    )
    resolution = 2 * 20037508.342789244 / (TILE_SIZE << 18)
    half = (TILE_SIZE << 18) // 2
    return half + int(x / resolution), half - int(y / resolution)


@pytest.fixture(scope="module")
def town() -> MapObjects:
    return world_sample(3, tiles=1).objects


def box_at(place: tuple[int, int], zoom: int, *, width: int = 90, height: int = 70) -> PixelBox:
    column, row = (int(edge * 2.0 ** (zoom - 18)) for edge in place)
    left, top = column - width // 2, row - height // 2
    return PixelBox(zoom, left, top, left + width, top + height)


def wkb_of(shapes: np.ndarray, box: shapely.Geometry) -> list[bytes]:
    return sorted(shapely.to_wkb(shape) for shape in shapes if shape.intersects(box))


@unhurried
@given(
    zoom=st.integers(15, 19),
    grow=st.tuples(*(st.integers(0, 40) for _ in range(4))),
    shift=st.tuples(st.integers(-200, 200), st.integers(-200, 200)),
)
def test_a_pixel_is_the_same_in_any_box(
    world: World,
    crossing: tuple[int, int],
    zoom: int,
    grow: tuple[int, int, int, int],
    shift: tuple[int, int],
) -> None:
    box = box_at((crossing[0] + shift[0], crossing[1] + shift[1]), zoom, width=40, height=30)
    left, top, right, bottom = grow
    larger = PixelBox(zoom, box.left - left, box.top - top, box.right + right, box.bottom + bottom)
    crop = world.picture(larger)[top : top + box.height, left : left + box.width]
    assert np.array_equal(crop, world.picture(box))


def test_the_order_of_asking_does_not_matter(world: World, crossing: tuple[int, int]) -> None:
    first, second = box_at(crossing, 17), box_at((crossing[0] + 90, crossing[1]), 17)
    other = World(SEED)
    in_order = [world.picture(first), world.picture(second)]
    other_way = [other.picture(second), other.picture(first)][::-1]
    assert all(map(np.array_equal, in_order, other_way))


@unhurried
@given(shift=st.tuples(st.integers(-400, 400), st.integers(-400, 400)), more=st.integers(1, 600))
def test_an_object_is_the_same_in_any_box(
    world: World, crossing: tuple[int, int], shift: tuple[int, int], more: int
) -> None:
    bounds = box_at((crossing[0] + shift[0], crossing[1] + shift[1]), 18).mercator_bounds()
    box = shapely.box(*bounds)
    small, large = world.objects(bounds), world.objects(grown(bounds, more))
    for groups, others in ((small.areas, large.areas), (small.lines, large.lines)):
        kinds = {kind for kind, shapes in others.items() if wkb_of(shapes, box)}
        assert set(groups) == kinds
        assert all(wkb_of(groups[kind], box) == wkb_of(others[kind], box) for kind in kinds)


@pytest.mark.parametrize("zoom", [14, 15, 17])
def test_the_margin_is_enough_for_a_map_to_be_the_same_in_any_box(
    world: World, crossing: tuple[int, int], zoom: int
) -> None:
    box = box_at(crossing, zoom, width=64, height=64)
    near = world.objects(grown(box.mercator_bounds(), OBJECTS_MARGIN))
    far = world.objects(grown(box.mercator_bounds(), OBJECTS_MARGIN + 700))
    pictures = [MapDrawing(objects, zoom).picture(box) for objects in (near, far)]
    differ = (pictures[0] != pictures[1]).any(-1).mean()
    assert differ == 0 or (zoom == 14 and differ < 0.03)


def test_districts_leave_no_hole_and_do_not_overlap() -> None:
    roads = country(5).roads
    bounds = (-1500.0, 1000.0, 1500.0, 4000.0)
    box = shapely.box(*bounds)
    shapes = [district.shape.intersection(box) for district in roads.districts(bounds)]
    assert sum(shape.area for shape in shapes) == pytest.approx(box.area, rel=1e-9)
    assert shapely.union_all(shapes).area == pytest.approx(box.area, rel=1e-9)


def test_the_picture_of_a_wide_box_has_no_hole(world: World, crossing: tuple[int, int]) -> None:
    picture = world.picture(box_at(crossing, 15, width=120, height=120))
    assert (picture.max(-1) > 0).mean() > 0.999


@pytest.mark.parametrize("seed", [2, 5, 8])
def test_rivers_run_downhill_and_on_to_the_next_reach(seed: int) -> None:
    waters = country(seed).waters
    reaches = waters.reaches((-9000.0, -9000.0, 9000.0, 9000.0))
    for reach in reaches:
        assert waters.height_at(reach.start) > waters.height_at(reach.end)
        after = waters.reach(reach.end)
        if after is not None:
            assert reach.line.coords[-1] == after.line.coords[0]
            assert after.width >= reach.width
        else:
            end = shapely.Point(reach.line.coords[-1])
            assert waters.still(end.buffer(50).bounds).distance(end) < 1e-6


def test_roads_form_one_net(town: MapObjects) -> None:
    kinds = ("motorway", "main_road", "street")
    roads = np.concatenate([town.lines[kind] for kind in kinds if kind in town.lines])
    first, last = shapely.STRtree(roads).query(roads, predicate="dwithin", distance=1.0)
    links = coo_matrix((np.ones(len(first)), (first, last)), shape=(len(roads), len(roads)))
    _, group = connected_components(links, directed=False)
    by_group = np.bincount(group, weights=shapely.length(roads))
    assert by_group.max() >= 0.95 * by_group.sum()


def test_a_main_road_that_leads_nowhere_is_a_street() -> None:
    border = [shapely.LineString([(0, 0), (0, 500)])]
    through = shapely.LineString([(-1, 200), (400, 200)])
    crossing = shapely.LineString([(399, 100), (399, 300)])
    blind = shapely.LineString([(0, 100), (250, 100)])
    roads = [("main_road", through), ("street", crossing), ("main_road", blind)]
    kinds = [kind for kind, _ in without_blind_main_roads(roads, border)]
    assert kinds == ["main_road", "street", "street"]


def test_no_building_stands_in_water_or_on_a_road(town: MapObjects) -> None:
    buildings = shapely.STRtree(town.areas["building"])
    water = town.areas.get("water", np.zeros(0, dtype=object))
    assert len(buildings.query(water, predicate="intersects")[1]) == 0
    for kind, half_width in HALF_WIDTHS.items():
        lines = town.lines.get(kind, np.zeros(0, dtype=object))
        hits = buildings.query(lines, predicate="dwithin", distance=half_width)[1]
        assert len(hits) == 0, kind


def test_objects_are_valid(town: MapObjects) -> None:
    for shapes in [*town.areas.values(), *town.lines.values()]:
        assert shapely.is_valid(shapes).all()
        assert not shapely.is_empty(shapes).any()


@pytest.mark.slow
def test_a_handful_of_worlds_shows_every_kind_of_object() -> None:
    samples = [world_sample(seed, index=seed, tiles=1).objects for seed in (2, 3, 5, 7, 12)]
    assert {kind for found in samples for kind in found.areas} == set(AREA_KINDS) - {"road_area"}
    assert {kind for found in samples for kind in found.lines} == set(LINE_KINDS)


def test_a_sample_is_a_whole_number_of_tiles_near_the_equator_and_mostly_land(
    world: World,
) -> None:
    boxes = [world.sample(index, tiles=2) for index in range(6)]
    assert len(set(boxes)) == 6
    for box in boxes:
        assert (box.width, box.height) == (2 * TILE_SIZE, 2 * TILE_SIZE)
        assert box.left % TILE_SIZE == box.top % TILE_SIZE == 0
        west, south, east, north = degrees(box.mercator_bounds())
        assert -1 < west < east < 1 and -1 < south < north < 1


def test_other_seeds_are_other_worlds_and_the_same_seed_the_same() -> None:
    names = [WorldImagery(World(seed)).fingerprint for seed in (1, 1, 2)]
    assert names[0] == names[1] != names[2]


def test_columns_wrap_round_the_world_and_rows_end(world: World) -> None:
    side = TILE_SIZE << 17
    imagery = WorldImagery(world)
    rgb, valid = imagery.read(PixelBox(17, side - 6, -4, side + 6, 4))
    east, _ = imagery.read(PixelBox(17, 0, 0, 6, 4))
    west, _ = imagery.read(PixelBox(17, side - 6, 0, side, 4))
    assert not valid[:4].any() and not rgb[:4].any()
    assert valid[4:].all()
    assert np.array_equal(rgb[4:, 6:], east)
    assert np.array_equal(rgb[4:, :6], west)


@pytest.mark.parametrize("zoom", [13, 20])
def test_zooms_that_a_world_does_not_have_are_refused(world: World, zoom: int) -> None:
    with pytest.raises(ImageryError, match=f"zoom {zoom}"):
        world.picture(PixelBox(zoom, 0, 0, 8, 8))


def test_a_quarter_without_a_road_is_not_built_up() -> None:
    kinds = ("street", "main_road", "service", "driveway", "footpath", "track")
    lines: dict[str, list[object]] = {kind: [] for kind in kinds}
    planner = Planner("temperate", lines, np.random.default_rng(0), frontage=30.0)
    planner.plan(shapely.box(0, 0, 120, 90), "villas")
    planner.finish()
    assert len(planner.buildings.heights) == 0
    assert planner.built_up == []
