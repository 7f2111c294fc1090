import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from made_up_maps import shifted, town_classes

from c2gm.evaluation import edges

LABELS = arrays.arrays(np.uint8, (24, 24), elements=st.integers(0, 2))


def f1(drawn, truth, radius=2.0):
    return edges.edge_f1(edges.edge_hits(drawn, truth, radius))


@pytest.mark.parametrize(("shift", "radius", "expected"), [(2, 2, 1.0), (5, 2, 0.0)])
def test_edge_f1_forgives_shifts_within_its_radius_only(shift, radius, expected):
    truth = np.zeros((32, 32), dtype=np.uint8)
    truth[:, 16:] = 1
    drawn = np.roll(truth, shift, axis=1)
    drawn[:, :shift] = 0
    assert f1(drawn, truth, radius) == expected


def test_edge_f1_of_an_empty_drawing_is_zero_and_of_two_empty_ones_one():
    truth = np.zeros((16, 16), dtype=np.uint8)
    empty = truth.copy()
    truth[4:8, 4:8] = 1
    assert f1(empty, truth) == 0
    assert f1(empty, empty) == 1


def test_the_further_a_map_is_shifted_the_lower_it_scores():
    truth = town_classes()
    scores = [f1(shifted(truth, pixels), truth) for pixels in (0, 2, 3, 4)]
    assert scores[0] == 1 and scores == sorted(scores, reverse=True)
    assert scores[1] > 0.9 > 0.4 > scores[3]


def test_borders_to_unlabelled_ground_are_none():
    labels = np.zeros((8, 8), dtype=np.uint8)
    labels[:, 4:] = 1
    valid = np.ones((8, 8), dtype=bool)
    valid[:, 4:] = False
    assert edges.borders(labels).any() and not edges.borders(labels, valid).any()


def test_near_and_far_of_tile_borders_share_all_borders():
    truth = town_classes()
    match = edges.edge_match(shifted(truth, 3), truth)
    beside = edges.beside_tile_borders(truth.shape)
    assert np.array_equal(match.hits(2) - match.hits(2, beside), match.hits(2, ~beside))


def test_only_inner_tile_borders_count_as_such():
    beside = edges.beside_tile_borders((512, 256))
    assert beside[248:264].all() and not beside[:248].any() and not beside[264:].any()


def test_damage_beside_tile_borders_shows_there_and_not_elsewhere():
    truth = town_classes()
    drawn = truth.copy()
    drawn[250:262] = 0
    match, beside = edges.edge_match(drawn, truth), edges.beside_tile_borders(truth.shape)
    near, elsewhere = (edges.edge_f1(match.hits(2, where)) for where in (beside, ~beside))
    assert near < 0.95 * elsewhere and elsewhere > 0.98


@settings(max_examples=30)
@given(drawn=LABELS, truth=LABELS)
def test_edge_f1_is_symmetric_bounded_and_grows_with_its_radius(drawn, truth):
    values = [f1(drawn, truth, radius) for radius in (0, 1, 2, 40)]
    assert values == sorted(values)
    assert 0 <= values[0] and values[-1] <= 1
    assert f1(truth, drawn) == pytest.approx(values[2])
    assert f1(truth, truth) == 1


def test_precision_and_recall_of_nothing_are_not_numbers():
    precision, recall = edges.precision_recall(np.array([0, 0, 4, 1]))
    assert np.isnan(precision) and recall == 0.25
