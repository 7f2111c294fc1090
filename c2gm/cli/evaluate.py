"""`c2gm evaluate`: how good is a map, measured against a true one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import answer, say
from .exits import FAULTS
from .options import AsJson, open_named_imagery, options_of_the_command, parse_zooms

if TYPE_CHECKING:
    from ..evaluation.protocols import Protocol
    from ..evaluation.report import Rows
    from ..evaluation.truth import Pyramid, Truth
    from ..tilesets.base import TileSet

_WIDTH = 110  # columns of the tables, whatever the terminal


def command(
    map_file: Annotated[
        Path, typer.Argument(metavar="MAP", help="The map: an .mbtiles file or an XYZ folder.")
    ],
    truth_file: Annotated[
        Path,
        typer.Argument(
            metavar="TRUTH",
            help="A true map (.mbtiles or a folder), vectors that it is drawn from (.gpkg, "
            ".osm.pbf, .geojson), or a class raster of the ground (.tif).",
        ),
    ],
    zooms: Annotated[
        str | None,
        typer.Option(help="Zooms to score, like 14-18.", show_default="all of the map"),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="What the map was drawn from: honest-0 (nothing but imagery), honest-14 (one true "
            "map of zoom 14), teacher (the true map below each tile)."
        ),
    ] = "honest-0",
    imagery: Annotated[
        Path | None,
        typer.Option(help="Imagery of the map, for the row that a plain segmentation gives."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="The model that sets the VAE ceiling and, with --imagery, the segmentation.",
            show_default="mini with --imagery, else none",
        ),
    ] = None,
    bar: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A value to reach: z17.miou=0.7 at least, seam_ratio=0.95..1.05 between, "
            "off_palette=..0.03 at most. May be given many times.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a map against the truth.

    A map has to be right in many ways, and each measure alone can be satisfied by a wrong one, so
    every zoom gets a table of them. Beside the map stand rows that anybody has for nothing: the
    ground colour, and what was given, enlarged. What counts is how far the map lies above them.

    Six groups are scored: open ground, water, green, building or built-up, minor road, main road.
    A class raster of real ground (1 water, 2 bare, 3 road, 4 building, 5 and 6 green, 7 paved,
    8 farmland) is scored in five classes, and its unlabelled ground (0) not at all.

    \b
    Read the tables like this:
      mIoU, edge F1        do areas and their borders lie where they are (1 is perfect)
      road corr., compl.   is each drawn road real, and each real road drawn
      APLS-px              are the ways through the roads as long as they should be
      seam, band           1: tile borders do not show; above, lines; below, blurred bands
      cross-scale          1: zooms differ as much as true ones; near 0, mere enlargements
      building, minor      pixels over the truth's: below 1 too few, above 1 too many
      detail               how much there is to see, over the truth's
      invented             pixels in classes that the truth has not at that zoom
      off palette          flat pixels in no colour of the legend

    Ends with status 3 if a --bar is missed.

    \b
    Examples:
      c2gm evaluate town.mbtiles town.gpkg
      c2gm evaluate town.mbtiles classes.tif --imagery town.tif --zooms 17
      c2gm evaluate town.mbtiles true.mbtiles --bar z17.miou=0.7 --bar off_palette=..0.03 --json
    """
    from ..evaluation.bars import missed_bars, parse_bar
    from ..evaluation.protocols import check_protocol, protocol_of
    from ..evaluation.report import as_json as report
    from ..evaluation.truth import open_truth
    from ..tilesets.open import open_tileset

    with options_of_the_command():
        bars = [parse_bar(text) for text in bar or ()]
        chosen = protocol_of(protocol)
    wanted = None if zooms is None else parse_zooms(zooms)
    if imagery is not None and model is None:
        model = "mini"
    with open_tileset(map_file) as map_, open_truth(truth_file) as truth:
        with options_of_the_command():
            check_protocol(chosen, map_)
        rows = score_rows(map_, truth, zooms=wanted, protocol=chosen, imagery=imagery, model=model)
    missed = missed_bars(bars, rows["map"])
    answer(
        report(
            rows,
            chosen,
            map=str(map_file),
            truth=str(truth_file),
            bars=[str(entry) for entry in bars],
            missed=[str(entry) for entry in missed],
        ),
        "\n".join([tables_text(rows, chosen), *map(str, missed)]),
        as_json=as_json,
    )
    if missed:
        raise typer.Exit(FAULTS)


def score_rows(
    map_: TileSet,
    truth: Truth,
    *,
    zooms: tuple[int, ...] | None,
    protocol: Protocol,
    imagery: Path | None,
    model: str | None,
) -> Rows:
    """Scores of the map and of the rows beside it.

    Raises:
        TilesetError: no tile of the map lies on the truth.
    """
    from ..errors import TilesetError
    from ..evaluation.protocols import controls_of
    from ..evaluation.scoring import Comparison, tiles_to_compare
    from ..evaluation.truth import RasterTruth

    there = [zoom for zoom in map_.zooms if zooms is None or zoom in zooms]
    comparison = Comparison(truth, tiles_to_compare(map_, truth, there))
    scored = [zoom for zoom, tiles in comparison.tiles.items() if tiles]
    if not scored:
        raise TilesetError(
            "No tile of the map lies on the truth at the zooms asked for. Give a truth of the same "
            "place, or other --zooms."
        )
    pictures = None if isinstance(truth, RasterTruth) else truth
    rows: dict[str, Pyramid] = {"map": map_}
    lowest = scored[0] if len(scored) > 1 else None
    rows |= controls_of(protocol, truth=pictures, map_=map_, lowest_zoom=lowest)
    source = None
    if model is not None:
        from ..evaluation.model_controls import SegmentAndDraw, ThroughVAE
        from ..models.checkpoints import model_hash
        from ..models.sgdm import SGDM
        from ..models.sgdm_map_model import SGDMMapModel

        painter = SGDMMapModel(SGDM.load(model), model_hash=model_hash(model))
        if imagery is not None:
            source = open_named_imagery([imagery])
            rows["segment and draw"] = SegmentAndDraw(painter, source)
        if pictures is not None:
            rows["VAE ceiling"] = ThroughVAE(painter, pictures)
    try:
        scores: Rows = {}
        for name, row in rows.items():
            say(f"scoring: {name}")
            scores[name] = comparison.score(row)
        return scores
    finally:
        if source is not None:
            source.close()


def tables_text(rows: Rows, protocol: Protocol) -> str:
    """A table of measures a zoom, and tables of the map's groups and classes."""
    from ..evaluation.report import group_table, measure_table

    zooms = sorted({zoom for scores in rows.values() for zoom in scores})
    parts = [f"Protocol {protocol.name}: given was {protocol.given}."]
    parts += [_drawn(measure_table(rows, zoom)) for zoom in zooms]
    parts.append(_drawn(group_table(rows["map"])))
    if any(score.classes for score in rows["map"].values()):
        parts.append(_drawn(group_table(rows["map"], classes=True)))
    return "\n\n".join(parts)


def _drawn(table: list[list[str]]) -> str:
    """A table as text."""
    import io
    import textwrap

    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(table[0]):
        grid.add_column(heading, justify="left" if index == 0 else "right", overflow="fold")
    for row in table[1:]:
        grid.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=_WIDTH, no_color=True).print(grid)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return textwrap.dedent("\n".join(line for line in lines if line))
