"""What a tile set says of itself: the formats' own keys and ours, all of them text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mercantile import Tile

from .. import __version__
from ..errors import TilesetError
from ..grid import TileRange, bounds_of

NOTICE = "Generated map, not surveyed"
GENERATOR = f"c2gm {__version__}"


@dataclass
class Extents:
    """What was written so far: how many tiles and which rectangle, zoom by zoom."""

    ranges: dict[int, TileRange] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)

    def add(self, tile: Tile) -> None:
        """Count a tile that was not there before."""
        one = TileRange(tile.z, tile.x, tile.y, tile.x, tile.y)
        known = self.ranges.get(tile.z)
        self.ranges[tile.z] = known.union(one) if known else one
        self.counts[tile.z] = self.counts.get(tile.z, 0) + 1


def check_text(metadata: Mapping[str, str]) -> None:
    """Refuse metadata that is not text.

    Raises:
        TilesetError: names the key.
    """
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TilesetError(f"Metadata {key!r} must be text, not {type(value).__name__}.")


def is_ours(metadata: Mapping[str, str]) -> bool:
    """Whether a tile set says that c2gm wrote it."""
    return metadata.get("generator", "").startswith("c2gm")


def is_drawn(metadata: Mapping[str, str]) -> bool:
    """Whether a tile set says that a model drew it; maps of `c2gm render` say what they are."""
    return metadata.get("notice") == NOTICE


def first_metadata(given: Mapping[str, str], name: str) -> dict[str, str]:
    """Metadata at the start of writing: what was given, our defaults, `complete` = 0."""
    check_text(given)
    defaults = {
        "name": name,
        "format": "png",
        "type": "baselayer",
        "version": "1.0",
        "description": f"{NOTICE}.",
        "attribution": "",
        "generator": GENERATOR,
        "notice": NOTICE,
    }
    return {**defaults, **given, "complete": "0"}


def final_metadata(first: Mapping[str, str], extents: Extents, kind: str) -> dict[str, str]:
    """Metadata at the end: bounds, centre, zooms and counts are those of the tiles.

    Bounds are the outer edges of the finest zoom's tiles (12 decimals); `tile_counts` is JSON,
    zoom -> number of tiles, by which `verify` knows that tiles are missing although the map may
    have legitimate gaps (places without imagery).
    """
    low, high = min(extents.ranges), max(extents.ranges)
    west, south, east, north = bounds_of(extents.ranges[high])
    counts = {str(zoom): extents.counts[zoom] for zoom in sorted(extents.counts)}
    return {
        **first,
        "format": kind,
        "bounds": ",".join(f"{value:.12f}" for value in (west, south, east, north)),
        "center": f"{(west + east) / 2:.12f},{(south + north) / 2:.12f},{low}",
        "minzoom": str(low),
        "maxzoom": str(high),
        "tile_counts": json.dumps(counts),
        "complete": "1",
    }


def tile_json(metadata: Mapping[str, str]) -> dict[str, object]:
    """TileJSON 3.0 of an XYZ folder, with a relative address."""
    return {
        "tilejson": "3.0.0",
        "scheme": "xyz",
        "tiles": [f"{{z}}/{{x}}/{{y}}.{metadata['format']}"],
        "name": metadata["name"],
        "description": metadata["description"],
        "attribution": metadata["attribution"],
        "version": "1.0.0",
        "bounds": [float(value) for value in metadata["bounds"].split(",")],
        "center": [
            int(value) if index == 2 else float(value)
            for index, value in enumerate(metadata["center"].split(","))
        ],
        "minzoom": int(metadata["minzoom"]),
        "maxzoom": int(metadata["maxzoom"]),
    }
