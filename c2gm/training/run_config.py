"""The file that describes a training run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ..errors import ConfigError
from ..models.presets import PRESETS

StageName = Literal["vae", "decoder", "encoder", "joint"]


@dataclass(frozen=True)
class RunConfig:
    """One run of one stage; its minutes are fixed at the start and it ends decayed.

    `records` and `folder` are paths; `weights` names the finished runs (folders) or model file
    that it starts from. `kinds` weighs the kinds of ground. `freeze` is the share of the run in
    which encoder and class head stand still (joint), after which they learn at a tenth of `rate`.
    `development` are records that are never trained on; with them the run is scored eight times.
    `seed` makes crops and initial weights; `threads` pins torch.
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
    ema: float = 0.998
    weight_decay: float = 0.01
    seed: int = 0
    threads: int = 2
    save_seconds: float = 60
    development: str = ""

    def __post_init__(self) -> None:
        for name, known in (("stage", get_args(StageName)), ("architecture", tuple(PRESETS))):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"A run's {name} is {getattr(self, name)!r}. Use one of {', '.join(known)}."
                )
        if self.minutes <= 0 or self.batch < 1 or self.crop % 32:
            raise ConfigError(
                "A run needs minutes above 0, a batch of at least 1 and a crop that is a "
                "multiple of 32."
            )


def read_run_config(path: Path) -> RunConfig:
    """Read a run's JSON file.

    Raises:
        ConfigError: no such file, not JSON, or an unknown key.
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
    if "weights" in values:
        values["weights"] = tuple(values["weights"])
    try:
        return RunConfig(**values)
    except TypeError as error:
        raise ConfigError(f"{path}: {error}.") from error
