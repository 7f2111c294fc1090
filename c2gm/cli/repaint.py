"""`c2gm repaint`: correct a low zoom, and paint what depends on it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import answer, progress_bar, say
from .generate import result_data, result_text
from .options import (
    AsJson,
    Crs,
    NodataValue,
    NumberFormat,
    PictureBounds,
    StretchValues,
    open_named_imagery,
    parse_bounds,
)
from .workers import MOST_THREADS

if TYPE_CHECKING:
    from ..cascade.edits import Edit
    from ..tilesets.base import TileSet


def command(
    tileset: Annotated[Path, typer.Argument(help="The map, as c2gm generate wrote it.")],
    imagery: Annotated[list[str], typer.Argument(help="The imagery that it was drawn from.")],
    edited: Annotated[
        Path,
        typer.Option("--with", help="Your correction: a picture of --bbox, or a tile set."),
    ],
    zoom: Annotated[int, typer.Option(help="Zoom of the correction.")],
    out: Annotated[Path, typer.Option(help="Name of the new map.")],
    bbox: Annotated[
        str | None,
        typer.Option(metavar="W,S,E,N", help="Where a picture lies, in degrees: c2gm stitch's."),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="The tile set that the map began with, if it did.")
    ] = None,
    picture_bounds: PictureBounds = None,
    crs: Crs = None,
    nodata: NodataValue = None,
    stretch: StretchValues = None,
    model: Annotated[str, typer.Option(help="The model that drew the map.")] = "mini",
    base: Annotated[
        Path | None, typer.Option(help="Stable Diffusion 2.1-base, where the model file is slim.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    dtype: NumberFormat = "auto",
    force: Annotated[bool, typer.Option("--force", help="Replace what has the name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Paint again what depends on a corrected zoom.

    Puts a correction into one zoom of a map and paints what depends on it. All other tiles stay as
    they are, to the byte. Stopped, the same command goes on.

    \b
    Examples:
      c2gm stitch town.mbtiles old.png --zoom 14 --bbox 9.56,46.96,9.60,46.98
      c2gm repaint town.mbtiles town.tif --zoom 14 --bbox 9.56,46.96,9.60,46.98
        --with new.png --out new.mbtiles
    """
    from ..cascade.repaint import repaint
    from ..errors import TilesetError
    from ..tilesets.open import check_name, open_tileset
    from .load_model import load_map_model

    check_name(out)
    with open_tileset(tileset) as map_:
        edit = read_edit(map_, edited, zoom, parse_bounds(bbox))
        how = _model_settings(map_.metadata)
    if not edit.tiles:
        raise TilesetError(
            f"{edited} shows at zoom {zoom} what {tileset} shows; there is nothing to paint again."
        )
    say(f"Edited tiles of zoom {zoom}: {len(edit.tiles):,}.")
    source = open_named_imagery(
        imagery, crs=crs, nodata=nodata, picture_bounds=picture_bounds, stretch=stretch
    )
    start_map = None if start is None else open_tileset(start)
    try:
        loaded = load_map_model(model, base, device=device, dtype=dtype, **how)
        with progress_bar() as on_progress:
            result = repaint(
                source,
                loaded.painter,
                tileset,
                out,
                edit,
                start=start_map,
                force=force,
                on_progress=on_progress,
            )
    finally:
        source.close()
        if start_map is not None:
            start_map.close()
    answer(result_data(result), result_text(result), as_json=as_json)


def read_edit(
    map_: TileSet, path: Path, zoom: int, bounds: tuple[float, float, float, float] | None
) -> Edit:
    """The correction in a file: a tile set, or a picture and where it lies.

    Raises:
        BadParameter: a picture without `bounds`.
        TilesetError: it does not fit the map, or is no picture.
    """
    import numpy as np
    from PIL import Image

    from ..cascade.edits import edit_of_picture, edit_of_tileset
    from ..errors import TilesetError
    from ..tilesets.open import FILE_SUFFIXES, open_tileset
    from ..tilesets.stitch import picture_box

    if path.is_dir() or path.suffix.lower() in FILE_SUFFIXES:
        with open_tileset(path) as edited:
            return edit_of_tileset(map_, zoom, edited)
    if bounds is None:
        raise typer.BadParameter("a picture needs --bbox, where it lies.")
    try:
        with Image.open(path, formats=("PNG", "TIFF", "WEBP", "JPEG")) as image:
            transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            picture = np.asarray(image.convert("RGBA" if transparent else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TilesetError(f"{path} cannot be read as a picture: {error}.") from error
    return edit_of_picture(map_, picture_box(map_, zoom, bounds), picture)


def _model_settings(metadata: dict[str, str]) -> dict[str, Any]:
    """Sampler, its numbers, and threads that a map was painted with, as far as it tells."""
    try:
        told = json.loads(metadata.get("model_settings", "{}"))
    except (ValueError, RecursionError):
        return {}
    kinds: dict[str, type] = {"sampler": str, "steps": int, "threads": int}
    kinds |= dict.fromkeys(("guidance_scale", "denoise"), float)
    known = {
        name: told[name]
        for name, kind in kinds.items()
        if isinstance(told, dict) and isinstance(told.get(name), kind)
    }
    if "sampler" in known:  # of maps that were painted before it existed
        known.setdefault("denoise", 1.0)
    if not 1 <= known.get("threads", 1) <= MOST_THREADS:
        del known["threads"]
    return known
