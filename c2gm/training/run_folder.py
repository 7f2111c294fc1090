"""The files of a run. A kill at any second leaves a state that the same command goes on from.

`state.pt` holds everything, `log.jsonl` a line a minute, `curve.jsonl` the scores on held-out
ground, `samples/` the sample sheets, `tensorboard/` events, and `weights.safetensors` the averaged
weights of what was trained; the last is there only when the run is finished.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainingError
from .run_config import RunConfig

# What may differ when a run goes on: it says where and how fast, not what is trained.
FREE = frozenset(
    "records development threads device precision save_seconds sample_every tensorboard on_device "
    "world_processes worlds_kept".split()
)


class RunFolder:
    """A run's folder, made when something is first written into it."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder).expanduser()
        self.weights = self.path / "weights.safetensors"
        self.state = self.path / "state.pt"
        self._events: Any = None

    def load_state(self, config: RunConfig) -> dict[str, Any] | None:
        """The stored state of this run, None at its beginning.

        Lines that were written after it are dropped from the logs: their steps are taken again.

        Raises:
            TrainingError: the state is damaged, or of a run with other settings.
        """
        state = self._read() if self.state.exists() else None
        if state is not None:
            self._check_settings(state["config"], config)
        reached = 0 if state is None else state["step"]
        for name in ("log.jsonl", "curve.jsonl"):
            _drop_later_lines(self.path / name, reached)
        return state

    def _read(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = torch.load(self.state, map_location="cpu", weights_only=True)
        except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
            raise TrainingError(
                f"{self.state} is damaged and cannot be resumed. Delete {self.path} to begin anew."
            ) from error
        return state

    def _check_settings(self, stored: dict[str, Any], config: RunConfig) -> None:
        now = dataclasses.asdict(config)
        # A state of an older version lacks newer settings, which then had their defaults.
        defaults = {f.name: f.default for f in dataclasses.fields(RunConfig)}
        then = {**defaults, **stored}
        changed = sorted(name for name in now if name not in FREE and then[name] != now[name])
        if changed:
            raise TrainingError(
                f"{self.path} holds a run with another {', '.join(changed)}. "
                "Give the old value, or another folder."
            )

    def save_state(self, config: RunConfig, state: dict[str, Any]) -> None:
        """Replace the stored state; the old one stays whole until the new one is."""
        self.path.mkdir(parents=True, exist_ok=True)
        whole = {"config": dataclasses.asdict(config), **state}
        _replace(self.state, lambda file: torch.save(whole, file))

    def save_weights(self, weights: dict[str, Tensor]) -> None:
        """Write what the run is for; the file appears when it is whole."""
        from safetensors.torch import save

        data = save({name: value.detach().cpu().contiguous() for name, value in weights.items()})
        _replace(self.weights, lambda file: file.write(data))

    def add_line(self, name: str, line: dict[str, Any]) -> None:
        """Append a line to `log.jsonl` or `curve.jsonl`."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def add_scalars(self, values: dict[str, float], step: int) -> None:
        """Write values for TensorBoard.

        Raises:
            ModuleNotFoundError: tensorboard is not installed.
        """
        if self._events is None:
            import tensorboard  # noqa: F401  (torch would say that its own module is missing)
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(str(self.path / "tensorboard"), purge_step=step)
        for name, value in values.items():
            self._events.add_scalar(name, value, step)
        self._events.flush()


def _replace(path: Path, write: Callable[[Any], Any]) -> None:
    """A file with new contents, whole at every moment."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _drop_later_lines(path: Path, step: int) -> None:
    """Keep the lines up to a step; a half-written last line goes as well."""
    if not path.exists():
        return
    kept = []
    for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if line["step"] <= step and text.endswith("\n"):
            kept.append(text)
    _replace(path, lambda file: file.write("".join(kept).encode()))
