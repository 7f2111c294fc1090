"""Two tile sets against each other, tile by tile and pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mercantile import Tile

from .base import StoredTileSet
from .faults import Fault, Faults
from .open import open_tileset
from .pictures import BadPicture, decode_picture
from .shift import SHIFT_PIXELS, Shift, correlation, read_shift


def compare_tilesets(path: str | Path, other: str | Path) -> list[Fault]:
    """What a tile set has otherwise than another one; kinds and coding of pictures do not count.

    Memory does not grow with the map.

    Raises:
        TilesetError: one of them cannot be opened.
    """
    faults = Faults()
    with open_tileset(path) as mine, open_tileset(other) as theirs:
        for zoom in sorted({*mine.zooms, *theirs.zooms}):
            for tile in mine.tiles(zoom):
                if tile in theirs:
                    _compare_tile(mine, theirs, tile, faults)
                else:
                    faults.add("not-in-the-other", f"is not in {Path(other).name}.", tile)
            for tile in theirs.tiles(zoom):
                if tile not in mine:
                    faults.add("only-in-the-other", f"is only in {Path(other).name}.", tile)
    return faults.result()


def _compare_tile(mine: StoredTileSet, theirs: StoredTileSet, tile: Tile, faults: Faults) -> None:
    first, second = mine.get_bytes(tile) or b"", theirs.get_bytes(tile) or b""
    if first == second:
        return
    try:
        ours, others = _rgba(decode_picture(first)), _rgba(decode_picture(second))
    except BadPicture as error:
        faults.add(error.code, f"{error} It cannot be compared.", tile)
        return
    moved = _shift(ours, others)
    if moved is not None:
        faults.add(
            "shifted",
            f"shows the same as in {theirs.path.name}, but {moved.right} px further to the right "
            f"and {moved.down} px further down. Check the place of the imagery.",
            tile,
        )
        return
    difference = np.abs(ours.astype(np.int16) - others)
    pixels = int(difference.any(-1).sum())
    if pixels:
        faults.add(
            "differs",
            f"differs in {pixels:,} of {ours.shape[0] * ours.shape[1]:,} pixels, by "
            f"{difference.max()} of 255 at most and {difference.mean():.2f} on average.",
            tile,
        )


def _shift(ours: np.ndarray, others: np.ndarray) -> Shift | None:
    """How far the same picture was moved; None if it was not, or is another picture."""
    shift = read_shift(correlation(ours[..., :3], others[..., :3]))
    if shift.size <= SHIFT_PIXELS:
        return None
    rows, columns = (
        (slice(max(0, by), side + min(0, by)), slice(max(0, -by), side + min(0, -by)))
        for by, side in ((shift.down, ours.shape[0]), (shift.right, ours.shape[1]))
    )
    there = ours[rows[0], columns[0]].astype(np.int16)
    back = np.abs(there - others[rows[1], columns[1]]).mean()
    unmoved = np.abs(ours.astype(np.int16) - others).mean()
    return shift if back < unmoved / 4 else None


def _rgba(pixels: np.ndarray) -> np.ndarray:
    """With opacity; the colour of what is transparent does not count."""
    if pixels.shape[2] == 3:
        opaque = np.full((*pixels.shape[:2], 1), 255, dtype=np.uint8)
        return np.concatenate([pixels, opaque], axis=2)
    visible: np.ndarray = np.where(pixels[..., 3:] > 0, pixels, np.uint8(0))
    return visible
