"""Scores of a map model on held-out training records, beside the rows that need no training.

Rows, in the order of the report: the model with the true reference (teacher), the model without a
reference, segment-and-draw (the class head's classes drawn by the legend), the reference enlarged
(copy), the ground colour (constant), and the truth through the VAE (the ceiling).

Every row is a picture whose classes are read back, and so is the truth. Pixels of which the truth
knows nothing are left out, and where it leaves several classes open, each of them is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from ..evaluation.classes import confusion, mean_iou, merged
from ..evaluation.edges import LineMatch, edge_f1, edge_match, precision_recall
from ..evaluation.fidelity import psnr_y
from ..evaluation.groups import GROUPS, ROADS, group_table
from ..evaluation.model_controls import draw_classes, read_classes
from ..evaluation.reading import read_picture
from ..evaluation.roads import ROAD_RADIUS, skeleton
from ..legend import FLAT_CLASSES, GROUND
from ..map_scale import map_scale, scale_text
from ..models.sgdm_map_model import SGDMMapModel
from ..references import enlarge_reference
from .label_sets import allowed_classes, scored_pixels
from .records import Record

Draw = Callable[[list[Record]], "list[tuple[np.ndarray, np.ndarray]]"]
"""Records to what is drawn of each: picture uint8 [H,W,3] and its classes uint8 [H,W]."""


@dataclass(frozen=True)
class Truth:
    """What a record's map shows, read once for all rows.

    Attributes:
        classes: Flat legend classes, uint8 [H,W].
        allowed: Which classes are right, bool [H,W,classes].
        scored: Pixels that count, bool [H,W].
        roads: Middle lines of its roads, bool [H,W].
    """

    classes: np.ndarray
    allowed: np.ndarray
    scored: np.ndarray
    roads: np.ndarray


def truth_of(record: Record) -> Truth:
    """Read a record's truth."""
    classes, labels = read_picture(np.array(record.map)).classes, record.label_ids()
    return Truth(
        classes,
        allowed_classes()[labels],
        scored_pixels(labels),
        skeleton(np.isin(classes, ROADS)),
    )


@dataclass
class Tally:
    """Pooled counts of one row on one kind of ground at one zoom."""

    counts: np.ndarray = field(
        default_factory=lambda: np.zeros((FLAT_CLASSES, FLAT_CLASSES), dtype=np.int64)
    )
    hits: np.ndarray = field(default_factory=lambda: np.zeros(4, dtype=np.int64))
    road_hits: np.ndarray = field(default_factory=lambda: np.zeros(4, dtype=np.int64))
    psnr: list[float] = field(default_factory=list)

    def add(
        self, picture: np.ndarray, classes: np.ndarray, truth: Truth, true_picture: np.ndarray
    ) -> None:
        """Count one drawn window: its picture uint8 [H,W,3] and class ids [H,W]."""
        right = np.take_along_axis(truth.allowed, classes[..., None].astype(np.intp), 2)[..., 0]
        settled = np.where(right, truth.classes, classes)
        self.counts += confusion(settled, truth.classes, FLAT_CLASSES, truth.scored)
        self.hits += edge_match(settled, truth.classes, truth.scored).hits(2.0)
        drawn = skeleton(np.isin(classes, ROADS))
        self.road_hits += LineMatch(drawn, truth.roads).hits(ROAD_RADIUS, truth.scored)
        self.psnr.append(psnr_y(picture, true_picture))

    def scores(self) -> dict[str, float]:
        """Rounded scores by name; what the truth holds nothing for is left out.

        `miou` is over the legend's thirteen classes, `group_miou` over the six groups;
        `edge_f1`, `road_correctness`, `road_completeness`, `psnr_y`, `windows`.
        """
        groups = merged(self.counts, group_table(), len(GROUPS))
        correctness, completeness = precision_recall(self.road_hits)
        values = {
            "miou": round(mean_iou(self.counts), 4),
            "group_miou": round(mean_iou(groups), 4),
            "edge_f1": round(edge_f1(self.hits), 4),
            "road_correctness": round(correctness, 4),
            "road_completeness": round(completeness, 4),
            "psnr_y": round(float(np.mean(self.psnr)), 2),
            "windows": len(self.psnr),
        }
        return {name: value for name, value in values.items() if math.isfinite(value)}


