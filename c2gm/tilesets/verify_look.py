"""What a map looks like, checked against itself: repeated pictures, seams, parents, colours."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from functools import lru_cache

import mercantile
import numpy as np
from mercantile import Tile

from ..grid import TILE_SIZE
from ..legend import palette
from .base import StoredTileSet
from .faults import Faults
from .pictures import BadPicture, decode_picture
from .shift import SHIFT_CLARITY, SHIFT_PIXELS, correlation, read_shift

SEAM_RATIOS = (0.95, 1.05)  # of the steps across tile borders to the steps elsewhere
PARENT_LEVELS = 45.0  # mean difference of parent and children; drawn maps have 33 at most
OFF_LEGEND = 10.0  # dE76: about half the way to the next class
OFF_SHARE = 0.5  # of a tile's pixels
_REMEMBERED = 4096  # pictures; a stuck worker repeats itself soon
_LEAST_BORDERS = 8  # of a zoom, for a statement about its seams


def check_look(tileset: StoredTileSet, faults: Faults) -> None:
    """Add what is wrong with the looks of a map; every tile is read about three times."""
    for zoom in tileset.zooms:
        seams, repeats, parents = _Seams(), _Repeats(), _Parents(tileset, faults)
        for tile in tileset.tiles(zoom):
            pixels = read_sound(tileset, tile)
            if pixels is None:
                continue  # verify_tileset tells of it
            repeats.check(tile, pixels, faults)
            _check_colours(tile, pixels, faults)
            parents.check(tile, pixels)
            seams.add(pixels)
            seams.add_border(pixels, read_sound(tileset, Tile(tile.x, tile.y + 1, zoom)), axis=0)
            right = Tile((tile.x + 1) % (1 << zoom), tile.y, zoom)
            seams.add_border(pixels, read_sound(tileset, right), axis=1)
        seams.check(zoom, faults)
        parents.check_shift(zoom)


def read_sound(tileset: StoredTileSet, tile: Tile) -> np.ndarray | None:
    """Pixels of a tile; None where there is none, or a damaged one."""
    if tile.y >= 1 << tile.z:
        return None
    picture = tileset.get_bytes(tile)
    if not picture:
        return None
    try:
        return decode_picture(picture)
    except BadPicture:
        return None


def opaque(pixels: np.ndarray) -> np.ndarray:
    """Where a tile is not transparent, bool [256,256]."""
    if pixels.shape[2] == 3:
        return np.ones(pixels.shape[:2], dtype=bool)
    visible: np.ndarray = pixels[..., 3] > 0
    return visible


def is_one_colour(pixels: np.ndarray) -> bool:
    """Whether all that is not transparent has exactly one colour."""
    shown = pixels[..., :3][opaque(pixels)]
    return not len(shown) or bool((shown == shown[0]).all())


class _Repeats:
    """Finds the same picture at two places; areas of one colour may of course repeat."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, Tile] = OrderedDict()

    def check(self, tile: Tile, pixels: np.ndarray, faults: Faults) -> None:
        if is_one_colour(pixels):
            return
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
        other = self._seen.get(digest)
        if other is not None:
            faults.add(
                "repeated-picture",
                f"is the same picture as tile {other.z}/{other.x}/{other.y}. Paint it again.",
                tile,
            )
            return
        self._seen[digest] = tile
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


class _Parents:
    """Compares tiles with the quarter of their parent that shows the same ground."""

    def __init__(self, tileset: StoredTileSet, faults: Faults) -> None:
        self._faults = faults
        self._parent = lru_cache(maxsize=4)(lambda parent: read_sound(tileset, parent))
        self._has = frozenset(tileset.zooms)
        self._surface: np.ndarray | None = None

    def check(self, tile: Tile, pixels: np.ndarray) -> None:
        if tile.z - 1 not in self._has:
            return
        parent = self._parent(mercantile.parent(tile))
        if parent is None or not (opaque(pixels).all() and opaque(parent).all()):
            return
        half = TILE_SIZE // 2
        top, left = tile.y % 2 * half, tile.x % 2 * half
        quarter = parent[top : top + half, left : left + half, :3]
        small = pixels[..., :3].reshape(half, 2, half, 2, 3).mean((1, 3))
        difference = float(np.abs(quarter - small).mean())
        if difference > PARENT_LEVELS:
            self._faults.add(
                "parent-differs",
                f"differs from its parent by {difference:.0f} levels on average; maps of one place "
                f"by {PARENT_LEVELS:.0f} at most. Paint both again.",
                tile,
            )
        enlarged = quarter.repeat(2, axis=0).repeat(2, axis=1)
        surface = correlation(pixels[..., :3], enlarged)
        self._surface = surface if self._surface is None else self._surface + surface

    def check_shift(self, zoom: int) -> None:
        """Whether all tiles of the zoom together lie beside their parents."""
        if self._surface is None:
            return
        shift = read_shift(self._surface)
        if shift.size > SHIFT_PIXELS and shift.clarity >= SHIFT_CLARITY:
            self._faults.add(
                "shifted",
                f"Zoom {zoom} lies {shift.right} px to the right and {shift.down} px below zoom "
                f"{zoom - 1}. One of them was painted from misplaced imagery.",
                zoom=zoom,
            )


