"""Set-valued labels: what a truth can tell of a pixel, and what it leaves open.

Sources disagree on what green, ground and paved mean, and most leave ground unlabelled. Where a
truth cannot tell one class from others, the label of a pixel is a set of classes: the class loss
takes the log of the sum of their probabilities (facts measured in docs/training.md). A record
holds the number of a set for each pixel beside the class that was drawn there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..legend import CLASS_ID, FLAT_CLASSES, LEGEND


@dataclass(frozen=True)
class LabelSet:
    """One kind of label.

    Attributes:
        name: what it says of a pixel.
        classes: the names of the allowed classes; empty where the drawn class alone is right.
        weight: of such a pixel in the class loss.
        scored: whether scores count such a pixel.
    """

    name: str
    classes: tuple[str, ...]
    weight: float
    scored: bool


_ALL = tuple(entry.name for entry in LEGEND[:FLAT_CLASSES])
_ROADS = ("motorway", "main road", "street")
_GREEN = ("wood", "park", "farmland")
_OPEN = ("ground", "sand", "built-up area")


def _all_but(*names: str) -> tuple[str, ...]:
    return tuple(name for name in _ALL if name not in names)


# The number of a set is its place in this table; shards on disk hold it, so only append.
LABEL_SETS = (
    LabelSet("as drawn", (), 1.0, scored=True),
    LabelSet("unknown", _ALL, 0.0, scored=False),
    LabelSet("any road", _ROADS, 1.0, scored=True),
    LabelSet("plants", ("wood", "park"), 1.0, scored=True),
    # Background of a map: nothing mapped, so neither road, roof nor water.
    LabelSet("unmapped", (*_OPEN, *_GREEN), 0.5, scored=False),
    LabelSet("low plants", ("park", "farmland", *_OPEN), 0.5, scored=False),
    LabelSet("paved", (*_OPEN, *_ROADS), 0.5, scored=False),
    LabelSet("open ground", (*_OPEN, "park", "farmland"), 0.5, scored=False),
    LabelSet("no building", _all_but("building"), 0.5, scored=False),
    # High mountains, partly mapped: anything but what people build.
    LabelSet("wild ground", ("ground", "sand", "water", *_GREEN), 0.5, scored=False),
    # Fields by use: a green one is a crop, a ley or a pasture, and the picture does not tell which.
    LabelSet("field", ("farmland", "park"), 0.5, scored=True),
)
LABEL_ID = {entry.name: index for index, entry in enumerate(LABEL_SETS)}


@dataclass(frozen=True)
class LabelRule:
    """What the truth of a source tells: the set of each class that it draws.

    Classes that are not named are as drawn.
    """

    sets: Mapping[str, str]

    def table(self) -> np.ndarray:
        """Number of the label set by drawn class, uint8 [FLAT_CLASSES]."""
        numbers = np.zeros(FLAT_CLASSES, dtype=np.uint8)
        for drawn, name in self.sets.items():
            numbers[CLASS_ID[drawn]] = LABEL_ID[name]
        return numbers


_ANY_ROAD = dict.fromkeys(_ROADS, "any road")
LABEL_RULES = {
    "true map": LabelRule({}),
    # OpenStreetMap over a picture: what is mapped is right, the rest only background.
    "mapped": LabelRule({"ground": "unmapped", "farmland": "field"}),
    # Masks by hand with one class of plants and roads without rank (Dubai).
    "masks": LabelRule({**_ANY_ROAD, "park": "plants", "wood": "plants"}),
    # Land cover: grass may be lawn, field or verge; paved may be yard or road (Maryland).
    "land cover": LabelRule(
        {
            **_ANY_ROAD,
            "ground": "open ground",
            "wood": "plants",
            "park": "low plants",
            "sand": "paved",
        }
    ),
    "buildings only": LabelRule(dict.fromkeys(_all_but("building"), "no building")),
    "wood and lakes": LabelRule({"ground": "wild ground"}),
}


def label_ids(
    classes: np.ndarray, labels: np.ndarray | None, *, complete: bool, ranked_roads: bool
) -> np.ndarray:
    """Numbers of label sets, uint8 like `classes`; older records tell them by two flags only.

    Args:
        classes: drawn class ids.
        labels: stored numbers, or None.
        complete: without numbers: ground is ground, not only "not mapped".
        ranked_roads: without numbers: the rank of roads is known.
    """
    if labels is not None:
        return np.asarray(labels)
    sets = {} if complete else {"ground": "unmapped"}
    if not ranked_roads:
        sets.update(_ANY_ROAD)
    ids: np.ndarray = LabelRule(sets).table()[classes]
    return ids


def allowed_classes() -> np.ndarray:
    """Which classes each set allows beside the drawn one, bool [sets, FLAT_CLASSES]."""
    table = np.zeros((len(LABEL_SETS), FLAT_CLASSES), dtype=bool)
    for number, entry in enumerate(LABEL_SETS):
        table[number, [CLASS_ID[name] for name in entry.classes]] = True
    return table


def scored_pixels(labels: np.ndarray) -> np.ndarray:
    """Where the truth tells enough to be scored against, bool like `labels`."""
    scored: np.ndarray = np.array([entry.scored for entry in LABEL_SETS])[labels]
    return scored
