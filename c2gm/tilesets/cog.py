"""Cloud-optimised GeoTIFFs of a map, one a zoom: what GIS programs and object stores like best.

A file holds one zoom, in EPSG:3857, its pixels exactly those of the tiles. Its overviews are the
lower zooms of the map, where they are there: they were drawn for their scale, and a shrunken map
is none.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from mercantile import Tile

from ..errors import TilesetError
from ..grid import TILE_SIZE, PixelBox, mercator_resolution, tiles_of_box
from .base import StoredTileSet
from .credits import credit_text
from .metadata import GENERATOR, NOTICE
from .open import open_tileset
from .recode import PALETTE_SIZE, SAME, TRANSPARENT, Recoder, Recoding, palette_indices
from .stitch import MAX_PIXELS_IN_FILE, check_size, is_own_picture, picture_box
from .storing import check_free, stored_bytes, sync_folder, write_error

SUFFIXES = (".tif", ".tiff")
_NO_ROOM = 1 << 20
_CACHE_MB = 128
# What the files and the parts that they are put together from take, in bytes of the map: measured.
_ROOM, _ROOM_WITH_PALETTE = 3.3, 0.9
_DEEPEST = 8  # zooms below: a tile border must stay a whole pixel


def export_cogs(
    source: str | Path,
    destination: str | Path,
    *,
    zooms: Sequence[int] | None = None,
    recoding: Recoding = SAME,
    overwrite: bool = False,
) -> list[Path]:
    """Write `town.tif` as town-z16.tif, town-z17.tif, ...; all of them appear, or none.

    Args:
        source: The map.
        destination: Name that ends in .tif; each file has its zoom before the ending.
        zooms: Which zooms; None writes all.
        recoding: With a palette the files have one band of indices, else red, green, blue, alpha.
        overwrite: Replace files of c2gm's that have the names.

    Returns:
        The files, by zoom.

    Raises:
        TilesetError: a name is taken, no such zoom, too large, or a damaged tile.
        DiskFull: the disk is full; nothing was written.
    """
    destination = Path(destination)
    if recoding.coding == "webp":
        raise TilesetError("A GeoTIFF has no WebP pictures here. Leave the pictures as they are.")
    with open_tileset(source) as tileset:
        chosen = tuple(zooms) if zooms is not None else tileset.zooms
        if not chosen:
            raise TilesetError(f"{tileset.path.name} has no tiles, so nothing was written.")
        files = [destination.with_stem(f"{destination.stem}-z{zoom}") for zoom in chosen]
        for file in files:
            _check_target(file, overwrite=overwrite)
        recoder = Recoder(tileset, recoding)
        folder = destination.absolute().parent / f"{destination.name}.{secrets.token_hex(4)}.tmp"
        try:
            folder.mkdir(parents=True)
            for zoom, file in zip(chosen, files, strict=True):
                _write_cog(tileset, recoder, zoom, folder, folder / file.name, file)
            for file in files:
                os.replace(folder / file.name, file)
            sync_folder(destination.absolute().parent)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)  # the error tells what is free without it
            share = _ROOM_WITH_PALETTE if recoding.palette else _ROOM
            raise write_error(destination, error, share * stored_bytes(tileset.path)) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return files


def _check_target(file: Path, *, overwrite: bool) -> None:
    check_free(file, overwrite=overwrite)
    if file.exists() and not is_own_picture(file):
        raise TilesetError(
            f"{file} was not written by c2gm, so it is not written over. Delete it yourself, or "
            "give another name."
        )


def _write_cog(
    tileset: StoredTileSet, recoder: Recoder, zoom: int, folder: Path, file: Path, out: Path
) -> None:
    """One zoom: plain files of it and of the zooms below, put together by GDAL's COG driver."""
    import rasterio
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError
    from rasterio.shutil import copy

    box = picture_box(tileset, zoom)
    check_size(box, MAX_PIXELS_IN_FILE, "Export the zooms below, or a part of the map.")
    levels = [box, *_lower_boxes(tileset, box)]
    parts = [folder / f"{zoom}-{level.zoom}.tif" for level in levels]
    has_palette = recoder.palette is not None
    try:
        # No sidecar file is read or written, and memory stays small.
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB, GDAL_PAM_ENABLED="NO"):
            for level, part in zip(levels, parts, strict=True):
                _write_plain(tileset, recoder, level, part)
            mosaic = _with_overviews(levels, parts, recoder.palette, _texts(tileset.metadata))
            virtual = folder / f"{zoom}.vrt"
            virtual.write_text(mosaic, encoding="utf-8")
            copy(
                virtual,
                file,
                driver="COG",
                compress="DEFLATE",
                predictor="NO" if has_palette else "YES",
                blocksize=TILE_SIZE,
                overviews="AUTO",
                overview_resampling="NEAREST" if has_palette else "AVERAGE",
                bigtiff="IF_SAFER",
            )
    except (RasterioError, CPLE_BaseError) as error:
        if shutil.disk_usage(folder).free < _NO_ROOM:  # GDAL says only "Write failed"
            raise OSError(errno.ENOSPC, "the disk is full") from error
        raise TilesetError(f"{out} cannot be written: {error}") from error
    for part in parts:
        with suppress(OSError):
            part.unlink()


def _lower_boxes(tileset: StoredTileSet, box: PixelBox) -> Iterator[PixelBox]:
    """The same ground at the lower zooms of the map, finest first, as long as it is a picture."""
    for zoom in sorted(tileset.zooms, reverse=True):
        step = box.zoom - zoom
        if not 0 < step <= _DEEPEST or min(box.width, box.height) >> (step - 1) <= TILE_SIZE:
            continue
        yield PixelBox(zoom, *(edge >> step for edge in (box.left, box.top, box.right, box.bottom)))


