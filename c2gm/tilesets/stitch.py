"""Neighbouring tiles put into one picture: in memory, or strip by strip into a file."""

from __future__ import annotations

import os
import secrets
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

import mercantile
import numpy as np
from mercantile import Tile

from ..errors import TilesetError
from ..grid import (
    HALF_WORLD,
    TILE_SIZE,
    PixelBox,
    check_bounds,
    ground_resolution,
    mercator_resolution,
    tile_box,
    tiles_of_box,
)
from ..legend import GROUND
from .base import TileSet
from .credits import credit_text
from .metadata import GENERATOR, NOTICE, Extents
from .sheet import NO_FOOT, Foot, draw_foot
from .storing import check_free, disk_full, sync_folder, write_error

Bounds = tuple[float, float, float, float]

MAX_PIXELS_IN_MEMORY = 100_000_000  # 300 MB
MAX_PIXELS_IN_FILE = 2_000_000_000  # more than programs for pictures open
_NO_ROOM = 1 << 20
_PICTURES = (".png", ".tif", ".tiff")


def stitch(
    tileset: TileSet,
    zoom: int,
    *,
    bounds: Bounds | None = None,
    background: tuple[int, int, int] = GROUND,
) -> np.ndarray:
    """The map of one zoom as one picture, uint8 [H,W,3].

    Args:
        tileset: Where the tiles come from.
        zoom: One of its zooms.
        bounds: (west, south, east, north) in degrees, to the nearest pixel; None for all tiles.
        background: RGB where there is no tile, and under transparent pixels.

    Raises:
        TilesetError: no such zoom, or more than a hundred million pixels.
        AreaError: the bounds are no place on Earth.
    """
    box = picture_box(tileset, zoom, bounds)
    check_size(box, MAX_PIXELS_IN_MEMORY, "Give smaller bounds, a lower zoom, or a file to write.")
    rgb = np.empty((box.height, box.width, 3), dtype=np.uint8)
    top = 0
    for strip in strips(tileset, box, background):
        rgb[top : top + len(strip)] = strip
        top += len(strip)
    return rgb


def stitch_to_file(
    tileset: TileSet,
    zoom: int,
    *,
    out: str | Path,
    bounds: Bounds | None = None,
    foot: Foot = NO_FOOT,
    background: tuple[int, int, int] = GROUND,
    overwrite: bool = False,
) -> PixelBox:
    """Write the map of one zoom as a .png, or as a GeoTIFF that knows its place (.tif, .tiff).

    Legend, scale bar and credit stand below the map, which keeps its place in a GeoTIFF.

    Memory holds one row of tiles, so the picture may be far larger than memory. The file appears
    when it is complete.

    Returns:
        The pixels of the world grid that the picture shows.

    Raises:
        TilesetError: no such zoom, too large, another suffix, or the name is taken.
        AreaError: the bounds are no place on Earth.
        DiskFull: the disk is full; what had the name before is whole.
    """
    out = Path(out)
    check_picture_name(out)
    check_free(out, overwrite=overwrite)
    box = picture_box(tileset, zoom, bounds)
    write_strips(
        strips(tileset, box, background),
        box,
        out=out,
        credit=credit_text(tileset.metadata.get("attribution", "")),
        foot=draw_foot(foot, box.width, _metres_per_pixel(box)),
        overwrite=overwrite,
    )
    return box


def _metres_per_pixel(box: PixelBox) -> float:
    """On the ground, in the middle of a box."""
    _, bottom, _, top = box.mercator_bounds()
    _, latitude = mercantile.lnglat(0.0, (bottom + top) / 2)
    return ground_resolution(box.zoom, latitude)


def check_picture_name(out: Path) -> None:
    """Refuse a name that is no picture's.

    Raises:
        TilesetError: it ends neither in .png nor in .tif.
    """
    if out.suffix.lower() not in _PICTURES:
        raise TilesetError(f"{out.name}: a stitched map is a .png or a .tif. Give such a name.")