def score_records(
    records: Iterable[Record], rows: dict[str, Draw], batch: int = 4
) -> dict[str, dict[str, dict[str, float]]]:
    """Scores by row and by "kind zNN", where kind is the place's name up to the first "-".

    Ground without a pixel that its truth is sure of is left out.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(f"{record.place.split('-')[0]} z{record.zoom}", []).append(record)
    result: dict[str, dict[str, dict[str, float]]] = {name: {} for name in rows}
    for group in sorted(groups):
        tallies = {name: Tally() for name in rows}
        for start in range(0, len(groups[group]), batch):
            chosen = groups[group][start : start + batch]
            truths = [truth_of(record) for record in chosen]
            for name, draw in rows.items():
                for record, truth, (picture, classes) in zip(
                    chosen, truths, draw(chosen), strict=True
                ):
                    tallies[name].add(picture, classes, truth, np.array(record.map))
        for name, tally in tallies.items():
            if tally.counts.any():
                result[name][group] = tally.scores()
    return result


def reference_of(record: Record) -> tuple[np.ndarray | None, int | None]:
    """The true reference, 4X where the pyramid has it, else 2X, else none."""
    for factor, parent in ((4, record.parent4), (2, record.parent2)):
        if parent is not None:
            return enlarge_reference(np.array(parent), factor), factor
    return None, None


def model_rows(model: SGDMMapModel, seed: int = 0) -> dict[str, Draw]:
    """All rows for a model."""

    def drawn(records: list[Record], *, teacher: bool) -> list[tuple[np.ndarray, np.ndarray]]:
        reference, factor = reference_of(records[0]) if teacher else (None, None)
        references = None
        if reference is not None:
            references = _padded([reference_of(r)[0] for r in records], model.batch)
        imagery = _padded([r.imagery for r in records], model.batch)
        features = model.features(imagery, references, records[0].zoom, records[0].text_zoom)
        text = model.embed(scale_text(map_scale(records[0].text_zoom), factor))
        rng = np.random.default_rng(seed)
        size = records[0].imagery.shape[0] // 8
        noise = rng.standard_normal((model.batch, 4, size, size)).astype(np.float32)
        pictures = model.decode(model.sample(lambda _k: noise, features, text))
        return [_read(picture) for picture in pictures[: len(records)]]

    return {
        "teacher": lambda records: drawn(records, teacher=True),
        "no reference": lambda records: drawn(records, teacher=False),
        "segment and draw": lambda records: _segmented(model, records),
        "copy": _copied,
        "constant": lambda records: [_constant(r) for r in records],
        "ceiling": lambda records: _through_vae(model, records),
    }


def _padded(pictures: list[np.ndarray | None], size: int) -> np.ndarray:
    stacked = [np.array(picture) for picture in pictures]
    return np.stack(stacked + [stacked[-1]] * (size - len(stacked)))


def _read(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return picture, read_picture(picture).classes


def _segmented(model: SGDMMapModel, records: list[Record]) -> list[tuple[np.ndarray, np.ndarray]]:
    references = [reference_of(record)[0] for record in records]
    classes = read_classes(
        model,
        _padded([record.imagery for record in records], len(records)),
        None if references[0] is None else _padded(references, len(records)),
        records[0].zoom,
    )
    return [
        _read(draw_classes(ids, record.zoom)) for ids, record in zip(classes, records, strict=True)
    ]


def _copied(records: list[Record]) -> list[tuple[np.ndarray, np.ndarray]]:
    result = []
    for record in records:
        reference, _ = reference_of(record)
        picture = _constant(record)[0] if reference is None else reference
        result.append(_read(picture))
    return result


def _constant(record: Record) -> tuple[np.ndarray, np.ndarray]:
    picture = np.broadcast_to(np.array(GROUND, dtype=np.uint8), record.map.shape)
    return picture, np.zeros(record.classes.shape, dtype=np.uint8)


def _through_vae(model: SGDMMapModel, records: list[Record]) -> list[tuple[np.ndarray, np.ndarray]]:
    import torch

    with torch.inference_mode():
        latent = model.model.encode(
            model.to_pixels(_padded([r.map for r in records], len(records)))
        )
        pictures = model.decode(latent)
    return [_read(picture) for picture in pictures]


def report(scores: dict[str, dict[str, dict[str, float]]]) -> str:
    """A table: a line a row and ground."""
    columns = {
        "mIoU 6": ("group_miou", 3),
        "mIoU 13": ("miou", 3),
        "edge F1": ("edge_f1", 3),
        "roads right": ("road_correctness", 3),
        "roads found": ("road_completeness", 3),
        "PSNR-Y": ("psnr_y", 2),
        "windows": ("windows", 0),
    }
    lines = [f"{'row':18}{'ground':18}" + "".join(f"{title:>13}" for title in columns)]
    for row, groups in scores.items():
        for group, values in groups.items():
            cells = [
                f"{values[name]:13.{digits}f}" if name in values else f"{'-':>13}"
                for name, digits in columns.values()
            ]
            lines.append(f"{row:18}{group:18}" + "".join(cells))
    return "\n".join(lines)
