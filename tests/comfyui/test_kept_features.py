"""Features are read once for the same pictures, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from pack_modules import node_module

kept_features = node_module("kept_features")


@dataclass(frozen=True)
class Made:
    """Features of a size, with the number of the call that made them."""

    number: int
    size: int = 100

    def to_cpu(self) -> Made:
        return self


class Encoder:
    """Counts how often it is asked."""

    def __init__(self, size: int = 100) -> None:
        self.calls, self.size = 0, size

    def __call__(self) -> Made:
        self.calls += 1
        return Made(self.calls, self.size)


def picture(value: float, count: int = 1) -> torch.Tensor:
    return torch.full((count, 8, 8, 3), value)


def test_equal_pictures_are_read_once_whatever_tensor_holds_them() -> None:
    kept, encode = kept_features.KeptFeatures(), Encoder()
    first, were_kept = kept.get(picture(0.5), picture(0.1), encode)
    assert not were_kept
    again, were_kept = kept.get(picture(0.5), picture(0.1), encode)
    assert were_kept and again == first and encode.calls == 1


@pytest.mark.parametrize(
    ("imagery", "reference"),
    [
        (picture(0.6), picture(0.1)),
        (picture(0.5), picture(0.2)),
        (picture(0.5), None),
        (picture(0.5, 2), picture(0.1, 2)),
        (picture(0.5).double(), picture(0.1)),
    ],
    ids=["imagery", "reference", "none", "count", "dtype"],
)
def test_other_pictures_are_read_anew(
    imagery: torch.Tensor, reference: torch.Tensor | None
) -> None:
    kept, encode = kept_features.KeptFeatures(), Encoder()
    kept.get(picture(0.5), picture(0.1), encode)
    assert not kept.get(imagery, reference, encode)[1]
    assert encode.calls == 2


def test_another_zoom_or_look_is_read_anew() -> None:
    kept, encode = kept_features.KeptFeatures(), Encoder()
    for zooms in ((17, 17), (17, 16), (16, 16)):
        assert not kept.get(picture(0.5), None, encode, *zooms)[1]
    assert kept.get(picture(0.5), None, encode, 17, 16)[1]


def test_the_oldest_go_when_there_is_no_room() -> None:
    kept, encode = kept_features.KeptFeatures(max_bytes=250), Encoder()
    for value in (0.1, 0.2, 0.1, 0.3):
        kept.get(picture(value), None, encode)
    assert encode.calls == 3
    assert kept.get(picture(0.1), None, encode)[1], "asked for later than 0.2"
    assert not kept.get(picture(0.2), None, encode)[1]


def test_a_batch_larger_than_the_room_is_not_kept() -> None:
    kept, encode = kept_features.KeptFeatures(max_bytes=250), Encoder(size=300)
    for _ in range(2):
        assert not kept.get(picture(0.1), None, encode)[1]
