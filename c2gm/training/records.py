"""Training records: windows of imagery with their true map, packed in shards on disk.

A record is one 320 px window at a zoom (or a 256 px tile of a data set; all of a shard alike): what
is seen, the true map, its flat class ids, and the true maps one and two zooms lower under it
(`parent_box`, margin included), from which references are enlarged as in painting. A shard is a
folder of .npy files that are read memory-mapped; `labels.npy` (see label_sets) is missing in older
ones.

A record is decoupled when its truth is drawn in the look of another zoom than its grid's: only
such records teach that the text decides the look, since imagery and reference tell the zoom too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import NoRecords, TrainingError
from ..references import MARGIN
from .label_sets import label_ids

_PICTURES = ("imagery", "map", "classes", "parent2", "parent4")
_LABELS = "labels.npy"
UNFINISHED = ".tmp"


@dataclass(frozen=True)
class Record:
    """One window; `parent2` and `parent4` are None where the pyramid has no such zoom.

    `place` names the ground. `complete` tells whether ground colour in its truth means bare ground
    (True) or may also mean "not mapped" (False), `ranked_roads` whether the rank of its roads is
    known (masks only tell that there is a road). `labels` says the same for each pixel by the
    numbers of label_sets; with them the two flags do not count. `look_zoom` is the zoom whose look
    map, classes and (one and two zooms lower) parents have; None means that of `zoom`.
    `drawn_parents` tells that the parents are a model's own drawings (see own_references).
    """

    imagery: np.ndarray  # uint8 [320,320,3]
    map: np.ndarray  # uint8 [320,320,3]
    classes: np.ndarray  # uint8 [320,320]
    parent2: np.ndarray | None  # uint8 [168,168,3] (or [136,136,3])
    parent4: np.ndarray | None  # uint8 [88,88,3] (or [72,72,3])
    zoom: int
    place: str
    complete: bool
    ranked_roads: bool
    labels: np.ndarray | None = None  # uint8 [320,320]
    look_zoom: int | None = None
    drawn_parents: bool = False

    @property
    def text_zoom(self) -> int:
        """The zoom that the scale text names: that of the look."""
        return self.zoom if self.look_zoom is None else self.look_zoom

    def label_ids(self) -> np.ndarray:
        """Numbers of label sets, uint8 [320,320], whether stored or told by the flags."""
        return label_ids(
            self.classes, self.labels, complete=self.complete, ranked_roads=self.ranked_roads
        )


def write_shard(folder: Path, records: list[Record]) -> None:
    """Write records as one shard; the folder appears when it is whole."""
    temporary = folder.with_name(folder.name + UNFINISHED)
    temporary.mkdir(parents=True, exist_ok=True)
    for name in _PICTURES:
        pictures = [_picture(record, name) for record in records]
        np.save(temporary / f"{name}.npy", np.stack(pictures))
    np.save(temporary / _LABELS, np.stack([record.label_ids() for record in records]))
    notes = [
        {
            "zoom": record.zoom,
            "place": record.place,
            "complete": record.complete,
            "ranked_roads": record.ranked_roads,
            "factors": [f for f in (2, 4) if getattr(record, f"parent{f}") is not None],
            "look_zoom": record.text_zoom,
            "drawn_parents": record.drawn_parents,
        }
        for record in records
    ]
    (temporary / "records.json").write_text(json.dumps(notes), encoding="utf-8")
    os.replace(temporary, folder)


def _picture(record: Record, name: str) -> np.ndarray:
    value = getattr(record, name)
    if value is None:
        size = record.imagery.shape[0] // int(name[-1]) + 2 * MARGIN
        return np.zeros((size, size, 3), dtype=np.uint8)
    return np.asarray(value)


class Shard:
    """A shard on disk, read memory-mapped."""

    def __init__(self, folder: Path) -> None:
        try:
            self.notes = json.loads((folder / "records.json").read_text(encoding="utf-8"))
            self._arrays = {
                name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _PICTURES
            }
            labelled = (folder / _LABELS).exists()
            self._labels = np.load(folder / _LABELS, mmap_mode="r") if labelled else None
        except (OSError, ValueError) as error:
            raise TrainingError(f"{folder} is no shard of training records: {error}") from error

    def __len__(self) -> int:
        return len(self.notes)

    def __getitem__(self, index: int) -> Record:
        note = self.notes[index]
        return Record(
            imagery=self._arrays["imagery"][index],
            map=self._arrays["map"][index],
            classes=self._arrays["classes"][index],
            parent2=self._arrays["parent2"][index] if 2 in note["factors"] else None,
            parent4=self._arrays["parent4"][index] if 4 in note["factors"] else None,
            zoom=note["zoom"],
            place=note["place"],
            complete=note["complete"],
            ranked_roads=note["ranked_roads"],
            labels=None if self._labels is None else self._labels[index],
            look_zoom=note.get("look_zoom", note["zoom"]),
            drawn_parents=note.get("drawn_parents", False),
        )


Entries = dict[int, list[tuple[Shard, int]]]  # shard and place in it, by zoom


class RecordPool:
    """All shards below a folder, grouped by kind of place; grows when shards are added.

    A place's kind is its name up to the first "-" ("town-17" -> "town"), so that kinds can be
    drawn evenly however many records each has. `decoupled` is the share of draws that are
    decoupled records, as far as a kind has such.
    """

    def __init__(self, root: Path, *, decoupled: float = 0.0) -> None:
        self.root = root
        self.decoupled = decoupled
        self._shards: dict[str, Shard] = {}
        self.kinds: dict[str, Entries] = {}
        self._decoupled_kinds: dict[str, Entries] = {}
        self.refresh()
        if not self.kinds:  # decoupled records alone teach nobody to read
            raise NoRecords(f"{root} holds no training records. Build them first.")

    def refresh(self) -> None:
        """Take in shards that were added since, let those go that were taken away."""
        there = {f.name: f for f in sorted(self.root.glob("*")) if f.suffix != UNFINISHED}
        gone = [name for name in self._shards if name not in there]
        for name in gone:
            del self._shards[name]
        if gone:
            self.kinds, self._decoupled_kinds = {}, {}
            for shard in self._shards.values():
                self._enter(shard)
        for name, folder in there.items():
            if name not in self._shards and (folder / "records.json").exists():
                self._take_in(name, folder)

    def _take_in(self, name: str, folder: Path) -> None:
        try:
            shard = Shard(folder)
        except TrainingError:
            if not folder.exists():  # taken away this moment
                return
            raise
        self._shards[name] = shard
        self._enter(shard)

    def _enter(self, shard: Shard) -> None:
        """List the records of a shard by kind and zoom."""
        for index, note in enumerate(shard.notes):
            coupled = note.get("look_zoom", note["zoom"]) == note["zoom"]
            kinds = self.kinds if coupled else self._decoupled_kinds
            by_zoom = kinds.setdefault(note["place"].split("-")[0], {})
            by_zoom.setdefault(note["zoom"], []).append((shard, index))

    def __len__(self) -> int:
        return sum(len(shard) for shard in self._shards.values())

    def draw(self, rng: np.random.Generator, kinds: dict[str, float]) -> Record:
        """A random record: kind by weight, then zoom by `ZOOM_SHARE`, then any.

        Raises:
            TrainingError: the pool has none of the kinds.
        """
        names = [name for name in kinds if name in self.kinds and kinds[name] > 0]
        if not names:
            raise TrainingError(
                f"{self.root} has records of {', '.join(sorted(self.kinds))}, "
                f"but none of {', '.join(sorted(kinds))}. Name kinds that it has."
            )
        weights = np.array([kinds[name] for name in names])
        kind = names[rng.choice(len(names), p=weights / weights.sum())]
        by_zoom = self.kinds[kind]
        if rng.random() < self.decoupled:
            by_zoom = self._decoupled_kinds.get(kind, by_zoom)
        zooms = sorted(by_zoom)
        shares = np.array([ZOOM_SHARE.get(zoom, 0.2) for zoom in zooms])
        entries = by_zoom[zooms[rng.choice(len(zooms), p=shares / shares.sum())]]
        shard, index = entries[rng.integers(len(entries))]
        return shard[index]

    def all(self) -> Iterator[Record]:
        """Every record, in a fixed order."""
        for name in sorted(self._shards):
            shard = self._shards[name]
            for index in range(len(shard)):
                yield shard[index]


# The first stage is what all others inherit: a fifth of the crops at zooms 14 and 15.
ZOOM_SHARE = {14: 0.1, 15: 0.13, 16: 0.25, 17: 0.27, 18: 0.25}
