"""One offline HTML page that shows a tile set, by itself or over the imagery it was drawn from.

Everything is inside the page: Leaflet, style, script, tiles as base64. It opens by double click,
loads nothing, and its content security policy forbids it to.
"""

from __future__ import annotations

import base64
import io
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mercantile import Tile
from PIL import Image

from ..errors import TilesetError
from ..grid import tile_box
from ..imagery.base import Imagery
from .base import StoredTileSet
from .page import ShownZoom, page_data, page_html, shown_zoom
from .pictures import PICTURE_TYPES, decode_tile, picture_kind
from .storing import check_free, sync_folder, write_error

MAX_PAGE_BYTES = 30_000_000  # browsers open more, but slowly, and mail refuses it
MAP_SHARE = 0.65  # of the page, where imagery shares it
_PAGE_OVERHEAD = 300_000  # Leaflet, style, script, legend
_TILE_OVERHEAD = 40  # address and punctuation of one tile in the page
_WEBP_QUALITY = 85
_JPEG_QUALITY = 78
_PAPER = (0xE4, 0xE7, 0xEB)  # the page's own background, where there is no imagery


@dataclass(frozen=True)
class PreviewPage:
    """What was written: `left_out` are the zooms, finest last, that did not fit."""

    path: Path
    zooms: tuple[int, ...]
    left_out: tuple[int, ...]
    size: int


@dataclass
class _Pictures:
    """Pictures of the page by address, in base64, all of one type."""

    type: str
    tiles: dict[str, str] = field(default_factory=dict)
    zooms: list[int] = field(default_factory=list)
    size: int = 0

    def add_zoom(self, zoom: int, pictures: Iterator[tuple[Tile, bytes]], budget: int) -> bool:
        """Add all pictures of a zoom, or none and False where they do not fit into the budget."""
        new: dict[str, str] = {}
        size = self.size
        for tile, picture in pictures:
            coded = base64.b64encode(picture).decode("ascii")
            size += len(coded) + _TILE_OVERHEAD
            if size > budget:
                return False
            new[f"{tile.z}/{tile.x}/{tile.y}"] = coded
        self.tiles.update(new)
        self.zooms.append(zoom)
        self.size = size
        return True


def write_preview_page(
    tileset: StoredTileSet,
    out_html: str | Path,
    *,
    imagery: Imagery | None = None,
    title: str | None = None,
    overwrite: bool = False,
    max_bytes: int = MAX_PAGE_BYTES,
) -> PreviewPage:
    """Write one HTML page that shows a tile set offline, zoom by zoom.

    Where the tiles do not fit as they are, they are coded as WebP; where that does not fit
    either, the finest zooms stay out, and the page says so.

    Args:
        tileset: The map.
        out_html: Name of the page.
        imagery: What the map was drawn from; shown under it, with a slider.
        title: Heading; the tile set's name if None.
        overwrite: Replace a file that has the name.
        max_bytes: How large the page may be.

    Raises:
        TilesetError: the name is taken, a tile is damaged, or not even the coarsest zoom fits.
        ImageryError: the imagery cannot be read.
        DiskFull: the disk is full; what had the name before is whole.
    """
    out = Path(out_html)
    check_free(out, overwrite=overwrite)
    if not tileset.zooms:
        raise TilesetError(f"{tileset.path.name} has no tiles to show.")
    budget = max_bytes - _PAGE_OVERHEAD
    drawn = _map_pictures(tileset, int(budget * MAP_SHARE) if imagery else budget)
    left_out = tuple(zoom for zoom in tileset.zooms if zoom not in drawn.zooms)
    photos = None if imagery is None else _imagery_pictures(imagery, drawn, budget - drawn.size)
    shown = None
    if photos is not None:
        shown = {"type": photos.type, "finest": photos.zooms[-1], "tiles": photos.tiles}
    data = page_data(
        tileset,
        [_shown_zoom(drawn, zoom) for zoom in drawn.zooms],
        title=title,
        imagery=imagery,
        notes=_notes(tileset, drawn, imagery, photos, left_out),
        map_pictures={"type": drawn.type, "tiles": drawn.tiles},
        imagery_pictures=shown,
    )
    page = page_html(data).encode("utf-8", "replace")
    _write_whole(out, page)
    return PreviewPage(out, tuple(drawn.zooms), left_out, len(page))


