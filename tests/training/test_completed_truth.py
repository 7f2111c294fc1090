"""Truth that leaves classes open is completed by the reading."""

from __future__ import annotations

import torch

from c2gm.legend import CLASS_ID, FLAT_CLASSES
from c2gm.training.completed_truth import completed_maps
from c2gm.training.label_sets import LABEL_ID
from c2gm.training.map_losses import legend_colours

COLOURS = legend_colours(FLAT_CLASSES, torch.device("cpu"))
GREY = torch.zeros(1, 3, 2, 2)


def reading(*ranked: str) -> torch.Tensor:
    """Logits of 2 x 2 pixels that all prefer the classes in this order."""
    logits = torch.zeros(1, FLAT_CLASSES, 2, 2)
    for rank, name in enumerate(ranked):
        logits[:, CLASS_ID[name]] = float(len(ranked) - rank)
    return logits


def completed(label: str, logits: torch.Tensor) -> torch.Tensor:
    return completed_maps(GREY, torch.full((1, 2, 2), LABEL_ID[label]), logits)


def test_unmapped_ground_shows_what_is_read_there() -> None:
    picture = completed("unmapped", reading("wood"))
    assert torch.equal(picture[0, :, 0, 0], COLOURS[CLASS_ID["wood"]])


def test_only_what_the_label_allows_is_picked() -> None:
    picture = completed("unmapped", reading("building", "water", "farmland"))
    assert torch.equal(picture[0, :, 1, 1], COLOURS[CLASS_ID["farmland"]])


def test_what_the_truth_tells_and_what_nothing_tells_stay_as_drawn() -> None:
    for label in ("as drawn", "any road", "plants", "unknown"):
        assert torch.equal(completed(label, reading("wood")), GREY)


def test_pixels_are_completed_one_by_one() -> None:
    labels = torch.full((1, 2, 2), LABEL_ID["as drawn"])
    labels[0, 0, 1] = LABEL_ID["unmapped"]
    picture = completed_maps(GREY, labels, reading("park"))
    assert torch.equal(picture[0, :, 0, 1], COLOURS[CLASS_ID["park"]])
    assert (picture[0, :, 1] == 0).all()
    assert (picture[0, :, 0, 0] == 0).all()
