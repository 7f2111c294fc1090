"""`c2gm shards`: the parts of a large area, and the command for each."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from .generate import DEFAULT_ZOOMS, MAX_TILES
from .options import AsJson, open_named_imagery, parse_bounds, parse_zooms


def command(
    imagery: Annotated[
        str, typer.Argument(help="Imagery of the whole area: one raster, folder or tile set.")
    ],
    bbox: Annotated[
        str | None,
        typer.Option(metavar="W,S,E,N", help="Area in degrees.", show_default="all imagery"),
    ] = None,
    out: Annotated[str, typer.Option(help="Folder for the maps, one a shard.")] = "shards",
    zooms: Annotated[str, typer.Option(help="Zooms of the maps, like 14-18.")] = DEFAULT_ZOOMS,
    rest: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- OPTIONS...]", help="Further options of c2gm generate."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the independent parts of a large area.

    Prints the command that paints each. A part is a tile of zoom 10, about an hour of a GPU. Parts
    need nothing of each other, so any batch system can run the lines; their maps fit together to
    the byte.

    \b
    Examples:
      c2gm shards swiss.tif --bbox 5.95,45.81,10.5,47.81 > shards.sh
      c2gm shards swiss.tif --out maps -- --model sgdm.safetensors --device cuda
    """
    from ..cascade.shards import shards_of
    from ..errors import ImageryError
    from ..imagery.remote import has_open_key, shown_address
    from .console import answer, say

    if has_open_key(imagery):
        raise ImageryError(
            f"The commands would show the key of {shown_address(imagery)}. Put it in a file: "
            "...key={key}#key-file=PATH"
        )
    bounds = parse_bounds(bbox)
    if bounds is None:
        source = open_named_imagery([imagery])
        bounds = source.bounds
        source.close()
    found = list(shards_of(bounds, parse_zooms(zooms)))
    commands = []
    for shard in found:
        words = ["c2gm", "generate", imagery, "--out", f"{out}/{shard.name}.mbtiles"]
        words += ["--zooms", zooms]
        # With "=", since an area west of Greenwich begins like an option.
        words.append("--bbox=" + ",".join(f"{edge:.9f}" for edge in shard.bounds))
        if shard.tiles > MAX_TILES:
            words += ["--max-tiles", str(shard.tiles)]
        words += rest or []
        commands.append(shlex.join(words))
    tiles = sum(shard.tiles for shard in found)
    say(f"{len(found):,} shards, {tiles:,} tiles at most.")
    data = [
        {"name": s.name, "bounds": list(s.bounds), "tiles": s.tiles, "command": line}
        for s, line in zip(found, commands, strict=True)
    ]
    answer({"shards": data, "tiles": tiles}, "\n".join(commands), as_json=as_json)
