"""`c2gm preview`: a page for the browser that shows a map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import say
from .options import (
    Crs,
    MapFile,
    NodataValue,
    PictureBounds,
    parse_bounds,
    parse_nodata,
    zooms_text,
)


def command(
    tileset: MapFile,
    imagery: Annotated[
        Path | None, typer.Option(help="The imagery to lay below the map, with a slider.")
    ] = None,
    picture_bounds: PictureBounds = None,
    crs: Crs = None,
    nodata: NodataValue = None,
    html: Annotated[
        Path | None,
        typer.Option(help="The page to write.", show_default="beside the tile set"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what has the name.")] = False,
) -> None:
    """Write one page that shows a map in any browser.

    It needs no network.

    \b
    Examples:
      c2gm preview town.mbtiles --imagery town.tif --html town.html
      c2gm preview photo-map --imagery photo.jpg --picture-bounds 2.33,48.85,2.35,48.86
    """
    from ..imagery.open import open_imagery
    from ..tilesets.open import open_tileset
    from ..tilesets.preview import write_preview_page

    if imagery is None and (picture_bounds or crs or nodata):
        raise typer.BadParameter(
            "--picture-bounds, --crs and --nodata describe the imagery. Give --imagery with them."
        )
    there = tileset if tileset.name not in ("", "..") else tileset.resolve()
    page = html or there.with_name(f"{there.name}.html")
    source = None
    if imagery is not None:
        source = open_imagery(
            imagery,
            crs=crs,
            nodata=parse_nodata(nodata),
            picture_bounds=parse_bounds(picture_bounds),
        )
    try:
        with open_tileset(tileset) as tiles:
            written = write_preview_page(tiles, page, imagery=source, overwrite=force)
    finally:
        if source is not None:
            source.close()
    if written.left_out:
        say(f"Too large for one page: zoom {zooms_text(written.left_out)} is left out.")
    print(f"Open {page} in a browser.")
