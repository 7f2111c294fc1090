"""The world grid: tiles, windows, pixel boxes and areas, in whole numbers.

Tiles are 256 px squares of the web map grid, counted x to the east, y to the south. A window is
the unit that is painted: the 320 px square of a tile and 32 px on each side. Pixel boxes are half
open. Columns wrap around the world (`x` modulo 2^z); rows above and below it exist and hold no
imagery. Everything is integer arithmetic on world pixels, never on degrees.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import mercantile
from mercantile import Tile

from .errors import AreaError

TILE_SIZE = 256
LATENT_SIZE = 8  # px a latent: the VAE divides by 8
HALO = 32
WINDOW_SIZE = TILE_SIZE + 2 * HALO
MAX_LATITUDE = 85.0511287798066
HALF_WORLD = 20037508.342789244  # metres from the centre of web-mercator to its edge


@dataclass(frozen=True)
class PixelBox:
    """Half-open box of world pixels at a zoom; may reach past the world's edges."""

    zoom: int
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    def grown(self, pixels: int) -> PixelBox:
        """The box with `pixels` more on each side."""
        return PixelBox(
            self.zoom,
            self.left - pixels,
            self.top - pixels,
            self.right + pixels,
            self.bottom + pixels,
        )

    def mercator_bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in metres of EPSG:3857."""
        res = mercator_resolution(self.zoom)
        return (
            -HALF_WORLD + self.left * res,
            HALF_WORLD - self.bottom * res,
            -HALF_WORLD + self.right * res,
            HALF_WORLD - self.top * res,
        )


@dataclass(frozen=True, order=True)
class Window:
    """The painted unit of tile (x, y) at zoom z; y may lie outside the world, x wraps."""

    x: int
    y: int
    z: int

    @property
    def box(self) -> PixelBox:
        """Its 320 px box: columns 256x-32 to 256x+287, rows likewise."""
        return square_box(self.x, self.y, self.z).grown(HALO)


@dataclass(frozen=True)
class TileRange:
    """Rectangle of tiles at a zoom, ends included; `right` may exceed 2^z - 1 where the range
    crosses the antimeridian (columns wrap).
    """

    zoom: int
    left: int
    top: int
    right: int
    bottom: int

    def __len__(self) -> int:
        return max(0, self.right - self.left + 1) * max(0, self.bottom - self.top + 1)

    def __iter__(self) -> Iterator[Tile]:
        """Tiles row by row, columns not wrapped."""
        for y in range(self.top, self.bottom + 1):
            for x in range(self.left, self.right + 1):
                # Tile(...) would warn of columns past the antimeridian.
                yield Tile._make((x, y, self.zoom))

    def __contains__(self, tile: object) -> bool:
        if not isinstance(tile, tuple) or len(tile) != 3 or tile[2] != self.zoom:
            return False
        side = 1 << self.zoom
        column = self.left + (tile[0] - self.left) % side
        return bool(column <= self.right and self.top <= tile[1] <= self.bottom)

    def grown(self, tiles: int) -> TileRange:
        """The range with `tiles` more on each side."""
        return TileRange(
            self.zoom,
            self.left - tiles,
            self.top - tiles,
            self.right + tiles,
            self.bottom + tiles,
        )

    def union(self, other: TileRange) -> TileRange:
        """The smallest range that holds both, which must be of one zoom."""
        if self.zoom != other.zoom:
            raise ValueError(f"Ranges of zooms {self.zoom} and {other.zoom} have no union.")
        return TileRange(
            self.zoom,
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    @property
    def box(self) -> PixelBox:
        """The pixels of its tiles."""
        return PixelBox(
            self.zoom,
            self.left * TILE_SIZE,
            self.top * TILE_SIZE,
            (self.right + 1) * TILE_SIZE,
            (self.bottom + 1) * TILE_SIZE,
        )


@dataclass(frozen=True)
class Area:
    """What was asked: bounds (west, south, east, north) in degrees WGS 84, and zooms ascending.

    West > east means that the area crosses the antimeridian.
    """

    bounds: tuple[float, float, float, float]
    zooms: tuple[int, ...]

    def __post_init__(self) -> None:
        check_bounds(self.bounds)
        if not self.zooms or list(self.zooms) != sorted(set(self.zooms)):
            raise AreaError(f"Zooms {self.zooms} must ascend without repeats, like 14-18.")
        if self.zooms[0] < 0 or self.zooms[-1] > 22:
            raise AreaError(f"Zooms {self.zooms} must lie between 0 and 22.")

    def tiles(self, zoom: int) -> TileRange:
        """The tiles that the bounds touch at a zoom."""
        return tiles_in_bounds(self.bounds, zoom)


def check_bounds(bounds: tuple[float, float, float, float]) -> None:
    """Refuse bounds that are no place on Earth.

    Raises:
        AreaError: numbers out of range, latitudes the wrong way round, or no extent.
    """
    west, south, east, north = bounds
    if not all(math.isfinite(value) for value in bounds):
        raise AreaError(f"Bounds {bounds} are not numbers. Give west,south,east,north in degrees.")
    if not (-180 <= west <= 180 and -180 <= east <= 180):
        raise AreaError(f"Longitudes {west} and {east} must lie between -180 and 180 degrees.")
    if not (-90 <= south <= 90 and -90 <= north <= 90):
        raise AreaError(
            f"Latitudes {south} and {north} must lie between -90 and 90 degrees. "
            "Give west,south,east,north in this order."
        )
    if south >= north:
        raise AreaError(
            f"South {south} is not below north {north}. Give west,south,east,north in this order."
        )
    if west == east:
        raise AreaError(f"West and east are both {west}: the area has no width.")
    if south >= MAX_LATITUDE or north <= -MAX_LATITUDE:
        raise AreaError("The area lies beyond 85.05 degrees of latitude, where web maps end.")


def tiles_in_bounds(bounds: tuple[float, float, float, float], zoom: int) -> TileRange:
    """The tiles that bounds touch.

    Edges within about a millionth of a degree of a tile border do not count: bounds rounded to six
    decimals would otherwise pull in whole rows of neighbours.
    """
    west, south, east, north = bounds
    south, north = max(south, -MAX_LATITUDE), min(north, MAX_LATITUDE)
    side = 1 << zoom
    left, top = _fraction(west, north, zoom)
    right, bottom = _fraction(east, south, zoom)
    if west > east:
        right += side
    slack = max(1e-6, 1.1e-6 * side / 360)
    first_x = math.floor(left + slack)
    first_y = max(0, math.floor(top + slack / math.cos(math.radians(north))))
    last_x = math.ceil(right - slack) - 1
    last_y = math.ceil(bottom - slack / math.cos(math.radians(south))) - 1
    return TileRange(
        zoom, first_x, first_y, max(first_x, last_x), min(side - 1, max(first_y, last_y))
    )


def pixels_of_bounds(bounds: tuple[float, float, float, float], zoom: int) -> PixelBox:
    """The pixels that bounds touch; `right` may exceed the world's width across the antimeridian.

    A pixel of which bounds cover less than a hundredth of the width does not count.
    """
    west, south, east, north = bounds
    side = 1 << zoom
    left, top = _fraction(west, min(north, MAX_LATITUDE), zoom)
    right, bottom = _fraction(east, max(south, -MAX_LATITUDE), zoom)
    if west > east:
        right += side
    return PixelBox(
        zoom,
        math.floor(left * TILE_SIZE + 0.01),
        math.floor(top * TILE_SIZE + 0.01),
        math.ceil(right * TILE_SIZE - 0.01),
        math.ceil(bottom * TILE_SIZE - 0.01),
    )


def _fraction(lng: float, lat: float, zoom: int) -> tuple[float, float]:
    """Tile column and row with fractions."""
    x, y = mercantile.xy(lng, lat)
    side = 1 << zoom
    return (
        (x + HALF_WORLD) / (2 * HALF_WORLD) * side,
        (HALF_WORLD - y) / (2 * HALF_WORLD) * side,
    )


def tile_box(tile: Tile) -> PixelBox:
    """The 256 px box of a tile."""
    return square_box(tile.x, tile.y, tile.z)


def square_box(x: int, y: int, zoom: int) -> PixelBox:
    """The 256 px box of a place of the tile grid, which may lie past the world's edges."""
    left, top = x * TILE_SIZE, y * TILE_SIZE
    return PixelBox(zoom, left, top, left + TILE_SIZE, top + TILE_SIZE)