class _Seams:
    """Mean steps between neighbouring pixels, by their place in a tile and across borders.

    A border shows if its steps are larger (or, smeared, smaller) than those at every other place
    of the tile: content alone makes places differ by more than the ratio that the eye forgives.
    """

    def __init__(self) -> None:
        self._sums = np.zeros((2, TILE_SIZE))  # by axis; the last place is the border
        self._counts = np.zeros((2, TILE_SIZE))
        self._borders = 0

    def add(self, pixels: np.ndarray) -> None:
        """The steps within a tile."""
        for axis in (0, 1):
            sums, counts = _steps(pixels[..., :3], opaque(pixels), axis)
            self._sums[axis, :-1] += sums
            self._counts[axis, :-1] += counts

    def add_border(self, pixels: np.ndarray, neighbour: np.ndarray | None, *, axis: int) -> None:
        """The steps from a tile to the one below it (axis 0) or to its right (axis 1)."""
        if neighbour is None:
            return
        pair = [np.take(pixels, [-1], axis), np.take(neighbour, [0], axis)]
        levels = np.concatenate([part[..., :3] for part in pair], axis=axis)
        shown = np.concatenate([opaque(part) for part in pair], axis=axis)
        sums, counts = _steps(levels, shown, axis)
        self._sums[axis, -1] += sums[0]
        self._counts[axis, -1] += counts[0]
        self._borders += 1

    def check(self, zoom: int, faults: Faults) -> None:
        if self._borders < _LEAST_BORDERS or not self._counts.all():
            return
        # Both axes together: steps of a place, as a share of what is usual along its axis.
        means = self._sums / self._counts
        usual = means[:, :-1].mean(axis=1, keepdims=True)
        if not usual.all():
            return
        ratios = (means / usual).mean(axis=0)
        border, inside = float(ratios[-1]), ratios[2:-3]
        low, high = SEAM_RATIOS
        shows = border > high and border > 1.25 * inside.max()
        is_smeared = border < low and border < 0.8 * inside.min()
        if shows or is_smeared:
            how = "show as lines" if shows else "are smeared"
            faults.add(
                "seam",
                f"Tile borders of zoom {zoom} {how}: pixels step {border:.2f} times as much across "
                f"them as elsewhere ({low} to {high} is seamless). Paint the zoom again.",
                zoom=zoom,
            )


def _steps(levels: np.ndarray, shown: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts of absolute steps along an axis, by their place on it."""
    sizes = np.abs(np.diff(levels.astype(np.int16), axis=axis)).sum(-1)
    both = np.take(shown, range(shown.shape[axis] - 1), axis) & np.take(
        shown, range(1, shown.shape[axis]), axis
    )
    return (sizes * both).sum(1 - axis, dtype=np.float64), both.sum(1 - axis)


def _check_colours(tile: Tile, pixels: np.ndarray, faults: Faults) -> None:
    shown = pixels[..., :3][opaque(pixels)] >> 3
    if not len(shown):
        return
    far = _far_from_legend()[shown[:, 0], shown[:, 1], shown[:, 2]]
    share = float(far.mean())
    if share > OFF_SHARE:
        faults.add(
            "colours-off",
            f"has {share:.0%} of its pixels in colours of no class of the legend (more than "
            f"{OFF_LEGEND:g} dE away). Paint it again, or look at the style.",
            tile,
        )


@lru_cache(maxsize=1)
def _far_from_legend() -> np.ndarray:
    """Whether colours are far from the legend, bool [32,32,32], by their upper five bits."""
    middle = (np.arange(32) * 8 + 4).astype(np.uint8)
    grid = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1)
    colours, legend = _lab(grid.reshape(-1, 3)), _lab(palette())
    distance = np.sqrt(((colours[:, None] - legend[None]) ** 2).sum(-1)).min(axis=1)
    is_far: np.ndarray = (distance > OFF_LEGEND).reshape(32, 32, 32)
    return is_far


def _lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of sRGB uint8 [n,3]."""
    share = rgb.astype(np.float64) / 255
    linear = np.where(share > 0.04045, ((share + 0.055) / 1.055) ** 2.4, share / 12.92)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    curved = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = curved.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
