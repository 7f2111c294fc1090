"""Shift and sharpen what a finished encoder run reads, for maps rather than for its loss.

    python benchmarks/calibrate_reading.py RUNS... --development DEV --out CALIBRATED

Lines and buildings get the shift of their logits that reads best on held-out
windows; then all logits are multiplied by `--sharpness`, which changes no reading, only how sure
the draft is. The last run is the encoder's; its folder is copied with the new weights.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from c2gm.evaluation.classes import confusion, mean_iou, merged
from c2gm.evaluation.groups import GROUPS, group_table
from c2gm.legend import CLASS_ID, FLAT_CLASSES
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.training.assemble import mean_model
from c2gm.training.calibration import calibrated
from c2gm.training.label_sets import allowed_classes, scored_pixels
from c2gm.training.records import Record, RecordPool

LINES = ("motorway", "main road", "street")
LINE_SHIFTS, BUILDING_SHIFTS = (0.0, 0.2, 0.4), (0.0, 0.2)

Read = list[tuple[np.ndarray, Record]]  # logits float16 [classes,H,W] of a record


def shifts(lines: float, building: float) -> np.ndarray:
    """What is added to the logits of each class, float32 [classes]."""
    added = np.zeros(FLAT_CLASSES, dtype=np.float32)
    added[[CLASS_ID[name] for name in LINES]] = lines
    added[CLASS_ID["building"]] = building
    return added


def read(model: SGDMMapModel, development: Path, most: int) -> dict[str, Read]:
    """Logits without a reference of the first windows of each kind of ground and zoom."""
    encoder = model.model.mf_encoder
    grounds: dict[str, Read] = {}
    for record in RecordPool(development).all():
        ground = grounds.setdefault(f"{record.place.split('-')[0]} z{record.zoom}", [])
        if len(ground) < most:
            with torch.inference_mode():
                reading = encoder.read(model.to_pixels(np.array(record.imagery)[None]))
                logits = encoder.class_logits(reading, [record.zoom]).float().numpy()[0]
            ground.append((logits.astype(np.float16), record))
    return grounds


def score(grounds: dict[str, Read], added: np.ndarray) -> float:
    """Mean of the grounds' six-group mIoU with shifted logits."""
    return float(np.nanmean([_miou(found, added) for found in grounds.values()]))


def _miou(found: Read, added: np.ndarray) -> float:
    counts = np.zeros((FLAT_CLASSES, FLAT_CLASSES), dtype=np.int64)
    for logits, record in found:
        best = (logits + added[:, None, None]).argmax(0).astype(np.uint8)
        labels, truth = record.label_ids(), np.array(record.classes)
        allowed = allowed_classes()[labels]
        right = np.take_along_axis(allowed, best[..., None].astype(np.intp), 2)[..., 0]
        settled = np.where(right, truth, best)
        counts += confusion(settled, truth, FLAT_CLASSES, scored_pixels(labels))
    return mean_iou(merged(counts, group_table(), len(GROUPS)))


def candidates() -> Iterator[np.ndarray]:
    """The shifts that are tried."""
    for lines, building in itertools.product(LINE_SHIFTS, BUILDING_SHIFTS):
        yield shifts(lines, building)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="finished runs, the encoder's last")
    parser.add_argument("--development", type=Path, required=True, help="held-out records")
    parser.add_argument("--out", type=Path, required=True, help="folder of the calibrated run")
    parser.add_argument("--sharpness", type=float, default=2.0)
    parser.add_argument("--each", type=int, default=4, help="windows a ground and zoom")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = SGDMMapModel(mean_model([arguments.runs]).eval(), model_hash="calibrated")
    grounds = read(model, arguments.development, arguments.each)
    best = max(candidates(), key=lambda added: score(grounds, added))
    print(f"as it was {score(grounds, shifts(0, 0)):.4f}, shifted {score(grounds, best):.4f}")
    print(f"shifts: {dict(zip(CLASS_ID, best.tolist(), strict=False))}")
    run = arguments.runs[-1]
    shutil.copytree(run, arguments.out)
    weights = load_file(run / "weights.safetensors")
    changed = calibrated(weights, best, arguments.sharpness)
    save_file(changed, arguments.out / "weights.safetensors")


if __name__ == "__main__":
    main()
