"""Recolour Map: the colours that are chosen, and pictures and whole tile sets in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..c2gm.cascade.generate import KEY_NAME
from ..c2gm.errors import ConfigError
from ..c2gm.grid import TILE_SIZE, TileRange, tile_box
from ..c2gm.painting.window_inputs import read_mosaic
from ..c2gm.recolour import PALETTES, Colour, parse_colours, recolour
from ..c2gm.tilesets.base import StoredTileSet
from ..c2gm.tilesets.open import create_tileset, open_tileset
from ..c2gm.tilesets.stitch import picture_box
from .files import output_folder, stamp, tileset_name
from .payloads import PALETTE_NAME, hex_colour, palettes_payload
from .pictures import from_image, to_image

RECOLOURED_SHOWN = 1024  # pixels a side of the picture that the page recolours by itself
MAX_PIXELS = 16_000_000  # of a tile set's picture
EDGE = 2  # px beside a pixel that its new colour depends on
BLOCK = 4  # tiles a side that are recoloured together


def chosen_colours(palette: str, colours: str) -> dict[str, Colour]:
    """A palette with single colours replaced.

    Raises:
        ConfigError: there is no such palette or class, or a line is no colour.
    """
    if palette not in PALETTES:
        raise ConfigError(f"Palette {palette!r} is not one of {', '.join(PALETTES)}.")
    return {**PALETTES[palette], **parse_colours(colours)}


def recolour_images(images: Any, colours: Mapping[str, Colour]) -> Any:
    """IMAGE in other colours; stops between pictures when the user cancels."""
    import comfy.model_management

    drawn: list[np.ndarray] = []
    for picture in from_image(images):
        comfy.model_management.throw_exception_if_processing_interrupted()
        drawn.append(recolour(picture, colours))
    return to_image(drawn)


def refuse_recoloured(metadata: Mapping[str, str], what: str) -> None:
    """Refuse a map whose classes cannot be read back from the legend.

    Raises:
        ConfigError: it is in another palette.
    """
    if PALETTE_NAME in metadata:
        raise ConfigError(
            f"The map is in another palette already, so it cannot be {what}. Connect the map that "
            "it was made from."
        )


def finest_picture(path: Path) -> np.ndarray:
    """The finest zoom of a map that makes no more than 16 megapixels, uint8 [H,W,3]."""
    with open_tileset(path) as map_:
        boxes = [picture_box(map_, zoom) for zoom in map_.zooms]
        fitting = [box for box in boxes if box.width * box.height <= MAX_PIXELS]
        return read_mosaic(map_.get, (fitting or boxes[:1])[-1])


def recolour_tileset(
    path: Path, colours: Mapping[str, Colour], palette: str, on_tile: Callable[[int, int], None]
) -> Path:
    """A whole map in other colours, kept among the jobs; the same again needs no work.

    Args:
        path: The map, in the house style.
        colours: New colour by class.
        palette: What the colours are called in the map's name.
        on_tile: Told (tiles done, of how many); what it raises ends the work.

    Raises:
        C2GMError: the map is in another palette, or a tile of it is damaged.
    """
    asked = json.dumps([tileset_name(path), stamp(path), dict(colours)], sort_keys=True)
    target = output_folder() / "jobs" / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.mbtiles"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_tileset(path) as map_:
        refuse_recoloured(map_.metadata, "recoloured")
        written = {name: hex_colour(colour) for name, colour in colours.items()}
        metadata = {
            **{name: text for name, text in map_.metadata.items() if name != KEY_NAME},
            "name": f"{map_.metadata.get('name', path.stem)}, {palette}",
            PALETTE_NAME: json.dumps(written),
        }
        places = {zoom: set(map_.tiles(zoom)) for zoom in map_.zooms}
        count, done = sum(map(len, places.values())), 0
        with create_tileset(target, metadata, tiles_to_come=count) as new:
            for zoom, tiles in places.items():
                for block in sorted({(tile.x // BLOCK, tile.y // BLOCK) for tile in tiles}):
                    for tile, pixels in _block(map_, zoom, block, colours):
                        new.put(tile, pixels)
                        done += 1
                    on_tile(done, count)
    return target


def _block(
    map_: StoredTileSet, zoom: int, block: tuple[int, int], colours: Mapping[str, Colour]
) -> list[tuple[Any, np.ndarray]]:
    """The tiles of a block in other colours; edges agree with the tiles beside it."""
    left, top = block[0] * BLOCK, block[1] * BLOCK
    last = (1 << zoom) - 1
    tiles = TileRange(zoom, left, top, min(left + BLOCK - 1, last), min(top + BLOCK - 1, last))
    around = tiles.box.grown(EDGE)
    drawn = recolour(read_mosaic(map_.get, around), colours)
    found = []
    for tile in tiles:
        old = map_.get(tile)
        if old is None:
            continue
        box = tile_box(tile)
        rows = slice(box.top - around.top, box.top - around.top + TILE_SIZE)
        columns = slice(box.left - around.left, box.left - around.left + TILE_SIZE)
        pixels = drawn[rows, columns]
        if old.shape[-1] == 4:
            pixels = np.concatenate([np.where(old[..., 3:] > 0, pixels, 0), old[..., 3:]], axis=-1)
        found.append((tile, pixels.astype(np.uint8)))
    return found


def recolour_payload(source: dict[str, Any], palette: str, colours: str) -> dict[str, Any]:
    """What the page needs to show other palettes at once."""
    return {"source": source, **palettes_payload(), "palette": palette, "colours": colours}
