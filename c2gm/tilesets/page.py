"""The page that shows a tile set, offline or served: its data, its policy, its text.

Whatever a tile set says of itself comes from strangers, so it reaches the page only as JSON that
the script sets as text; what the page may load is fixed by hashes in its content security policy.
Template in `assets/preview/`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from ..errors import ConfigError
from ..grid import TileRange, bounds_of, ground_resolution
from ..imagery.base import Imagery
from ..legend import LEGEND
from ..map_scale import map_scale
from .base import StoredTileSet
from .credits import credit_parts
from .metadata import GENERATOR, NOTICE, is_ours

OFFLINE = "data:"  # where the pictures of a page come from that loads nothing
_ASSETS = Path(__file__).parent.parent / "assets"


@dataclass(frozen=True)
class ShownZoom:
    """A zoom of the page: how many tiles it has, and the rectangle they lie in."""

    tiles: int
    extent: TileRange


def shown_zoom(zoom: int, places: Iterable[tuple[int, int]]) -> ShownZoom:
    """A zoom with at least one tile, from its columns and rows.

    Columns go on past the antimeridian where that makes the rectangle narrower.
    """
    seen: set[int] = set()
    count, top, bottom = 0, 1 << zoom, 0
    for x, y in places:
        seen.add(x)
        top, bottom, count = min(top, y), max(bottom, y), count + 1
    columns = sorted(seen)
    side = 1 << zoom
    # The widest run of empty columns is what lies outside.
    gaps = [
        ((following - column) % side or side, following)
        for column, following in zip(columns, columns[1:] + columns[:1], strict=True)
    ]
    widest, left = max(gaps, key=lambda gap: (gap[0], gap[1] == columns[0]))
    return ShownZoom(count, TileRange(zoom, left, top, left + side - widest, bottom))


def page_data(
    tileset: StoredTileSet,
    zooms: Sequence[ShownZoom],
    *,
    title: str | None,
    imagery: Imagery | None,
    notes: Sequence[str],
    map_pictures: Mapping[str, object],
    imagery_pictures: Mapping[str, object] | None,
) -> dict[str, object]:
    """All that the page's script reads.

    Args:
        tileset: The map, for what it says of itself.
        zooms: The zooms that the page shows, ascending.
        title: Heading; the tile set's name if None.
        imagery: What lies under the map, for its credit.
        notes: What the page does not show as it is.
        map_pictures: `type` and `tiles` (base64 by address), or `address` to fetch them from.
        imagery_pictures: The same of the imagery, with `finest`, its last zoom; None shows none.
    """
    metadata = tileset.metadata
    west, south, east, north = bounds_of(zooms[-1].extent)
    east += 360 if east <= west else 0  # across the antimeridian Leaflet counts on
    latitude = (south + north) / 2
    return {
        "title": title or metadata.get("name") or tileset.path.name,
        "notice": metadata.get("notice") or NOTICE,
        "bounds": [[south, west], [north, east]],
        "zooms": [
            {
                "zoom": shown.extent.zoom,
                "tiles": shown.tiles,
                "denominator": _denominator(shown.extent.zoom),
                "resolution": f"{ground_resolution(shown.extent.zoom, latitude):.3g}",
            }
            for shown in zooms
        ],
        "legend": [
            {"name": entry.name, "colour": "#{:02x}{:02x}{:02x}".format(*entry.colour)}
            for entry in (LEGEND if is_ours(metadata) else ())
        ],
        "credits": _credits(metadata.get("attribution", ""), imagery),
        "notes": list(notes),
        "map": map_pictures,
        "imagery": imagery_pictures,
    }


def _denominator(zoom: int) -> int | None:
    try:
        return map_scale(zoom).denominator
    except ConfigError:
        return None


def _credits(attribution: str, imagery: Imagery | None) -> list[dict[str, str]]:
    parts = credit_parts(attribution)
    if imagery is not None and imagery.attribution and imagery.attribution not in attribution:
        separator = [{"text": " · "}] if parts else []
        parts += [*separator, {"text": "Imagery: "}, *credit_parts(imagery.attribution)]
    return parts


def page_html(data: Mapping[str, object], *, pictures: str = OFFLINE) -> str:
    """The whole page; `pictures` is where its content security policy lets pictures come from."""
    leaflet_js, leaflet_css, page_css, page_js = _parts()
    offline = "Everything is inside this file: it opens by double click and loads nothing."
    served = "Pictures come from c2gm preview, which serves them to this machine alone."
    return Template(_asset("preview/page.html")).substitute(
        about=f"Written by c2gm. {offline if pictures == OFFLINE else served}",
        leaflet_licence=_asset("leaflet/LICENSE").strip(),
        leaflet_js=leaflet_js,
        leaflet_css=leaflet_css,
        page_css=page_css,
        page_js=page_js,
        policy=page_policy(pictures),
        generator=html.escape(GENERATOR),
        title=html.escape(str(data["title"])),
        data=_script_json(data),
    )


def page_policy(pictures: str) -> str:
    """Content security policy of the page: its own style and script, pictures from `pictures`."""
    leaflet_js, leaflet_css, page_css, page_js = _parts()
    return (
        f"default-src 'none'; img-src {pictures}; base-uri 'none'; form-action 'none'; "
        f"style-src {_hash(leaflet_css)} {_hash(page_css)}; "
        f"script-src {_hash(leaflet_js)} {_hash(page_js)}"
    )


def _parts() -> tuple[str, str, str, str]:
    """Scripts and styles of the page."""
    leaflet_js = _asset("leaflet/leaflet.js").rsplit("\n//# sourceMappingURL", 1)[0]
    return (
        leaflet_js,
        _asset("leaflet/leaflet.css"),
        _asset("preview/page.css"),
        _asset("preview/page.js"),
    )


def _asset(name: str) -> str:
    """Text of a file of the package, line ends as browsers count them."""
    return (_ASSETS / name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _script_json(data: Mapping[str, object]) -> str:
    """JSON that can stand in a script element: no tag can begin or end in it."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
