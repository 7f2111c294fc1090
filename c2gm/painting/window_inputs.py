"""What a window is painted from: its imagery, its reference, and where imagery is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
from mercantile import Tile

from ..grid import TILE_SIZE, PixelBox, Window, square_box, tiles_of_box, wrapped
from ..legend import GROUND
from ..references import MARGIN, enlarge_reference, parent_box
from .geometry import CORNERS, Geometry, corners_of

NO_IMAGERY = 127  # mid-grey, as in training
CACHED_PARENTS = 64  # tiles of the parent map, 200 kB each
CACHED_CORNERS = 40  # two rows of a block, 700 kB each
CACHED_IMAGERY = 64  # tiles, three rows of a block and its sides, 260 kB each

Slices = tuple[slice, slice]
"""Rows and columns."""

ReadTile = Callable[[Tile], "np.ndarray | None"]
"""Pixels uint8 [256,256,3] or [256,256,4] of a map tile, None where there is none."""


class Readable(Protocol):
    """What is needed of imagery: pixels of any box of the world grid."""

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        """Imagery uint8 [H,W,3] and valid bool [H,W]."""
        ...


@dataclass(frozen=True)
class WindowInputs:
    """Inputs of one window.

    Attributes:
        window: Its place.
        imagery: uint8 [H,W,3], invalid pixels 127.
        valid: bool [H,W], True where imagery is there.
        reference: uint8 [H,W,3], or None in a stage from nothing.
        corners: The same of the four windows at its tile's corners, for models that read classes
            there; none otherwise.
    """

    window: Window
    imagery: np.ndarray
    valid: np.ndarray
    reference: np.ndarray | None = None
    corners: tuple[WindowInputs, ...] = ()

    @property
    def has_tile(self) -> bool:
        """Whether its tile has a valid pixel; a window whose overlap alone has some is no use."""
        halo = (self.valid.shape[0] - TILE_SIZE) // 2
        return bool(self.valid[halo : halo + TILE_SIZE, halo : halo + TILE_SIZE].any())


class ImageryTiles:
    """Imagery, read a tile at a time: windows and their corners overlap, so a tile serves many.

    Args:
        imagery: Gives the same pixels whatever box is asked.
    """

    def __init__(self, imagery: Readable) -> None:
        self._imagery = imagery
        self._tile = lru_cache(maxsize=CACHED_IMAGERY)(self._read_tile)

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        """Imagery uint8 [H,W,3] and valid bool [H,W] of any box."""
        rgb = np.empty((box.height, box.width, 3), dtype=np.uint8)
        valid = np.empty((box.height, box.width), dtype=bool)
        for tile, there, cut in _tile_cuts(box):
            tile_rgb, tile_valid = self._tile(tile.x, tile.y, tile.z)
            rgb[there], valid[there] = tile_rgb[cut], tile_valid[cut]
        return rgb, valid

    def _read_tile(self, x: int, y: int, zoom: int) -> tuple[np.ndarray, np.ndarray]:
        return self._imagery.read(square_box(x, y, zoom))


class InputReader:
    """Reads what the windows of a stage are painted from.

    Args:
        imagery: What is painted from.
        read_tile: Reads tiles of the parent map.
        geometry: How windows lie.
        cascade_factor: Factor to the parent map; None in a stage from nothing.
        interpolation: How references are enlarged.
        corners: Whether the model reads classes, for which windows that overlap bring their
            corners.
    """

    def __init__(
        self,
        imagery: Readable,
        read_tile: ReadTile,
        geometry: Geometry,
        *,
        cascade_factor: int | None,
        interpolation: str,
        corners: bool,
    ) -> None:
        self._read_parent = lru_cache(maxsize=CACHED_PARENTS)(read_tile)
        self._geometry = geometry
        self._cascade_factor = cascade_factor
        self._interpolation = interpolation
        self._corners = corners and geometry.ring > 0
        self._imagery = ImageryTiles(imagery) if self._corners else imagery
        self._corner = lru_cache(maxsize=CACHED_CORNERS)(self._read_corner)

    def __call__(self, window: Window) -> WindowInputs:
        """Inputs of a window; of one without a tile, which is not painted, imagery alone."""
        inputs = read_imagery(self._imagery, window, self._geometry)
        if not inputs.has_tile:
            return inputs
        corners = corners_of(window) if self._corners else ()
        return replace(
            self._with_reference(inputs, self._geometry),
            corners=tuple(self._corner(corner) for corner in corners),
        )

    def _read_corner(self, corner: Window) -> WindowInputs:
        return self._with_reference(read_imagery(self._imagery, corner, CORNERS), CORNERS)

    def _with_reference(self, inputs: WindowInputs, geometry: Geometry) -> WindowInputs:
        if self._cascade_factor is None:
            return inputs
        reference = read_reference(
            self._read_parent,
            inputs.window,
            geometry,
            cascade_factor=self._cascade_factor,
            interpolation=self._interpolation,
        )
        return replace(inputs, reference=reference)


def read_imagery(imagery: Readable, window: Window, geometry: Geometry) -> WindowInputs:
    """Read a window's exact box from the imagery, over all tile borders."""
    rgb, valid = imagery.read(geometry.box(window))
    filled = np.where(valid[..., None], rgb, np.uint8(NO_IMAGERY))
    return WindowInputs(window, filled, valid)


