"""`c2gm dataset`: build, check and pack sets of imagery and true maps for training."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import answer, say
from .exits import FAULTS, one_line_errors
from .options import (
    AsJson,
    Crs,
    NodataValue,
    options_of_the_command,
    parse_bounds,
    parse_nodata,
    parse_zooms,
)

HELP = """Make training data from imagery and vectors.

Begin with: c2gm dataset build county.tif county.osm.pbf --out county
"""

_BEYOND_NATIVE = 1  # zooms that imagery may be enlarged by without a word

Root = Annotated[Path, typer.Argument(help="The folder of the data set.")]


def build(
    imagery: Annotated[
        Path, typer.Argument(help="A GeoTIFF or other raster, or a folder {z}/{x}/{y}.png|jpg.")
    ],
    vectors: Annotated[
        Path,
        typer.Argument(help="An OpenStreetMap extract (.osm.pbf), or a file with its keys."),
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder of the data set.")],
    zooms: Annotated[str, typer.Option(help="Zooms of the tiles, like 14-18.")] = "14-18",
    bbox: Annotated[
        str | None,
        typer.Option(
            metavar="W,S,E,N",
            help="Area in degrees.",
            show_default="where imagery and vectors meet",
        ),
    ] = None,
    within: Annotated[
        Path | None,
        typer.Option(help="Polygons inside which the vectors are complete, like the county."),
    ] = None,
    style: Annotated[
        Path | None, typer.Option(help="A style file.", show_default="the house style")
    ] = None,
    shares: Annotated[str, typer.Option(help="Shares of train, val and test.")] = "0.8,0.1,0.1",
    block_zoom: Annotated[
        int, typer.Option(min=8, max=18, help="Zoom of the blocks that stay in one part.")
    ] = 13,
    gap: Annotated[
        float, typer.Option(min=0, help="Metres left out where two parts meet.")
    ] = 200.0,
    most_tiles: Annotated[
        int | None,
        typer.Option(min=1, help="Tiles of one zoom in one part.", show_default="all"),
    ] = None,
    references: Annotated[
        str, typer.Option(help="Cascade factors with reference pictures: 2, 4, 2,4 or none.")
    ] = "2,4",
    complete: Annotated[
        bool,
        typer.Option(
            "--complete", help="Where the map shows ground there is bare ground, nothing else."
        ),
    ] = False,
    least_valid: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of a tile that must have imagery.")
    ] = 0.98,
    seed: Annotated[int, typer.Option(help="Shuffles the blocks.")] = 0,
    crs: Crs = None,
    nodata: NodataValue = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that work at once.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Build a data set in the layout of CSCMG from imagery and vectors of the same ground.

    The true map of every zoom is drawn from the vectors. Train, val and test are split by place. If
    you stop the program, the same command goes on where it was.

    \b
    Example:
      c2gm dataset build county.tif county.osm.pbf --out county --processes 4
    """
    from ..training.dataset_build import DatasetConfig, Source, build_dataset
    from ..training.dataset_split import SplitConfig

    with options_of_the_command():
        config = DatasetConfig(
            zooms=parse_zooms(zooms),
            bounds=parse_bounds(bbox),
            within=None if within is None else str(within),
            split=SplitConfig(block_zoom, gap, _three_numbers(shares), seed),
            style=None if style is None else str(style),
            references=_factors(references),
            least_valid=least_valid,
            most_tiles=most_tiles,
            complete=complete,
        )
    source = Source(str(imagery), crs, parse_nodata(nodata))
    native = source.imagery().native_zoom
    if config.zooms[-1] > native + _BEYOND_NATIVE:
        say(
            f"{imagery.name} is about as fine as zoom {native}: tiles of zoom {config.zooms[-1]} "
            f"show it enlarged. Leave them out with --zooms {config.zooms[0]}-{native + 1}."
        )
    with _counted("blocks") as told:
        counts = build_dataset(
            source, vectors, out, config, processes=processes, on_block=lambda d, n, _: told(d, n)
        )
    answer(
        {"dataset": str(out), "tiles": counts},
        "\n".join(_counts_text(part, zooms) for part, zooms in counts.items())
        + f"\n{out} is written. Look whether imagery and map fit: c2gm dataset check {out}",
        as_json=as_json,
    )


