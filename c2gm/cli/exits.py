"""How commands end: 0 done, 1 failed, 2 wrong use, 3 faults found, 130 stopped by the user."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from ..errors import C2GMError, MissingExtra, Stopped

FAILED, WRONG_USE, FAULTS, STOPPED = 1, 2, 3, 130
_TRAIN = {"accelerate", "psutil", "tensorboard"}
_LIBRARY = {"diffusers", "open_clip", "matplotlib", "pyogrio", "shapely", "rich", "scipy"}
_EXTRA = {
    **dict.fromkeys(_LIBRARY, "library"),
    **dict.fromkeys(_TRAIN, "train"),
    "ray": "distributed",
}

Command = TypeVar("Command", bound=Callable[..., None])


def one_line_errors(command: Command) -> Command:
    """A command that ends with one line on standard error and its exit status, not a traceback."""

    @functools.wraps(command)
    def guarded(*args: object, **kwargs: object) -> None:
        try:
            command(*args, **kwargs)
        except Stopped as error:
            _fail(str(error), STOPPED)
        except KeyboardInterrupt:
            _fail("Stopped. The same command goes on from here.", STOPPED)
        except C2GMError as error:
            _fail(str(error), FAILED)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in _EXTRA:
                raise
            _fail(str(missing_extra(package)), FAILED)
        except OSError as error:
            if error.filename is None:  # a closed pipe, say, which typer ends quietly
                raise
            _fail(f"{error.filename}: {error.strerror}.", FAILED)

    return guarded  # type: ignore[return-value]


def missing_extra(package: str) -> MissingExtra:
    """The error of a command whose package is not installed."""
    return MissingExtra(
        f"This command needs the package {package}, which is not installed. "
        f'Install it with: pip install "c2gm[{_EXTRA[package]}]"'
    )


def _fail(sentence: str, status: int) -> None:
    print(f"Error: {sentence}" if status == FAILED else sentence, file=sys.stderr)
    raise typer.Exit(status)