def _write_plain(tileset: StoredTileSet, recoder: Recoder, box: PixelBox, file: Path) -> None:
    """A tiled GeoTIFF of a box, one row of tiles in memory."""
    import rasterio
    from rasterio.windows import Window as RasterWindow

    bands = 1 if recoder.palette is not None else 4
    profile = {
        "driver": "GTiff",
        "width": box.width,
        "height": box.height,
        "count": bands,
        "dtype": "uint8",
        "crs": "EPSG:3857",
        "transform": _transform(box),
        "tiled": True,
        "blockxsize": TILE_SIZE,
        "blockysize": TILE_SIZE,
        "compress": "deflate",
        "zlevel": 1,
        "BIGTIFF": "IF_SAFER",
    }
    row = 0
    with rasterio.open(file, "w", **profile) as target:
        for strip in _strips(tileset, recoder, box):
            window = RasterWindow(0, row, box.width, len(strip))
            target.write(strip.transpose(2, 0, 1), window=window)
            row += len(strip)


def _strips(tileset: StoredTileSet, recoder: Recoder, box: PixelBox) -> Iterator[np.ndarray]:
    """Rows from the top, uint8 [h,W,4], or [h,W,1] of palette indices; no tile is transparent."""
    tiles, side = tiles_of_box(box), 1 << box.zoom
    for row in range(tiles.top, tiles.bottom + 1):
        first, last = max(box.top, row * TILE_SIZE), min(box.bottom, (row + 1) * TILE_SIZE)
        empty = [TRANSPARENT] if recoder.palette is not None else [0, 0, 0, 0]
        strip = np.empty((last - first, box.width, len(empty)), dtype=np.uint8)
        strip[:] = empty
        for column in range(tiles.left, tiles.right + 1):
            tile = Tile(column % side, row, box.zoom)
            picture = tileset.get_bytes(tile)
            if picture is None:
                continue
            pixels = _bands(recoder.pixels(tile, picture), recoder.palette)
            left = column * TILE_SIZE
            start, end = max(box.left, left), min(box.right, left + TILE_SIZE)
            top = row * TILE_SIZE
            part = pixels[first - top : last - top, start - left : end - left]
            strip[:, start - box.left : end - box.left] = part
        yield strip


def _bands(pixels: np.ndarray, palette: np.ndarray | None) -> np.ndarray:
    if palette is not None:
        return palette_indices(pixels, palette)[..., None]
    if pixels.shape[2] == 4:
        return pixels
    opaque = np.full((*pixels.shape[:2], 1), 255, dtype=np.uint8)
    return np.concatenate([pixels, opaque], axis=2)


def _transform(box: PixelBox) -> object:
    import rasterio

    left, _, _, top = box.mercator_bounds()
    resolution = mercator_resolution(box.zoom)
    return rasterio.Affine(resolution, 0, left, 0, -resolution, top)


def _with_overviews(
    levels: Sequence[PixelBox],
    parts: Sequence[Path],
    palette: np.ndarray | None,
    texts: Mapping[str, str],
) -> str:
    """A VRT whose bands are those of the first part and whose overviews are the others."""
    import rasterio

    box = levels[0]
    left, _, _, top = box.mercator_bounds()
    resolution = mercator_resolution(box.zoom)
    colours = ("Red", "Green", "Blue", "Alpha") if palette is None else ("Palette",)
    crs = rasterio.CRS.from_epsg(3857).to_wkt()
    lines = [
        f'<VRTDataset rasterXSize="{box.width}" rasterYSize="{box.height}">',
        f"<SRS>{_escaped(crs)}</SRS>",
        f"<GeoTransform>{left!r}, {resolution!r}, 0, {top!r}, 0, {-resolution!r}</GeoTransform>",
        "<Metadata>",
        *(f'<MDI key="{key}">{_escaped(text)}</MDI>' for key, text in texts.items()),
        "</Metadata>",
    ]
    for band, colour in enumerate(colours, start=1):
        lines.append(f'<VRTRasterBand dataType="Byte" band="{band}">')
        if palette is not None:
            entries = [*palette.tolist(), [0, 0, 0]]
            rows = (
                f'<Entry c1="{r}" c2="{g}" c3="{b}" c4="{0 if index == TRANSPARENT else 255}"/>'
                for index, (r, g, b) in enumerate(entries[:PALETTE_SIZE])
            )
            lines += [f"<NoDataValue>{TRANSPARENT}</NoDataValue>", "<ColorTable>", *rows]
            lines.append("</ColorTable>")
        lines.append(f"<ColorInterp>{colour}</ColorInterp>")
        lines.append("<SimpleSource>" + _source(parts[0], band) + "</SimpleSource>")
        lines += [f"<Overview>{_source(part, band)}</Overview>" for part in parts[1:]]
        lines.append("</VRTRasterBand>")
    return "\n".join([*lines, "</VRTDataset>"])


def _texts(metadata: Mapping[str, str]) -> dict[str, str]:
    """What the file says of itself, as tags of TIFF."""
    return {
        "TIFFTAG_SOFTWARE": GENERATOR,
        "TIFFTAG_IMAGEDESCRIPTION": metadata.get("notice") or NOTICE,
        "TIFFTAG_COPYRIGHT": credit_text(metadata.get("attribution", "")),
    }


def _source(part: Path, band: int) -> str:
    return (
        f'<SourceFilename relativeToVRT="1">{_escaped(part.name)}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand>"
    )


def _escaped(text: str) -> str:
    return quoteattr(text)[1:-1]
