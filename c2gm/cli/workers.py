"""Workers of `c2gm generate --executor ray`, as its options ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .options import options_of_the_command

if TYPE_CHECKING:
    from ..cascade.blocks import WorkerInputs
    from ..cascade.ray_executor import RayExecutor

EXECUTORS = ("local", "ray")
MOST_THREADS = 1024


def check_executor(name: str) -> None:
    """Refuse what is no executor.

    Raises:
        BadParameter: there is no such executor.
    """
    if name not in EXECUTORS:
        raise typer.BadParameter(f"executor {name!r} is not one of {', '.join(EXECUTORS)}.")


def recorded_threads(out: Path) -> int | None:
    """Processor threads that a map was begun with; other threads compute other last bits.

    Raises:
        JobError: another process works on the job, or it is damaged.
    """
    from ..cascade.generate import recorded_key

    threads = recorded_key(out).get("model.threads")
    return threads if isinstance(threads, int) and 1 <= threads <= MOST_THREADS else None


class OpenWorker:
    """Opens imagery and network in a worker; travels there by pickle.

    Args:
        imagery: What the command line names; the same on every machine.
        how_to_read: Options of `open_named_imagery`.
        how_to_paint: Options of `load_map_model`.
    """

    def __init__(
        self, imagery: list[str], how_to_read: dict[str, Any], how_to_paint: dict[str, Any]
    ) -> None:
        # Workers may start in another folder.
        self.imagery = [_absolute(name) for name in imagery]
        self.how_to_read = how_to_read
        self.how_to_paint = dict(how_to_paint)
        self.how_to_paint["model"] = _absolute(how_to_paint["model"])
        if how_to_paint["base"] is not None:
            self.how_to_paint["base"] = Path(how_to_paint["base"]).absolute()

    def __call__(self) -> WorkerInputs:
        """Open both."""
        from ..cascade.blocks import WorkerInputs
        from .load_model import load_map_model
        from .options import open_named_imagery

        loaded = load_map_model(**self.how_to_paint)
        imagery = open_named_imagery(self.imagery, **self.how_to_read)
        return WorkerInputs(imagery, loaded.painter, loaded.interpolation)


def _absolute(name: str) -> str:
    """A path that holds in every folder; what is no file here stays as it is."""
    return str(Path(name).absolute()) if Path(name).exists() else name


def ray_executor(
    worker: OpenWorker, *, workers: int | None, address: str | None, token: bool
) -> RayExecutor:
    """The executor; each of its workers computes with the threads of the job.

    Raises:
        BadParameter: impossible numbers.
    """
    import torch

    from ..cascade.ray_executor import RayConfig, RayExecutor

    threads = worker.how_to_paint["threads"] or torch.get_num_threads()
    # Ray would set its own number, and other threads compute other last bits.
    worker.how_to_paint["threads"] = threads
    device = worker.how_to_paint["device"]
    on_gpu = None if device == "auto" else device.startswith("cuda")
    with options_of_the_command():
        config = RayConfig(workers, threads, on_gpu, address, token)
    return RayExecutor(worker, config)
