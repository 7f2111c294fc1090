"""`c2gm export`: a map as another kind of tile set, or as GeoTIFFs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import Stopped
from .console import counting_bar


def command(
    tilesets: Annotated[
        list[Path],
        typer.Argument(
            help="A map: an .mbtiles or .pmtiles file, or an XYZ folder; several are joined."
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            help="Name that ends in .mbtiles, .pmtiles or .tif (one GeoTIFF a zoom), "
            "or a folder (XYZ)."
        ),
    ],
    pictures: Annotated[
        Literal["same", "png", "webp"],
        typer.Option(help="Kind of picture; all are lossless, WebP is a third smaller."),
    ] = "same",
    quiet_colours: Annotated[
        bool,
        typer.Option(
            "--quiet-colours", help="Put pixels within 3 levels of a legend colour on it."
        ),
    ] = False,
    palette: Annotated[
        bool,
        typer.Option("--palette", help="One palette of 255 colours for all tiles; not lossless."),
    ] = False,
    deduplicate: Annotated[
        bool,
        typer.Option("--deduplicate", help="MBTiles: store equal pictures once, behind a view."),
    ] = False,
    append: Annotated[
        bool,
        typer.Option("--append", help="Add to the map OUT; where both have a tile, the new wins."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a map that has the name.")
    ] = False,
) -> None:
    """Write a map as another kind of tile set, or join several maps.

    PMTiles is one file that web pages read from any plain web server; MBTiles opens in QGIS;
    a folder z/x/y is what every web map takes; town.tif becomes cloud-optimised GeoTIFFs
    town-z16.tif, town-z17.tif ... for GIS programs. Pictures are copied byte for byte unless an
    option says otherwise. What an export codes anew it keeps beside OUT until OUT is whole: when it
    is stopped, the same command goes on.

    \b
    Examples:
      c2gm export town.mbtiles town.pmtiles
      c2gm export town.mbtiles small.pmtiles --quiet-colours --pictures webp
      c2gm export town.mbtiles town.tif --palette
      c2gm export shard-1.mbtiles shard-2.mbtiles shard-3.mbtiles country.pmtiles
      c2gm export another-shard.mbtiles country.pmtiles --append
    """
    from ..tilesets.cog import SUFFIXES, export_cogs
    from ..tilesets.export import export_tileset
    from ..tilesets.recode import Recoding

    recoding = Recoding(coding=pictures, quiet_colours=quiet_colours, palette=palette)
    if palette and pictures == "webp":
        raise typer.BadParameter("--palette is for PNG. Leave --pictures webp out, or the palette.")
    if out.suffix.lower() not in SUFFIXES:
        try:
            with counting_bar("copying") as on_progress:
                tiles = export_tileset(
                    tilesets,
                    out,
                    overwrite=force,
                    append=append,
                    recoding=recoding,
                    deduplicate=deduplicate,
                    on_progress=on_progress,
                )
        except KeyboardInterrupt:
            raise Stopped(stopped_text(out)) from None
        print(f"{out}: {tiles} tiles.")
        return
    if append or deduplicate or pictures != "same":
        raise typer.BadParameter(
            "--append, --deduplicate and --pictures are for tile sets. Leave them out for a .tif."
        )
    if len(tilesets) > 1:
        raise typer.BadParameter("Join the maps first, then write the joined one as .tif.")
    for file in export_cogs(tilesets[0], out, recoding=recoding, overwrite=force):
        print(file)


def stopped_text(out: Path) -> str:
    """What a stopped export leaves, and how it goes on."""
    from ..tilesets.unfinished_export import SUFFIX

    kept = out.with_name(out.name + SUFFIX)
    if kept.exists():
        return f"Stopped. The same command goes on with the pictures that {kept.name} keeps."
    return "Stopped. Nothing was written; the same command begins again."
