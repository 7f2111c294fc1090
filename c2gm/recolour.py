"""A drawn map in other colours: classes are read back from the legend, edges stay smooth.

Maps are drawn with smooth edges, so a pixel on an edge is a mixture of two legend colours. Its
share of each is found, and mixed again from the new ones; naming only the nearest class would
leave a seam of a third class between the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from .errors import ConfigError
from .legend import LEGEND, palette

Colour = tuple[int, int, int]

HOUSE_STYLE = "house style"
FLAT = 16.0  # distance to a legend colour up to which a pixel is that class and no mixture
_REACH = 2  # px within which the two classes of an edge occur by themselves
_STRIP = 128  # rows at a time
_LINE = re.compile(r"^\s*([a-z -]+?)\s*[=:]\s*#?([0-9a-f]{6}|[0-9a-f]{3})\s*$", re.IGNORECASE)


def _named(text: str) -> dict[str, Colour]:
    """A palette of fourteen hexadecimal colours in the legend's order."""
    codes = zip(LEGEND, text.split(), strict=True)
    return {entry.name: _rgb(code) for entry, code in codes}


def _rgb(code: str) -> Colour:
    if len(code) == 3:
        code = "".join(2 * digit for digit in code)
    return int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)


PALETTES: dict[str, dict[str, Colour]] = {
    "night": _named(
        "1b1f27 17374f 1e3a2a 28492f 2f3026 3d3527 262a35 464b5a d98a5b b7964a 656d7d 99a2b5 "
        "86694a 0f1218"
    ),
    "paper": _named(
        "f5edda c3d5d1 c6cda4 dadbb4 efe2bd ecd8b0 e7d9c2 b59a78 8f4630 bd8850 fffbf2 4a4037 "
        "8f7350 a39072"
    ),
    "colour-blind safe": _named(
        "f4f4f1 56b4e9 009e73 a6dcc6 f7f0b4 efd9b4 dcdce4 5b5867 d55e00 e69f00 ffffff 1c1c1c "
        "9b4f86 8f8f8f"
    ),
    HOUSE_STYLE: {entry.name: entry.colour for entry in LEGEND},
}


def parse_colours(text: str) -> dict[str, Colour]:
    """Colours of single classes, one a line: `water = #1a2b3c`.

    Raises:
        ConfigError: a line has another form, or names no class of the legend.
    """
    colours: dict[str, Colour] = {}
    for line in filter(str.strip, text.splitlines()):
        found = _LINE.match(line)
        if found is None:
            raise ConfigError(
                f"{line.strip()[:80]!r} is no colour. Write lines like water = #1a2b3c."
            )
        name = found[1].lower()
        if name not in PALETTES[HOUSE_STYLE]:
            names = ", ".join(PALETTES[HOUSE_STYLE])
            raise ConfigError(f"The legend has no class {name!r}. Its classes are {names}.")
        colours[name] = _rgb(found[2])
    return colours


def recolour(picture: np.ndarray, colours: Mapping[str, Colour]) -> np.ndarray:
    """A map in other colours.

    Args:
        picture: A map in the colours of the legend, uint8 [H,W,3].
        colours: New colour by class; a class that is left out keeps the legend's.

    Returns:
        uint8 [H,W,3].
    """
    new = np.array([colours.get(entry.name, entry.colour) for entry in LEGEND], dtype=np.float32)
    result = np.empty_like(picture)
    for top in range(0, len(picture), _STRIP):
        first, last = max(0, top - _REACH), top + _STRIP + _REACH
        drawn = _recolour_strip(picture[first:last].astype(np.float32), new)
        result[top : top + _STRIP] = drawn[top - first : top - first + _STRIP]
    return result


def _recolour_strip(pixels: np.ndarray, new: np.ndarray) -> np.ndarray:
    old = palette().astype(np.float32)
    nearest = ((old**2).sum(axis=-1) - 2 * pixels @ old.T).argmin(axis=-1)
    flat = ((pixels - old[nearest]) ** 2).sum(axis=-1) <= FLAT**2
    drawn: np.ndarray = new[nearest]
    mixed = ~flat
    if mixed.any():
        near = np.stack([_grown(flat & (nearest == c))[mixed] for c in range(len(old))])
        near |= ~near.any(axis=0)  # no flat class about: any two may be mixed
        drawn[mixed] = _mixed(pixels[mixed], near, old, new, drawn[mixed])
    result: np.ndarray = np.clip(drawn + 0.5, 0, 255).astype(np.uint8)
    return result


def _mixed(
    pixels: np.ndarray, near: np.ndarray, old: np.ndarray, new: np.ndarray, single: np.ndarray
) -> np.ndarray:
    """New colours float [N,3] of pixels on edges: of the two near classes that mix to each best."""
    best = np.full(len(pixels), np.inf, dtype=np.float32)
    result = single.copy()
    for first in range(len(old)):
        for second in range(first + 1, len(old)):
            chosen = np.flatnonzero(near[first] & near[second])
            if not len(chosen):
                continue
            step = old[second] - old[first]
            offset = pixels[chosen] - old[first]
            share = np.clip(offset @ step / (step @ step), 0, 1)
            left = ((offset - share[:, None] * step) ** 2).sum(axis=-1)
            better = left < best[chosen]
            chosen, share = chosen[better], share[better, None]
            best[chosen] = left[better]
            result[chosen] = new[first] * (1 - share) + new[second] * share
    return result


def _grown(mask: np.ndarray) -> np.ndarray:
    """True within two pixels of a True one, along rows and columns."""
    padded = np.pad(mask, _REACH)
    height, width = mask.shape
    shifts = range(2 * _REACH + 1)
    rows = np.logical_or.reduce([padded[shift : shift + height] for shift in shifts])
    near: np.ndarray = np.logical_or.reduce([rows[:, shift : shift + width] for shift in shifts])
    return near
