"""Scores of held-out windows: what is counted, what is left out, what is told."""

import dataclasses

import numpy as np
import pytest
from made_up_maps import blurred, shifted, town_classes, town_picture

from c2gm.legend import CLASS_ID, GROUND, palette
from c2gm.training.label_sets import LABEL_ID
from c2gm.training.records import Record
from c2gm.training.scores import report, score_records

TOWN = Record(
    imagery=np.zeros((320, 320, 3), np.uint8),
    map=town_picture()[:320, :320],
    classes=town_classes()[:320, :320],
    parent2=None,
    parent4=None,
    zoom=17,
    place="town-1",
    complete=True,
    ranked_roads=True,
)


def drawing(change):
    """A row that draws the truth, changed."""
    from c2gm.evaluation.reading import read_picture

    def draw(records):
        pictures = [change(record.map) for record in records]
        return [(picture, read_picture(picture).classes) for picture in pictures]

    return draw


def repainted(old, new):
    def change(picture):
        changed = picture.copy()
        changed[(picture == palette()[CLASS_ID[old]]).all(-1)] = palette()[CLASS_ID[new]]
        return changed

    return change


def scores(record, change):
    return score_records([record], {"row": drawing(change)})["row"]["town z17"]


def test_the_truth_scores_perfectly():
    found = scores(TOWN, np.array)
    assert found == {
        "miou": 1,
        "group_miou": 1,
        "edge_f1": 1,
        "road_correctness": 1,
        "road_completeness": 1,
        "psnr_y": 60,
        "windows": 1,
    }


@pytest.mark.parametrize(
    "damage", [lambda p: blurred(p, 3), lambda p: shifted(p, 4)], ids=["blurred", "shifted"]
)
def test_a_damaged_map_scores_lower_in_classes_edges_and_psnr(damage):
    found = scores(TOWN, damage)
    assert found["group_miou"] < 0.95 and found["miou"] < 0.95
    assert found["edge_f1"] < 0.95 and found["psnr_y"] < 40


def test_a_wood_read_as_a_park_is_wrong_in_classes_and_right_in_groups():
    found = scores(TOWN, repainted("wood", "park"))
    assert found["group_miou"] == 1 and found["miou"] < 0.9


def test_streets_that_are_not_drawn_cost_completeness_alone():
    found = scores(TOWN, repainted("street", "ground"))
    assert found["road_completeness"] < 0.7 and found["road_correctness"] > 0.97


def test_unmapped_ground_is_not_scored():
    unmapped = dataclasses.replace(TOWN, complete=False)
    invented = repainted("ground", "wood")
    assert scores(TOWN, invented)["group_miou"] < 0.8
    assert scores(unmapped, invented)["group_miou"] == 1


def test_a_road_without_rank_is_right_as_any_road():
    unranked = dataclasses.replace(TOWN, ranked_roads=False)
    demoted = repainted("main road", "street")
    assert scores(TOWN, demoted)["group_miou"] < 0.9
    assert scores(unranked, demoted)["group_miou"] == 1


def test_ground_that_nothing_is_known_of_is_left_out():
    labels = np.full((320, 320), LABEL_ID["unknown"], dtype=np.uint8)
    unknown = dataclasses.replace(TOWN, labels=labels, place="nowhere-1")
    found = score_records([TOWN, unknown], {"row": drawing(np.array)})["row"]
    assert list(found) == ["town z17"]


def test_a_place_without_roads_has_no_road_scores():
    empty = dataclasses.replace(
        TOWN, map=np.full((320, 320, 3), GROUND, np.uint8), classes=np.zeros((320, 320), np.uint8)
    )
    found = scores(empty, np.array)
    assert "road_completeness" not in found and found["miou"] == 1


def test_windows_are_pooled_by_kind_of_place_and_zoom():
    other = dataclasses.replace(TOWN, place="town-2")
    real = dataclasses.replace(TOWN, place="dubai-2", zoom=16)
    found = score_records([TOWN, other, real], {"row": drawing(np.array)}, batch=2)["row"]
    assert {ground: values["windows"] for ground, values in found.items()} == {
        "dubai z16": 1,
        "town z17": 2,
    }


def test_the_report_has_a_line_a_row_and_ground():
    found = score_records(
        [TOWN, dataclasses.replace(TOWN, place="dubai-2")],
        {"truth": drawing(np.array), "empty": drawing(lambda p: np.full_like(p, GROUND))},
    )
    lines = report(found).splitlines()
    assert [line.split()[0] for line in lines] == ["row", "truth", "truth", "empty", "empty"]
    assert "mIoU 6" in lines[0] and "1.000" in lines[1]
    assert " - " in lines[3]  # nothing was drawn whose correctness could be told
