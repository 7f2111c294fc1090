import numpy as np
import pytest
from made_up_maps import blurred, shifted, town_classes, town_picture

from c2gm.evaluation.apls import apls
from c2gm.evaluation.edges import LineMatch, precision_recall
from c2gm.evaluation.groups import ROADS
from c2gm.evaluation.reading import read_picture
from c2gm.evaluation.roads import skeleton


def roads(classes):
    return np.isin(classes, ROADS)


def rates(drawn, truth):
    return precision_recall(LineMatch(skeleton(drawn), skeleton(truth)).hits(3.0))


@pytest.fixture(scope="module")
def truth():
    return roads(town_classes())


def grid(gaps=(), streets=range(30, 300, 60)):
    """A grid of streets 8 px wide; `gaps` are places where one is cut, (row, column)."""
    mask = np.zeros((320, 320), dtype=bool)
    for place in streets:
        mask[place : place + 8] = True
        mask[:, place : place + 8] = True
    for row, column in gaps:
        mask[row : row + 20, column : column + 20] = False
    return mask


def test_a_road_is_thinned_to_its_middle_over_its_whole_length():
    mask = np.zeros((60, 100), dtype=bool)
    mask[26:35] = True
    lines = skeleton(mask)
    assert lines.any(0).all()
    assert set(np.nonzero(lines)[0].tolist()) <= {29, 30, 31}


def test_specks_and_hairs_are_no_roads_and_short_cuts_are_closed():
    mask = np.zeros((60, 100), dtype=bool)
    mask[10:14, 10:14] = True
    mask[30:32] = True
    assert not skeleton(mask).any()
    cut = np.zeros((60, 100), dtype=bool)
    cut[26:34] = True
    cut[:, 50:55] = False
    assert skeleton(cut).any(0).all()


def test_the_true_roads_are_correct_complete_and_as_long_as_themselves(truth):
    assert rates(truth, truth) == (1, 1)
    assert apls(skeleton(truth), skeleton(truth)) == 1


def test_missing_streets_cost_completeness_and_invented_ones_correctness():
    true, fewer = grid(), grid(streets=range(30, 300, 120))
    correctness, completeness = rates(fewer, true)
    assert correctness == 1 and completeness < 0.75
    correctness, completeness = rates(true, fewer)
    assert correctness < 0.75 and completeness == 1


def test_a_shift_beyond_the_radius_breaks_roads_but_not_ways(truth):
    near, far = rates(shifted(truth, 2), truth), rates(shifted(truth, 6), truth)
    assert near[0] > 0.97 > 0.6 > far[0]
    assert apls(skeleton(shifted(truth, 4)), skeleton(truth)) > 0.9


def test_blur_does_not_break_junctions(truth):
    read = roads(read_picture(blurred(town_picture(), 2)).classes)
    assert min(rates(read, truth)) > 0.97
    assert apls(skeleton(read), skeleton(truth)) > 0.95


def test_cut_streets_cost_ways_more_the_more_there_are():
    middles = [(24, 65), (65, 24), (144, 125), (185, 144), (24, 185), (245, 204), (84, 245)]
    one, many = grid(gaps=middles[:1]), grid(gaps=middles)
    whole = skeleton(grid())
    values = [apls(skeleton(mask), whole) for mask in (grid(), one, many)]
    assert values[0] == 1 and values[1] > values[2] + 0.05
    assert rates(many, grid())[0] == 1  # what is drawn is still right


def test_ways_through_nothing_are_zero_and_of_no_truth_not_a_number():
    empty = np.zeros((320, 320), dtype=bool)
    assert apls(empty, skeleton(grid())) == 0
    assert np.isnan(apls(skeleton(grid()), empty))


def test_ways_are_the_same_every_time_and_within_bounds():
    whole, cut = skeleton(grid()), skeleton(grid(gaps=[(144, 125)]))
    assert apls(cut, whole) == apls(cut, whole)
    assert 0 <= apls(cut, whole) <= 1
