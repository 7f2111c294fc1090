"""What a run shows of itself on held-out ground: a point of its curve, and a sheet of samples."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.sgdm import SGDM
from ..models.sgdm_map_model import BATCH, SGDMMapModel
from .records import Record, RecordPool
from .referenced import has_parents
from .run_config import RunConfig
from .run_folder import RunFolder
from .scores import Draw, model_rows, reference_of, score_records

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

SCORES = 8  # points of the curve
SHOWN_ROW = {
    "vae": "ceiling",
    "decoder": "ceiling",
    "encoder": "segment and draw",
    "joint": "teacher",
    "paper": "teacher",
}
COLUMNS = ("imagery", "reference", "truth", "drawn")
_WINDOWS_PER_GROUND = 4
_SHEET_WINDOWS = 6
_LABEL, _GAP = 24, 8
_PAPER, _INK = (250, 249, 246), (40, 40, 44)


class Trial:
    """Scores and samples of a model in training.

    Args:
        model: The model; whoever calls gives it the weights that shall be shown.
        config: Of its run.
        folder: Of its run.
        referenced: Whether the model cannot do without a reference.
    """

    def __init__(
        self, model: SGDM, config: RunConfig, folder: RunFolder, *, referenced: bool
    ) -> None:
        self.config = config
        self._referenced = referenced
        self.curve: list[dict[str, Any]] = []
        self._model = model
        self._folder = folder
        self._records: list[Record] | None = None

    def score_is_due(self, share: float) -> bool:
        """Whether the next of the curve's points is reached."""
        return bool(self.config.development) and share * SCORES >= len(self.curve) + 1

    def sample_is_due(self, step: int) -> bool:
        """Whether a sheet is to be drawn after this step."""
        every = self.config.sample_every
        return bool(self.config.development and every) and step % every == 0

    def score(self, share: float, step: int) -> None:
        """Add a point to the curve and to its file."""
        name = SHOWN_ROW[self.config.stage]
        scores = score_records(self._held_out(), {name: self._row(BATCH)})[name]
        point = {"share": round(share, 3), "step": step, "scores": scores}
        self.curve.append(point)
        self._folder.add_line("curve.jsonl", point)
        short = {ground: values["miou"] for ground, values in scores.items()}
        log.info("held-out %s, mIoU: %s", name, short)
        if self.config.tensorboard:
            self._folder.add_scalars({f"mIoU/{k}": v for k, v in short.items()}, step)

    def sample(self, step: int) -> Path:
        """Draw a sheet into the run's folder."""
        records = self._held_out()
        spread = np.linspace(0, len(records) - 1, min(len(records), _SHEET_WINDOWS)).astype(int)
        path = self._folder.path / "samples" / f"step-{step:07d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        sample_sheet([records[i] for i in spread], self._row(1)).save(path)
        return path

    def _row(self, batch: int) -> Draw:
        painter = SGDMMapModel(self._model, batch=batch, model_hash="in training")
        return model_rows(painter)[SHOWN_ROW[self.config.stage]]

    def _held_out(self) -> list[Record]:
        """A few windows of every kind of held-out ground and zoom."""
        if self._records is None:
            chosen: dict[tuple[str, int], list[Record]] = {}
            for record in RecordPool(Path(self.config.development).expanduser()).all():
                if self._referenced and not has_parents(record):
                    continue
                group = chosen.setdefault((record.place.split("-")[0], record.zoom), [])
                if len(group) < _WINDOWS_PER_GROUND:
                    group.append(record)
            self._records = [record for group in chosen.values() for record in group]
        return self._records


def sample_sheet(records: Sequence[Record], draw: Draw) -> Image.Image:
    """A line a window: imagery, reference, truth and what is drawn."""
    from PIL import Image, ImageDraw, ImageFont

    side = records[0].imagery.shape[0]
    size = (len(COLUMNS) * (side + _GAP) + _GAP, len(records) * (side + _LABEL) + _LABEL)
    sheet = Image.new("RGB", size, _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for line, record in enumerate(records):
        reference, factor = reference_of(record)
        drawn = draw([record])[0][0]
        nothing = np.broadcast_to(np.array(_PAPER, np.uint8), record.map.shape)
        pictures = (record.imagery, nothing if reference is None else reference, record.map, drawn)
        top = line * (side + _LABEL) + _LABEL
        for column, (name, picture) in enumerate(zip(COLUMNS, pictures, strict=True)):
            left = _GAP + column * (side + _GAP)
            sheet.paste(Image.fromarray(np.array(picture)), (left, top))
            label = f"{name}, {record.place} zoom {record.zoom}" if column == 0 else name
            if name == "reference":
                label = f"{name} {factor}X" if factor else f"no {name}"
            pen.text((left, top - 20), label, fill=_INK, font=font)
    return sheet
