"""Speed and look of painted pictures: python benchmarks/bench_painter.py [--real PICTURE...]

Prints tiles a second of one core by zoom (process time, scenes made beforehand), and the statistics
of painted towns and of the real pictures given, mean ± spread over tiles of one zoom.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import astuple

import mercantile
import numpy as np

from c2gm.grid import HALF_WORLD, TILE_SIZE, PixelBox, mercator_resolution
from c2gm.imagery.base import Imagery
from c2gm.imagery.open import open_imagery
from c2gm.worlds.look_statistics import NAMES, mean_and_spread
from c2gm.worlds.town import Town, TownImagery

TIMED_ZOOMS = (16, 17, 18)
LOOK_ZOOM = 17
TILES = 8
MOST_TRIES = 40


def tiles_of(imagery: Imagery, zoom: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Up to `TILES` random pieces of a tile's size that lie on the imagery."""
    west, south, east, north = imagery.bounds
    resolution = mercator_resolution(zoom)
    low, high = np.array(mercantile.xy(west, south)), np.array(mercantile.xy(east, north))
    found: list[np.ndarray] = []
    for _ in range(MOST_TRIES):
        x, y = rng.uniform(low, high)
        left, top = round((x + HALF_WORLD) / resolution), round((HALF_WORLD - y) / resolution)
        left, top = left - TILE_SIZE // 2, top - TILE_SIZE // 2
        picture, valid = imagery.read(PixelBox(zoom, left, top, left + TILE_SIZE, top + TILE_SIZE))
        if valid.all():
            found.append(picture)
        if len(found) == TILES:
            break
    return found


def print_speed(seed: int) -> None:
    """One row a zoom: tiles a second of one core."""
    imagery = TownImagery(Town(seed))
    rng = np.random.default_rng(0)
    tiles_of(imagery, LOOK_ZOOM, rng)
    print("| zoom | tiles a second of one core |\n|---|---|")
    for zoom in TIMED_ZOOMS:
        start = time.process_time()
        count = len(tiles_of(imagery, zoom, rng))
        print(f"| {zoom} | {count / (time.process_time() - start):.1f} |")


def print_look(name: str, pictures: list[np.ndarray]) -> None:
    """One row: mean and spread of each statistic."""
    if pictures:
        pairs = zip(*(astuple(numbers) for numbers in mean_and_spread(pictures)), strict=True)
        print(f"| {name} | " + " | ".join(f"{mean:.3g} ± {off:.2g}" for mean, off in pairs) + " |")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", nargs="*", default=[], metavar="PICTURE")
    parser.add_argument("--seeds", nargs="*", type=int, default=[3, 20, 24, 27, 31])
    arguments = parser.parse_args()
    print_speed(arguments.seeds[0])
    print(f"\n| zoom {LOOK_ZOOM} | " + " | ".join(NAMES) + " |\n|---|" + "---|" * len(NAMES))
    rng = np.random.default_rng(1)
    for seed in arguments.seeds:
        town = Town(seed)
        name = f"town {seed}, {town.layout.profile.climate}"
        print_look(name, tiles_of(TownImagery(town), LOOK_ZOOM, rng))
    for path in arguments.real:
        print_look(path, tiles_of(open_imagery(path), LOOK_ZOOM, rng))


if __name__ == "__main__":
    main()
