import numpy as np
import pytest
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from c2gm.cartography.map_objects import AREA_KINDS, LINE_KINDS, MapObjects
from c2gm.worlds.town import Town

SEEDS = (0, 3, 9, 12, 31)
HALF_WIDTHS = {"motorway": 6.0, "main_road": 6.0, "street": 3.4, "railway": 3.0}


@pytest.fixture(scope="module")
def towns() -> dict[int, Town]:
    return {seed: Town(seed) for seed in SEEDS}


def every_shape(objects: MapObjects) -> bytes:
    groups = [*objects.areas.items(), *objects.lines.items()]
    shapes = b"".join(b"".join(shapely.to_wkb(group)) for _, group in sorted(groups))
    return shapes + objects.trees.tobytes()


def test_the_same_seed_gives_the_same_town(towns: dict[int, Town]) -> None:
    assert every_shape(Town(3).objects) == every_shape(towns[3].objects)


def test_other_seeds_give_other_towns(towns: dict[int, Town]) -> None:
    shapes = [every_shape(town.objects) for town in towns.values()]
    assert len(set(shapes)) == len(SEEDS)
    assert len({town.tile for town in towns.values()}) == len(SEEDS)


def test_a_handful_of_towns_shows_every_kind_of_object(towns: dict[int, Town]) -> None:
    areas = {kind for town in towns.values() for kind in town.objects.areas}
    lines = {kind for town in towns.values() for kind in town.objects.lines}
    assert areas == set(AREA_KINDS) - {"road_area"}
    assert lines == set(LINE_KINDS)
    assert all(len(town.objects.trees) for town in towns.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_no_building_stands_in_water_or_on_a_road(towns: dict[int, Town], seed: int) -> None:
    objects = towns[seed].objects
    buildings = shapely.STRtree(objects.areas["building"])
    assert (
        len(
            buildings.query(
                objects.areas.get("water", np.zeros(0, dtype=object)), predicate="intersects"
            )[1]
        )
        == 0
    )
    for kind, half_width in HALF_WIDTHS.items():
        lines = objects.lines.get(kind, np.zeros(0, dtype=object))
        hits = buildings.query(lines, predicate="dwithin", distance=half_width)[1]
        assert len(hits) == 0, kind


@pytest.mark.parametrize("seed", SEEDS)
def test_roads_form_one_net(towns: dict[int, Town], seed: int) -> None:
    objects = towns[seed].objects
    kinds = ("motorway", "main_road", "street")
    roads = np.concatenate([objects.lines[kind] for kind in kinds if kind in objects.lines])
    first, last = shapely.STRtree(roads).query(roads, predicate="dwithin", distance=1.0)
    links = coo_matrix((np.ones(len(first)), (first, last)), shape=(len(roads), len(roads)))
    _, group = connected_components(links, directed=False)
    by_group = np.bincount(group, weights=shapely.length(roads))
    assert by_group.max() >= 0.9 * by_group.sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_objects_are_valid_and_fill_the_town_s_box(towns: dict[int, Town], seed: int) -> None:
    town = towns[seed]
    left, bottom, right, top = town.box(14).mercator_bounds()
    groups = [*town.objects.areas.values(), *town.objects.lines.values()]
    for shapes in groups:
        assert shapely.is_valid(shapes).all()
        assert not shapely.is_empty(shapes).any()
    reach = shapely.total_bounds(np.concatenate(groups))
    assert reach[0] <= left and reach[1] <= bottom and reach[2] >= right and reach[3] >= top
