"""`c2gm train`: one run of training, or its plan."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import answer
from .options import duration_text

if TYPE_CHECKING:
    from ..training.progress import OnProgress, Progress


def command(
    config: Annotated[Path, typer.Argument(help="The run: a JSON file.")],
    plan: Annotated[
        bool, typer.Option("--plan", help="Tell memory and time, and train nothing.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(
            "--device", help="With --plan: for which device, cpu (this one), a100, h100, ..."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --plan: print one JSON object.")
    ] = False,
) -> None:
    """Train a part of the model.

    It takes as long as the configuration says. If you stop the program, the same command goes on
    where it was.

    \b
    Example:
      c2gm train encoder.json
      c2gm train encoder.json --plan --device h100
    """
    from ..training.run_config import read_run_config

    run = read_run_config(config)
    if plan:
        from ..training.plan import plan_run

        told = plan_run(run, device or "cpu")
        answer(told.to_dict(), told.text(), as_json=as_json)
        return
    if device is not None or as_json:
        raise typer.BadParameter(
            "--device and --json go with --plan. A run's device stands in its file."
        )
    from ..training.train import train

    with _told_progress() as on_progress:
        written = train(run, on_progress)
    print(f"{written} is written.")


@contextmanager
def _told_progress() -> Iterator[OnProgress | None]:
    """A bar on standard error, or where that is no terminal the lines of the log."""
    if not sys.stderr.isatty():
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        yield None
        return
    from rich.console import Console
    from rich.logging import RichHandler
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    handler = RichHandler(console=console, show_level=False, show_path=False)
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0, told="")

        def show(progress: Progress) -> None:
            told = progress_text(progress)
            bar.update(task, description=progress.stage, completed=progress.share, told=told)

        yield show


def progress_text(progress: Progress) -> str:
    """Share, crops, pace, loss and time left in words."""
    parts = [f"{progress.share:.0%}", f"{progress.crops:,} crops"]
    if progress.crops_a_second is not None:
        parts.append(f"{progress.crops_a_second:.1f} a second")
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.4f}")
    if progress.seconds_left is not None:
        parts.append(f"{duration_text(progress.seconds_left)} of training left")
    return ", ".join(parts)
