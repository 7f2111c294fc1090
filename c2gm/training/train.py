"""The trainer: one stage, a length fixed at the start, resumable at any second, decayed at its end.

The run's files are told in `run_folder.py`, the loss of each stage in `stages.py`.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import Stopped
from ..models.devices import choose_device
from ..models.sgdm_map_model import SGDMMapModel
from .acceleration import Precision, faster_precision, make_accelerator, moved
from .batches import Batch, RecordSource, collate
from .chance import Chance
from .crops import cut_crop
from .optimizers import MuonAdamW
from .own_references import DRAWN_TOGETHER, OwnReferences
from .progress import Losses, OnProgress, Progress, Pulse
from .records import RecordPool
from .run_config import RunConfig
from .run_folder import RunFolder
from .schedule import Clock, rate_share
from .sources import crop_config, open_batches, open_records, own_references
from .stages import STAGES, Stage
from .start import start_model
from .trial import Trial
from .weight_average import WeightAverage, trained_tensors

log = logging.getLogger(__name__)

ShouldStop = Callable[[], bool]
_TELL_SECONDS = 1.0
_TRIAL_CROPS = 64  # of a stopwatch's batch at most
_LATENT_BATCHES = 24  # by which latents are normalised


def train(
    config: RunConfig,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Path:
    """Run a stage to its end, from its beginning or from where it was stopped.

    Args:
        config: The run.
        on_progress: Is told about once a second how far it is.
        should_stop: Is asked before every step; True stops the run like a signal does.

    Returns:
        The file with the averaged weights of what was trained.

    Raises:
        TrainingError: no records, missing weights of an earlier stage, or a run of other settings.
        ConfigError: no such device, or it does not compute in the asked format.
        Stopped: the process was asked to stop; the same command goes on.
    """
    torch.set_num_threads(config.threads)
    folder = RunFolder(config.folder)
    if folder.weights.exists():
        log.info("%s is finished; nothing to do.", folder.path)
    else:
        Run(config, on_progress, should_stop).go()
    return folder.weights


class Run:
    """A training run in its folder, begun or taken up again."""

    def __init__(
        self,
        config: RunConfig,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> None:
        self.config = config
        self.folder = RunFolder(config.folder)
        self.clock = Clock.of(config)
        torch.manual_seed(config.seed)
        self.device = choose_device(config.device)
        self.model = start_model(config).to(self.device)
        self.stage: Stage = STAGES[config.stage](self.model, config).to(self.device)
        self.trained = self.stage.trained()
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name in self.trained)
        self.optimizer: Any = self._make_optimizer()
        self.average = WeightAverage(trained_tensors(self.model, self.trained), config.ema)
        self.chance = Chance(self.device, config.seed)
        self.losses = Losses(self.device)
        referenced = self.model.config.mf_encoder.needs_reference
        self.trial = Trial(self.model, config, self.folder, referenced=referenced)
        self.accelerator: Any = None
        self._scaler_state: dict[str, Any] | None = None
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._stop = False
        self._resume()

    def _make_optimizer(self) -> torch.optim.Optimizer:
        config = self.config
        groups, betas = self.stage.parameter_groups(), (config.betas[0], config.betas[1])
        if config.optimizer == "muon":
            names = {id(p): name for name, p in self.model.named_parameters()}
            return MuonAdamW(groups, names, config.rate, betas, config.weight_decay)
        return torch.optim.AdamW(
            groups, lr=config.rate, betas=betas, weight_decay=config.weight_decay, fused=True
        )

    @property
    def crops(self) -> int:
        """Crops that the run has seen."""
        return self.clock.step * self.config.batch * self.config.accumulate

    def go(self) -> None:
        """Train to the run's end, or until the process is asked to stop.

        Raises:
            Stopped: it was asked to.
        """
        if self.clock.share < 1:
            with self._stopping_at_signals():
                self._train()
        if self._stop and self.clock.share < 1:
            raise Stopped(
                f"Stopped at {self.clock.share:.0%}; the same command goes on from "
                f"{self.folder.path}."
            )
        self._finish()

    def _train(self) -> None:
        config, clock = self.config, self.clock
        referenced = self.model.config.mf_encoder.needs_reference
        with open_records(config, referenced=referenced) as records:
            precision = self.prepare(self._trial_batch(records))
            log.info("%s in %s on %s", config.stage, precision, self.device)
            pulse = Pulse()
            own = own_references(config, records, clock.step)
            while own is not None and not own.full and not self._asked_to_stop():
                self._redraw(own)
            drawn_from = records if own is None else own
            source = open_batches(config, drawn_from, device=self.device, step=clock.step)
            with closing(source):
                clock.seconds += pulse.beat()
                while clock.share < 1 and not self._asked_to_stop():
                    self.step_once(list(itertools.islice(source, config.accumulate)))
                    if own is not None and own.due(self.crops):
                        self._redraw(own)
                    clock.seconds += pulse.beat()
                    self._look_up(pulse)
                    pulse.rest()
        self._report()
        self._save()

    def prepare(self, batch: Batch) -> Precision:
        """Choose the number format, by a stopwatch on a batch where it is not given."""
        config = self.config
        precision: Precision = (
            faster_precision(self.stage, moved(batch, self.device), self.chance)
            if config.precision == "auto"
            else config.precision
        )
        self.accelerator = make_accelerator(self.device, precision, config.accumulate)
        self.stage, self.optimizer = self.accelerator.prepare(self.stage, self.optimizer)
        if self.accelerator.scaler is not None and self._scaler_state is not None:
            self.accelerator.scaler.load_state_dict(self._scaler_state)
        return precision

    def _trial_batch(self, records: RecordSource) -> Batch:
        """A batch for the stopwatch."""
        config, rng = self.config, np.random.default_rng(self.config.seed)
        drawn = [records.draw(rng, config.kinds) for _ in range(min(config.batch, _TRIAL_CROPS))]
        return collate([cut_crop(record, crop_config(config), rng) for record in drawn])

    def step_once(self, parts: Sequence[Batch]) -> None:
        """One optimiser step on the mean of the losses of as many batches as are accumulated."""
        config, clock = self.config, self.clock
        self.chance.begin_step(clock.step)
        rate = config.rate
        if config.schedule == "decayed":
            rate *= rate_share(clock.share, clock.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        total = torch.zeros((), device=self.device)
        for batch in parts:
            with self.accelerator.accumulate(self.stage):
                loss = self.stage(moved(batch, self.device), clock.share, self.chance)
                self.accelerator.backward(loss)
            total += loss.detach() / len(parts)
        if config.clip:
            self.accelerator.clip_grad_norm_(self.trained.values(), config.clip)
        self._step_if_finite(total)
        self.losses.add(total)
        clock.step += 1
        self.average.update(clock.step)

    def _step_if_finite(self, loss: Tensor) -> None:
        """Step, unless the loss is no number: the kernel itself skips, so nobody waits for it."""
        if self.accelerator.scaler is None:  # which looks after the same in fp16
            self.optimizer.optimizer.found_inf = (~torch.isfinite(loss)).float()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _redraw(self, own: OwnReferences) -> None:
        """Let the averaged weights draw a few references."""
        with self.average.applied(), self.accelerator.autocast():
            painter = SGDMMapModel(self.model, batch=DRAWN_TOGETHER, model_hash="in training")
            own.redraw(self.stage.draw_with(painter), self.config.kinds)
        self.model.train()

    def _look_up(self, pulse: Pulse) -> None:
        """Tell, save, score and sample where it is due; none of it is training time."""
        clock = self.clock
        if self._on_progress is not None and pulse.due("progress", _TELL_SECONDS):
            self._on_progress(self._progress())
        if pulse.due("save", self.config.save_seconds):
            self._report()
            self._save()
        score, sample = self.trial.score_is_due(clock.share), self.trial.sample_is_due(clock.step)
        if score or sample:
            with self.average.applied():
                if score:
                    self.trial.score(clock.share, clock.step)
                if sample:
                    self.trial.sample(clock.step)
            self.model.train()

    def _progress(self) -> Progress:
        clock = self.clock
        return Progress(
            stage=self.config.stage,
            share=clock.share,
            step=clock.step,
            crops=self.crops,
            crops_a_second=self.crops / clock.seconds if clock.seconds else None,
            loss=self.losses.mean(),
            seconds_left=clock.seconds_left,
        )

    def _report(self) -> None:
        """Write a line to the log; the loss is the mean since the last one."""
        loss = self.losses.mean()
        if loss is None:
            return
        self.losses.begin_anew()
        line = {
            "step": self.clock.step,
            "crops": self.crops,
            "minutes": round(self.clock.seconds / 60, 2),
            "share": round(self.clock.share, 4),
            "loss": round(loss, 5),
        }
        self.folder.add_line("log.jsonl", line)
        log.info("%s", line)
        if self.config.tensorboard:
            rate = self.optimizer.param_groups[0]["lr"]
            self.folder.add_scalars({"loss": loss, "rate": rate}, self.clock.step)

    def _save(self) -> None:
        scaler = None if self.accelerator is None else self.accelerator.scaler
        state = {
            "model": {name: tensor.detach() for name, tensor in self.average.tensors.items()},
            "average": self.average.values,
            "optimizer": self.optimizer.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "step": self.clock.step,
            "seconds": self.clock.seconds,
            "curve": self.trial.curve,
        }
        self.folder.save_state(self.config, state)

    def _resume(self) -> None:
        state = self.folder.load_state(self.config)
        if state is None:
            return
        with torch.no_grad():
            for name, tensor in self.average.tensors.items():
                if name in state["model"]:  # an older state holds no statistics of norms
                    tensor.copy_(state["model"][name])
        self.average.load(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._scaler_state = state.get("scaler")
        self.clock.step, self.clock.seconds = state["step"], state["seconds"]
        self.trial.curve = state["curve"]

    def _finish(self) -> None:
        self.average.apply()
        if self.config.stage == "vae":
            self._normalise_latents()
        self.folder.save_weights(self.average.tensors)

    def _normalise_latents(self) -> None:
        """Fold the latents' mean and spread into the VAE, so that every channel counts alike."""
        config = self.config
        pool = RecordPool(Path(config.records).expanduser(), decoupled=config.decoupled)
        plain = dataclasses.replace(
            crop_config(config), no_reference=1.0, masked=0.0, recolour=False, warped=0.0
        )
        rng = np.random.default_rng(config.seed)
        means = []
        with torch.no_grad():
            for _ in range(_LATENT_BATCHES):
                crops = [cut_crop(pool.draw(rng, config.kinds), plain, rng) for _ in range(32)]
                pixels = collate(crops).map.to(self.device)
                means.append(self.model.vae.encode(pixels)[0])
        latents = torch.cat(means)
        self.model.vae.normalise_latents(latents.mean((0, 2, 3)), latents.std((0, 2, 3)))  # type: ignore[operator]

    def _asked_to_stop(self) -> bool:
        self._stop = self._stop or (self._should_stop is not None and self._should_stop())
        return self._stop

    @contextmanager
    def _stopping_at_signals(self) -> Iterator[None]:
        """Meanwhile a request to end the process ends the run at its next step, saved."""

        def ask(_number: int, _frame: FrameType | None) -> None:
            self._stop = True

        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
