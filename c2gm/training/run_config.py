"""The file that describes a training run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import ConfigError
from ..models.devices import DType
from ..models.presets import PRESETS
from .losses import DiffusionLoss
from .optimizers import OptimizerName

StageName = Literal["vae", "decoder", "encoder", "joint", "paper"]
Schedule = Literal["decayed", "constant"]
_FROM_ZERO = "minutes steps rate weight_decay clip sample_every on_device world_processes".split()
_SHARES = (
    "no_reference no_text freeze ema corrupt masked warped misplaced decoupled true_drafts "
    "from_reading own_references"
).split()


@dataclass(frozen=True)
class RunConfig:
    """One run of one stage; its length is fixed at the start and it ends decayed.

    What it is:
        stage: What is trained, and its loss (`stages.py`).
        minutes, steps: Its length; 0 is no limit. With both it ends with the first that is reached.
        records, folder: Training records, and where the run keeps its files.
        kinds: Weights of the kinds of ground.
        weights: Finished runs (folders) or their weight files that it starts from, in order.
        base: A model file to start from before those: Stable Diffusion 2.1-base, an SGDM, "mini".
        architecture: Name of the preset.
        development: Records that are never trained on; with them the run is scored eight times.

    How it learns:
        batch, accumulate: Crops a batch, and batches an optimiser step.
        crop: px a side.
        rate, schedule: Peak rate; "decayed" warms up, holds and falls to 1 %, "constant" does not.
        optimizer: "muon" for inner matrices (AdamW for the rest), or "adamw" for all weights.
        betas, weight_decay, clip: Of AdamW; the largest gradient norm (0: not clipped).
        ema: Memory of the averaged weights (0: none).
        freeze: Share of a joint run in which encoder and class head stand still.
        heads_only: Whether an encoder run trains class head and fine head alone.
        loss: Of the diffusion stages.
        timesteps: The few timesteps that are trained, () for all of them.
        seed: Of crops, noise and initial weights.

    What it sees:
        no_reference, no_text: Shares of crops without.
        corrupt, masked: Shares of damaged references, and of crops with hidden imagery.
        recolour: Whether imagery is recoloured.
        warped, misplaced: Shares turned by any angle, and with imagery moved against its truth.
        decoupled: Share of crops whose text and map are of another zoom than their grid.
        true_drafts: Share of crops whose draft tends to the true classes (joint stage).
        from_reading: Share of crops drawn over what was read, as the default sampler does (joint).
        own_references: Share of references that are the model's own drawings.
        own_pool, own_every: Drawings kept, and after how many crops all of them are new.

    How it runs:
        device, precision: "auto" is a GPU if there is one; "auto" is the faster by a stopwatch.
        threads: Of torch.
        save_seconds: Between two states on disk.
        on_device: Records that lie on the device, which cuts the crops itself (0: the host does).
        world_processes, worlds_kept: Processes that make worlds meanwhile, and worlds that stay.
        sample_every: Steps between two sample sheets (0: none); needs `development`.
        tensorboard: Whether events for TensorBoard are written.
    """

    stage: StageName
    minutes: float
    records: str
    folder: str
    kinds: dict[str, float]
    weights: tuple[str, ...] = ()
    architecture: str = "mini"
    batch: int = 8
    crop: int = 128
    rate: float = 2e-3
    no_reference: float = 0.4
    no_text: float = 0.1
    freeze: float = 0.6
    heads_only: bool = False
    ema: float = 0.998
    weight_decay: float = 0.01
    seed: int = 0
    threads: int = 2
    save_seconds: float = 60
    development: str = ""
    steps: int = 0
    base: str = ""
    accumulate: int = 1
    schedule: Schedule = "decayed"
    betas: tuple[float, ...] = (0.9, 0.99)
    clip: float = 1.0
    optimizer: OptimizerName = "adamw"
    loss: DiffusionLoss = "l1"
    timesteps: tuple[int, ...] = ()
    corrupt: float = 0.6
    masked: float = 0.1
    recolour: bool = True
    warped: float = 0.0
    misplaced: float = 0.15
    decoupled: float = 0.0
    true_drafts: float = 0.0
    from_reading: float = 0.0
    own_references: float = 0.0
    own_pool: int = 128
    own_every: int = 20_000
    device: str = "auto"
    precision: DType = "auto"
    on_device: int = 0
    world_processes: int = 0
    worlds_kept: int = 200
    sample_every: int = 0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(RunConfig).items():
            _check_kind(name, getattr(self, name), hint)
        if self.architecture not in PRESETS:
            raise ConfigError(
                f"A run's architecture is {self.architecture!r}. Use one of {', '.join(PRESETS)}."
            )
        for name in _SHARES:
            _check_range(name, getattr(self, name), 0, 1)
        for name in ("batch", "accumulate", "own_pool", "own_every", "threads", "worlds_kept"):
            _check_range(name, getattr(self, name), 1, None)
        for name in _FROM_ZERO:
            _check_range(name, getattr(self, name), 0, None)
        for timestep in self.timesteps:
            _check_range("timesteps", timestep, 0, 999)
        if not self.minutes and not self.steps:
            raise ConfigError("A run needs minutes or steps above 0: its end is fixed first.")
        if self.crop % 32 or not 32 <= self.crop <= 320:
            raise ConfigError("A run's crop must be a multiple of 32, from 32 to 320.")
        if len(self.betas) != 2:
            raise ConfigError("A run's betas must be two numbers.")


def _check_kind(name: str, value: Any, hint: Any) -> None:
    """Whether a value has the type of its field.

    Raises:
        ConfigError: it has not.
    """
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            known = ", ".join(get_args(hint))
            raise ConfigError(f"A run's {name} is {value!r}. Use one of {known}.")
        return
    element = get_args(hint)[0] if get_origin(hint) is tuple else None
    kind = get_origin(hint) or hint
    fits = _is(value, kind) and (element is None or all(_is(part, element) for part in value))
    if not fits:
        raise ConfigError(f"A run's {name} cannot be {str(value)[:60]!r}.")


def _is(value: Any, kind: type) -> bool:
    if kind in (int, float):
        return type(value) is int or type(value) is kind  # a bool is no number here
    return isinstance(value, kind)


def _check_range(name: str, value: float, low: float, high: float | None) -> None:
    if value < low or (high is not None and value > high):
        told = f"{low} or more" if high is None else f"from {low} to {high}"
        raise ConfigError(f"A run's {name} is {value}; it must be {told}.")


def read_run_config(path: Path) -> RunConfig:
    """Read a run's JSON file.

    Raises:
        ConfigError: no such file, not JSON, an unknown key, or an impossible value.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path} cannot be read as a run's JSON file: {reason}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no run: it must be one JSON object of names and values.")
    known = {entry.name for entry in dataclasses.fields(RunConfig)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{path}: unknown key {unknown[0]!r}. Known are {sorted(known)}.")
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    try:
        return RunConfig(**{**values, **lists})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    except TypeError as error:  # a key that has no default is missing
        raise ConfigError(f"{path}: {error}.") from error
