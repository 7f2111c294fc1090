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
    legend: Annotated[
        bool, typer.Option("--legend", help="The classes and their colours, below the map.")
    ] = False,
    scale_bar: Annotated[
        bool, typer.Option("--scale-bar", help="A bar of a round length, below the map.")
    ] = False,
    credit: Annotated[
        bool,
        typer.Option("--credit", help="Whose imagery it is and that it is generated, below it."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what has the name.")] = False,
) -> None:
    """Put neighbouring tiles of one zoom into one picture.

    Memory holds one row of tiles, however large the picture is. A .tif knows its place; what stands
    below the map moves nothing.

    \b
    Examples:
      c2gm stitch town.mbtiles town-16.png --zoom 16
      c2gm stitch town.mbtiles centre.tif --zoom 18 --bbox 9.58,46.965,9.602,46.98
      c2gm stitch town.mbtiles sheet.png --zoom 17 --legend --scale-bar --credit
    """
    from ..tilesets.credits import credit_text
    from ..tilesets.open import open_tileset
    from ..tilesets.sheet import Foot
    from ..tilesets.stitch import stitch_to_file

    bounds = parse_bounds(bbox)
    with open_tileset(tileset) as tiles:
        owed = credit_text(tiles.metadata.get("attribution", "")) if credit else None
        foot = Foot(legend=legend, scale_bar=scale_bar, credit=owed)
        box = stitch_to_file(tiles, zoom, out=out, bounds=bounds, foot=foot, overwrite=force)
    print(f"{out}: {box.width} x {box.height} px of zoom {zoom}.")
