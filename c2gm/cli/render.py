"""`c2gm render`: from vectors to a true map pyramid."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import Stopped
from .console import answer, say
from .options import AsJson, duration_text, parse_bounds, parse_zooms, zooms_text

if TYPE_CHECKING:
    from ..cartography.pyramid import Drawn
    from ..cartography.symbols import Style
    from ..cartography.vectors import VectorSource

DEFAULT_ZOOMS = "14-18"


def command(
    vectors: Annotated[
        Path,
        typer.Argument(
            help="An OpenStreetMap extract (.osm.pbf), or a GeoPackage, GeoJSON or other file "
            "whose columns are OpenStreetMap's keys."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="The map: a name that ends in .mbtiles or .pmtiles, or a folder (XYZ)."
        ),
    ],
    zooms: Annotated[
        str, typer.Option(help="Zooms of the map, like 14-18 or 14,16,18.")
    ] = DEFAULT_ZOOMS,
    bbox: Annotated[
        str | None,
        typer.Option(metavar="W,S,E,N", help="Area in degrees.", show_default="all of the vectors"),
    ] = None,
    style: Annotated[
        Path | None,
        typer.Option(help="A style file of your own.", show_default="the house style c2gm-carto"),
    ] = None,
    attribution: Annotated[
        str | None,
        typer.Option(help="Credit of the vectors.", show_default="OpenStreetMap's, where it is"),
    ] = None,
    max_tiles: Annotated[int, typer.Option(min=1, help="The largest map that is begun.")] = 100_000,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a map of c2gm's that has the name.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell how many tiles there are, and draw nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw a map pyramid from vectors, generalised for each zoom.

    Nothing is generated: the map shows what the vectors hold. It can be the start map of
    c2gm generate, or the truth that another map is measured against. docs/map-style.md tells how
    to make a style of your own.

    \b
    Examples:
      c2gm render liechtenstein.osm.pbf --out liechtenstein.mbtiles
      c2gm render town.gpkg --out town-map --zooms 16-18 --bbox 9.51,47.13,9.53,47.15
      c2gm render town.geojson --out town.mbtiles --style my-style.json --attribution "(c) My Town"
    """
    from ..cartography.pyramid import count_tiles, draw_pyramid
    from ..cartography.style import built_in_style, read_style
    from ..cartography.vectors import read_source
    from ..grid import Area
    from ..tilesets.open import check_name, create_tileset

    wanted, bounds = parse_zooms(zooms), parse_bounds(bbox)
    check_name(out)
    symbols = built_in_style() if style is None else read_style(style)
    began = time.monotonic()
    source = read_source(vectors)
    area = Area(bounds or source.bounds, wanted)
    source.check_inside(area.bounds)
    counts = count_tiles(area, at_most=max_tiles)
    say(plan_text(vectors.name, counts, wanted))
    plan = {"bounds": list(area.bounds), "zooms": list(wanted), "tiles": sum(counts.values())}
    if dry_run:
        answer({"dry_run": True} | plan, "Nothing was drawn (--dry-run).", as_json=as_json)
        return
    metadata = metadata_of(source, vectors.name, symbols, attribution)
    if not metadata["attribution"]:
        say("Warning: nothing says whose these vectors are. Give the credit with --attribution.")
    try:
        with (
            create_tileset(
                out, metadata, overwrite=force, tiles_to_come=sum(counts.values())
            ) as tileset,
            _bar() as on_progress,
        ):
            draw_pyramid(source.objects, area, tileset.put, style=symbols, on_progress=on_progress)
    except KeyboardInterrupt:
        raise Stopped("Stopped. Nothing was written.") from None
    seconds = time.monotonic() - began
    answer(
        {"map": str(out), "seconds": round(seconds, 2)} | plan,
        f"{out}: {plan['tiles']:,} tiles in {duration_text(seconds)}.\n"
        f"Look at it with: c2gm preview {out}",
        as_json=as_json,
    )


def plan_text(name: str, counts: dict[int, int], zooms: tuple[int, ...]) -> str:
    """What is going to be drawn."""
    lines = [f"{name}: {sum(counts.values()):,} tiles at zooms {zooms_text(zooms)}"]
    lines += [f"  zoom {zoom}: {count:,} tiles" for zoom, count in counts.items()]
    return "\n".join(lines)


def metadata_of(
    source: VectorSource, name: str, style: Style, attribution: str | None
) -> dict[str, str]:
    """What the map says of itself: drawn from vectors, by which style, whose they are."""
    notice = "Drawn from vectors, generalised for each zoom"
    return {
        "description": f"{notice}.",
        "notice": notice,
        "attribution": source.attribution if attribution is None else attribution,
        "vectors": name,
        "style": style.name,
        "palette": _palette_text(style),
    }


def _palette_text(style: Style) -> str:
    return json.dumps(
        {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in style.colours.items()}
    )


@contextmanager
def _bar() -> Iterator[Callable[[Drawn], None] | None]:
    """A bar on standard error while the map is drawn; None where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tiles"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def show(drawn: Drawn) -> None:
            bar.update(
                task,
                description=f"zoom {drawn.zoom}",
                completed=drawn.tiles_done,
                total=drawn.tiles,
            )

        yield show
