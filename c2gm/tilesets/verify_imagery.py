"""A map against the imagery it was drawn from: is every place painted, and where it belongs?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from mercantile import Tile

from ..grid import tile_box
from ..imagery.base import Imagery
from .base import StoredTileSet
from .faults import Faults
from .shift import SHIFT_CLARITY, SHIFT_PIXELS, Shift, correlation, read_shift
from .verify_look import is_one_colour, opaque, read_sound

TILES_A_ZOOM = 64  # that are compared; more tell nothing new
RIM_SHARE = 0.02  # of a tile's pixels that rounding may make transparent, or not
TEXTURE = 30.0  # standard deviation of imagery that no map shows in one colour
_LEAST_TILES = 4  # for a statement about a zoom's place


def check_imagery(tileset: StoredTileSet, imagery: Imagery, faults: Faults) -> None:
    """Add what is wrong with a map, seen over its imagery; up to 64 tiles of each zoom are read.

    Raises:
        ImageryError: the imagery cannot be read.
    """
    for zoom in tileset.zooms:
        halves: list[np.ndarray | None] = [None, None]
        compared = 0
        for tile in _chosen(tileset, zoom):
            pixels = read_sound(tileset, tile)
            if pixels is None:
                continue  # verify_tileset tells of damaged ones
            rgb, valid = imagery.read(tile_box(tile))
            _check_opacity(tile, pixels, valid, faults)
            _check_blank(tile, pixels, rgb, valid, faults)
            if valid.all() and opaque(pixels).all() and not is_one_colour(pixels):
                surface = correlation(pixels[..., :3], rgb)
                half = compared % 2
                known = halves[half]
                halves[half] = surface if known is None else known + surface
                compared += 1
        if compared >= _LEAST_TILES and halves[0] is not None and halves[1] is not None:
            _check_shift(zoom, halves[0], halves[1], faults)


def _chosen(tileset: StoredTileSet, zoom: int) -> Iterator[Tile]:
    """Up to 64 tiles, spread over the zoom."""
    count = sum(1 for _ in tileset.tiles(zoom))
    step = max(1, math.ceil(count / TILES_A_ZOOM))
    return (tile for number, tile in enumerate(tileset.tiles(zoom)) if number % step == 0)


def _check_opacity(tile: Tile, pixels: np.ndarray, valid: np.ndarray, faults: Faults) -> None:
    shown = opaque(pixels)
    for code, share, what in (
        ("transparent-over-imagery", (valid & ~shown).mean(), "transparent where imagery is"),
        ("opaque-outside-imagery", (shown & ~valid).mean(), "drawn where no imagery is"),
    ):
        if share > RIM_SHARE:
            faults.add(code, f"is {what}: {share:.0%} of its pixels. Paint it again.", tile)


def _check_blank(
    tile: Tile, pixels: np.ndarray, rgb: np.ndarray, valid: np.ndarray, faults: Faults
) -> None:
    if not valid.all() or not is_one_colour(pixels):
        return
    texture = float(rgb.std(axis=(0, 1)).mean())
    if texture > TEXTURE:
        faults.add(
            "blank-over-imagery",
            f"has one colour, over imagery that is full of detail (deviation {texture:.0f} "
            "levels). Paint it again.",
            tile,
        )


def _check_shift(zoom: int, first: np.ndarray, second: np.ndarray, faults: Faults) -> None:
    """Both halves of the tiles must tell the same shift, or none is believed."""
    shift = read_shift(first + second)
    halves = read_shift(first), read_shift(second)
    agree = all(_between(shift, half) <= SHIFT_PIXELS for half in halves)
    if shift.size > SHIFT_PIXELS and shift.clarity >= SHIFT_CLARITY and agree:
        faults.add(
            "shifted",
            f"Zoom {zoom} lies {shift.right} px to the right and {shift.down} px below the "
            "imagery. Check bounds and coordinate system of the imagery.",
            zoom=zoom,
        )


def _between(one: Shift, other: Shift) -> float:
    return math.hypot(one.right - other.right, one.down - other.down)
