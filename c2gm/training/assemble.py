"""From finished runs to one model file with its card: choose, average, round, score.

Runs are laid over each other in order, so the last one that trained a weight decides it. Of several
ways to put a model together, their mean among them, the best on held-out ground can be chosen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainingError
from ..models.checkpoints import save_sgdm
from ..models.sgdm import SGDM
from ..models.sgdm_map_model import SGDMMapModel
from .records import RecordPool
from .run_config import RunConfig
from .scores import model_rows, score_records
from .start import start_model

CREDITS = {
    "dubai": 'Dubai: "Semantic segmentation of aerial imagery", Humans in the Loop with the '
    "Mohammed Bin Rashid Space Centre, CC0",
    "chateaugiron": "Chateaugiron: IGN, BD ORTHO, Licence Ouverte / Etalab; (c) OpenStreetMap "
    "contributors, ODbL",
    "kvarnbyn": "Kvarnbyn: Ortofoto (c) Lantmateriet, CC BY 4.0; (c) OpenStreetMap contributors, "
    "ODbL",
    "maryland": "Maryland: NAIP, public domain; land cover of the Chesapeake data set, MIT",
    "banepa": "Banepa: imagery CC BY 4.0; buildings (c) OpenStreetMap contributors, ODbL",
    "aosta": "Aosta: Regione Autonoma Valle d'Aosta, CC BY 4.0; (c) OpenStreetMap contributors, "
    "ODbL",
    "osm": "Painted street patterns: (c) OpenStreetMap contributors, ODbL",
    "town": "Procedural towns: C2GM itself",
    "world": "Procedural worlds: C2GM itself",
}
CHOSEN_BY = "no reference"  # the row of the scores: what a map from nothing is made of
Runs = Sequence[Path]


def assemble(
    runs: Runs, out: Path, development: Path, *, together: Sequence[Runs] = ()
) -> dict[str, Any]:
    """Write the model of finished runs, in half precision, and score what was written.

    Args:
        runs: Folders of finished runs, in the order of their stages.
        out: The model file.
        development: Records that no run has seen.
        together: Other lists of runs; the weights are the mean of all.

    Returns:
        The card that is stored in the file: runs, data, credits and scores by row and ground.

    Raises:
        TrainingError: a run is not finished, or the lists do not fit together.
    """
    model = mean_model([runs, *together])
    told = {run.name: _told(run) for group in (runs, *together) for run in group}
    card: dict[str, Any] = {
        "runs": list(told.values()),
        "credits": credits_of(told.values()),
        "warning": "generated map, not surveyed",
    }
    if together:
        card["mean_of"] = [[run.name for run in group] for group in (runs, *together)]
    save_sgdm(model, out, card, half=True)
    # The written file is scored, not the weights it was made of: rounding is part of it.
    written = SGDMMapModel(SGDM.load(out))
    card["scores"] = score_records(RecordPool(development).all(), model_rows(written))
    save_sgdm(model, out, card, half=True)
    return card


def choose(
    candidates: Mapping[str, Sequence[Runs]], development: Path, *, row: str = CHOSEN_BY
) -> tuple[str, dict[str, float]]:
    """The best of several ways to put a model together, and the mean mIoU of each.

    Args:
        candidates: By name, one list of runs, or several whose mean is taken.
        development: Records that no run has seen.
        row: Of the scores, by which is chosen.

    Raises:
        TrainingError: a run is not finished, or lists do not fit together.
    """
    records = list(RecordPool(development).all())
    reached = {}
    for name, groups in candidates.items():
        painter = SGDMMapModel(mean_model(groups), model_hash=name)
        scores = score_records(records, {row: model_rows(painter)[row]})[row]
        reached[name] = sum(ground["miou"] for ground in scores.values()) / len(scores)
    return max(reached, key=lambda name: reached[name]), reached


def mean_model(groups: Sequence[Runs]) -> SGDM:
    """The model of finished runs; of several lists of them, the mean of their weights.

    Raises:
        TrainingError: a run is not finished or does not fit, or the latents of the lists differ,
            so that their mean means nothing.
    """
    models = []
    for group in groups:
        torch.manual_seed(0)  # what no run trained is the same in all
        models.append(start_model(_starting_from(group)))
    states: list[dict[str, Tensor]] = [model.state_dict() for model in models]
    encoders = [name for name in states[0] if name.startswith("vae.") and "decoder" not in name]
    for state in states[1:]:
        if any(not torch.equal(state[n], states[0][n]) for n in encoders if "post_" not in n):
            raise TrainingError(
                "Models with different VAE encoders draw in different latents; their mean draws "
                "nothing. Take the same vae run for all."
            )
    with torch.no_grad():
        for name, value in states[0].items():
            if value.is_floating_point():
                value.copy_(torch.stack([state[name] for state in states]).mean(0))
    return models[0]


def credits_of(told: Any) -> list[str]:
    """Whom the data of runs is owed to, by the kinds of ground that they name."""
    kinds = {kind for run in told for kind in run["kinds"]}
    unknown = sorted(kinds - set(CREDITS))
    return [CREDITS[kind] for kind in CREDITS if kind in kinds] + unknown


def _starting_from(runs: Runs) -> RunConfig:
    return RunConfig("joint", 1, "", "", {}, tuple(str(run) for run in runs))


def _told(run: Path) -> dict[str, Any]:
    """What the card says of one run."""
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    state = torch.load(run / "state.pt", map_location="cpu", weights_only=True, mmap=True)
    config = state["config"]
    return {
        "run": run.name,
        "stage": config["stage"],
        "minutes": last["minutes"],
        "crops": last["crops"],
        "kinds": sorted(config["kinds"]),
    }