def wrapped(tile: Tile) -> Tile:
    """The tile with its column brought into the world."""
    return Tile(tile.x % (1 << tile.z), tile.y, tile.z)


def parent_range(tiles: TileRange, step: int) -> TileRange:
    """The tiles `step` zooms lower that hold these."""
    return TileRange(
        tiles.zoom - step,
        tiles.left >> step,
        tiles.top >> step,
        tiles.right >> step,
        tiles.bottom >> step,
    )


def tiles_of_box(box: PixelBox) -> TileRange:
    """The tiles that a pixel box touches (columns not wrapped, rows may leave the world)."""
    return TileRange(
        box.zoom,
        box.left // TILE_SIZE,
        box.top // TILE_SIZE,
        (box.right - 1) // TILE_SIZE,
        (box.bottom - 1) // TILE_SIZE,
    )


def bounds_of(tiles: TileRange) -> tuple[float, float, float, float]:
    """Outer edges of a range: (west, south, east, north) in degrees WGS 84; west > east where it
    crosses the antimeridian.
    """
    side = 1 << tiles.zoom
    first = mercantile.bounds(tiles.left % side, tiles.top, tiles.zoom)
    last = mercantile.bounds(tiles.right % side, tiles.bottom, tiles.zoom)
    return first.west, last.south, last.east, first.north


def mercator_resolution(zoom: int) -> float:
    """Metres of EPSG:3857 per pixel, which is also the ground resolution at the equator."""
    return 2 * HALF_WORLD / (TILE_SIZE << zoom)


def ground_resolution(zoom: int, latitude: float) -> float:
    """Metres on the ground per pixel at a latitude in degrees."""
    return mercator_resolution(zoom) * math.cos(math.radians(latitude))
