"""Write docs/cli.md, the reference of the command line, from the commands themselves.

    python docs/make_cli_reference.py

A test compares the page with what this makes, so that it cannot go stale.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from typer.models import ArgumentInfo, OptionInfo

from c2gm.cli.app import build_app

PAGE = Path(__file__).resolve().parent / "cli.md"
PREFACE = """\
# The command line

Written by `docs/make_cli_reference.py` from `c2gm --help`; do not edit it by hand.

Exit status: 0 done; 1 failed (one line on standard error says why); 2 wrong use; 3 `verify` found
faults; 130 stopped by the user, and the same command goes on. Progress goes to standard error and
is silent when that is no terminal; with `--json` standard output holds one JSON object.
"""


@dataclass(frozen=True)
class Parameter:
    """An argument or an option of a command.

    `names` are what a user types (for an argument what stands for it), `value` what follows the
    name of an option (empty for a switch), `default` is a table cell.
    """

    names: tuple[str, ...]
    value: str
    help: str
    default: str
    is_argument: bool


def commands() -> dict[str, Callable[..., None]]:
    """The functions behind the commands, by name; those of a group after it, with its name."""
    app = build_app()
    registered = [(str(entry.name), entry) for entry in app.registered_commands]
    for group in app.registered_groups:
        members = group.typer_instance.registered_commands if group.typer_instance else []
        registered += [(f"{group.name} {entry.name}", entry) for entry in members]
    return {name: inspect.unwrap(entry.callback) for name, entry in registered}  # type: ignore[arg-type]


def parameters(command: Callable[..., None]) -> list[Parameter]:
    """Arguments and options of a command, in their order."""
    hints = typing.get_type_hints(command, include_extras=True)
    return [
        _parameter(name, hints[name], entry.default)
        for name, entry in inspect.signature(command).parameters.items()
    ]


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    kind, *notes = typing.get_args(hint)
    info = next(note for note in notes if isinstance(note, ArgumentInfo | OptionInfo))
    is_argument = isinstance(info, ArgumentInfo)
    # typer keeps the first name of Option("--json", ...) as default, whose place it is.
    given = [word for word in (info.default, *(info.param_decls or ())) if word not in (..., None)]
    names = tuple(given) or (f"--{name.replace('_', '-')}",)
    if is_argument:
        names = (info.metavar or name.upper(),)
    if isinstance(info.show_default, str):
        default_text = info.show_default
    elif default is inspect.Parameter.empty:
        default_text = "required"
    else:
        value = default.value if isinstance(default, Enum) else default
        default_text = "" if value is None or kind is bool else f"`{value}`"
    return Parameter(
        names=names,
        value="" if kind is bool else info.metavar or _kind_name(kind),
        help=" ".join((info.help or "").split()),
        default=default_text,
        is_argument=is_argument,
    )


def _kind_name(kind: Any) -> str:
    """What stands for a value, by its type; an optional value is named as its type."""
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return "|".join(member.value for member in kind)
    kinds = [part for part in typing.get_args(kind) if part is not type(None)]
    return {int: "NUMBER", float: "NUMBER", Path: "PATH"}.get(kinds[0] if kinds else kind, "TEXT")


def reference() -> str:
    """The whole page."""
    parts = [
        PREFACE,
        "\n".join(f"- [`c2gm {name}`](#{_anchor(name)})" for name in commands()) + "\n",
    ]
    return "\n".join(parts + [_section(name, command) for name, command in commands().items()])


def _anchor(name: str) -> str:
    """What a link to the section of a command ends in."""
    return f"c2gm {name}".replace(" ", "-")


def _section(name: str, command: Callable[..., None]) -> str:
    words, example = _help_of(command)
    given = parameters(command)
    arguments = [entry for entry in given if entry.is_argument]
    options = [entry for entry in given if not entry.is_argument]
    usage = " ".join([f"c2gm {name}", *(entry.names[0] for entry in arguments)])
    lines = [f"## `c2gm {name}`", "", words, ""]
    lines += ["```", f"{usage} [OPTIONS]" if options else usage, "```", ""]
    if arguments:
        lines += ["| argument | |", "|---|---|"]
        lines += [f"| `{entry.names[0]}` | {_cell(entry.help)} |" for entry in arguments]
        lines.append("")
    if options:
        lines += ["| option | | default |", "|---|---|---|"]
        lines += [
            f"| {_typed(entry)} | {_cell(entry.help)} | {_cell(entry.default)} |"
            for entry in options
        ]
        lines.append("")
    return "\n".join([*lines, *example])


def _help_of(command: Callable[..., None]) -> tuple[str, list[str]]:
    """Text and example block of a command's help; \\b marks the lines that are not rewrapped."""
    words, _, example = inspect.getdoc(command).partition("\b")  # type: ignore[union-attr]
    paragraphs = [" ".join(part.split()) for part in words.strip().split("\n\n")]
    lines = [line.strip() for line in example.strip().splitlines()[1:]]
    block = ["```", *(line for line in lines if line), "```", ""] if lines else []
    return "\n\n".join(paragraphs), block


def _typed(option: Parameter) -> str:
    return _cell(", ".join(f"`{name} {option.value}".rstrip() + "`" for name in option.names))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    print(f"{PAGE} is written.")
