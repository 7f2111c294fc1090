"""The trainer: one stage, a fixed number of minutes, resumable at any second, decayed at its end.

The run's folder holds `state.pt` (weights, average, optimiser, progress), written whole every
minute and when the process is asked to stop, `log.jsonl` (a line a minute), and at the end
`weights.safetensors`: the averaged weights of what the stage trained.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import os
import pickle
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import Stopped, TrainingError
from ..models.presets import PRESETS
from ..models.sgdm import SGDM
from ..models.sgdm_map_model import SGDMMapModel
from .batches import Batch, batches
from .crops import CropConfig
from .records import Record, RecordPool
from .run_config import RunConfig
from .scores import model_rows, score_records
from .stages import STAGES, Stage

log = logging.getLogger(__name__)

WARM_UP_STEPS = 40
GRADIENT_CLIP = 1.0
AVERAGE_EVERY = 4  # steps: the average moves slowly, and each move reads every weight
SCORES = 8  # points of the curve on held-out ground
SCORED_ROW = {
    "vae": "ceiling",
    "decoder": "ceiling",
    "encoder": "segment and draw",
    "joint": "teacher",
}
_WINDOWS_PER_GROUND = 4


def train(config: RunConfig) -> Path:
    """Run a stage to its end, from its beginning or from where it was stopped.

    Returns:
        The file with the averaged weights of what was trained.

    Raises:
        TrainingError: no records, missing weights of an earlier stage, or a run of other settings.
    """
    torch.set_num_threads(config.threads)
    run = Run(config)
    done = run.folder / "weights.safetensors"
    if done.exists():
        log.info("%s is finished; nothing to do.", run.folder)
        return done
    run.go()
    return done


class Run:
    """A training run in its folder."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.folder = Path(config.folder).expanduser()
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        self.model = start_model(config)
        self.stage: Stage = STAGES[config.stage](self.model, config)
        self.trained = self.stage.trained()
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name in self.trained)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": group["params"], "scale": group["scale"]}
                for group in self.stage.parameter_groups()
            ],
            lr=config.rate,
            betas=(0.9, 0.99),
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.average = {name: p.detach().clone() for name, p in self.trained.items()}
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, Any]] = []
        self._stop = False
        self._resume()

    def go(self) -> None:
        """Train until the minutes are used up or the process is asked to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        config = self.config
        generator = torch.Generator().manual_seed(config.seed + 1 + self.step)
        crop = CropConfig(size=config.crop, no_reference=config.no_reference)
        pool = RecordPool(Path(config.records).expanduser())
        source = batches(pool, config.kinds, crop, config.batch, config.seed + 1 + self.step)
        dtype = self._faster_dtype(next(source), generator)
        log.info("%s: %d records, %s", config.stage, len(pool), dtype)
        saved = began = time.monotonic()
        losses: list[float] = []
        while self.share < 1 and not self._stop:
            losses.append(self._train_step(next(source), dtype, generator))
            now = time.monotonic()
            self.seconds += now - began
            began = now
            if now - saved > config.save_seconds:
                self._report(losses)
                self._save()
                saved, losses = now, []
            if config.development and self.share * SCORES > len(self.curve) + 1:
                self._score()
                began = time.monotonic()  # scoring is not training time
        source.close()  # type: ignore[attr-defined]
        self._report(losses)
        self._save()
        if self._stop:
            raise Stopped(
                f"Stopped at {self.share:.0%}; the same command goes on from {self.folder}."
            )
        self._finish()

    @property
    def share(self) -> float:
        """How much of the run has passed, 0 to 1."""
        return self.seconds / (60 * self.config.minutes)

    def _train_step(self, batch: Batch, dtype: torch.dtype, generator: torch.Generator) -> float:
        rate = self.config.rate * rate_share(self.share, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            loss = self.stage.loss(batch, self.share, generator)
        loss.backward()  # type: ignore[no-untyped-call]
        value = float(loss.detach())
        nn.utils.clip_grad_norm_(self.trained.values(), GRADIENT_CLIP)
        if math.isfinite(value):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        if self.step % AVERAGE_EVERY == 0:
            self._average()
        return value

    def _average(self) -> None:
        """Exponential moving average, its memory growing with the run."""
        keep = min(self.config.ema, 1 - 1 / (self.step / 5 + 1)) ** AVERAGE_EVERY
        with torch.no_grad():
            names = list(self.trained)
            torch._foreach_lerp_(
                [self.average[name] for name in names],
                [self.trained[name] for name in names],
                1 - keep,
            )

    def _faster_dtype(self, batch: Batch, generator: torch.Generator) -> torch.dtype:
        """float32 or bfloat16, by a stopwatch on this machine."""
        times: dict[torch.dtype, float] = {}
        before = copy.deepcopy(generator.get_state())
        for dtype in (torch.float32, torch.bfloat16):
            for _ in range(3):  # the last, warm one counts
                began = time.process_time()
                with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                    self.stage.loss(batch, 1.0, generator).backward()  # type: ignore[no-untyped-call]
                times[dtype] = time.process_time() - began
        self.optimizer.zero_grad(set_to_none=True)
        generator.set_state(before)
        return min(times, key=lambda dtype: times[dtype])

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop = True

    def _report(self, losses: list[float]) -> None:
        if not losses:
            return
        line = {
            "step": self.step,
            "crops": self.step * self.config.batch,
            "minutes": round(self.seconds / 60, 2),
            "share": round(self.share, 4),
            "loss": round(sum(losses) / len(losses), 5),
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        log.info("%s", line)

    def _score(self) -> None:
        """One point of the curve: the averaged weights on held-out ground."""
        trained = {name: p.detach().clone() for name, p in self.trained.items()}
        self._set_weights(self.average)
        name = SCORED_ROW[self.config.stage]
        rows = model_rows(SGDMMapModel(self.model))
        scores = score_records(self._development(), {name: rows[name]})[name]
        self._set_weights(trained)
        self.model.train()
        point = {"share": round(self.share, 3), "step": self.step, "scores": scores}
        self.curve.append(point)
        with (self.folder / "curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")
        short = {ground: values["miou"] for ground, values in scores.items()}
        log.info("held-out %s, mIoU: %s", name, short)

    def _development(self) -> list[Record]:
        """A few windows of every kind of held-out ground and zoom."""
        chosen: dict[tuple[str, int], list[Record]] = {}
        for record in RecordPool(Path(self.config.development).expanduser()).all():
            group = chosen.setdefault((record.place.split("-")[0], record.zoom), [])
            if len(group) < _WINDOWS_PER_GROUND:
                group.append(record)
        return [record for group in chosen.values() for record in group]

    def _set_weights(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in weights.items():
                self.trained[name].copy_(value)

    def _save(self) -> None:
        state: dict[str, Any] = {
            "config": self.config.__dict__,
            "model": {name: p.detach() for name, p in self.trained.items()},
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "curve": self.curve,
        }
        temporary = self.folder / "state.tmp"
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.folder / "state.pt")

    def _resume(self) -> None:
        path = self.folder / "state.pt"
        if not path.exists():
            return
        try:
            state = torch.load(path, weights_only=True)
        except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
            raise TrainingError(
                f"{path} is damaged and cannot be resumed. Delete {self.folder} to begin anew."
            ) from error
        fixed = {**state["config"], "threads": self.config.threads, "records": self.config.records}
        if fixed != self.config.__dict__:
            changed = sorted(k for k, v in self.config.__dict__.items() if fixed.get(k) != v)
            raise TrainingError(
                f"{self.folder} holds a run with another {', '.join(changed)}. "
                "Give the old value, or another folder."
            )
        self._set_weights(state["model"])
        self.average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.curve = state["curve"]

    def _finish(self) -> None:
        from safetensors.torch import save_file

        self._set_weights(self.average)
        if self.config.stage == "vae":
            self._normalise_latents()
        weights = {name: p.detach().contiguous() for name, p in self.trained.items()}
        temporary = self.folder / "weights.tmp"
        save_file(weights, temporary)
        os.replace(temporary, self.folder / "weights.safetensors")

    def _normalise_latents(self) -> None:
        """Fold the latents' mean and spread into the VAE, so that every channel counts alike."""
        crop = CropConfig(size=self.config.crop)
        pool = RecordPool(Path(self.config.records).expanduser())
        source = batches(pool, self.config.kinds, crop, 32, self.config.seed)
        with torch.no_grad():
            means = torch.cat([self.model.vae.encode(next(source).map)[0] for _ in range(24)])
        source.close()  # type: ignore[attr-defined]
        self.model.vae.normalise_latents(means.mean((0, 2, 3)), means.std((0, 2, 3)))  # type: ignore[operator]


def rate_share(share: float, step: int) -> float:
    """Share of the peak rate: warm-up by steps, constant for half the run, then cosine to 1 %."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    if share < 0.5:
        return warm
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, 2 * share - 1))))


def start_model(config: RunConfig) -> SGDM:
    """The model that a run starts from: fresh, then the weights of what came before.

    `weights` entries are folders of finished runs (or their weights.safetensors), in order.

    Raises:
        TrainingError: an entry is not there or does not fit.
    """
    from safetensors.torch import load_file

    model = SGDM(PRESETS[config.architecture]())
    parameters: dict[str, Tensor] = dict(model.named_parameters())
    for entry in config.weights:
        path = Path(entry).expanduser()
        path = path / "weights.safetensors" if path.is_dir() else path
        if not path.exists():
            raise TrainingError(f"{path} is missing: the run that makes it has not ended yet.")
        for name, value in load_file(path).items():
            if name not in parameters or parameters[name].shape != value.shape:
                raise TrainingError(f"{path}: {name} {tuple(value.shape)} does not fit the model.")
            with torch.no_grad():
                parameters[name].copy_(value)
    return model
