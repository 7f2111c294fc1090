"""How classes of ground look in painted and in real pictures, in numbers, about 1 m a pixel.

    python benchmarks/measure_look.py --real PICTURE=CLASSES[=WIDTHxHEIGHT]... [--seeds 1 2 ...]

One row a class and source: mean colour, its spread between places, between objects of a place and
within objects (grey levels), the mean step between neighbours, and the share of the steps that is
left after averaging 2 x 2 pixels (above 1.3: soft patterns, 0.5: white noise). WIDTHxHEIGHT keeps
the upper left part of a picture (its training part). Class rasters hold 1
water, 2 bare, 3 road, 4 building, 5 trees, 6 grass, 8 farmland; real pictures finer than 0.8 m are
averaged to about 1 m; painted ones are parts of worlds.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import rasterio
import rasterio.features
from rasterio.transform import from_bounds
from scipy import ndimage

from c2gm.grid import PixelBox, mercator_resolution
from c2gm.worlds.districts import grown
from c2gm.worlds.world import World

CLASSES = {1: "water", 2: "bare", 3: "road", 4: "building", 5: "trees", 6: "grass", 8: "farmland"}
AREAS = {"farmland": 8, "sand": 2, "park": 6, "wood": 5, "water": 1}
ROAD_HALF_WIDTH = 2.0  # metres: the middle of roads alone, whatever they are
LEAST_PIXELS = 40  # of an object's inner part
FINEST = 0.8  # metres
SIDE = 1024  # pixels of a painted part
HEADER = "class     source        n    red green  blue  places objects within  step  coarse"


def real(pairs: list[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(place, picture, classes) of pictures with class rasters."""
    for pair in pairs:
        path, classes_path, *kept = pair.split("=")
        with rasterio.open(path) as source, rasterio.open(classes_path) as truth:
            most = [int(side) for side in kept[0].split("x")] if kept else [1 << 30, 1 << 30]
            picture, classes = source.read([1, 2, 3]), truth.read(1)
            picture, classes = picture[:, : most[1], : most[0]], classes[: most[1], : most[0]]
            metres = abs(source.transform.e) * (111_320 if source.crs.is_geographic else 1)
        factor = max(1, round(1 / metres)) if metres < FINEST else 1
        height, width = (side // factor * factor for side in classes.shape)
        blocks = picture[:, :height, :width].reshape(
            3, height // factor, factor, width // factor, factor
        )
        coarse = blocks.mean((2, 4)).transpose(1, 2, 0)
        yield path, coarse, classes[factor // 2 : height : factor, factor // 2 : width : factor]


def painted(seeds: list[int], zoom: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(place, picture, classes) of the middle of a place of each world."""
    for seed in seeds:
        world = World(seed)
        whole = world.sample(0, tiles=1)
        left = (whole.left + whole.right << zoom - 14) // 2 - SIDE // 2
        top = (whole.top + whole.bottom << zoom - 14) // 2 - SIDE // 2
        box = PixelBox(zoom, left, top, left + SIDE, top + SIDE)
        yield f"world {seed}", world.picture(box).astype(float), _classes(world, box)


def _classes(world: World, box: PixelBox) -> np.ndarray:
    bounds = box.mercator_bounds()
    objects = world.objects(grown(bounds, 20))
    shapes = [(s, number) for kind, number in AREAS.items() for s in objects.areas.get(kind, ())]
    for kind in ("street", "main_road", "motorway"):
        shapes += [(line.buffer(ROAD_HALF_WIDTH), 3) for line in objects.lines.get(kind, ())]
    shapes += [(shape, 4) for shape in objects.areas.get("building", ())]
    grid = from_bounds(*bounds, box.width, box.height)
    if not shapes:
        return np.zeros((box.height, box.width), dtype=np.uint8)
    classes: np.ndarray = rasterio.features.rasterize(
        shapes, (box.height, box.width), transform=grid, dtype="uint8"
    )
    return classes


def class_rows(picture: np.ndarray, classes: np.ndarray) -> dict[int, np.ndarray]:
    """By class: share, red, green, blue, spread between objects, within, step, coarse share."""
    grey = picture.mean(-1)
    step = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    height, width = (side // 2 * 2 for side in grey.shape)
    half = grey[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    coarse = np.abs(np.diff(half, axis=1, append=half[:, -1:]))
    rows = {}
    for number in CLASSES:
        inner = ndimage.binary_erosion(classes == number, iterations=1)
        if inner.sum() < 20 * LEAST_PIXELS:
            continue
        parts, count = ndimage.label(inner)
        numbers = np.arange(1, count + 1)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
        kept = numbers[sizes >= LEAST_PIXELS]
        if not len(kept):
            continue
        weights = np.sqrt(sizes[kept - 1])
        means = ndimage.mean(grey, parts, kept)
        spreads = ndimage.standard_deviation(grey, parts, kept)
        middle = np.average(means, weights=weights)
        inner_half = inner[:height:2, :width:2] & inner[1:height:2, 1:width:2]
        share = coarse[inner_half].mean() / max(step[inner].mean(), 1e-9)
        rows[number] = np.array(
            [
                inner.mean(),
                *picture[inner].mean(0),
                np.sqrt(np.average((means - middle) ** 2, weights=weights)),
                np.average(spreads, weights=weights),
                step[inner].mean(),
                share,
            ]
        )
    return rows


def main() -> None:
    """Print the table, one row a class and source, and one a place where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", nargs="*", default=[], metavar="PICTURE=CLASSES[=WIDTHxHEIGHT]")
    parser.add_argument("--seeds", nargs="*", type=int, default=[])
    parser.add_argument("--zoom", type=int, default=17)
    parser.add_argument("--places", action="store_true", help="one row a place as well")
    arguments = parser.parse_args()
    print(f"zoom {arguments.zoom}: {mercator_resolution(arguments.zoom):.2f} m a pixel\n{HEADER}")
    for name, places in (
        ("real", real(arguments.real)),
        ("painted", painted(arguments.seeds, arguments.zoom)),
    ):
        found: dict[int, list[np.ndarray]] = defaultdict(list)
        for place, picture, classes in places:
            for number, row in class_rows(picture, classes).items():
                found[number].append(row)
                if arguments.places:
                    _print_row(number, place[-22:], row[None])
        for number, rows in sorted(found.items()):
            _print_row(number, name, np.array(rows))


def _print_row(number: int, source: str, rows: np.ndarray) -> None:
    mean = rows.mean(0)
    between = rows[:, 1:4].mean(1).std()
    print(
        f"{CLASSES[number]:9s} {source:12s}{len(rows):3d}"
        + "".join(f"{value:6.0f}" for value in mean[1:4])
        + f"{between:8.1f}{mean[4]:8.1f}{mean[5]:7.1f}{mean[6]:6.1f}{mean[7]:8.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
