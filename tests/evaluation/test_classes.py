import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from c2gm.evaluation import classes

LABELS = arrays.arrays(np.uint8, (6, 9), elements=st.integers(0, 3))


def test_iou_counts_hits_over_union_and_leaves_absent_classes_out():
    truth, drawn = np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]])
    counts = classes.confusion(drawn, truth, 3)
    assert classes.iou(counts)[:2] == pytest.approx([1 / 2, 2 / 3])
    assert np.isnan(classes.iou(counts)[2])
    assert classes.mean_iou(counts) == pytest.approx(7 / 12)
    assert classes.class_f1(counts)[:2] == pytest.approx([2 / 3, 4 / 5])
    assert classes.share_ratios(counts)[:2] == pytest.approx([1 / 2, 3 / 2])


def test_only_valid_pixels_are_counted():
    truth, drawn = np.array([[0, 1, 1]]), np.array([[1, 1, 0]])
    counts = classes.confusion(drawn, truth, 2, np.array([[False, True, False]]))
    assert counts.tolist() == [[0, 0], [0, 1]]


def test_classes_that_the_truth_does_not_hold_are_invented():
    counts = classes.confusion(np.array([[0, 2, 2, 1]]), np.array([[0, 0, 0, 1]]), 3)
    assert classes.invented_shares(counts) == pytest.approx([0, 0, 0.5])


def test_nothing_counted_has_no_mean():
    assert np.isnan(classes.mean_iou(np.zeros((3, 3), dtype=np.int64)))


@given(drawn=LABELS, truth=LABELS)
def test_counts_transpose_when_map_and_truth_change_places(drawn, truth):
    counts = classes.confusion(drawn, truth, 4)
    assert np.array_equal(counts.T, classes.confusion(truth, drawn, 4))
    assert counts.sum() == drawn.size


@given(drawn=LABELS, truth=LABELS)
def test_iou_lies_below_f1_and_both_within_bounds(drawn, truth):
    counts = classes.confusion(drawn, truth, 4)
    iou, f1 = classes.iou(counts), classes.class_f1(counts)
    there = np.isfinite(iou)
    assert (iou[there] >= 0).all() and (iou[there] <= f1[there]).all() and (f1[there] <= 1).all()
    assert np.array_equal(there, np.isfinite(f1))


@given(labels=LABELS)
def test_a_perfect_map_has_mean_iou_one(labels):
    assert classes.mean_iou(classes.confusion(labels, labels, 4)) == 1


@settings(max_examples=30)
@given(drawn=LABELS, truth=LABELS, table=arrays.arrays(np.uint8, 4, elements=st.integers(0, 2)))
def test_merging_counts_is_counting_merged_labels(drawn, truth, table):
    merged = classes.merged(classes.confusion(drawn, truth, 4), table, 3)
    assert np.array_equal(merged, classes.confusion(table[drawn], table[truth], 3))
