"""Vectorize: where a traced map is written, and the tracing with cancel between its parts."""

from __future__ import annotations

import json
from pathlib import Path

from ..c2gm.errors import ConfigError
from ..c2gm.tilesets.metadata import NOTICE
from ..c2gm.tilesets.open import open_tileset
from .areas import PickedArea
from .files import VECTORS, output_folder, safe_path

GENERATOR = "c2gm"
READ_AT_MOST = 400  # bytes of a file's beginning, where our GeoJSON names its maker


def vector_path(name: str, kind: str) -> Path:
    """Where vectors of a name are written.

    Raises:
        C2GMError: the name leads out of the output folder or is a foreign file's, or the kind is
            unknown or cannot be written here.
    """
    from ..c2gm.tracing.vector_files import check_vector_name

    if kind not in VECTORS:
        raise ConfigError(f"Format {kind!r} is not one of {', '.join(VECTORS)}.")
    plain, suffix = name.strip(), VECTORS[kind]
    safe_path(plain, output_folder())
    path = safe_path(plain if plain.endswith(suffix) else plain + suffix, output_folder())
    check_vector_name(path, overwrite=True)
    if path.exists() and not is_ours(path):
        raise ConfigError(
            f"{path.name} is in output/c2gm and was not made by C2GM, so it is not replaced. "
            "Choose another name, or delete it yourself."
        )
    return path


def is_ours(path: Path) -> bool:
    """Whether a file of vectors tells that it was traced from a map of C2GM."""
    with path.open("rb") as file:
        head = file.read(READ_AT_MOST)
    if path.suffix == ".geojson":
        return f'"generator":{json.dumps(GENERATOR)}'.encode() in head
    import pyogrio

    try:
        told = pyogrio.read_info(path).get("dataset_metadata") or {}
    except pyogrio.errors.DataSourceError:
        return False
    return told.get("generator") == GENERATOR


def vectorize(path: Path, zoom: int, area: PickedArea | None, target: Path) -> tuple[int, int]:
    """Trace a zoom of a map; returns how many areas and lines were written.

    Raises:
        C2GMError: the map has no such zoom or nothing of the area, or is in another palette.
    """
    import comfy.model_management

    from ..c2gm.tracing.areas import trace_areas
    from ..c2gm.tracing.lines import trace_lines
    from ..c2gm.tracing.read_classes import read_classes
    from ..c2gm.tracing.vector_files import write_traced
    from .recolouring import refuse_recoloured

    stop = comfy.model_management.throw_exception_if_processing_interrupted
    with open_tileset(path) as map_:
        told = map_.metadata
        refuse_recoloured(told, "traced")
        classes = read_classes(map_, zoom, None if area is None else area.bounds)
    stop()
    areas = trace_areas(classes)
    stop()
    lines = trace_lines(classes)
    about = {
        "generator": GENERATOR,
        "attribution": told.get("attribution", ""),
        "notice": told.get("notice", NOTICE),
        "zoom": str(zoom),
    }
    write_traced(target, areas, lines, about)
    return sum(map(len, areas.values())), sum(map(len, lines.values()))
