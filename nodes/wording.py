"""Sentences of the library in the words of the nodes: inputs in place of command line flags."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from ..c2gm.errors import C2GMError

# In this order; the last one catches a flag that has no words of its own here.
WORDS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"Give --zooms, like 14-18", "Choose them in Pick Area"),
    (r"Add it to --stages, like 14,16:4", "Widen the zooms in Pick Area"),
    (r"choose other --stages", "choose another cascade_factor"),
    (r"(?i)\b(give|or) (?:a )?--bbox inside", r"\1 an area inside"),
    (r"(?i)\ba smaller --bbox", "a smaller area"),
    (r"(?i)\b(?:a )?--bbox", "an area"),
    (r"another --nodata", "another nodata"),
    (r"\bby --max-tiles", "by max_tiles"),
    (r"--max-tiles", "max_tiles"),
    (r"or --force to replace it", "or delete that one first"),
    (r"or give --force to begin anew", "or delete it with the Jobs node"),
    (r"or --force\b", "or delete that one first"),
    (r"(run|give) the same command again", "queue the same again"),
    (r"the same command", "the same workflow"),
    (r"--dtype fp32", "dtype float32"),
    (r"--dtype bf16", "dtype bfloat16"),
    (r"with --model\b", "as file"),
    (r"(?:with|needs no) --base", lambda found: found[0].replace("with --base", "as base")),
    (r"--picture-bounds ([a-z]+,[a-z,]+)", r"picture_bounds, like \1,"),
    (r"like --crs (\w+:\d+)", r"like \1, as crs"),
    (r"--([a-z][a-z-]*)", lambda found: found[1].replace("-", "_")),
)


def on_node(error: Exception | str) -> str:
    """The sentence of an error as a node shows it: no command line flag is left in it."""
    sentence = str(error)
    for pattern, words in WORDS:
        sentence = re.sub(pattern, words, sentence)
    return sentence


def counted(count: int, noun: str) -> str:
    """`1 tile`, `1,024 tiles`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def checked(*calls: Callable[[], object]) -> bool | str:
    """What `validate_inputs` answers: True, or the sentence of the first call that fails."""
    try:
        for call in calls:
            call()
    except C2GMError as error:
        return on_node(error)
    return True


def told_on_node(execute: Callable[..., Any]) -> Callable[..., Any]:
    """`execute` of a node whose errors speak of inputs, not of flags."""

    @functools.wraps(execute)
    def told(cls: type, *args: Any, **inputs: Any) -> Any:
        try:
            return execute(cls, *args, **inputs)
        except C2GMError as error:
            sentence = on_node(error)
            if sentence == str(error):
                raise
            raise type(error)(sentence) from error

    return told
