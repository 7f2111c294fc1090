import numpy as np
import pytest
import shapely

from c2gm.worlds.chance import ValueNoise
from c2gm.worlds.country import country
from c2gm.worlds.relief import CHUNK, FieldAreas, Relief
from c2gm.worlds.settlements import NOTHING
from c2gm.worlds.topology import Topology


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_the_quick_look_for_a_sea_misses_none(seed: int) -> None:
    relief = Relief(seed, mean_height=10.0)
    bounds = (-5000.0, 2000.0, 1000.0, 7000.0)
    quick = FieldAreas(relief.height, 0.0, never_above=relief.lowest)
    assert quick.within(bounds).equals(FieldAreas(relief.height, 0.0).within(bounds))


def test_areas_go_on_across_chunks_and_boxes_without_a_slit() -> None:
    areas = FieldAreas(ValueNoise(5, 1, 700.0), 0.2)
    whole = areas.within((-300.0, -400.0, CHUNK + 500, CHUNK + 100))
    west = areas.within((-300.0, -400.0, 777.0, CHUNK + 100))
    east = areas.within((777.0, -400.0, CHUNK + 500, CHUNK + 100))
    assert not west.is_empty and not east.is_empty
    assert shapely.union(west, east).symmetric_difference(whole).area < 1e-3
    holes = [hole for part in shapely.get_parts(whole) for hole in part.interiors]
    assert all(shapely.Polygon(hole).area > 10 for hole in holes)


def test_noise_at_a_point_is_the_same_in_any_array() -> None:
    noise = ValueNoise(2, 3, 50.0)
    x, y = np.meshgrid(np.linspace(-1e6, 1e6, 37), np.linspace(-300, 300, 23))
    together = noise(x, y)
    assert np.abs(together).max() <= 1
    assert together.std() > 0.2
    assert all(noise(x[i, j], y[i, j]) == together[i, j] for i, j in ((0, 0), (11, 30), (22, 36)))


def test_the_graph_of_places_is_mutual_connected_and_planar() -> None:
    graph = Topology(7, 1600.0)
    nodes = graph.nodes_within((-9000, -9000, 9000, 9000))
    edges = {(a, b) for a in nodes for b in graph.neighbours(a)}
    inner = set(graph.nodes_within((-6000, -6000, 6000, 6000)))
    assert all((b, a) in edges for a, b in edges if a in inner and b in inner)
    reached, waiting = set(), [(0, 0)]
    while waiting:
        node = waiting.pop()
        if node not in reached and node in nodes:
            reached.add(node)
            waiting += graph.neighbours(node)
    assert inner <= reached
    lines = np.array(
        [shapely.LineString([graph.place(a), graph.place(b)]) for a, b in edges if a < b]
    )
    first, second = shapely.STRtree(lines).query(lines, predicate="crosses")
    assert len(first) == len(second) == 0


def test_nobody_lives_in_the_sea() -> None:
    land = country(10001)
    nodes = land.settlements.topology.nodes_within((-20000, -20000, 20000, 20000))
    wet = [
        node
        for node in nodes
        if land.relief.height(*map(np.array, land.settlements.topology.place(node))) < 0
    ]
    assert wet
    assert all(land.settlements.rank(node) == NOTHING for node in wet)
