"""`c2gm preview`: a map in the browser, as one page or served on this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import say
from .options import (
    Crs,
    MapFile,
    NodataValue,
    PictureBounds,
    StretchValues,
    open_named_imagery,
    zooms_text,
)

if TYPE_CHECKING:
    from ..imagery.base import Imagery


def command(
    tileset: MapFile,
    imagery: Annotated[
        list[str] | None,
        typer.Option(help="The imagery to lay below the map, with a slider; may be repeated."),
    ] = None,
    picture_bounds: PictureBounds = None,
    crs: Crs = None,
    nodata: NodataValue = None,
    stretch: StretchValues = None,
    html: Annotated[
        Path | None,
        typer.Option(help="The page to write.", show_default="beside the tile set"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what has the name.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Write no page; serve it on this machine until Ctrl-C.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Where to serve.", show_default="any free port"),
    ] = None,
) -> None:
    """Show a map in any browser, zoom by zoom, over its imagery.

    Writes one page that needs no network and opens by double click. A map too large for one page is
    shown whole with --serve, to this machine alone.

    \b
    Examples:
      c2gm preview town.mbtiles --imagery town.tif --html town.html
      c2gm preview county.pmtiles --imagery county.tif --serve
      c2gm preview photo-map --imagery photo.jpg --picture-bounds 2.33,48.85,2.35,48.86
    """
    if not imagery and (picture_bounds or crs or nodata or stretch):
        raise typer.BadParameter(
            "--picture-bounds, --crs, --nodata and --stretch describe the imagery. "
            "Give --imagery with them."
        )
    if serve and (html is not None or force):
        raise typer.BadParameter("--serve writes no page. Leave --html and --force out.")
    if port is not None and not serve:
        raise typer.BadParameter("--port is for --serve. Give --serve with it.")
    source = None
    if imagery:
        source = open_named_imagery(
            imagery, crs=crs, nodata=nodata, picture_bounds=picture_bounds, stretch=stretch
        )
    try:
        if serve:
            _serve(tileset, source, port or 0)
        else:
            _write(tileset, source, html, force=force)
    finally:
        if source is not None:
            source.close()


def _write(tileset: Path, imagery: Imagery | None, html: Path | None, *, force: bool) -> None:
    """One page, beside the tile set or by the name given."""
    from ..tilesets.open import open_tileset
    from ..tilesets.preview import write_preview_page

    there = tileset if tileset.name not in ("", "..") else tileset.resolve()
    page = html or there.with_name(f"{there.name}.html")
    with open_tileset(tileset) as tiles:
        written = write_preview_page(tiles, page, imagery=imagery, overwrite=force)
    if written.left_out:
        say(
            f"Too large for one page: zoom {zooms_text(written.left_out)} is left out. "
            "c2gm preview --serve shows all."
        )
    print(f"Open {page} in a browser.")


def _serve(tileset: Path, imagery: Imagery | None, port: int) -> None:
    """The page on this machine, until the user stops it."""
    from ..tilesets.open import open_tileset
    from ..tilesets.serve import PreviewServer

    with open_tileset(tileset) as tiles, PreviewServer(tiles, imagery=imagery, port=port) as server:
        print(f"Open {server.address} in a browser on this machine. Ctrl-C ends.", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve()
