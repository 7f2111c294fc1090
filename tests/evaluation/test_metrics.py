import numpy as np
import pytest

from c2gm.evaluation import metrics

GROUND, WATER, ROAD = (242, 239, 233), (170, 211, 223), (255, 255, 255)


def picture(left, right, column):
    rgb = np.empty((256, 256, 3), dtype=np.uint8)
    rgb[:, :column], rgb[:, column:] = left, right
    return rgb


def with_road(first, last):
    rgb = picture(GROUND, GROUND, 0)
    rgb[:, first : last + 1] = ROAD
    return rgb


@pytest.mark.parametrize(
    ("drawn", "truth", "expected"),
    [
        (picture(GROUND, WATER, 128), picture(GROUND, WATER, 132), 35.6701),
        (picture(GROUND, WATER, 128), picture(GROUND, WATER, 129), 41.6907),
        (with_road(124, 131), with_road(126, 133), 43.5485),
        (with_road(124, 131), picture(GROUND, GROUND, 0), 40.5382),
    ],
)
def test_psnr_y_has_the_published_values_of_known_pairs(drawn, truth, expected):
    assert metrics.psnr_y(drawn, truth) == pytest.approx(expected, abs=1e-3)


def test_psnr_of_equal_pictures_is_capped():
    assert metrics.psnr_y(with_road(1, 5), with_road(1, 5)) == 60


def test_iou_counts_hits_over_union_and_leaves_absent_classes_out():
    truth = np.array([[0, 0, 1, 1]])
    drawn = np.array([[0, 1, 1, 1]])
    counts = metrics.confusion(drawn, truth, 3)
    assert metrics.iou(counts)[:2] == pytest.approx([1 / 2, 2 / 3])
    assert np.isnan(metrics.iou(counts)[2])
    assert metrics.mean_iou(counts) == pytest.approx(7 / 12)


@pytest.mark.parametrize(("shift", "radius", "expected"), [(2, 2, 1.0), (5, 2, 0.0)])
def test_edge_f1_forgives_shifts_within_its_radius_only(shift, radius, expected):
    truth = np.zeros((32, 32), dtype=np.uint8)
    truth[:, 16:] = 1
    drawn = np.roll(truth, shift, axis=1)
    drawn[:, :shift] = 0
    assert metrics.edge_f1(metrics.edge_hits(drawn, truth, radius)) == expected


def test_edge_f1_of_an_empty_drawing_is_zero():
    truth = np.zeros((16, 16), dtype=np.uint8)
    truth[4:8, 4:8] = 1
    assert metrics.edge_f1(metrics.edge_hits(np.zeros_like(truth), truth)) == 0
