"""`c2gm stitch`: a part of a map as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import MapFile, parse_bounds


def command(
    tileset: MapFile,
    out: Annotated[Path, typer.Argument(help="The picture: a .png, or a .tif with position.")],
    zoom: Annotated[int, typer.Option(help="One of its zooms.")],
    bbox: Annotated[
        str | None,
        typer.Option(metavar="W,S,E,N", help="Area in degrees.", show_default="all tiles"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what has the name.")] = False,
) -> None:
    """Put neighbouring tiles of one zoom into one picture.

    \b
    Examples:
      c2gm stitch town.mbtiles town-16.png --zoom 16
      c2gm stitch town.mbtiles centre.tif --zoom 18 --bbox 9.58,46.965,9.602,46.98
    """
    from ..tilesets.open import open_tileset
    from ..tilesets.stitch import stitch_to_file

    with open_tileset(tileset) as tiles:
        box = stitch_to_file(tiles, zoom, out=out, bounds=parse_bounds(bbox), overwrite=force)
    print(f"{out}: {box.width} x {box.height} px of zoom {zoom}.")
