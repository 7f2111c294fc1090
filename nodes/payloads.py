"""What the widgets of the page are told, as JSON: imagery, area, map."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..c2gm.cascade.plan import make_plan
from ..c2gm.cascade.settings import GenerateSettings
from ..c2gm.errors import C2GMError
from ..c2gm.imagery.base import Imagery
from ..c2gm.legend import FLAT_CLASSES, LEGEND
from ..c2gm.recolour import PALETTES
from ..c2gm.tilesets.metadata import NOTICE
from ..c2gm.tilesets.open import open_tileset
from .areas import WORLD, PickedArea
from .files import stamp, tileset_name
from .wording import counted, on_node

PALETTE_NAME = "palette"  # metadata of a recoloured map: colour by class, JSON


def hex_colour(colour: tuple[int, int, int]) -> str:
    """`#rrggbb` of a colour."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def legend_payload(metadata: Mapping[str, str]) -> list[list[str]]:
    """Name and colour of the classes that a map shows as areas and lines."""
    try:
        own = json.loads(metadata.get(PALETTE_NAME, "{}"))
    except json.JSONDecodeError:
        own = {}
    own = own if isinstance(own, dict) else {}
    return [
        [entry.name, str(own.get(entry.name, hex_colour(entry.colour)))]
        for entry in LEGEND[:FLAT_CLASSES]
    ]


def palettes_payload() -> dict[str, Any]:
    """The legend, and the colour of every class in each palette."""
    return {
        "legend": [[entry.name, hex_colour(entry.colour)] for entry in LEGEND],
        "palettes": {
            name: {kind: hex_colour(colour) for kind, colour in colours.items()}
            for name, colours in PALETTES.items()
        },
    }


def imagery_payload(imagery: Imagery | None) -> dict[str, Any] | None:
    """Which imagery it is and where it lies; None without imagery."""
    if imagery is None:
        return None
    return {
        "spec": dict(getattr(imagery, "spec", {})),
        "name": imagery.name,
        "bounds": list(imagery.bounds),
        "native_zoom": imagery.native_zoom,
        "attribution": imagery.attribution,
    }


def area_payload(area: PickedArea, seconds_per_window: float | None) -> dict[str, Any]:
    """Bounds, zooms, and what drawing them by the Cascade Sampler at 4X takes.

    Where they cannot be drawn, `problem` is the sentence that says why.
    """
    told: dict[str, Any] = {
        "bounds": list(area.bounds),
        "zooms": list(area.zooms),
        "imagery": imagery_payload(area.imagery),
        "counts": [],
        "tiles": 0,
        "windows": 0,
        "seconds": None,
    }
    settings = GenerateSettings(zooms=area.zooms, bounds=area.bounds, max_tiles=10**9)
    try:
        plan = make_plan(settings, WORLD if area.imagery is None else area.imagery.bounds)
    except C2GMError as error:
        return {**told, "problem": on_node(error)}
    counts = [count for count in plan.counts() if count.exported or count.windows]
    windows = sum(count.windows for count in counts)
    return {
        **told,
        "counts": [
            {"zoom": count.zoom, "tiles": count.exported, "windows": count.windows}
            for count in counts
        ],
        "tiles": sum(count.exported for count in counts),
        "windows": windows,
        "seconds": windows * seconds_per_window if seconds_per_window else None,
    }


def map_payload(path: Path, imagery: Imagery | None) -> dict[str, Any]:
    """Where a map's tiles are found, and what it says of itself.

    Raises:
        C2GMError: it is no tile set, or has no tiles.
    """
    with open_tileset(path) as tileset:
        metadata, zooms = tileset.metadata, tileset.zooms
    return {
        "tileset": tileset_name(path),
        "version": "-".join(str(number) for number in stamp(path)),
        "title": metadata.get("name", path.stem),
        "attribution": metadata.get("attribution", ""),
        "notice": metadata.get("notice", NOTICE),
        "zooms": list(zooms),
        "bounds": [float(value) for value in metadata.get("bounds", "0,0,0,0").split(",")],
        "counts": json.loads(metadata.get("tile_counts", "{}")),
        "imagery": imagery_payload(imagery),
        "legend": legend_payload(metadata),
    }


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def area_lines(told: dict[str, Any]) -> list[str]:
    """Lines of text about an area, of its payload."""
    west, south, east, north = told["bounds"]
    place = f"{west:.6f}, {south:.6f} to {east:.6f}, {north:.6f}"
    if "problem" in told:
        return [place, told["problem"]]
    by_zoom = ", ".join(f"z{count['zoom']}: {count['tiles']:,}" for count in told["counts"])
    work = f"{counted(told['tiles'], 'tile')}, {counted(told['windows'], 'window')} to draw"
    if told["seconds"] is not None:
        work += f", about {duration(told['seconds'])}"
    return [place, work, by_zoom]


def map_lines(told: dict[str, Any]) -> list[str]:
    """Lines of text about a map, of its payload."""
    counts = ", ".join(f"z{zoom}: {count:,}" for zoom, count in told["counts"].items())
    return [line for line in (told["title"], counts, told["notice"], told["attribution"]) if line]
