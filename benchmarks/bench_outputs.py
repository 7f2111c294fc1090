"""How long every kind of output takes to write from a map, how large it is, and how much memory.

    python benchmarks/bench_outputs.py town.mbtiles

Each kind is written by a process of its own. Prints megabytes of the output, tiles a second, wall
and processor seconds with the start of the process, and the peak of its memory.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from c2gm.tilesets.open import open_tileset
from c2gm.tilesets.storing import stored_bytes

EXPORTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "MBTiles": ("a.mbtiles", ()),
    "MBTiles, equal pictures once": ("b.mbtiles", ("--deduplicate",)),
    "PMTiles": ("c.pmtiles", ()),
    "XYZ folder": ("d", ()),
    "MBTiles, WebP": ("e.mbtiles", ("--pictures", "webp")),
    "MBTiles, quiet colours": ("f.mbtiles", ("--quiet-colours",)),
    "PMTiles, quiet colours, WebP": ("g.pmtiles", ("--quiet-colours", "--pictures", "webp")),
    "MBTiles, quiet colours, palette": ("h.mbtiles", ("--quiet-colours", "--palette")),
    "GeoTIFF a zoom": ("i.tif", ()),
    "GeoTIFF a zoom, quiet, palette": ("j.tif", ("--quiet-colours", "--palette")),
}
OTHERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "stitched PNG": ("k.png", "stitch", ("--legend", "--scale-bar")),
    "stitched GeoTIFF": ("l.tif", "stitch", ()),
    "vectors, GeoPackage": ("m.gpkg", "vectorize", ()),
    "vectors, GeoJSON": ("n.geojson", "vectorize", ()),
    "offline page": ("o.html", "preview", ()),
}


def main() -> None:
    """Write a map in every kind and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("map", type=Path)
    given = parser.parse_args()
    with open_tileset(given.map) as tileset:
        counts = {zoom: sum(1 for _ in tileset.tiles(zoom)) for zoom in tileset.zooms}
    finest = max(counts)
    print(f"{given.map.name}: {counts}, {stored_bytes(given.map) / 1e6:.2f} MB")
    print(f"{'':34}    MB  tiles/s  wall s   cpu s  peak MB")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, (out, options) in EXPORTS.items():
            command = ["export", str(given.map), str(folder / out), *options]
            tell(kind, folder, out, sum(counts.values()), run(command))
        for kind, (out, command_name, options) in OTHERS.items():
            command = [command_name, str(given.map), *options]
            if command_name == "preview":
                tell(
                    kind,
                    folder,
                    out,
                    sum(counts.values()),
                    run([*command, "--html", str(folder / out)]),
                )
            else:
                command += ["--zoom", str(finest), str(folder / out)]
                tell(kind, folder, out, counts[finest], run(command))


def run(arguments: list[str]) -> tuple[float, float, float]:
    """Run a command of c2gm: wall seconds, processor seconds, peak megabytes."""
    began = time.perf_counter()
    silent = os.open(os.devnull, os.O_WRONLY)
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", "from c2gm.cli.main import main; main()", *arguments],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, silent, 1)],
    )
    _, status, usage = os.wait4(child, 0)
    os.close(silent)
    if status:
        sys.exit(f"c2gm {' '.join(arguments)} failed")
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1024)
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak


def tell(
    kind: str, folder: Path, out: str, tiles: int, measured: tuple[float, float, float]
) -> None:
    """Print a row; a GeoTIFF of each zoom counts as one output."""
    stem, dot, suffix = out.partition(".")
    size = sum(
        stored_bytes(path) for path in folder.glob(f"{stem}{'*' if dot else ''}{dot}{suffix}")
    )
    wall, busy, peak = measured
    print(
        f"{kind:34}{size / 1e6:6.2f}  {tiles / wall:7.1f}  {wall:6.2f}  {busy:6.2f}  {peak:7.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