def check(
    root: Root,
    limit: Annotated[float, typer.Option(min=0, help="The longest shift allowed, px.")] = 2.0,
    zoom: Annotated[
        int | None, typer.Option(help="Zoom that is looked at.", show_default="17, or below")
    ] = None,
    most_tiles: Annotated[int, typer.Option(min=1, help="Tiles of a part that are read.")] = 400,
    as_json: AsJson = False,
) -> None:
    """Measure how far imagery lies off its map.

    Edges of imagery and map are compared, over each part and place by place. Ends with status 3
    where the shift is above the limit, or where edges do not fit anywhere.

    \b
    Example:
      c2gm dataset check county --limit 1.5
    """
    from ..training.dataset_records import Dataset
    from ..training.dataset_shift import measure_shift

    dataset = Dataset.at(root)
    parts: dict[str, Any] = {}
    lines, faults = [], 0
    for name in dataset.parts:
        part = dataset.part(name)
        report = measure_shift(part, part.tiles(), zoom=zoom, most=most_tiles)
        whole, worst = report.whole, report.worst
        sound = whole.clear and worst.length <= limit
        faults += not sound
        parts[name] = {
            "zoom": report.zoom,
            "tiles": whole.tiles,
            "right": round(whole.right, 2),
            "down": round(whole.down, 2),
            "metres": round(whole.length * report.metres_a_pixel, 2),
            "clarity": round(whole.clarity, 1),
            "worst_place": round(worst.length, 2),
            "sound": sound,
        }
        lines.append(_shift_text(name, parts[name], limit, clear=whole.clear))
    answer(
        {"dataset": str(root), "sound": not faults, "parts": parts},
        "\n".join(lines),
        as_json=as_json,
    )
    if faults:
        raise typer.Exit(FAULTS)


def pack(
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="The folder of the training records.")],
    own_map: Annotated[
        Path | None,
        typer.Option(help="A map that your model drew of the imagery: its tiles as references."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pack a data set, or one of the authors' (CSCMG, MLMG), into records for `c2gm train`.

    With --own-map the train part is packed once more beside the others, its references cut out of
    that map: what your model meets in a cascade, mistakes included.

    \b
    Example:
      c2gm dataset pack county --out records
      c2gm dataset pack county --out records --own-map drawn.mbtiles
    """
    from ..tilesets.open import open_tileset
    from ..training.dataset_records import Dataset, pack_records

    dataset = Dataset.at(root)
    with ExitStack() as stack:
        tiles = None if own_map is None else stack.enter_context(open_tileset(own_map)).get
        told = stack.enter_context(_counted("shards"))
        counts = pack_records(dataset, out, own_map=tiles, on_shard=told)
    text = "\n".join(f"{part}: {count} records" for part, count in counts.items())
    answer({"records": str(out), "parts": counts}, f"{text}\n{out} is written.", as_json=as_json)


def group() -> typer.Typer:
    """The commands below `c2gm dataset`."""
    app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    for command in (build, check, pack):
        app.command(command.__name__)(one_line_errors(command))
    return app


def _three_numbers(text: str) -> tuple[float, float, float]:
    try:
        train, val, test = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} are not three shares. Write 0.8,0.1,0.1.") from None
    return train, val, test


def _factors(text: str) -> tuple[int, ...]:
    factors = [] if text == "none" else [part.strip() for part in text.split(",")]
    if not set(factors) <= {"2", "4"}:
        raise typer.BadParameter(f"{text!r} are no cascade factors. Write 2, 4, 2,4 or none.")
    return tuple(sorted(int(factor) for factor in set(factors)))


def _counts_text(part: str, zooms: dict[int, int]) -> str:
    return f"{part}: " + ", ".join(f"{count} at zoom {zoom}" for zoom, count in zooms.items())


def _shift_text(name: str, told: dict[str, Any], limit: float, *, clear: bool) -> str:
    head = f"{name}, zoom {told['zoom']}, {told['tiles']} tiles: "
    if not clear:
        return head + "edges of imagery and map do not fit anywhere. Is it the same ground?"
    text = head + (
        f"imagery lies {told['right']:+.1f} px right and {told['down']:+.1f} px down of its map "
        f"({told['metres']} m), worst place {told['worst_place']:.1f} px"
    )
    return text if told["sound"] else f"{text}: above the limit of {limit:g} px"


@contextmanager
def _counted(things: str) -> Iterator[Callable[[int, int], None]]:
    """Tell on standard error how many of some things are done, in one line that is overwritten."""
    terminal = sys.stderr.isatty()

    def told(done: int, total: int) -> None:
        if terminal:
            print(f"\r{done} of {total} {things}", end="", file=sys.stderr, flush=True)

    try:
        yield told
    finally:
        if terminal:
            say("")
