"""`c2gm verify`: find what is wrong with a tile set."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import answer
from .exits import FAULTS
from .options import (
    AsJson,
    Crs,
    MapFile,
    NodataValue,
    PictureBounds,
    StretchValues,
    open_named_imagery,
)

if TYPE_CHECKING:
    from ..tilesets.faults import Fault


def command(
    tileset: MapFile,
    against: Annotated[
        Path | None, typer.Option(help="Another map that must hold the same tiles and pixels.")
    ] = None,
    imagery: Annotated[
        list[str] | None,
        typer.Option(
            help="The imagery of the map; must be covered by it, and lie below it. May be repeated."
        ),
    ] = None,
    picture_bounds: PictureBounds = None,
    crs: Crs = None,
    nodata: NodataValue = None,
    stretch: StretchValues = None,
    look: Annotated[
        bool,
        typer.Option(
            "--look", help="Look at the pictures too: seams, repeats, parents, house colours."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a tile set: every tile, the pyramid, the metadata.

    Prints one line for each fault and ends with status 3 if there are any. A job that was kept
    beside the map is compared with it.

    \b
    Examples:
      c2gm verify town.mbtiles
      c2gm verify town.mbtiles --look --imagery town.tif
      c2gm verify town.pmtiles --against town.mbtiles
    """
    from ..cascade.compare_job import compare_with_job, kept_job
    from ..tilesets.compare import compare_tilesets
    from ..tilesets.verify import verify_tileset

    if not imagery and (picture_bounds or crs or nodata or stretch):
        raise typer.BadParameter(
            "--picture-bounds, --crs, --nodata and --stretch describe the imagery. "
            "Give --imagery with them."
        )
    with ExitStack() as stack:
        source = None
        if imagery:
            source = open_named_imagery(
                imagery, crs=crs, nodata=nodata, picture_bounds=picture_bounds, stretch=stretch
            )
            stack.callback(source.close)
        faults = verify_tileset(tileset, look=look, imagery=source)
    if against is not None:
        faults += compare_tilesets(tileset, against)
    job = kept_job(tileset)
    if job is not None and not any(fault.code == "unreadable" for fault in faults):
        faults += compare_with_job(tileset, job)
    answer(
        {
            "tileset": str(tileset),
            "sound": not faults,
            "faults": [_as_json(fault) for fault in faults],
        },
        "\n".join(str(fault) for fault in faults) or f"{tileset} is sound.",
        as_json=as_json,
    )
    if faults:
        raise typer.Exit(FAULTS)


def _as_json(fault: Fault) -> dict[str, object]:
    tile = fault.tile
    return {
        "code": fault.code,
        "zoom": fault.zoom,
        "tile": None if tile is None else f"{tile.z}/{tile.x}/{tile.y}",
        "sentence": fault.sentence,
        "cure": fault.cure,
    }