def _map_pictures(tileset: StoredTileSet, budget: int) -> _Pictures:
    """The map's pictures: as they are if all fit, else as WebP up to the zoom that still fits."""
    kind = _kind_of(tileset)
    pictures = _Pictures(PICTURE_TYPES[kind])
    if all(pictures.add_zoom(zoom, _stored(tileset, zoom, kind), budget) for zoom in tileset.zooms):
        return pictures
    pictures = _Pictures(PICTURE_TYPES["webp"])
    for zoom in tileset.zooms:
        if not pictures.add_zoom(zoom, _as_webp(tileset, zoom), budget):
            break
    if not pictures.zooms:
        raise TilesetError(
            f"Zoom {tileset.zooms[0]} of {tileset.path.name} alone does not fit into a page of "
            f"{budget / 1e6:.0f} MB. Show a smaller area."
        )
    return pictures


def _kind_of(tileset: StoredTileSet) -> str:
    """Kind of the first picture."""
    tile = next(tileset.tiles(tileset.zooms[0]))
    return picture_kind(tileset.get_bytes(tile) or b"") or "png"


def _stored(tileset: StoredTileSet, zoom: int, kind: str) -> Iterator[tuple[Tile, bytes]]:
    for tile in tileset.tiles(zoom):
        picture = tileset.get_bytes(tile) or b""
        if picture_kind(picture) != kind:
            raise TilesetError(
                f"Tile {tile.z}/{tile.x}/{tile.y} of {tileset.path.name} is no {kind} picture as "
                "the others are. Run c2gm verify on it."
            )
        yield tile, picture


def _as_webp(tileset: StoredTileSet, zoom: int) -> Iterator[tuple[Tile, bytes]]:
    for tile in tileset.tiles(zoom):
        pixels = decode_tile(tileset.get_bytes(tile) or b"", tile, tileset.path.name)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "WEBP", quality=_WEBP_QUALITY, method=2)
        yield tile, file.getvalue()


def _imagery_pictures(imagery: Imagery, drawn: _Pictures, budget: int) -> _Pictures | None:
    """Imagery under the map's tiles, up to the zoom that still fits; None if none does."""
    photos = _Pictures(PICTURE_TYPES["jpg"])
    for zoom in drawn.zooms:
        if not photos.add_zoom(zoom, _photos(imagery, drawn, zoom), budget):
            break
    return photos if photos.tiles else None


def _photos(imagery: Imagery, drawn: _Pictures, zoom: int) -> Iterator[tuple[Tile, bytes]]:
    for address in drawn.tiles:
        z, x, y = map(int, address.split("/"))
        if z != zoom:
            continue
        rgb, valid = imagery.read(tile_box(Tile(x, y, z)))
        if not valid.any():
            continue
        yield Tile(x, y, z), photo_picture(rgb, valid)


def photo_picture(rgb: np.ndarray, valid: np.ndarray) -> bytes:
    """A JPEG of imagery, uint8 [H,W,3] and valid bool [H,W], as pages show it under a map."""
    shown = rgb.copy()
    shown[~valid] = _PAPER
    file = io.BytesIO()
    Image.fromarray(shown).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


def _shown_zoom(drawn: _Pictures, zoom: int) -> ShownZoom:
    places = [address.split("/") for address in drawn.tiles if address.startswith(f"{zoom}/")]
    return shown_zoom(zoom, ((int(x), int(y)) for _, x, y in places))


def _notes(
    tileset: StoredTileSet,
    drawn: _Pictures,
    imagery: Imagery | None,
    photos: _Pictures | None,
    left_out: tuple[int, ...],
) -> list[str]:
    """What the page does not show as it is."""
    notes = []
    if left_out:
        zooms = ", ".join(map(str, left_out))
        notes.append(f"Too large for one page, left out: zoom {zooms} of {tileset.path.name}.")
    if drawn.type == PICTURE_TYPES["webp"] and _kind_of(tileset) != "webp":
        notes.append("Pictures are compressed for this page; those of the tile set are exact.")
    if imagery is not None and photos is None:
        notes.append("The imagery does not fit into this page.")
    elif photos is not None and photos.zooms != drawn.zooms:
        notes.append(f"Imagery beyond zoom {photos.zooms[-1]} is enlarged.")
    return notes


def _write_whole(out: Path, content: bytes) -> None:
    temporary = out.with_name(f"{out.name}.{secrets.token_hex(4)}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, out)
        sync_folder(out.parent)
    except OSError as error:
        raise write_error(out, error) from error
    finally:
        temporary.unlink(missing_ok=True)