def write_strips(
    strips: Iterable[np.ndarray],
    box: PixelBox,
    *,
    out: Path,
    credit: str = "",
    foot: np.ndarray | None = None,
    texts: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a picture from strips of rows as .png or .tif, whole or not at all.

    The file says that the map is generated, by which program, and whom the imagery is owed to.

    Args:
        strips: Rows from the top, uint8 [h,W,3].
        box: Pixels of the world grid that they show.
        out: Name of the file.
        credit: Credit of the imagery.
        foot: Rows below the map, uint8 [h,W,3]; a GeoTIFF keeps the position of what is above.
        texts: Further texts that a PNG keeps, by key: a workflow, for one.
        overwrite: Replace a file that has the name.

    Raises:
        TilesetError: another suffix, too large, or the name is taken.
        DiskFull: the disk is full; what had the name before is whole.
    """
    check_picture_name(out)
    check_free(out, overwrite=overwrite)
    check_size(box, MAX_PIXELS_IN_FILE, "Give smaller bounds or a lower zoom.")
    below = [] if foot is None or not len(foot) else [foot]
    rows = box.height + sum(len(part) for part in below)
    everything = chain(strips, below)
    own = {"Software": GENERATOR, "Description": NOTICE, "Copyright": credit}
    temporary = out.with_name(f"{out.stem}.{secrets.token_hex(4)}.tmp{out.suffix.lower()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix.lower() == ".png":
            _write_png(temporary, (box.width, rows), everything, {**own, **(texts or {})})
        else:
            _write_geotiff(temporary, out, box, rows, everything, own)
        os.replace(temporary, out)
        sync_folder(out.parent)
    except OSError as error:
        raise write_error(out, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def is_own_picture(file: Path) -> bool:
    """Whether a .png or .tif says that this program wrote it."""
    if file.suffix.lower() == ".png":
        with file.open("rb") as stream:
            return b"Software\0" + GENERATOR[:4].encode() in stream.read(4096)
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(file, driver="GTiff") as raster:
            return str(raster.tags().get("TIFFTAG_SOFTWARE", "")).startswith(GENERATOR[:4])
    except RasterioError:
        return False


def picture_box(tileset: TileSet, zoom: int, bounds: Bounds | None = None) -> PixelBox:
    """Pixels of the world grid for bounds, rounded to whole pixels; without bounds, of all tiles.

    Raises:
        TilesetError: the tile set has no tile at this zoom.
        AreaError: the bounds are no place on Earth.
    """
    if zoom not in tileset.zooms:
        raise TilesetError(
            f"The tile set has no zoom {zoom}. Its zooms are "
            f"{', '.join(map(str, tileset.zooms)) or 'none'}."
        )
    if bounds is None:
        found = Extents()
        for tile in tileset.tiles(zoom):
            found.add(tile)
        return found.ranges[zoom].box
    check_bounds(bounds)
    west, south, east, north = bounds
    left, top = _pixel(west, north, zoom)
    right, bottom = _pixel(east, south, zoom)
    if west > east:  # across the antimeridian
        right += TILE_SIZE << zoom
    world = TILE_SIZE << zoom
    top, bottom = min(max(top, 0), world - 1), min(max(bottom, 1), world)
    return PixelBox(zoom, left, top, max(right, left + 1), max(bottom, top + 1))


def check_size(box: PixelBox, limit: int, cure: str) -> None:
    """Refuse pictures beyond a limit.

    Raises:
        TilesetError: says how large it would be.
    """
    if box.width * box.height > limit:
        raise TilesetError(
            f"The picture would have {box.width} x {box.height} px at zoom {box.zoom}, more than "
            f"{limit / 1e6:.0f} million pixels. {cure}"
        )


def _pixel(lng: float, lat: float, zoom: int) -> tuple[int, int]:
    """The corner between world pixels that is nearest to a place."""
    x, y = mercantile.xy(lng, min(max(lat, -89.9), 89.9))
    resolution = mercator_resolution(zoom)
    return round((x + HALF_WORLD) / resolution), round((HALF_WORLD - y) / resolution)


def strips(
    tileset: TileSet, box: PixelBox, background: tuple[int, int, int] = GROUND
) -> Iterator[np.ndarray]:
    """The picture from the top, one row of tiles at a time: uint8 [h,W,3], h at most 256."""
    tiles = tiles_of_box(box)
    side = 1 << box.zoom
    for row in range(tiles.top, tiles.bottom + 1):
        first = max(box.top, row * TILE_SIZE)
        last = min(box.bottom, (row + 1) * TILE_SIZE)
        strip = np.empty((last - first, box.width, 3), dtype=np.uint8)
        strip[:] = background
        for column in range(tiles.left, tiles.right + 1):
            pixels = tileset.get(Tile(column % side, row, box.zoom))
            if pixels is None:
                continue
            place = tile_box(Tile(0, row, box.zoom))
            left = column * TILE_SIZE
            start, end = max(box.left, left), min(box.right, left + TILE_SIZE)
            part = pixels[first - place.top : last - place.top, start - left : end - left]
            strip[:, start - box.left : end - box.left] = _flattened(part, background)
        yield strip


def _flattened(pixels: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """RGB of a tile, what is transparent laid over the background."""
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint32)
    mixed = pixels[..., :3] * alpha + np.array(background, np.uint32) * (255 - alpha)
    rgb: np.ndarray = ((mixed + 127) // 255).astype(np.uint8)
    return rgb


def _write_png(
    file: Path, size: tuple[int, int], strips: Iterable[np.ndarray], texts: Mapping[str, str]
) -> None:
    """A PNG in strips (Pillow needs the whole picture); each row as difference to the one above."""
    width, height = size
    above = np.zeros((1, width, 3), dtype=np.uint8)
    compressor = zlib.compressobj(6)
    with file.open("wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n")
        shape = width.to_bytes(4, "big") + height.to_bytes(4, "big")
        stream.write(_chunk(b"IHDR", shape + b"\x08\x02\x00\x00\x00"))  # 8 bit RGB, not interlaced
        for key, text in texts.items():
            plain = text.encode("latin-1", "replace")
            stream.write(_chunk(b"tEXt", key.encode() + b"\0" + plain))
        for strip in strips:
            rows = np.concatenate((above, strip))
            lines = np.empty((len(strip), 1 + 3 * width), dtype=np.uint8)
            lines[:, 0] = 2  # filter "up"
            lines[:, 1:] = (rows[1:] - rows[:-1]).reshape(len(strip), -1)
            stream.write(_chunk(b"IDAT", compressor.compress(lines.tobytes())))
            above = strip[-1:]
        stream.write(_chunk(b"IDAT", compressor.flush()))
        stream.write(_chunk(b"IEND", b""))
        stream.flush()
        os.fsync(stream.fileno())


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return len(content).to_bytes(4, "big") + kind + content + checksum.to_bytes(4, "big")


def _write_geotiff(
    file: Path,
    out: Path,
    box: PixelBox,
    rows: int,
    strips: Iterable[np.ndarray],
    texts: Mapping[str, str],
) -> None:
    import rasterio
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError
    from rasterio.windows import Window as RasterWindow

    left, _, _, top = box.mercator_bounds()
    resolution = mercator_resolution(box.zoom)
    profile = {
        "driver": "GTiff",
        "width": box.width,
        "height": rows,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:3857",
        "transform": rasterio.Affine(resolution, 0, left, 0, -resolution, top),
        "tiled": True,
        "blockxsize": TILE_SIZE,
        "blockysize": TILE_SIZE,
        "compress": "deflate",
        "predictor": 2,
        "photometric": "RGB",
        "BIGTIFF": "IF_SAFER",
    }
    row = 0
    try:
        with rasterio.Env(GDAL_CACHEMAX=256), rasterio.open(file, "w", **profile) as target:
            target.update_tags(
                TIFFTAG_SOFTWARE=texts["Software"],
                TIFFTAG_IMAGEDESCRIPTION=texts["Description"],
                TIFFTAG_COPYRIGHT=texts["Copyright"],
            )
            for strip in strips:
                window = RasterWindow(0, row, box.width, len(strip))
                target.write(strip.transpose(2, 0, 1), window=window)
                row += len(strip)
    except (RasterioError, CPLE_BaseError) as error:
        # GDAL says only "Write failed"; a disk without a block left tells why.
        if shutil.disk_usage(file.parent).free < _NO_ROOM:
            raise disk_full(out) from error
        raise TilesetError(f"{out} cannot be written: {error}") from error
