"""`c2gm verify`: find what is wrong with a tile set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import answer
from .exits import FAULTS
from .options import AsJson, MapFile


def command(
    tileset: MapFile,
    against: Annotated[
        Path | None, typer.Option(help="Another map that must hold the same tiles and pixels.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a tile set: every tile, the pyramid, the metadata.

    Prints one line for each fault and ends with status 3 if there are any.

    \b
    Examples:
      c2gm verify town.mbtiles
      c2gm verify town.pmtiles --against town.mbtiles
    """
    from ..tilesets.compare import compare_tilesets
    from ..tilesets.verify import verify_tileset

    faults = verify_tileset(tileset)
    if against is not None:
        faults += compare_tilesets(tileset, against)
    answer(
        {
            "tileset": str(tileset),
            "sound": not faults,
            "faults": [
                {
                    "code": fault.code,
                    "tile": None
                    if fault.tile is None
                    else f"{fault.tile.z}/{fault.tile.x}/{fault.tile.y}",
                    "sentence": fault.sentence,
                }
                for fault in faults
            ],
        },
        "\n".join(str(fault) for fault in faults) or f"{tileset} is sound.",
        as_json=as_json,
    )
    if faults:
        raise typer.Exit(FAULTS)
