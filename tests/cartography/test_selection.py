import numpy as np
import shapely

from c2gm.cartography.selection import drop_orphans, thin_parallels
from c2gm.cartography.strokes import stroke_numbers, strokes

from .conftest import line, shapes


def test_a_stroke_goes_straight_on_through_a_fork() -> None:
    edges = shapes(line((0, 0), (100, 0)), line((100, 0), (200, 5)), line((100, 0), (100, 90)))
    assert stroke_numbers(edges)[0] == stroke_numbers(edges)[1] != stroke_numbers(edges)[2]
    joined = strokes(edges)
    assert sorted(shapely.length(joined).round()) == [90, 200]


def test_edges_drawn_against_each_other_and_rings_are_strokes_too() -> None:
    edges = shapes(line((100, 0), (0, 0)), line((100, 0), (200, 0)), line((300, 0), (200, 0)))
    (joined,) = strokes(edges)
    assert joined.length == 300
    angles = np.linspace(0, 2 * np.pi, 25)
    ring = [(50 * np.cos(angle), 50 * np.sin(angle)) for angle in angles]
    halves = shapes(line(*ring[:13]), line(*ring[12:]))
    (round_trip,) = strokes(halves)
    assert np.isclose(round_trip.length, shapely.length(halves).sum())


def test_of_parallel_tracks_the_longest_stays() -> None:
    tracks = shapes(*(line((0, y), (900 - 10 * y, y)) for y in (0, 4, 8, 12)))
    assert len(thin_parallels(tracks, 20.0)) == 1
    (kept,) = thin_parallels(tracks, 20.0)
    assert kept.equals(tracks[0])
    assert len(thin_parallels(tracks, 6.0)) == 2


def test_a_branch_stays_connected_to_the_track_that_it_leaves() -> None:
    main, branch = line((0, 0), (900, 0)), line((200, 0), (300, 8), (500, 300))
    kept = thin_parallels(shapes(main, branch), 20.0)
    assert len(kept) == 2
    assert kept[0].equals(main)
    assert kept[1].distance(main) < 0.1
    assert np.isclose(kept[1].length, branch.length, rtol=0.01)


def test_a_crossover_between_parallel_tracks_falls_away() -> None:
    tracks = shapes(
        line((0, 0), (400, 0), (900, 0)),
        line((0, 10), (500, 10), (800, 10)),
        line((400, 0), (500, 10)),
    )
    (kept,) = thin_parallels(tracks, 20.0)
    assert np.isclose(kept.length, 900)


def test_a_piece_of_road_that_hangs_together_with_nothing_falls_away() -> None:
    network = {
        "street": shapes(line((0, 0), (500, 0)), line((0, 300), (60, 300))),
        "main_road": shapes(line((500, 0), (520, 0)), line((700, 0), (740, 0))),
    }
    kept = drop_orphans(network, {"street": 100.0, "main_road": 100.0})
    assert kept["street"].tolist() == [network["street"][0]]
    # The short main road goes on as a street.
    assert kept["main_road"].tolist() == [network["main_road"][0]]


def test_kinds_without_a_least_length_keep_their_orphans() -> None:
    network = {"street": shapes(line((0, 300), (60, 300))), "track": shapes(line((0, 0), (9, 0)))}
    kept = drop_orphans(network, {"street": 100.0})
    assert len(kept["street"]) == 0 and len(kept["track"]) == 1


def test_nothing_stays_nothing() -> None:
    empty = np.zeros(0, dtype=object)
    assert len(thin_parallels(empty, 5.0)) == 0
    assert drop_orphans({"street": empty}, {"street": 5.0}).keys() == {"street"}
