"""Seams of maps, zoom by zoom: python benchmarks/bench_seams.py MAP... [--against TRUTH]

A seamless map has a seam ratio and a band ratio of 0.95 to 1.05; a map painted in paper mode must
show more (1.2 and above), else the measure is blind.
"""

from __future__ import annotations

import argparse
import contextlib

from c2gm.evaluation.seams import seam_ratio, seam_steps
from c2gm.tilesets.open import open_tileset


def main() -> None:
    """Print one row a map and zoom."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maps", nargs="+", metavar="MAP")
    parser.add_argument(
        "--against", metavar="TRUTH", help="true map whose own ratio is divided out"
    )
    arguments = parser.parse_args()
    print("| map | zoom | borders | step across | elsewhere | seam ratio | +- | band ratio |")
    print("|---|---|---|---|---|---|---|---|")
    with contextlib.ExitStack() as stack:
        truth = stack.enter_context(open_tileset(arguments.against)) if arguments.against else None
        for name in arguments.maps:
            tileset = stack.enter_context(open_tileset(name))
            for zoom in tileset.zooms:
                steps = seam_steps(tileset, zoom)
                ratio = seam_ratio(tileset, zoom, truth=truth)
                if steps is None or ratio is None:
                    continue
                spread = steps.spread() or 0.0
                print(
                    f"| {name} | {zoom} | {steps.borders} | {steps.border:.2f} | "
                    f"{steps.inside:.2f} | {ratio:.3f} | {spread:.3f} | "
                    f"{steps.band_ratio:.3f} |"
                )


if __name__ == "__main__":
    main()
