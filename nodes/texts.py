"""Scale text to CONDITIONING, and the widgets that a scale text is made of."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..c2gm.errors import ConfigError
from ..c2gm.map_scale import MapScale, map_scale, scale_text

FACTORS = ("2X", "4X")
NO_REFERENCE = "none"


def encode_text(clip: Any, text: str) -> Any:
    """CONDITIONING of a text, which is taken literally: brackets give no weights."""
    return clip.encode_from_tokens_scheduled(clip.tokenize(text, disable_weights=True))


def factor_of(choice: str) -> int | None:
    """The number of a choice like `4X`; None without a reference.

    Raises:
        ConfigError: there is no such choice.
    """
    if choice == NO_REFERENCE:
        return None
    if choice not in FACTORS:
        raise ConfigError(f"Cascade factor {choice!r} is not one of {', '.join(FACTORS)}.")
    return int(choice[:-1])


def compose_text(
    zoom: int,
    factor: int | None,
    *,
    resolution: str = "",
    denominator: str = "",
    examples: str = "",
    free_text: str = "",
) -> str:
    """The scale text of a zoom; an empty field keeps that zoom's own value.

    Raises:
        ConfigError: a field is no number, or the zoom has no map scale.
    """
    if free_text.strip():
        return free_text.strip()
    scale = map_scale(zoom)
    changed: dict[str, Any] = {}
    if resolution.strip():
        changed["resolution"] = _number(resolution, "resolution, like 0.597", float)
    if denominator.strip():
        changed["denominator"] = _number(
            denominator.strip().removeprefix("1:"), "map scale, like 1:2000", int
        )
    if examples.strip():
        changed["examples"] = examples.strip()
    edited: MapScale = dataclasses.replace(scale, **changed)
    return scale_text(edited, factor)


def _number(text: str, what: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no {what}. Leave it empty for the zoom's own.") from None
