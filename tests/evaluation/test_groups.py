import numpy as np
import pytest

from c2gm.evaluation import groups
from c2gm.legend import CLASS_ID, FLAT_CLASSES, LEGEND


def test_every_flat_class_has_a_group_and_every_group_a_class():
    flat = {entry.name for entry in LEGEND[:FLAT_CLASSES]}
    assert set(groups.GROUP_OF_LEGEND) == flat
    assert set(groups.GROUP_OF_LEGEND.values()) == set(groups.GROUPS)
    assert set(groups.FIVE_OF_GROUP) == set(groups.GROUPS)


@pytest.mark.parametrize(
    ("name", "group", "five"),
    [
        ("wood", "green", "green"),
        ("built-up area", "building or built-up", "building"),
        ("motorway", "main road", "road"),
        ("street", "minor road", "road"),
        ("farmland", "open ground", "ground"),
    ],
)
def test_a_class_counts_as_its_group_and_as_one_of_five(name, group, five):
    assert groups.GROUPS[groups.group_table()[CLASS_ID[name]]] == group
    assert groups.FIVE_CLASSES[groups.five_table()[CLASS_ID[name]]] == five


def test_numbers_of_masks_become_five_classes_and_all_others_are_unlabelled():
    read = groups.raster_table()[np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 200])]
    names = [None if i == 255 else groups.FIVE_CLASSES[i] for i in read]
    assert names == [
        None,
        *("water", "ground", "road", "building", "green", "green", "ground", "ground"),
        None,
        None,
    ]
