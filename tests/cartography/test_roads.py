import numpy as np
import shapely

from c2gm.cartography.roads import merge_twins, narrow_gaps
from c2gm.cartography.selection import drop_dead_ends

from .conftest import line, shapes

NOTHING = np.zeros(0, dtype=object)


def test_twin_carriageways_meet_in_their_middle() -> None:
    twins = merge_twins(shapes(line((0, 0), (900, 0)), line((900, 20), (0, 20))), 40.0)
    middle = line((0, 10), (900, 10))
    assert len(twins) == 2
    assert shapely.hausdorff_distance(twins, middle).max() < 0.1


def test_carriageways_far_apart_stay() -> None:
    lines = shapes(line((0, 0), (900, 0)), line((900, 60), (0, 60)))
    assert shapely.hausdorff_distance(merge_twins(lines, 40.0), lines).max() < 1e-6


def test_a_fork_stays_connected_when_twins_merge() -> None:
    fork = shapes(
        line((-300, 10), (0, 10)),
        line((0, 10), (60, 0), (900, 0)),
        line((900, 20), (60, 20), (0, 10)),
    )
    merged = merge_twins(fork, 40.0)
    ends = shapely.get_coordinates([shapely.get_point(merged, 0), shapely.get_point(merged, -1)])
    at_fork = ends[np.abs(ends - line((0, 10), (1, 10)).coords[0]).max(axis=1) < 15]
    assert len(at_fork) == 3
    assert np.ptp(at_fork, axis=0).max() < 1e-6


def test_hairpins_and_crossings_are_no_twins() -> None:
    hairpin = line((0, 0), (300, 5), (310, 15), (300, 25), (0, 30))
    crossing = line((100, -200), (110, 200))
    merged = merge_twins(shapes(hairpin, crossing), 40.0)
    assert shapely.hausdorff_distance(merged, shapes(hairpin, crossing)).max() < 1e-6


def test_roundabouts_keep_their_size() -> None:
    angles = np.linspace(0, 2 * np.pi, 25)
    ring = [(15 * np.cos(angle), 15 * np.sin(angle)) for angle in angles]
    halves = shapes(line(*ring[:13]), line(*ring[12:]), line((15, 0), (300, 0)))
    merged = merge_twins(halves, 40.0)
    assert np.isclose(shapely.length(merged).sum(), shapely.length(halves).sum())


def test_short_dead_ends_fall_away_and_long_ones_stay() -> None:
    streets = shapes(line((0, 0), (500, 0)), line((200, 0), (200, 30)), line((300, 0), (300, 200)))
    kept = drop_dead_ends(streets, 50.0, others=NOTHING)
    assert np.isclose(shapely.length(kept).sum(), 700)
    assert not shapely.intersects(kept, line((200, 10), (200, 30))).any()


def test_a_short_street_between_a_street_and_a_main_road_is_no_dead_end() -> None:
    streets = shapes(line((0, 0), (500, 0)), line((200, 0), (200, 30)))
    main_road = shapes(line((0, 30), (500, 30)))
    kept = drop_dead_ends(streets, 50.0, others=main_road)
    assert np.isclose(shapely.length(kept).sum(), 530)


def test_slits_between_carriageways_are_covered_and_wider_ones_are_not() -> None:
    lines = shapes(line((0, 0), (500, 0)), line((0, 12), (500, 12)), line((0, 30), (500, 30)))
    (slit,) = narrow_gaps(lines, width=10.0, gap=3.0)
    assert slit.contains(line((20, 6), (480, 6)))
    assert not slit.intersects(line((20, 21), (480, 21)))
    assert len(narrow_gaps(lines, width=10.0, gap=0.0)) == 0


def test_a_plain_crossing_has_no_slit() -> None:
    cross = shapes(line((0, 0), (200, 0)), line((100, -100), (100, 100)))
    assert len(narrow_gaps(cross, width=10.0, gap=3.0)) == 0
