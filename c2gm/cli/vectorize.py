"""`c2gm vectorize`: a map's areas and roads as vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import MapFile, parse_bounds


def command(
    tileset: MapFile,
    out: Annotated[Path, typer.Argument(help="The vectors: a .gpkg, or a .geojson in degrees.")],
    zoom: Annotated[int, typer.Option(help="One of its zooms.")],
    bbox: Annotated[
        str | None,
        typer.Option(metavar="W,S,E,N", help="Area in degrees.", show_default="all tiles"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what has the name.")] = False,
) -> None:
    """Trace a map as vectors.

    Areas share their borders, roads are centre lines. Classes are read back from the colours of the
    legend, so only maps in the house style can be traced. Ground is what no area covers.

    \b
    Examples:
      c2gm vectorize town.mbtiles town.gpkg --zoom 17
      c2gm vectorize town.mbtiles centre.geojson --zoom 18 --bbox 9.58,46.965,9.602,46.98
    """
    from ..tilesets.metadata import NOTICE
    from ..tilesets.open import open_tileset
    from ..tracing.areas import trace_areas
    from ..tracing.lines import trace_lines
    from ..tracing.read_classes import read_classes
    from ..tracing.vector_files import check_vector_name, write_traced

    bounds = parse_bounds(bbox)
    check_vector_name(out, overwrite=force)
    with open_tileset(tileset) as tiles:
        classes = read_classes(tiles, zoom, bounds)
        told = tiles.metadata
    about = {
        "attribution": told.get("attribution", ""),
        "notice": told.get("notice", NOTICE),
        "zoom": str(zoom),
    }
    areas, lines = trace_areas(classes), trace_lines(classes)
    write_traced(out, areas, lines, about)
    count = {name: sum(map(len, shapes.values())) for name, shapes in (("a", areas), ("l", lines))}
    print(f"{out}: {count['a']} areas and {count['l']} lines of zoom {zoom}.")
