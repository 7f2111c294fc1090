"""`c2gm generate`: from imagery to a map pyramid."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import answer, progress_bar, say
from .dry_run import estimate_data, estimate_text
from .options import (
    IMAGERY_KINDS,
    AsJson,
    Crs,
    NodataValue,
    NumberFormat,
    PictureBounds,
    StretchValues,
    duration_text,
    open_named_imagery,
    options_of_the_command,
    parse_bounds,
    parse_cascade_factor,
    parse_zooms,
    zooms_text,
)
from .workers import MOST_THREADS

if TYPE_CHECKING:
    from ..cascade.executors import Executor
    from ..cascade.generate import Result
    from ..cascade.plan import Plan
    from ..imagery.base import Imagery
    from ..painting.map_model import MapModel

DEFAULT_ZOOMS = "14-18"
MAX_TILES = 100_000
BEYOND_NATIVE = 1  # zooms that the imagery may be enlarged by without a warning


def command(
    imagery: Annotated[list[str], typer.Argument(help=IMAGERY_KINDS)],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="The map: a name that ends in .mbtiles or .pmtiles, or a folder (XYZ)."
        ),
    ],
    zooms: Annotated[
        str | None,
        typer.Option(
            help="Zooms of the map, like 14-18 or 14,16,18.",
            show_default=f"{DEFAULT_ZOOMS}, or those of --stages",
        ),
    ] = None,
    cascade_factor: Annotated[
        int, typer.Option(help="Zoom factor between a map and the map it is drawn from: 2 or 4.")
    ] = 2,
    stages: Annotated[
        str | None,
        typer.Option(
            help="Stages of your own, like 14,15:2,16:4 (zoom:factor).", show_default="by factor"
        ),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="A map to begin with; one that no model drew is believed.")
    ] = None,
    bbox: Annotated[
        str | None,
        typer.Option(metavar="W,S,E,N", help="Area in degrees.", show_default="all of the imagery"),
    ] = None,
    picture_bounds: PictureBounds = None,
    crs: Crs = None,
    nodata: NodataValue = None,
    stretch: StretchValues = None,
    max_tiles: Annotated[
        int, typer.Option(min=1, help="The largest map that is begun.")
    ] = MAX_TILES,
    model: Annotated[str, typer.Option(help="A model file, or mini for the bundled one.")] = "mini",
    base: Annotated[
        Path | None, typer.Option(help="Stable Diffusion 2.1-base, where the model file is slim.")
    ] = None,
    sampler: Annotated[
        str | None, typer.Option(help="ddim, dpmpp_2m or ddpm.", show_default="the model's")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps of the sampler.", show_default="the model's")
    ] = None,
    guidance_scale: Annotated[
        float, typer.Option(help="Weight of the scale text; 1 is no guidance.")
    ] = 1.0,
    denoise: Annotated[
        float | None,
        typer.Option(
            help="Share of the noise that drawing starts with; 1: from noise alone, below: from "
            "what was read in the imagery.",
            show_default="the model's",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the noise.")] = 1,
    edges: Annotated[
        str,
        typer.Option(help="exact: tiles do not depend on the area asked for; open: quicker."),
    ] = "exact",
    mode: Annotated[
        str, typer.Option(help="seamless, or paper for the authors' independent tiles.")
    ] = "seamless",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    dtype: NumberFormat = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_THREADS,
            help="Processor threads of the network; another number draws other last bits.",
            show_default="those that the map was begun with, else all cores",
        ),
    ] = None,
    executor: Annotated[
        str, typer.Option(help="local: in this process; ray: on the workers of a Ray cluster.")
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Workers of --executor ray.", show_default="one for each device"),
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="A running cluster.", show_default="one is started here"
        ),
    ] = None,
    ray_without_token: Annotated[
        bool,
        typer.Option(
            "--ray-without-token", help="Allow a cluster that obeys everybody who reaches it."
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace the map or file that has the name, and a job of other settings; a folder "
            "only where it is a map of c2gm's.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Tell tiles, network calls, time and disk by zoom, and make nothing.",
        ),
    ] = False,
    as_json: AsJson = False,
    keep_job: Annotated[
        bool, typer.Option("--keep-job", help="Keep the job folder when the map is finished.")
    ] = False,
) -> None:
    """Draw a map pyramid from imagery.

    The map is painted in the folder OUT.c2gm-job. If you stop the program, or the machine does,
    the same command goes on where it was.

    \b
    Examples:
      c2gm generate town.tif --out town.mbtiles
      c2gm generate town.tif --out town.mbtiles --zooms 16-18 --bbox 9.58,46.965,9.602,46.98
      c2gm generate photo.jpg --picture-bounds 2.33,48.85,2.35,48.86 --out photo-map
      c2gm generate north.tif south.tif --out county.mbtiles
      c2gm generate tiles/ --start old-map.mbtiles --out new-map.mbtiles --dry-run
      c2gm generate county.tif --out county.mbtiles --executor ray
    """
    from ..cascade.estimate import estimate_map
    from ..cascade.generate import generate, plan_for
    from ..cascade.settings import GenerateSettings, parse_stages
    from ..tilesets.open import check_name, open_tileset
    from .load_model import load_map_model
    from .workers import OpenWorker, check_executor, ray_executor, recorded_threads

    check_executor(executor)
    with options_of_the_command():
        settings = GenerateSettings(
            zooms=() if zooms is None and stages else parse_zooms(zooms or DEFAULT_ZOOMS),
            bounds=parse_bounds(bbox),
            cascade_factor=parse_cascade_factor(cascade_factor),
            stages=None if stages is None else parse_stages(stages),
            seed=seed,
            edges=edges,
            mode=mode,
            max_tiles=max_tiles,
            force=force,
            keep_job=keep_job,
        )
    for _, factor in settings.stages or ():
        parse_cascade_factor(factor or cascade_factor)
    check_name(out)
    how_to_read: dict[str, Any] = {
        "crs": crs,
        "nodata": nodata,
        "picture_bounds": picture_bounds,
        "stretch": stretch,
    }
    with ExitStack() as stack:
        source = stack.enter_context(closing(open_named_imagery(imagery, **how_to_read)))
        start_map = None if start is None else stack.enter_context(open_tileset(start))
        plan = plan_for(source, settings, start_map)
        say(plan_text(plan, source))
        for advice in source.advice(plan.area.zooms[0]):
            say(advice)
        how_to_paint: dict[str, Any] = {
            "model": model,
            "base": base,
            "sampler": sampler,
            "steps": steps,
            "guidance_scale": guidance_scale,
            "denoise": denoise,
            "device": device,
            "dtype": dtype,
            "threads": threads or (None if dry_run else recorded_threads(out)),
        }
        painter: MapModel | Executor
        if executor == "ray" and not dry_run:
            cluster = ray_executor(
                OpenWorker(imagery, how_to_read, how_to_paint),
                workers=workers,
                address=ray_address,
                token=not ray_without_token,
            )
            painter = stack.enter_context(cluster)
            interpolation = cluster.model.interpolation
        else:
            loaded = load_map_model(**how_to_paint)
            painter, interpolation = loaded.painter, loaded.interpolation
        settings = replace(settings, interpolation=interpolation)
        if dry_run:
            estimate = estimate_map(plan, source, loaded.painter, settings)
            answer(
                estimate_data(plan_data(plan), estimate),
                estimate_text(plan, estimate),
                as_json=as_json,
            )
            return
        with progress_bar() as on_progress:
            result = generate(
                source, painter, out, settings, start=start_map, on_progress=on_progress
            )
    answer(result_data(result), result_text(result), as_json=as_json)


def plan_text(plan: Plan, imagery: Imagery) -> str:
    """What is going to be painted, with a warning where the imagery is too coarse for it."""
    counts = plan.counts()
    tiles = sum(count.exported for count in counts)
    lines = [
        f"{imagery.name}: at most {_counted(tiles, 'tile')} at zooms {zooms_text(plan.area.zooms)}"
    ]
    for count, stage in zip(counts, plan.stages, strict=True):
        origin = "from nothing"
        if stage.copied:
            origin = "from the start tile set"
        elif stage.cascade_factor is not None:
            origin = f"{stage.cascade_factor}X from zoom {stage.parent}"
            origin += ", which no model drew" if stage.trusts else ""
        lines.append(
            f"  zoom {count.zoom}: {_counted(count.exported, 'tile')}, {origin}, "
            f"{_counted(count.windows, 'window')}"
        )
    if plan.area.zooms[-1] > imagery.native_zoom + BEYOND_NATIVE:
        lines.append(
            f"Warning: the imagery's own resolution is that of zoom {imagery.native_zoom}; "
            f"zoom {plan.area.zooms[-1]} is drawn from enlarged pixels."
        )
    return "\n".join(lines)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def plan_data(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values."""
    return {
        "bounds": list(plan.area.bounds),
        "zooms": list(plan.area.zooms),
        "tiles": sum(count.exported for count in plan.counts()),
        "windows": sum(count.windows for count in plan.counts()),
        "stages": [
            {
                "zoom": count.zoom,
                "cascade_factor": stage.cascade_factor,
                "tiles": count.exported,
                "painted_tiles": count.painted,
                "windows": count.windows,
            }
            for count, stage in zip(plan.counts(), plan.stages, strict=True)
        ],
    }


def result_data(result: Result) -> dict[str, Any]:
    """What was done as JSON values."""
    return {
        "map": str(result.path),
        "nothing_to_do": result.nothing_to_do,
        "tiles": result.tiles,
        "painted_windows": result.painted_windows,
        "reused_tiles": result.reused_tiles,
        "seconds": round(result.seconds, 2),
        "plan": plan_data(result.plan),
    }


def result_text(result: Result) -> str:
    """What was done in words."""
    if result.nothing_to_do:
        return f"{result.path} is finished: nothing to do."
    kept = f", {result.reused_tiles:,} of them kept from before" if result.reused_tiles else ""
    tiles, time = _counted(result.tiles, "tile"), duration_text(result.seconds)
    return f"{result.path}: {tiles} in {time}{kept}.\nLook at it with: c2gm preview {result.path}"
