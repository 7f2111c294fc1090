"""What a tile set says of itself, compared with the tiles that it holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from mercantile import Tile

from ..errors import AreaError
from ..grid import TileRange, check_bounds, tiles_in_bounds
from .faults import Faults
from .metadata import Extents, is_drawn

_EDGE = 1e-6  # degrees that a centre may lie outside rounded bounds


def check_metadata(metadata: Mapping[str, str], found: Extents, faults: Faults) -> None:
    """Everything that needs only the metadata and the extents of the tiles."""
    if not metadata:
        faults.add(
            "metadata-missing",
            "There is no metadata; many programs refuse such a map. Make the map again.",
        )
        return
    if metadata.get("complete") == "0":
        faults.add(
            "incomplete", "Writing was never finished. Run the command that made it once more."
        )
    for key in ("name", "format"):
        if not metadata.get(key):
            faults.add("metadata-missing", f"Metadata {key!r} is missing. Add it to the metadata.")
    _check_origin(metadata, faults)
    _check_zooms(metadata, found, faults)
    _check_counts(metadata, found, faults)
    bounds = read_bounds(metadata, faults)
    if bounds is not None and found.ranges and not lie_mirrored(metadata, found):
        _check_rim(bounds, found, faults)
    _check_center(metadata, bounds, found, faults)


def read_bounds(
    metadata: Mapping[str, str], faults: Faults | None = None
) -> tuple[float, float, float, float] | None:
    """Bounds of the metadata, or None with a fault that says what is wrong with them."""
    faults = faults or Faults()
    text = metadata.get("bounds", "")
    if not text.strip():
        faults.add(
            "bounds-missing",
            "Metadata 'bounds' is missing; other programs then show nothing. "
            "Add west,south,east,north in degrees.",
        )
        return None
    try:
        west, south, east, north = (float(value) for value in text.split(","))
    except ValueError:
        faults.add(
            "bounds-wrong",
            f"Bounds {text[:80]!r} are not four numbers. Write west,south,east,north in degrees.",
        )
        return None
    if west == east or south == north:
        faults.add(
            "bounds-wrong",
            f"Bounds {text[:80]} have no area. Write west,south,east,north in degrees.",
        )
        return None
    try:
        check_bounds((west, south, east, north))
    except AreaError as error:
        faults.add("bounds-wrong", f"Bounds {text[:80]} are impossible. {error}")
        return None
    return west, south, east, north


def stored_counts(metadata: Mapping[str, str]) -> dict[int, int] | None:
    """Tiles a zoom as `tile_counts` tells them, or None if it does not."""
    try:
        counts = json.loads(metadata.get("tile_counts", ""))
        return {int(zoom): int(count) for zoom, count in counts.items()}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def lie_mirrored(metadata: Mapping[str, str], found: Extents) -> bool:
    """Whether the tiles lie outside the bounds, and inside them when mirrored at the equator.

    So it is with MBTiles whose rows were not flipped, and with folders whose rows were.
    """
    bounds = read_bounds(metadata)
    if bounds is None or not found.ranges:
        return False
    zoom = max(found.ranges)
    stated, tiles = tiles_in_bounds(bounds, zoom), found.ranges[zoom]
    last = (1 << zoom) - 1
    mirrored = TileRange(zoom, tiles.left, last - tiles.bottom, tiles.right, last - tiles.top)
    return not _covers(stated, tiles) and _covers(stated, mirrored)


def _covers(outer: TileRange, inner: TileRange) -> bool:
    return (
        Tile(inner.left, inner.top, inner.zoom) in outer
        and Tile(inner.right, inner.bottom, inner.zoom) in outer
    )


def _check_origin(metadata: Mapping[str, str], faults: Faults) -> None:
    if not metadata.get("generator"):
        faults.add(
            "origin-missing",
            "Metadata 'generator' is missing: nobody can tell how this map was made. Add it.",
        )
    elif is_drawn(metadata) and not metadata.get("model"):
        faults.add(
            "origin-missing",
            "Metadata 'model' is missing: nobody can tell which model drew this map. "
            "Add the hash of the model.",
        )


def _check_zooms(metadata: Mapping[str, str], found: Extents, faults: Faults) -> None:
    if not found.counts:
        faults.add("no-tiles", "There are no tiles. Make the map again.")
        return
    low, high = min(found.counts), max(found.counts)
    for key, zoom in (("minzoom", low), ("maxzoom", high)):
        text = metadata.get(key, "")
        if text.strip() != str(zoom):
            says = f"is {text[:20]}" if text else "is missing"
            faults.add(
                "zooms-wrong", f"Metadata {key!r} {says}, the tiles' is {zoom}. Set it to {zoom}."
            )
    for zoom in range(low + 1, high):
        if zoom not in found.counts:
            faults.add(
                "zoom-missing",
                f"Zoom {zoom} has no tiles though {low} and {high} have. Paint it as well.",
                zoom=zoom,
            )


def _check_counts(metadata: Mapping[str, str], found: Extents, faults: Faults) -> None:
    for zoom, stored in sorted((stored_counts(metadata) or {}).items()):
        actual = found.counts.get(zoom, 0)
        if actual < stored:
            faults.add(
                "tile-missing",
                f"Zoom {zoom} has {actual} tiles, {stored} were written. Make the map again.",
                zoom=zoom,
            )
        elif actual > stored:
            faults.add(
                "tile-added",
                f"Zoom {zoom} has {actual} tiles, only {stored} were written by the program that "
                "made it. Find out who added the others.",
                zoom=zoom,
            )


def _check_rim(bounds: tuple[float, float, float, float], found: Extents, faults: Faults) -> None:
    """Bounds must not promise columns or rows that have no tile."""
    if bounds[0] > bounds[2]:
        return  # across the antimeridian the extents of the tiles say nothing
    zoom = max(found.ranges)
    stated, tiles = tiles_in_bounds(bounds, zoom), found.ranges[zoom]
    if (
        stated.left < tiles.left
        or stated.top < tiles.top
        or stated.right > tiles.right
        or stated.bottom > tiles.bottom
    ):
        faults.add(
            "bounds-differ",
            f"The bounds reach beyond the tiles of zoom {zoom}. "
            "Set them to the outer edges of these tiles.",
            zoom=zoom,
        )


def _check_center(
    metadata: Mapping[str, str],
    bounds: tuple[float, float, float, float] | None,
    found: Extents,
    faults: Faults,
) -> None:
    text = metadata.get("center", "")
    if not text.strip():
        return  # the format leaves it open
    try:
        lng, lat, zoom = (float(value) for value in text.split(","))
    except ValueError:
        lng = lat = zoom = math.nan
    if not (math.isfinite(lng) and math.isfinite(lat) and math.isfinite(zoom)):
        faults.add("center-wrong", f"Center {text[:80]!r} is not longitude,latitude,zoom.")
        return
    if bounds is not None:
        west, south, east, north = bounds
        inside_lng = (
            west - _EDGE <= lng <= east + _EDGE if west < east else lng >= west or lng <= east
        )
        if not (inside_lng and south - _EDGE <= lat <= north + _EDGE):
            faults.add("center-wrong", f"Center {text[:80]} lies outside the bounds. Move it in.")
    if found.counts and not min(found.counts) <= zoom <= max(found.counts):
        faults.add(
            "center-wrong", f"The zoom of center {text[:80]} has no tiles. Give one that has."
        )
