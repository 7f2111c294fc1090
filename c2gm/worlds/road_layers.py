"""Roads as seen from above: verges, pavements, kerbs and surfaces, each road of its own make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from .palette import Colour, Palette
from .place_chance import shape_chances
from .shapes import ShapeSet, shape_set
from .wear import road_patches, wheel_tracks

TONES = np.array([0.64, 0.75, 0.84, 0.92, 1.0, 1.08, 1.17, 1.28])  # of roads, old and new
TINTS = np.array([(1.0, 1.0, 1.0), (1.035, 1.0, 0.955), (0.98, 1.0, 1.03)])
NARROWEST, WIDEST = 0.8, 1.16  # of a road, to the usual width of its kind
SIDES = {  # metres beside the carriageway
    "street": (0.7, 2.6),
    "main_road": (1.0, 3.4),
    "ramp": (1.0, 2.4),
    "motorway": (1.6, 4.5),
}
_ALONE = ("driveway", "service")


def road_layers(
    lines: Mapping[str, Any],
    half_widths: Mapping[str, float],
    colours: Palette,
    *,
    paved: float,
    seed: int,
) -> list[ShapeSet]:
    """Layers in drawing order.

    Args:
        lines: roads by kind.
        half_widths: usual metres from the middle to the kerb.
        colours: of the place.
        paved: share of streets with pavements.
        seed: source of chance; a line is painted alike wherever it is.
    """
    own = {kind: np.asarray(lines[kind], dtype=object) for kind in half_widths if kind in lines}
    roads = {kind: shapes for kind, shapes in own.items() if len(shapes)}
    layers = [*_ways(roads, half_widths, colours, seed)]
    for kind in SIDES:
        if kind in roads:
            layers += _sides(roads[kind], kind, half_widths[kind], colours, paved, seed)
    surfaces = {
        "driveway": colours.pavement,
        "service": colours.street,
        "street": colours.street,
        "main_road": colours.asphalt,
        "ramp": colours.asphalt,
        "motorway": colours.asphalt,
    }
    for kind, colour in surfaces.items():
        if kind in roads:
            layers += _surface(roads[kind], kind, half_widths[kind], colour, seed)
    return layers


def _ways(
    roads: dict[str, np.ndarray], half_widths: Mapping[str, float], colours: Palette, seed: int
) -> list[ShapeSet]:
    """Tracks with grass between their ruts, and footpaths."""
    layers = []
    if "track" in roads:
        half = half_widths["track"] * _widths(roads["track"], seed)
        tint = np.array(colours.earth) * _tones(roads["track"], seed, spread=0.6)
        layers.append(_strips(roads["track"], half, tint))
        grassy = shape_chances(roads["track"], seed, 212) < 0.6
        middle = _times(colours.ground["meadow"][0], 0.95)
        layers.append(_strips(roads["track"][grassy], 0.35, np.array(middle)))
    if "footpath" in roads:
        tint = np.array(colours.gravel) * _tones(roads["footpath"], seed, spread=0.5)
        half = half_widths["footpath"] * _widths(roads["footpath"], seed)
        layers.append(_strips(roads["footpath"], half, tint))
    return layers


def _sides(
    roads: np.ndarray, kind: str, half: float, colours: Palette, paved: float, seed: int
) -> list[ShapeSet]:
    """Ground beside carriageways: worn verge, pavement behind a kerb, or both."""
    pick, wide, shade = (shape_chances(roads, seed, salt) for salt in (213, 214, 215))
    least, most = SIDES[kind]
    extra = least + (most - least) * wide**1.5
    edge = half * _widths(roads, seed)
    verge = (
        np.where(
            (wide > 0.5)[:, None],
            np.array(colours.ground["verge"][0]),
            np.array(_mixed(colours.ground["verge"][1], colours.earth, 0.45)),
        )
        * (0.88 + 0.24 * np.round(shade * 3) / 3)[:, None]
    )
    pavement = np.array(colours.pavement) * (0.82 + 0.26 * np.round(shade * 4) / 4)[:, None]
    built = (pick < paved) & (kind not in ("ramp", "motorway"))
    green = ~built | (pick < 0.35 * paved)  # some pavements run behind a green strip
    layers = [_strips(roads[built], (edge + extra)[built], pavement[built])]
    layers.append(
        _strips(roads[green], (edge + np.where(built, 0.4 * extra, extra))[green], verge[green])
    )
    kerbed = built & ~green
    kerb = np.clip(pavement[kerbed] * 1.12, 0, 255)
    layers.append(_strips(roads[kerbed], edge[kerbed] + 0.22, kerb))
    return layers


def _surface(
    roads: np.ndarray, kind: str, half: float, colour: Colour, seed: int
) -> list[ShapeSet]:
    """Carriageways, their wheel tracks and stretches paved anew."""
    edge = half * _widths(roads, seed)
    spread = 0.5 if kind in ("ramp", "motorway") else 1.0
    tint = np.array(colour) * _tones(roads, seed, spread=spread)
    layers = [_strips(roads, edge, tint)]
    if kind not in _ALONE:
        layers += [wheel_tracks(roads, edge, tint, seed), road_patches(roads, edge, tint, seed)]
    return layers


def _widths(roads: np.ndarray, seed: int) -> np.ndarray:
    """Width of each road by the usual one of its kind."""
    widths: np.ndarray = NARROWEST + (WIDEST - NARROWEST) * shape_chances(roads, seed, 216)
    return widths


def _tones(roads: np.ndarray, seed: int, *, spread: float) -> np.ndarray:
    """Tint of each road [n,3], about 1."""
    # a mean of two chances: usual tones are more common than very light and dark ones
    chance = 0.75 * shape_chances(roads, seed, 217) + 0.25 * shape_chances(roads, seed, 218)
    tone = 1 + (TONES[(chance * len(TONES)).astype(int)] - 1) * spread
    hue = TINTS[(shape_chances(roads, seed, 219) * len(TINTS)).astype(int)]
    tints: np.ndarray = tone[:, None] * hue
    return tints


def _strips(roads: np.ndarray, half: Any, tints: np.ndarray) -> ShapeSet:
    strips = shapely.buffer(roads, half, quad_segs=4)
    return shape_set(strips, np.clip(np.round(tints), 0, 255))


def _times(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255.0, value * factor) for value in colour)
    return red, green, blue


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue
