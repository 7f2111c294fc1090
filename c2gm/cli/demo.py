"""`c2gm demo`: a made-up town, seen from above and drawn as a map, within a minute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .console import progress_bar, say
from .options import duration_text

ZOOMS = (16, 17, 18)


def command(
    out: Annotated[Path, typer.Option(help="Folder for what the demo makes.")] = Path("c2gm-demo"),
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another town.")] = 1,
) -> None:
    """Draw the map of a made-up town, and look at it.

    Makes a map (MBTiles), a sheet of pictures and one page for the browser that needs no network.
    What an older model drew is drawn anew.

    \b
    Example:
      c2gm demo --out c2gm-demo --seed 3
    """
    from ..cascade.generate import generate, plan_for
    from ..cascade.settings import GenerateSettings
    from ..errors import JobKeyChanged
    from ..grid import TileRange, bounds_of
    from ..tilesets.open import open_tileset
    from ..tilesets.preview import write_preview_page
    from ..worlds.town import Town, TownImagery
    from .generate import plan_text
    from .load_model import load_map_model
    from .picture_sheet import picture_sheet

    town = Town(seed)
    imagery = TownImagery(town)
    # The middle 2 x 2 of the 4 x 4 tiles of zoom 16 that the town fills.
    column, row = 4 * town.tile.x + 1, 4 * town.tile.y + 1
    area = TileRange(ZOOMS[0], column, row, column + 1, row + 1)
    model = load_map_model("mini")
    settings = GenerateSettings(
        zooms=ZOOMS, bounds=bounds_of(area), edges="open", interpolation=model.interpolation
    )
    say(plan_text(plan_for(imagery, settings), imagery))
    map_file = out / f"town-{seed}.mbtiles"
    with progress_bar() as on_progress:
        try:
            result = generate(imagery, model.painter, map_file, settings, on_progress=on_progress)
        except JobKeyChanged:  # of an older model, say: what the demo made may be drawn anew
            result = generate(
                imagery,
                model.painter,
                map_file,
                replace(settings, force=True),
                on_progress=on_progress,
            )
    page, sheet = out / f"town-{seed}.html", out / f"town-{seed}.png"
    side = 1 << ZOOMS[0]
    with open_tileset(map_file) as tileset:
        picture_sheet(imagery, tileset, ZOOMS, centre=((column + 1) / side, (row + 1) / side)).save(
            sheet
        )
        write_preview_page(tileset, page, imagery=imagery, overwrite=True)
    done = "was there already" if result.nothing_to_do else f"took {duration_text(result.seconds)}"
    print(
        f"The map of the town {done}.\n"
        f"  look at the sheet     {sheet}\n"
        f"  open in a browser     {page}\n"
        f"  the map itself        {map_file}\n"
        f"Now your own imagery:   c2gm generate my.tif --out my-map.mbtiles"
    )
