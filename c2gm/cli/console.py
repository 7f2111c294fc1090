"""What commands tell: answers on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .options import duration_text

if TYPE_CHECKING:
    from ..cascade.progress import OnProgress, Progress


def say(text: str) -> None:
    """Tell the user on standard error, so that standard output stays clean."""
    print(text, file=sys.stderr, flush=True)


def answer(data: dict[str, Any], text: str, *, as_json: bool) -> None:
    """The command's answer on standard output: one JSON object, or text."""
    print(json.dumps(data, indent=2) if as_json else text, flush=True)


@contextmanager
def counting_bar(doing: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error that is told (done, of how many); None where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def progress_bar() -> Iterator[OnProgress | None]:
    """A bar on standard error while a map is painted; None where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None, told="")

        def show(progress: Progress) -> None:
            bar.update(
                task,
                description=f"zoom {progress.zoom}",
                completed=progress.tiles_done,
                total=progress.tiles,
                told=progress_text(progress),
            )

        yield show


def progress_text(progress: Progress) -> str:
    """Tiles, rate and time left in words."""
    text = f"{progress.tiles_done} of {progress.tiles} tiles"
    if progress.rate is None or progress.seconds_left is None:
        return text
    left = duration_text(progress.seconds_left)
    return f"{text}, {progress.rate:.1f} windows a second, at most {left} left"