def read_reference(
    read_tile: ReadTile,
    window: Window,
    geometry: Geometry,
    *,
    cascade_factor: int,
    interpolation: str,
) -> np.ndarray:
    """Cut the reference of a window out of the parent map, uint8 [H,W,3].

    The parent map is read with a margin and enlarged on the world's pixels, so that neighbouring
    windows have the same reference where they overlap. In paper mode the margin repeats the rim
    of the tile's own part instead, as the authors' code does, which enlarges each part by itself.
    """
    box = parent_box(geometry.box(window), cascade_factor)
    if geometry.ring:
        parent = read_mosaic(read_tile, box)
    else:
        rim = ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
        parent = np.pad(read_mosaic(read_tile, box.grown(-MARGIN)), rim, mode="edge")
    return enlarge_reference(parent, cascade_factor, interpolation)


def read_mosaic(read_tile: ReadTile, box: PixelBox) -> np.ndarray:
    """Map pixels of a box, uint8 [H,W,3]; ground colour where there is no tile or no opacity."""
    mosaic = np.empty((box.height, box.width, 3), dtype=np.uint8)
    mosaic[:] = GROUND
    side = 1 << box.zoom
    for tile, there, cut in _tile_cuts(box):
        pixels = read_tile(wrapped(tile)) if 0 <= tile.y < side else None
        if pixels is not None:
            mosaic[there] = over_ground(pixels[cut])
    return mosaic


def _tile_cuts(box: PixelBox) -> Iterator[tuple[Tile, Slices, Slices]]:
    """The tiles that a box meets, each with its part of the box and the box's part of the tile."""
    for tile in tiles_of_box(box):
        place = square_box(tile.x, tile.y, tile.z)
        left, top = max(box.left, place.left), max(box.top, place.top)
        right, bottom = min(box.right, place.right), min(box.bottom, place.bottom)
        there, cut = (
            (
                slice(top - origin.top, bottom - origin.top),
                slice(left - origin.left, right - origin.left),
            )
            for origin in (box, place)
        )
        yield tile, there, cut


def over_ground(pixels: np.ndarray) -> np.ndarray:
    """Map pixels uint8 [H,W,3] of pixels with or without opacity, laid over the ground colour."""
    if pixels.shape[-1] == 3:
        return pixels
    opacity = pixels[..., 3:].astype(np.uint16)
    ground = np.array(GROUND, dtype=np.uint16)
    blended = pixels[..., :3] * opacity + ground * (255 - opacity)
    laid: np.ndarray = ((blended + 127) // 255).astype(np.uint8)
    return laid


def tile_part(window_pixels: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The middle of a window array [H,W,...] that is its tile, [256,256,...]."""
    middle = slice(geometry.halo, geometry.halo + TILE_SIZE)
    return window_pixels[middle, middle]
