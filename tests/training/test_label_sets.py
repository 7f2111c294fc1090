import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from c2gm.legend import CLASS_ID, FLAT_CLASSES
from c2gm.training.label_sets import (
    LABEL_ID,
    LABEL_RULES,
    LABEL_SETS,
    LabelRule,
    allowed_classes,
    label_ids,
    scored_pixels,
)
from c2gm.training.map_losses import class_loss

STREET, MAIN_ROAD, BUILDING, PARK, WOOD, FARMLAND = (
    CLASS_ID[name] for name in ("street", "main road", "building", "park", "wood", "farmland")
)


def certain_of(*classes):
    """Logits [1,classes,1,n] of a head that is sure of one class a pixel."""
    logits = torch.full((1, FLAT_CLASSES, 1, len(classes)), -20.0)
    for column, index in enumerate(classes):
        logits[0, index, 0, column] = 20.0
    return logits


def pixels(*numbers):
    return torch.tensor([[list(numbers)]])


def labelled(*names):
    return pixels(*(LABEL_ID[name] for name in names))


def test_where_roads_have_no_rank_any_road_class_is_right():
    drawn = certain_of(MAIN_ROAD)
    assert class_loss(drawn, pixels(STREET), labelled("any road")) < 1e-3
    assert class_loss(drawn, pixels(STREET), labelled("as drawn")) > 10
    assert class_loss(certain_of(BUILDING), pixels(STREET), labelled("any road")) > 10


def test_an_unknown_pixel_costs_nothing_and_teaches_nothing():
    logits = torch.zeros(1, FLAT_CLASSES, 1, 2, requires_grad=True)
    loss = class_loss(logits, pixels(BUILDING, PARK), labelled("unknown", "unknown"))
    loss.backward()
    assert loss == 0 and (logits.grad == 0).all()


def test_unmapped_ground_counts_half_and_may_be_green_but_no_building():
    truth, labels = pixels(0, BUILDING), labelled("unmapped", "as drawn")
    right = certain_of(WOOD, BUILDING)
    wrong = certain_of(BUILDING, BUILDING)
    assert class_loss(right, truth, labels) < 1e-3
    cost = 40 - math.log(len(LABEL_SETS[LABEL_ID["unmapped"]].classes))
    assert float(class_loss(wrong, truth, labels)) == pytest.approx(cost * 0.5 / 1.5, rel=1e-3)


def test_mapped_farmland_may_be_read_as_pasture_but_mapped_pasture_not_as_farmland():
    table = LABEL_RULES["mapped"].table()
    for drawn, read, wrong in [
        (FARMLAND, FARMLAND, False),
        (FARMLAND, PARK, False),
        (FARMLAND, WOOD, True),
        (PARK, FARMLAND, True),
    ]:
        loss = class_loss(certain_of(read), pixels(drawn), pixels(int(table[drawn])))
        assert (float(loss) > 10) is wrong, (drawn, read)


@given(
    logits=st.lists(st.floats(-6, 6), min_size=FLAT_CLASSES, max_size=FLAT_CLASSES),
    number=st.integers(0, len(LABEL_SETS) - 1),
    drawn=st.integers(0, FLAT_CLASSES - 1),
)
@settings(max_examples=60, deadline=None)
def test_the_loss_of_a_pixel_is_minus_log_of_its_sets_probability(logits, number, drawn):
    values = torch.tensor(logits)
    loss = class_loss(values.view(1, -1, 1, 1), pixels(drawn), pixels(number))
    entry = LABEL_SETS[number]
    classes = [CLASS_ID[name] for name in entry.classes] or [drawn]
    probability = torch.softmax(values, 0)[classes].sum()
    # The mean over the pixels' weights; a lone pixel below weight 1 counts its weight.
    expected = -torch.log(probability) * entry.weight
    assert torch.isclose(loss, expected, atol=1e-4)


@pytest.mark.parametrize("name", sorted(LABEL_RULES))
def test_every_rule_allows_the_class_that_is_drawn(name):
    table, allowed = LABEL_RULES[name].table(), allowed_classes()
    for drawn in range(FLAT_CLASSES):
        assert LABEL_SETS[table[drawn]].classes == () or allowed[table[drawn], drawn]


def test_a_rule_of_an_unknown_class_or_set_is_refused():
    with pytest.raises(KeyError):
        LabelRule({"snow": "unknown"}).table()


@given(complete=st.booleans(), ranked=st.booleans())
def test_records_without_labels_tell_theirs_by_two_flags(complete, ranked):
    classes = np.array([[0, STREET, BUILDING]], dtype=np.uint8)
    ids = label_ids(classes, None, complete=complete, ranked_roads=ranked)
    names = [LABEL_SETS[number].name for number in ids[0]]
    assert names == [
        "as drawn" if complete else "unmapped",
        "as drawn" if ranked else "any road",
        "as drawn",
    ]


def test_stored_labels_overrule_the_flags():
    stored = np.array([[LABEL_ID["plants"]]], dtype=np.uint8)
    ids = label_ids(np.zeros((1, 1), np.uint8), stored, complete=False, ranked_roads=False)
    assert np.array_equal(ids, stored)


def test_scores_leave_unlabelled_ground_out_and_keep_roads_without_rank():
    names = ("as drawn", "any road", "plants", "unknown", "unmapped", "no building")
    ids = np.array([LABEL_ID[name] for name in names], dtype=np.uint8)
    assert scored_pixels(ids).tolist() == [True, True, True, False, False, False]
