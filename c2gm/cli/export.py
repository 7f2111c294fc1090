"""`c2gm export`: a map as another kind of tile set, every picture byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import MapFile


def command(
    tileset: MapFile,
    out: Annotated[
        Path, typer.Argument(help="Name that ends in .mbtiles or .pmtiles, or a folder (XYZ).")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a map that has the name.")
    ] = False,
) -> None:
    """Write a map as another kind of tile set.

    PMTiles is one file that web pages read from any plain web server; MBTiles opens in QGIS;
    a folder z/x/y is what every web map takes.

    \b
    Examples:
      c2gm export town.mbtiles town.pmtiles
      c2gm export town.pmtiles town-tiles
    """
    from ..tilesets.open import export_tileset

    tiles = export_tileset(tileset, out, overwrite=force)
    print(f"{out}: {tiles} tiles.")
