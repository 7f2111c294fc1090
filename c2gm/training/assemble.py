"""From finished runs to one model file with its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..models.checkpoints import save_sgdm
from ..models.sgdm_map_model import SGDMMapModel
from .records import RecordPool
from .run_config import RunConfig
from .scores import model_rows, score_records
from .start import start_model

CREDITS = (
    'Dubai: "Semantic segmentation of aerial imagery", Humans in the Loop with the Mohammed Bin '
    "Rashid Space Centre, CC0",
    "Chateaugiron: IGN, BD ORTHO, Licence Ouverte / Etalab; (c) OpenStreetMap contributors, ODbL",
    "Kvarnbyn: Ortofoto (c) Lantmateriet, CC BY 4.0; (c) OpenStreetMap contributors, ODbL",
    "Procedural towns: C2GM itself",
)


def assemble(runs: list[Path], out: Path, development: Path) -> dict[str, Any]:
    """Write the model of finished runs, in half precision, and score what was written.

    Args:
        runs: Folders of finished runs, in the order of their stages.
        out: The model file.
        development: Records that no run has seen.

    Returns:
        The card that is stored in the file: runs, data, credits and scores by row and ground.
    """
    from ..models.sgdm import SGDM

    model = start_model(RunConfig("joint", 1, "", "", {}, tuple(str(run) for run in runs)))
    card: dict[str, Any] = {
        "runs": [_told(run) for run in runs],
        "credits": list(CREDITS),
        "warning": "generated map, not surveyed",
    }
    save_sgdm(model, out, card, half=True)
    # The written file is scored, not the weights it was made of: rounding is part of it.
    written = SGDMMapModel(SGDM.load(out))
    card["scores"] = score_records(RecordPool(development).all(), model_rows(written))
    save_sgdm(model, out, card, half=True)
    return card


def _told(run: Path) -> dict[str, Any]:
    """What the card says of one run."""
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    return {"run": run.name, "minutes": last["minutes"], "crops": last["crops"]}
