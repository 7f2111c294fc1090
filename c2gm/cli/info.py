"""`c2gm info`: what something is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import C2GMError
from .console import answer
from .options import (
    AsJson,
    Crs,
    NodataValue,
    PictureBounds,
    StretchValues,
    open_named_imagery,
    zooms_text,
)

if TYPE_CHECKING:
    from ..imagery.blocks import BlockImagery

_MODEL_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")


def command(
    anything: Annotated[
        list[str],
        typer.Argument(
            help="A tile set, imagery (several files as one), a model file, or an architecture: "
            "sd21, mini, tiny."
        ),
    ],
    picture_bounds: PictureBounds = None,
    crs: Crs = None,
    nodata: NodataValue = None,
    stretch: StretchValues = None,
    as_json: AsJson = False,
) -> None:
    """Tell what something is.

    It may be a tile set, imagery, a model file or an architecture.

    \b
    Examples:
      c2gm info town.mbtiles
      c2gm info town.tif
      c2gm info north.tif south.tif
      c2gm info sd21 --json
    """
    data = None
    if len(anything) == 1:
        data = _describe_other(anything[0])
    if data is None:
        imagery = open_named_imagery(
            anything, crs=crs, nodata=nodata, picture_bounds=picture_bounds, stretch=stretch
        )
        try:
            data = describe_imagery(imagery)
        finally:
            imagery.close()
    shown = data | {"metadata": _readable(data["metadata"])} if "metadata" in data else data
    answer(data, as_text(shown), as_json=as_json)


def _describe_other(anything: str) -> dict[str, Any] | None:
    """A tile set, a model file or an architecture; None of what can only be imagery."""
    path = Path(anything)
    if "://" in anything:
        return None
    if not path.exists():
        return _describe_name(anything)
    if path.suffix.lower() in _MODEL_SUFFIXES or (path / "unet").is_dir():
        from ..models.checkpoints import describe_file

        return {"what": "model file"} | describe_file(path)
    from ..imagery.tile_folder import holds_tiles
    from ..tilesets.open import FILE_SUFFIXES
    from ..tilesets.xyz import METADATA_FILES

    is_tileset = path.suffix.lower() in FILE_SUFFIXES
    if path.is_dir():
        is_tileset = holds_tiles(path) or any((path / name).exists() for name in METADATA_FILES)
    return describe_tileset(path) if is_tileset else None


def _describe_name(name: str) -> dict[str, Any]:
    """An architecture by its name; of mini the bundled file too, where there is one."""
    from ..models.presets import PRESETS

    if name not in PRESETS:
        raise C2GMError(
            f"There is neither a file {name} nor an architecture of this name. "
            f"Give a tile set, imagery, a model file, or one of {', '.join(PRESETS)}."
        )
    from ..models.checkpoints import BUNDLED, describe_file
    from ..models.sgdm import count_parameters

    counts = count_parameters(PRESETS[name]())
    whole = counts.pop("all")
    data: dict[str, Any] = {
        "what": "architecture",
        "name": name,
        "parameters": {part: count["total"] for part, count in counts.items()},
        "trainable_by_part": {part: count["trainable"] for part, count in counts.items()},
        "trainable": whole["trainable"],
        "total": whole["total"],
    }
    if name == "mini" and BUNDLED.is_file():
        data["bundled"] = describe_file(name)
    return data


def describe_tileset(path: Path) -> dict[str, Any]:
    """Tiles by zoom and metadata of a tile set."""
    from ..tilesets.open import open_tileset

    with open_tileset(path) as tileset:
        counts = {str(zoom): sum(1 for _ in tileset.tiles(zoom)) for zoom in tileset.zooms}
        return {
            "what": "tile set",
            "path": str(path),
            "zooms": list(tileset.zooms),
            "tiles": counts,
            "total": sum(counts.values()),
            "metadata": tileset.metadata,
        }


def _readable(metadata: dict[str, str]) -> dict[str, str]:
    """Metadata without the entries that are for programs."""
    return {name: value for name, value in metadata.items() if not value.startswith(("{", "["))}


def describe_imagery(imagery: BlockImagery) -> dict[str, Any]:
    """Position, resolution and the number of tiles of imagery."""
    from ..grid import ground_resolution, tiles_in_bounds

    zooms = range(min(14, imagery.native_zoom), max(18, imagery.native_zoom) + 1)
    latitude = (imagery.bounds[1] + imagery.bounds[3]) / 2
    return {
        "what": "imagery",
        "name": imagery.name,
        "bounds": list(imagery.bounds),
        "native_zoom": imagery.native_zoom,
        "ground_resolution": round(ground_resolution(imagery.native_zoom, latitude), 3),
        "tiles": {str(zoom): len(tiles_in_bounds(imagery.bounds, zoom)) for zoom in zooms},
        "values": imagery.reading,
        "advice": list(imagery.advice(zooms[0])),
        "attribution": imagery.attribution,
        "fingerprint": imagery.fingerprint,
    }


def as_text(data: dict[str, Any], indent: str = "") -> str:
    """Names and values, one a line; tables indented below their name."""
    lines = []
    for name, value in data.items():
        if value in (None, "", {}, [], ()):
            continue
        label = name.replace("_", " ")
        if isinstance(value, dict):
            lines.append(f"{indent}{label}:")
            lines.append(as_text(value, indent + "  "))
        elif isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
            lines.append(f"{indent}{label}:")
            lines += [f"{indent}  {_in_a_row(entry)}" for entry in value]
        elif isinstance(value, list | tuple):
            whole = bool(value) and all(isinstance(entry, int) for entry in value)
            text = zooms_text(tuple(value)) if whole else ", ".join(str(entry) for entry in value)
            lines.append(f"{indent}{label}: {text}")
        elif isinstance(value, int) and not isinstance(value, bool):
            lines.append(f"{indent}{label}: {value:,}")
        elif isinstance(value, float):
            lines.append(f"{indent}{label}: {value:.5g}")
        else:
            lines.append(f"{indent}{label}: {value}")
    return "\n".join(lines)


def _in_a_row(entry: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in entry.items())
