"""Where the streets of a town cross its waters."""

from __future__ import annotations

import numpy as np
import shapely

from c2gm.worlds.bridges import street_bridges

RIVER = shapely.LineString([(0, 0), (2000, 0)])
NORTH, SOUTH = (shapely.LineString([(0, y), (2000, y)]) for y in (60, -60))
TOWN = shapely.box(0, -300, 2000, 300)
NOTHING = shapely.GeometryCollection()


def bridges(streets: list[shapely.LineString], **changes: object) -> list[shapely.LineString]:
    known = {"town": TOWN, "obstacles": NOTHING, "rng": np.random.default_rng(3)} | changes
    return street_bridges([(RIVER, 30.0)], streets, **known)  # type: ignore[arg-type]


def test_bridges_join_the_streets_of_both_banks_here_and_there() -> None:
    built = bridges([NORTH, SOUTH])
    assert 4 <= len(built) <= 13
    for bridge in built:
        ends = [shapely.Point(corner) for corner in bridge.coords]
        assert {end.distance(NORTH) < 1e-6 for end in ends} == {True, False}
        assert bridge.intersects(RIVER)


def test_without_a_street_on_the_other_bank_there_is_no_bridge() -> None:
    assert bridges([NORTH]) == []
    assert bridges([]) == []


def test_no_bridge_touches_a_motorway_or_leaves_the_town() -> None:
    motorway = shapely.LineString([(0, 30), (2000, 30)])
    assert bridges([NORTH, SOUTH], obstacles=motorway) == []
    half = shapely.box(0, -300, 1000, 300)
    built = bridges([NORTH, SOUTH], town=half)
    assert built and all(half.covers(bridge) for bridge in built)


def test_no_bridge_crosses_a_river_twice() -> None:
    bend = shapely.LineString([(0, 0), (1000, 0), (1000, 40), (0, 40)])
    built = street_bridges([(bend, 10.0)], [NORTH, SOUTH], TOWN, NOTHING, np.random.default_rng(5))
    assert built == []
