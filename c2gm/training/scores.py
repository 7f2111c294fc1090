"""Scores of a map model on held-out training records, beside the rows that need no training.

Rows, in the order of the report: the model with the true reference (teacher), the model without a
reference, segment-and-draw (the class head's classes in flat colours), the reference enlarged
(copy), the ground colour (constant), and the truth through the VAE (the ceiling).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from ..evaluation.classes import confusion, mean_iou
from ..evaluation.edges import edge_f1, edge_hits
from ..evaluation.fidelity import psnr_y
from ..legend import FLAT_CLASSES, GROUND, nearest_class, palette
from ..map_scale import map_scale, scale_text
from ..models.sgdm_map_model import SGDMMapModel
from ..references import enlarge_reference
from .records import Record

Draw = Callable[[list[Record]], "list[tuple[np.ndarray, np.ndarray]]"]


@dataclass
class Tally:
    """Pooled counts of one row on one kind of ground at one zoom."""

    counts: np.ndarray = field(
        default_factory=lambda: np.zeros((FLAT_CLASSES, FLAT_CLASSES), dtype=np.int64)
    )
    hits: np.ndarray = field(default_factory=lambda: np.zeros(4, dtype=np.int64))
    psnr: list[float] = field(default_factory=list)

    def add(self, picture: np.ndarray, classes: np.ndarray, record: Record) -> None:
        """Count one drawn window: its picture uint8 [H,W,3] and class ids [H,W]."""
        truth = np.array(record.classes)
        self.counts += confusion(classes, truth, FLAT_CLASSES)
        self.hits += edge_hits(classes, truth)
        self.psnr.append(psnr_y(picture, np.array(record.map)))

    def scores(self) -> dict[str, float]:
        """`miou`, `edge_f1` and `psnr_y`, rounded, and `windows`."""
        return {
            "miou": round(mean_iou(self.counts), 4),
            "edge_f1": round(edge_f1(self.hits), 4),
            "psnr_y": round(float(np.mean(self.psnr)), 2),
            "windows": len(self.psnr),
        }


def classes_of(picture: np.ndarray) -> np.ndarray:
    """Class ids uint8 [H,W] read back from a picture; casings go to the class beside them."""
    from scipy.ndimage import distance_transform_edt

    ids = nearest_class(picture)
    casing = ids >= FLAT_CLASSES
    if casing.all() or not casing.any():
        return np.where(casing, 0, ids).astype(np.uint8)
    nearest = distance_transform_edt(casing, return_distances=False, return_indices=True)
    beside: np.ndarray = ids[tuple(nearest)]
    return beside


def score_records(
    records: Iterable[Record], rows: dict[str, Draw], batch: int = 4
) -> dict[str, dict[str, dict[str, float]]]:
    """Scores by row and by "kind zNN", where kind is the place's name up to the first "-"."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(f"{record.place.split('-')[0]} z{record.zoom}", []).append(record)
    result: dict[str, dict[str, dict[str, float]]] = {name: {} for name in rows}
    for group in sorted(groups):
        for name, draw in rows.items():
            tally = Tally()
            for start in range(0, len(groups[group]), batch):
                chosen = groups[group][start : start + batch]
                for record, (picture, classes) in zip(chosen, draw(chosen), strict=True):
                    tally.add(picture, classes, record)
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
        features = model.features(_padded([r.imagery for r in records], model.batch), references)
        text = model.embed(scale_text(map_scale(records[0].zoom), factor))
        rng = np.random.default_rng(seed)
        size = records[0].imagery.shape[0] // 8
        noise = rng.standard_normal((model.batch, 4, size, size)).astype(np.float32)
        pictures = model.decode(model.sample(lambda _k: noise, features, text))
        return [(p, classes_of(p)) for p in pictures[: len(records)]]

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


def _segmented(model: SGDMMapModel, records: list[Record]) -> list[tuple[np.ndarray, np.ndarray]]:
    import torch

    references = [reference_of(r)[0] for r in records]
    with torch.inference_mode():
        f_cond = model.model.mf_encoder(
            model.to_pixels(_padded([r.imagery for r in records], len(records))),
            None if references[0] is None else model.to_pixels(_padded(references, len(records))),
        )
        ids = model.model.mf_encoder.class_logits(f_cond).argmax(1).to(torch.uint8).numpy()
    return [(palette()[i], i) for i in ids]


def _copied(records: list[Record]) -> list[tuple[np.ndarray, np.ndarray]]:
    result = []
    for record in records:
        reference, _ = reference_of(record)
        picture = _constant(record)[0] if reference is None else reference
        result.append((picture, classes_of(picture)))
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
    return [(p, classes_of(p)) for p in pictures]


def report(scores: dict[str, dict[str, dict[str, float]]]) -> str:
    """A table: a line a row and ground, with mIoU, edge F1 and PSNR-Y."""
    lines = [f"{'row':18}{'ground':18}{'mIoU':>8}{'edge F1':>9}{'PSNR-Y':>8}{'windows':>9}"]
    for row, groups in scores.items():
        for group, values in groups.items():
            lines.append(
                f"{row:18}{group:18}{values['miou']:8.3f}{values['edge_f1']:9.3f}"
                f"{values['psnr_y']:8.2f}{values['windows']:9.0f}"
            )
    return "\n".join(lines)
