"""What the page's widgets ask the server: read-only routes below /c2gm.

Files are named as the nodes name them and pass through the same checks; answers are pictures,
JSON, and the Leaflet that comes with the library. Nothing here changes anything.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..c2gm.errors import AreaError, C2GMError, ConfigError, ImageryError
from .files import ASSETS
from .wording import on_node

HEADERS = {"X-Content-Type-Options": "nosniff"}
FOR_AN_HOUR = {**HEADERS, "Cache-Control": "private, max-age=3600"}
NEVER_KEPT = {**HEADERS, "Cache-Control": "no-store"}
PLAN_WIDGETS = ("west", "south", "east", "north", "zoom_min", "zoom_max")
MAX_TEXT_ZOOM = 20
LEAFLET = ASSETS / "leaflet"
# Leaflet's release is a script; these two lines around it make it a module, without a second copy.
MODULE_HEAD = b"const exports = {}, module = {};\n"
MODULE_TAIL = b"\nexport default exports.noConflict();\n"


def register() -> None:
    """Add the routes to the running server; without one there is nothing to add them to."""
    prompt_server = getattr(sys.modules.get("server"), "PromptServer", None)
    if getattr(prompt_server, "instance", None) is None:
        return
    get = prompt_server.instance.routes.get
    get("/c2gm/leaflet.js")(_leaflet_script)
    get("/c2gm/leaflet.css")(_leaflet_style)
    get("/c2gm/imagery")(_json(_imagery))
    get("/c2gm/imagery/{z}/{x}/{y}")(_picture(_imagery_tile, FOR_AN_HOUR))
    get("/c2gm/tileset")(_json(_tileset))
    get("/c2gm/tiles/{z}/{x}/{y}")(_picture(_map_tile, FOR_AN_HOUR))
    get("/c2gm/growing/{run}/{z}/{x}/{y}")(_picture(_growing_tile, NEVER_KEPT))
    get("/c2gm/plan")(_json(_plan))
    get("/c2gm/scales")(_json(_scales))
    get("/c2gm/scale_text")(_json(_scale_text))
    get("/c2gm/palettes")(_json(_palettes))


# Answers ----------------------------------------------------------------------------------------

Answer = Callable[[Mapping[str, str], Mapping[str, str]], Any]


def _json(answer: Answer) -> Any:
    """A handler that sends what `answer(place, query)` returns; a refusal is 400 with its words."""

    async def handle(request: Any) -> Any:
        from aiohttp import web

        try:
            value = await asyncio.to_thread(answer, request.match_info, request.query)
        except C2GMError as error:
            return _refusal(error)
        return web.json_response(value, headers=NEVER_KEPT)

    return handle


def _picture(answer: Answer, headers: Mapping[str, str]) -> Any:
    """A handler that sends the picture file that `answer(place, query)` returns."""

    async def handle(request: Any) -> Any:
        from aiohttp import web

        try:
            picture = await asyncio.to_thread(answer, request.match_info, request.query)
        except C2GMError as error:
            return _refusal(error)
        kind = _kind(picture)
        if kind is None:
            return web.Response(body=_empty(), content_type="image/png", headers=NEVER_KEPT)
        return web.Response(body=picture, content_type=kind, headers=headers)

    return handle


def _refusal(error: C2GMError) -> Any:
    from aiohttp import web

    return web.json_response({"error": on_node(error)}, status=400, headers=NEVER_KEPT)


def _kind(picture: bytes | None) -> str | None:
    """Media type of a picture file by its first bytes; None of anything else."""
    from ..c2gm.tilesets.pictures import picture_kind

    kind = None if picture is None else picture_kind(picture)
    return {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}.get(kind or "")


def _empty() -> bytes:
    """A transparent picture where there is no tile: a page that gets 404 reports an error."""
    import numpy as np

    from ..c2gm.tilesets.pictures import encode_png

    return encode_png(np.zeros((256, 256, 4), dtype=np.uint8))


def _tile(place: Mapping[str, str]) -> Any:
    """The tile of an address.

    Raises:
        AreaError: it is no tile.
    """
    from mercantile import Tile

    try:
        z, x, y = (int(place[name]) for name in "zxy")
    except ValueError:
        z = x = y = -1
    if not 0 <= z <= 24 or not (0 <= x < 1 << z and 0 <= y < 1 << z):
        raise AreaError(
            f"{place['z']}/{place['x']}/{place['y']}"[:60] + " is no tile of the world."
        )
    return Tile(x, y, z)


# Leaflet ----------------------------------------------------------------------------------------


async def _leaflet_script(_: Any) -> Any:
    from aiohttp import web

    script = MODULE_HEAD + (LEAFLET / "leaflet.js").read_bytes() + MODULE_TAIL
    return web.Response(body=script, content_type="text/javascript", headers=FOR_AN_HOUR)


async def _leaflet_style(_: Any) -> Any:
    from aiohttp import web

    style = (LEAFLET / "leaflet.css").read_bytes()
    return web.Response(body=style, content_type="text/css", headers=FOR_AN_HOUR)


# Imagery ----------------------------------------------------------------------------------------


def _open(query: Mapping[str, str]) -> Any:
    from .imagery_files import open_spec, spec_of

    return open_spec(spec_of(query))


def _imagery(_: Mapping[str, str], query: Mapping[str, str]) -> Any:
    from .payloads import imagery_payload

    try:
        return imagery_payload(_open(query))
    except ImageryError as error:  # such as a picture whose bounds are still to be given
        return {"problem": on_node(error)}


def _imagery_tile(place: Mapping[str, str], query: Mapping[str, str]) -> bytes | None:
    from ..c2gm.grid import tile_box

    rgb, valid = _open(query).read(tile_box(_tile(place)))
    return _encode(rgb, valid)


def _encode(rgb: Any, valid: Any) -> bytes | None:
    """A picture file of a tile, transparent where it is not valid; None where nothing is."""
    import io

    import numpy as np
    from PIL import Image

    if not valid.any():
        return None
    file = io.BytesIO()
    if valid.all():
        Image.fromarray(rgb).save(file, "JPEG", quality=85)
    else:
        opacity = valid.astype(np.uint8)[..., None] * np.uint8(255)
        Image.fromarray(np.concatenate([rgb, opacity], axis=-1)).save(file, "WEBP", quality=85)
    return file.getvalue()


# Maps -------------------------------------------------------------------------------------------


def _map_path(query: Mapping[str, str]) -> Path:
    from .files import tileset_path

    return tileset_path(query.get("tileset", ""))


def _tileset(_: Mapping[str, str], query: Mapping[str, str]) -> Any:
    from .payloads import map_payload

    return map_payload(_map_path(query), None)


def _map_tile(place: Mapping[str, str], query: Mapping[str, str]) -> bytes | None:
    from ..c2gm.tilesets.open import open_tileset

    # Opened for each tile: an open file could not be replaced on Windows.
    with open_tileset(_map_path(query)) as tileset:
        return tileset.get_bytes(_tile(place))


def _growing_tile(place: Mapping[str, str], _: Mapping[str, str]) -> bytes | None:
    from .growing import SHELF

    return SHELF.get(place["run"], _tile(place))


# Numbers and words ------------------------------------------------------------------------------


def _plan(_: Mapping[str, str], query: Mapping[str, str]) -> Any:
    from .areas import area_of
    from .payloads import area_payload
    from .rates import windows_per_second

    try:
        west, south, east, north = (float(query[name]) for name in PLAN_WIDGETS[:4])
        zoom_min, zoom_max = (int(query[name]) for name in PLAN_WIDGETS[4:])
    except (KeyError, ValueError):
        raise AreaError(f"A plan takes numbers for {', '.join(PLAN_WIDGETS)}.") from None
    try:
        imagery = _open(query) if query.get("file") else None
        area = area_of((west, south, east, north), zoom_min, zoom_max, imagery)
    except (
        AreaError,
        ImageryError,
    ) as error:  # an answer like any other: shown beside the map, while one drags
        return {"problem": on_node(error)}
    return area_payload(area, windows_per_second())


def _scales(_: Mapping[str, str], __: Mapping[str, str]) -> Any:
    from ..c2gm.map_scale import map_scale

    scales = (map_scale(zoom) for zoom in range(MAX_TEXT_ZOOM + 1))
    return {
        str(scale.zoom): {
            "resolution": str(scale.resolution),
            "map_scale": f"1:{scale.denominator}",
            "examples": scale.examples,
        }
        for scale in scales
    }


def _scale_text(_: Mapping[str, str], query: Mapping[str, str]) -> Any:
    from .texts import compose_text, factor_of

    try:
        zoom = int(query.get("zoom", ""))
    except ValueError:
        raise ConfigError("A scale text takes a number for zoom.") from None
    try:
        text = compose_text(
            zoom,
            factor_of(query.get("cascade_factor", "")),
            resolution=query.get("resolution", ""),
            denominator=query.get("map_scale", ""),
            examples=query.get("examples", ""),
            free_text=query.get("free_text", ""),
        )
    except ConfigError as error:  # a field that is half typed
        return {"problem": on_node(error)}
    return {"text": text}


def _palettes(_: Mapping[str, str], __: Mapping[str, str]) -> Any:
    from .payloads import palettes_payload

    return palettes_payload()
