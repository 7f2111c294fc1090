"""Recolour Map: the colours that are chosen, and pictures in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..c2gm.errors import ConfigError
from ..c2gm.recolour import PALETTES, Colour, parse_colours, recolour
from .payloads import palettes_payload
from .pictures import from_image, to_image

RECOLOURED_SHOWN = 1024  # pixels a side of the picture that the page recolours by itself


def chosen_colours(palette: str, colours: str) -> dict[str, Colour]:
    """A palette with single colours replaced.

    Raises:
        ConfigError: there is no such palette or class, or a line is no colour.
    """
    if palette not in PALETTES:
        raise ConfigError(f"Palette {palette!r} is not one of {', '.join(PALETTES)}.")
    return {**PALETTES[palette], **parse_colours(colours)}


def recolour_images(images: Any, colours: dict[str, Colour]) -> Any:
    """IMAGE in other colours; stops between pictures when the user cancels."""
    import comfy.model_management

    drawn: list[np.ndarray] = []
    for picture in from_image(images):
        comfy.model_management.throw_exception_if_processing_interrupted()
        drawn.append(recolour(picture, colours))
    return to_image(drawn)


def recolour_payload(source: dict[str, Any], palette: str, colours: str) -> dict[str, Any]:
    """What the page needs to show other palettes at once."""
    return {"source": source, **palettes_payload(), "palette": palette, "colours": colours}
