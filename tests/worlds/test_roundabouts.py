"""Roundabouts are in the vectors of a world, whole, whatever box is asked."""

import numpy as np
import pytest
import shapely

from c2gm.worlds.country import Country, country
from c2gm.worlds.districts import grown
from c2gm.worlds.roads import Road
from c2gm.worlds.roundabouts import LARGEST_RADIUS, Roundabout
from c2gm.worlds.topology import Node
from c2gm.worlds.world import World

SEED = 12


@pytest.fixture(scope="module")
def land() -> Country:
    return country(SEED)


@pytest.fixture(scope="module")
def node(land: Country) -> Node:
    near = land.roads.topology.nodes_within((-6000, -6000, 6000, 6000))
    return next(node for node in sorted(near) if land.roundabouts.at(node) is not None)


@pytest.fixture(scope="module")
def ring(land: Country, node: Node) -> Roundabout:
    found = land.roundabouts.at(node)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def world() -> World:
    return World(SEED)


def roads_at(land: Country, node: Node) -> list[Road]:
    ends = land.roads.topology.neighbours(node)
    return [land.roads.road(min(node, end), max(node, end)) for end in ends]


def test_the_roads_of_a_place_end_at_its_ring_and_the_ring_is_closed(
    land: Country, node: Node, ring: Roundabout
) -> None:
    roads = roads_at(land, node)
    assert len(roads) >= 3 and {road.kind for road in roads} == {"main_road"}
    parts = [part for road in roads for part in land.roundabouts.parts(road)]
    middle = shapely.Point(land.roads.topology.place(node))
    assert shapely.STRtree(parts).query(middle, "dwithin", distance=10.0).size == 0
    faces = shapely.get_parts(shapely.polygonize(parts))
    (island,) = faces[shapely.contains(faces, middle)]
    assert island.area == pytest.approx(ring.island.area, rel=0.03)
    for road in roads:
        assert any(part.equals(road.course) for part in road.parts)
        line = land.roundabouts.parts(road)[0]
        assert 0 < road.course.length - line.length < 4 * LARGEST_RADIUS


def test_a_road_without_roundabouts_is_left_as_it_is(land: Country) -> None:
    roads = land.roads.within((-4000, -4000, 4000, 4000))
    plain = [
        road for road in roads if not any(land.roundabouts.at(end) is not None for end in road.ends)
    ]
    assert plain and all(land.roundabouts.parts(road) == road.parts for road in plain)


def test_roundabouts_do_not_depend_on_what_was_asked_before(node: Node, ring: Roundabout) -> None:
    again = country(SEED).roundabouts.at(node)
    assert again is not None
    assert again.island.equals(ring.island)
    assert all(again.arcs[end].equals(arc) for end, arc in ring.arcs.items())


def test_a_box_beside_a_roundabout_has_the_arcs_that_touch_it(
    world: World, ring: Roundabout
) -> None:
    left, bottom, right, top = ring.island.bounds
    x, y = (left + right) / 2, (bottom + top) / 2
    for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        # A corner of the ring that no road need run through.
        tip = np.array([x, y]) + 0.72 * (right - left) / 2 * np.array([dx, dy])
        bounds = (tip[0] - 3, tip[1] - 3, tip[0] + 3, tip[1] + 3)
        box = shapely.box(*bounds)
        few, many = world.objects(bounds), world.objects(grown(bounds, 200))
        wanted = [line for line in many.lines["main_road"] if line.intersects(box)]
        found = few.lines.get("main_road", np.zeros(0, dtype=object))
        assert sorted(map(shapely.to_wkb, found)) == sorted(map(shapely.to_wkb, wanted))
        assert wanted


def test_no_building_stands_on_the_ring_or_its_island(world: World, ring: Roundabout) -> None:
    objects = world.objects(ring.island.bounds)
    buildings = objects.areas.get("building", np.zeros(0, dtype=object))
    assert not shapely.intersects(buildings, ring.island).any()
