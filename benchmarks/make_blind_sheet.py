"""A sheet of painted and real tiles in random order, and its key: who can tell them apart?

    python benchmarks/make_blind_sheet.py --real PICTURE... --vectors EXTRACT... --out FOLDER

Writes `sheet.png`, tiles with numbers, for the one who scores, and `key.json`, which tile is what,
for the one who counts. Half of the painted tiles are procedural worlds, half real vectors.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import mercantile
import numpy as np
import shapely
from PIL import Image, ImageDraw, ImageFont

from c2gm.cartography.map_objects import MapObjects
from c2gm.cartography.vectors import read_vectors
from c2gm.grid import (
    HALF_WORLD,
    TILE_SIZE,
    PixelBox,
    TileRange,
    bounds_of,
    mercator_resolution,
)
from c2gm.imagery.base import Imagery
from c2gm.imagery.open import open_imagery
from c2gm.worlds.osm_ground import PaintedGround
from c2gm.worlds.osm_parts import Look
from c2gm.worlds.world import World, WorldImagery, degrees

Bounds = tuple[float, float, float, float]

TILES_OF_EACH = 12
TILES_OF_A_GROUND = 2
COLUMNS = 6
GAP = 26  # px between tiles, for their numbers
ZOOMS = (16, 17, 17, 18)
CLIMATES_OF_EXTRACTS = ("temperate", "dry")  # there is no desert among them
MOST_TRIES = 12
LEAST_SPREAD = 12.0  # grey levels: sheets of water or sand tell nothing


def real_tiles(paths: list[str], rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Tiles of real pictures, in turn, at zooms that the pictures have."""
    pictures = [open_imagery(path) for path in paths]
    while True:
        for path, imagery in zip(paths, pictures, strict=True):
            zoom = min(int(rng.choice(ZOOMS)), imagery.native_zoom)
            tile = _random_tile(imagery, imagery.bounds, zoom, rng)
            if tile is not None:
                yield f"real {path} zoom {zoom}", tile


def painted_tiles(paths: list[str], rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Tiles of worlds and of real vectors, in turn."""
    extracts = [read_vectors(path) for path in paths]
    while True:
        world = World(int(rng.integers(10_000)))
        place = degrees(world.sample(0).mercator_bounds())
        grounds: list[tuple[Imagery, Bounds]] = [(WorldImagery(world), place)]
        if extracts:
            painted = _painted(extracts[rng.integers(len(extracts))], rng)
            grounds.append((painted, painted.bounds))
        for imagery, bounds in grounds * TILES_OF_A_GROUND:
            zoom = int(rng.choice(ZOOMS))
            tile = _random_tile(imagery, bounds, zoom, rng)
            if tile is not None:
                yield f"painted {imagery.name} zoom {zoom}", tile


def _painted(objects: MapObjects, rng: np.random.Generator) -> PaintedGround:
    """Imagery round a random building of an extract, in a random look."""
    buildings = objects.areas["building"]
    middle = shapely.centroid(buildings[rng.integers(len(buildings))])
    tile = mercantile.tile(*mercantile.lnglat(middle.x, middle.y), 14)
    relief = float(rng.choice([0.0, rng.uniform(0.2, 1.0)]))
    look = Look(
        str(rng.choice(CLIMATES_OF_EXTRACTS)),
        int(rng.integers(10_000)),
        rng.uniform(0.4, 1.8),
        relief,
    )
    bounds = bounds_of(TileRange(14, tile.x, tile.y, tile.x, tile.y))
    return PaintedGround(objects, bounds, look, name=f"{look}", attribution="")


def _random_tile(
    imagery: Imagery, bounds: Bounds, zoom: int, rng: np.random.Generator
) -> np.ndarray | None:
    """256 px of imagery that show something, or None where none are found."""
    columns, rows = _extent(bounds, zoom)
    if min(columns[1] - columns[0], rows[1] - rows[0]) <= TILE_SIZE:
        return None
    for _ in range(MOST_TRIES):
        left, top = (int(rng.uniform(low, high - TILE_SIZE)) for low, high in (columns, rows))
        box = PixelBox(zoom, left, top, left + TILE_SIZE, top + TILE_SIZE)
        picture, valid = imagery.read(box)
        if valid.all() and picture.mean(-1).std() > LEAST_SPREAD:
            return picture
    return None


def _extent(bounds: Bounds, zoom: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """First and last column, first and last row of bounds in world pixels."""
    west, south, east, north = bounds
    resolution = mercator_resolution(zoom)
    left, bottom = mercantile.xy(west, south)
    right, top = mercantile.xy(east, north)
    return (
        ((left + HALF_WORLD) / resolution, (right + HALF_WORLD) / resolution),
        ((HALF_WORLD - top) / resolution, (HALF_WORLD - bottom) / resolution),
    )


def blind_sheet(tiles: list[np.ndarray]) -> Image.Image:
    """Numbered tiles in rows."""
    side = TILE_SIZE + GAP
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * side, rows * side), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for number, tile in enumerate(tiles):
        left, top = number % COLUMNS * side, number // COLUMNS * side
        pen.text((left + 4, top + 2), str(number + 1), fill="black", font=font)
        sheet.paste(Image.fromarray(tile), (left, top + GAP - 2))
    return sheet


def main() -> None:
    """Write a sheet and its key."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", nargs="+", required=True, metavar="PICTURE")
    parser.add_argument("--vectors", nargs="*", default=[], metavar="EXTRACT")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args()
    rng = np.random.default_rng([arguments.seed, 24])
    found = []
    for tiles in (real_tiles(arguments.real, rng), painted_tiles(arguments.vectors, rng)):
        found += [next(tiles) for _ in range(TILES_OF_EACH)]
    order = rng.permutation(len(found))
    arguments.out.mkdir(parents=True, exist_ok=True)
    blind_sheet([found[index][1] for index in order]).save(arguments.out / "sheet.png")
    key = {str(number + 1): found[index][0] for number, index in enumerate(order)}
    (arguments.out / "key.json").write_text(json.dumps(key, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
