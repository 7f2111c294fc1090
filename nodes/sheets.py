"""Tile Stitch's pictures: a map of an area in memory, the whole of it in a file, and its foot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..c2gm.errors import ConfigError
from ..c2gm.grid import TILE_SIZE, PixelBox, bounds_of, ground_resolution, tiles_of_box
from ..c2gm.tilesets.open import open_tileset
from ..c2gm.tilesets.sheet import Foot, draw_foot
from ..c2gm.tilesets.stitch import check_picture_name, is_own_picture, strips, write_strips
from .areas import PickedArea
from .files import output_folder, safe_path
from .stitching import check_has_tiles, tiles_of

MAX_PIXELS = 64_000_000  # of an IMAGE: 768 MB


@dataclass(frozen=True)
class StitchedMap:
    """A map of an area, as Tile Stitch gives it.

    Attributes:
        picture: uint8 [H,W,3].
        sheet: The same with its foot below.
        lines: What was done, in words.
    """

    picture: np.ndarray
    sheet: np.ndarray
    lines: list[str]


def file_path(name: str) -> Path | None:
    """Where a picture of a name is written; None of an empty name.

    Raises:
        C2GMError: the name leads out of output/c2gm, is no picture's, or is a foreign file's.
    """
    if not name.strip():
        return None
    path = safe_path(name.strip(), output_folder())
    check_picture_name(path)
    if path.exists() and not (path.is_file() and is_own_picture(path)):
        raise ConfigError(
            f"{path.name} is in output/c2gm and was not made by C2GM, so it is not replaced. "
            "Choose another name, or delete it yourself."
        )
    return path


def sheet_of_picture(
    picture: np.ndarray,
    area: PickedArea,
    zoom: int,
    *,
    foot: Foot,
    file: Path | None,
    texts: Mapping[str, str] | None = None,
) -> StitchedMap:
    """A map that is in memory, written to a file if one is given.

    Raises:
        C2GMError: it cannot be written.
    """
    box = tiles_of(area, zoom).box
    lines = [f"{box.width:,} x {box.height:,} px of zoom {zoom}"]
    if file is not None:
        _write([picture], box, file=file, foot=foot, credit=area.attribution, texts=texts)
        lines.append(f"written to output/c2gm/{file.name}")
    below = draw_foot(_with_credit(foot, area.attribution), box.width, _metres(box))
    return StitchedMap(picture, np.vstack([picture, below]), lines)


def sheet_of_tileset(
    path: Path,
    area: PickedArea,
    zoom: int,
    *,
    foot: Foot,
    file: Path | None,
    texts: Mapping[str, str] | None = None,
) -> StitchedMap:
    """A map of a tile set. The file has every pixel, in the memory of one row of tiles; a picture
    of more than 64 megapixels is shrunk.

    Raises:
        ConfigError: the tile set has nothing here, or the picture is too large and no file is.
    """
    tiles = tiles_of(area, zoom)
    box = tiles.box
    factor = shrink_factor(box)
    if factor > 1 and file is None:
        raise ConfigError(
            f"Zoom {zoom} of this area is {box.width:,} x {box.height:,} px, more than the "
            f"{MAX_PIXELS // 10**6} million of one IMAGE. Give a file to write it to, a lower "
            "zoom, or a smaller area."
        )
    lines = [f"{box.width:,} x {box.height:,} px of zoom {zoom}"]
    with open_tileset(path) as tileset:
        check_has_tiles(tileset, tiles, path.name)
        credit = tileset.metadata.get("attribution", "") or area.attribution
        if file is not None:
            rows = strips(tileset, box)
            _write(rows, box, file=file, foot=foot, credit=credit, texts=texts)
            lines.append(f"written to output/c2gm/{file.name}")
        picture = np.vstack(list(shrunk(strips(tileset, box), factor)))
    if factor > 1:
        lines.append(f"the IMAGE is shrunk {factor} times, the file is not")
    below = draw_foot(_with_credit(foot, credit), picture.shape[1], _metres(box) * factor)
    return StitchedMap(picture, np.vstack([picture, below]), lines)


def shrink_factor(box: PixelBox) -> int:
    """The least power of two by which both sides must shrink for an IMAGE."""
    factor = 1
    while box.width * box.height > MAX_PIXELS * factor**2 and factor < TILE_SIZE:
        factor *= 2
    return factor


def shrunk(rows: Iterable[np.ndarray], factor: int) -> Iterator[np.ndarray]:
    """Strips of whole tiles with the mean of every square of pixels."""
    for strip in rows:
        if factor == 1:
            yield strip
            continue
        height, width = len(strip) // factor, strip.shape[1] // factor
        squares = strip.reshape(height, factor, width, factor, 3)
        yield (squares.mean(axis=(1, 3), dtype=np.float32) + 0.5).astype(np.uint8)


def _write(
    rows: Iterable[np.ndarray],
    box: PixelBox,
    *,
    file: Path,
    foot: Foot,
    credit: str,
    texts: Mapping[str, str] | None,
) -> None:
    below = draw_foot(_with_credit(foot, credit), box.width, _metres(box))
    write_strips(rows, box, out=file, credit=credit, foot=below, texts=texts, overwrite=True)


def _with_credit(foot: Foot, credit: str) -> Foot:
    """The foot with the credit that is known now; one that shows none stays without."""
    return foot if foot.credit is None else Foot(foot.legend, foot.scale_bar, credit)


def _metres(box: PixelBox) -> float:
    """Metres on the ground per pixel in the middle of a box."""
    _, south, _, north = bounds_of(tiles_of_box(box))
    return ground_resolution(box.zoom, (south + north) / 2)
