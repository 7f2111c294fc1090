"""How long imagery takes to read, and how much memory: every tile of zooms 14 to 18.

    python benchmarks/bench_imagery.py                    10,000 x 10,000 px at 0.5 m, one GeoTIFF
    python benchmarks/bench_imagery.py --kind mosaic      the same in 25 files
    python benchmarks/bench_imagery.py photo.tif ...      files of your own

Prints wall and processor seconds a zoom, and the peak of the process' memory. The picture is made
once, in a process of its own, so that making it does not count.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from c2gm.grid import HALO, square_box, tiles_in_bounds
from c2gm.sources import open_sources

KINDS = ("deflate", "jpeg", "overviews", "deep", "mosaic")
METRES = 0.5


def main() -> None:
    """Read imagery by windows of 320 px as painting does, and tell the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--kind", choices=KINDS, default="deflate")
    parser.add_argument("--size", type=int, default=10_000, help="px a side")
    parser.add_argument("--zooms", default="14-18")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".cache") / "bench_imagery")
    given = parser.parse_args()
    names = given.files or made(given.folder, given.kind, given.size)
    first, _, last = given.zooms.partition("-")
    began, worked = time.perf_counter(), time.process_time()
    imagery = open_sources(names)
    print(f"{imagery.name}: opened in {time.perf_counter() - began:.2f} s")
    for zoom in range(int(first), int(last or first) + 1):
        tiles = tiles_in_bounds(imagery.bounds, zoom)
        start, busy = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(given.threads) as pool:
            windows = (square_box(tile.x, tile.y, zoom).grown(HALO) for tile in tiles)
            valid = sum(pool.map(lambda box: int(imagery.read(box)[1].any()), windows))
        print(
            f"zoom {zoom}: {len(tiles):,} windows, {valid:,} with imagery, "
            f"{time.perf_counter() - start:.1f} s, {time.process_time() - busy:.1f} s of processor"
        )
    print(
        f"all: {time.perf_counter() - began:.1f} s, {time.process_time() - worked:.1f} s of "
        f"processor, peak {peak_megabytes():.0f} MB"
    )
    imagery.close()


def made(folder: Path, kind: str, size: int) -> list[str]:
    """Files of a kind, made if they are not there."""
    target = folder / f"{kind}-{size}"
    if not target.exists():
        process = multiprocessing.get_context("spawn").Process(
            target=make, args=(target, kind, size)
        )
        process.start()
        process.join()
        if process.exitcode:
            sys.exit("the picture could not be made")
    return [str(target)] if kind == "mosaic" else [str(path) for path in target.glob("*.tif")]


def make(target: Path, kind: str, size: int) -> None:
    """A picture like an orthophoto (broad shapes, fine noise) near Toulouse, in UTM."""
    import rasterio
    from affine import Affine
    from rasterio.enums import Resampling
    from rasterio.windows import Window

    unfinished = target.with_name(target.name + ".tmp")
    unfinished.mkdir(parents=True, exist_ok=True)
    parts = 5 if kind == "mosaic" else 1
    side = size // parts
    dtype = "uint16" if kind == "deep" else "uint8"
    compress = {"compress": "jpeg", "photometric": "ycbcr"}
    if kind in ("deflate", "deep"):
        compress = {"compress": "deflate"}
    rng = np.random.default_rng(1)
    for row in range(parts):
        for column in range(parts):
            left, top = column * side, row * side
            with rasterio.open(
                unfinished / f"{row}-{column}.tif", "w", driver="GTiff", width=side, height=side,
                count=3, dtype=dtype, crs="EPSG:32631", tiled=True, blockxsize=256, blockysize=256,
                transform=Affine(METRES, 0, 370_000 + left * METRES, 0, -METRES,
                                 4_830_000 - top * METRES), **compress,
            ) as dataset:  # fmt: skip
                for start in range(0, side, 256):
                    height = min(256, side - start)
                    y, x = np.mgrid[top + start : top + start + height, left : left + side]
                    shapes = 120 + 60 * np.sin(x / 97) * np.cos(y / 131) + 20 * np.sin(x * y / 9e5)
                    noise = rng.integers(0, 25, (3, height, side))
                    strip = (shapes + noise).clip(0, 255)
                    strip = strip * 12 if kind == "deep" else strip
                    dataset.write(strip.astype(dtype), window=Window(0, start, side, height))
                if kind == "overviews":
                    dataset.build_overviews([2, 4, 8, 16], Resampling.average)
    os.replace(unfinished, target)


def peak_megabytes() -> float:
    """The most memory that this process has held so far; 0 where that cannot be asked."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1024


if __name__ == "__main__":
    main()
