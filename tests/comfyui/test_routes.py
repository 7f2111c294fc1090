"""The routes of the page's widgets: read-only, below our names, and no way to other files."""

from __future__ import annotations

import io
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPMessage
from types import SimpleNamespace
from typing import Any

import mercantile
import numpy as np
import pytest
from bad_names import BAD_NAMES
from comfyui_server import Server
from mercantile import Tile
from pack_modules import node_module
from PIL import Image

from c2gm.tilesets.open import create_tileset

SAMPLE = {"file": "procedural town (bundled)"}
OURS = (
    "/c2gm/growing/{run}/{z}/{x}/{y}",
    "/c2gm/imagery",
    "/c2gm/imagery/{z}/{x}/{y}",
    "/c2gm/leaflet.css",
    "/c2gm/leaflet.js",
    "/c2gm/palettes",
    "/c2gm/plan",
    "/c2gm/scale_text",
    "/c2gm/scales",
    "/c2gm/tiles/{z}/{x}/{y}",
    "/c2gm/tileset",
)


def get(
    server: Server, route: str, query: dict[str, Any] | None = None, method: str = "GET"
) -> tuple[int, HTTPMessage, bytes]:
    """Status, headers and body."""
    text = f"?{urllib.parse.urlencode(query)}" if query else ""
    address = f"http://127.0.0.1:{server.port}/c2gm/{route}{text}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method=method)) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def picture(body: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(body)).convert("RGBA"))


@pytest.fixture(scope="module")
def town(server: Server) -> dict[str, Any]:
    """Where the bundled imagery lies."""
    status, _, body = get(server, "imagery", SAMPLE)
    assert status == 200
    told: dict[str, Any] = json.loads(body)
    return told


def middle_tile(town: dict[str, Any], zoom: int) -> Tile:
    west, south, east, north = town["bounds"]
    return mercantile.tile((west + east) / 2, (south + north) / 2, zoom)


def test_the_imagery_is_told_with_its_place(town: dict[str, Any]) -> None:
    assert town["native_zoom"] == 18
    assert town["spec"]["file"] == SAMPLE["file"]
    west, south, east, north = town["bounds"]
    assert west < east and south < north


def test_imagery_without_a_place_says_what_to_give(server: Server) -> None:
    Image.new("RGB", (8, 8)).save(server.base / "input" / "nowhere.png")
    status, _, body = get(server, "imagery", {"file": "nowhere.png"})
    assert status == 200 and "picture_bounds" in json.loads(body)["problem"]
    assert get(server, "imagery/3/3/2", {"file": "nowhere.png"})[0] == 400


def test_imagery_tiles_are_pictures_and_empty_ones_are_clear(
    server: Server, town: dict[str, Any]
) -> None:
    tile = middle_tile(town, 17)
    status, headers, body = get(server, f"imagery/{tile.z}/{tile.x}/{tile.y}", SAMPLE)
    assert status == 200 and headers["Content-Type"] in ("image/jpeg", "image/webp")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert picture(body).shape == (256, 256, 4) and picture(body)[..., :3].std() > 5
    status, headers, body = get(server, "imagery/17/0/0", SAMPLE)
    assert status == 200 and headers["Content-Type"] == "image/png"
    assert picture(body)[..., 3].max() == 0


def test_map_tiles_are_the_stored_pictures(server: Server) -> None:
    path = server.base / "output" / "c2gm" / "routes" / "red.mbtiles"
    path.parent.mkdir(parents=True)
    red = np.broadcast_to(np.array([255, 0, 0], dtype=np.uint8), (256, 256, 3))
    with create_tileset(path, {"name": "red"}) as tileset:
        tileset.put(Tile(3, 2, 3), np.ascontiguousarray(red))
    named = {"tileset": "routes/red.mbtiles"}
    status, headers, body = get(server, "tiles/3/3/2", named)
    assert status == 200 and headers["Content-Type"].startswith("image/")
    assert (picture(body)[..., :3] == red).all()
    status, _, body = get(server, "tiles/3/3/3", named)
    assert status == 200 and picture(body)[..., 3].max() == 0
    told = json.loads(get(server, "tileset", named)[2])
    assert told["zooms"] == [3] and told["title"] == "red"


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize(
    ("route", "key"),
    [("imagery", "file"), ("imagery/3/3/2", "file"), ("tileset", "tileset"), ("plan", "file")],
)
def test_names_that_lead_elsewhere_are_refused(
    server: Server, route: str, key: str, name: str
) -> None:
    query = dict.fromkeys(("west", "south", "east", "north"), 0) | {"zoom_min": 14, "zoom_max": 16}
    status, headers, body = get(server, route, {**query, key: name})
    assert status in (200, 400)
    if status == 400:
        assert set(json.loads(body)) == {"error"}
    else:  # no file was named: the plan of an area without imagery
        assert route == "plan" and not name and "problem" in json.loads(body)
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("place", ["1/5/0", "3/-1/2", "99/0/0", "a/b/c", "3/3/9999999999999999"])
def test_addresses_of_no_tile_are_refused(server: Server, place: str) -> None:
    status, _, body = get(server, f"imagery/{place}", SAMPLE)
    assert status == 400 and "no tile" in json.loads(body)["error"]


def test_a_plan_counts_tiles_and_tells_what_does_not_fit(server: Server) -> None:
    whole = dict.fromkeys(("west", "south", "east", "north"), 0)
    zooms = {"zoom_min": 14, "zoom_max": 18}
    plan = json.loads(get(server, "plan", {**SAMPLE, **whole, **zooms})[2])
    assert [count["tiles"] for count in plan["counts"]] == [1, 1, 1, 4, 16]
    assert plan["tiles"] == plan["windows"] == 23
    swapped = {"zoom_min": 18, "zoom_max": 14}
    assert "Swap" in json.loads(get(server, "plan", {**SAMPLE, **whole, **swapped})[2])["problem"]
    far = {"west": 10, "south": 10, "east": 10.1, "north": 10.1}
    assert "imagery" in json.loads(get(server, "plan", {**SAMPLE, **far, **zooms})[2])["problem"]
    assert get(server, "plan", {**SAMPLE, **whole, "zoom_min": "x", "zoom_max": 3})[0] == 400


def test_scale_texts_are_those_of_the_node(server: Server) -> None:
    told = json.loads(get(server, "scale_text", {"zoom": 18, "cascade_factor": "4X"})[2])
    assert told["text"].startswith("geographical map tile, tile zoom level 18, reference zoom")
    wrong = {"zoom": 18, "cascade_factor": "4X", "map_scale": "large"}
    assert "'large'" in json.loads(get(server, "scale_text", wrong)[2])["problem"]
    scales = json.loads(get(server, "scales")[2])
    assert scales["18"]["map_scale"] == "1:2000" and len(scales) == 21


def test_leaflet_comes_from_this_server_as_a_module(server: Server) -> None:
    status, headers, body = get(server, "leaflet.js")
    assert status == 200 and headers["Content-Type"].startswith("text/javascript")
    assert b"Leaflet 1.9.4" in body and body.rstrip().endswith(b"exports.noConflict();")
    assert get(server, "leaflet.css")[1]["Content-Type"].startswith("text/css")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(server: Server, method: str) -> None:
    for route in OURS:
        place = route.removeprefix("/c2gm/")
        for part in ("{run}", "{z}", "{x}", "{y}"):
            place = place.replace(part, "0")
        assert get(server, place, method=method)[0] == 405, route


def test_the_list_of_routes_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    added = []

    def get_route(path: str) -> Callable[[object], None]:
        return lambda handler: added.append(path)

    # Only `get` is there: another method would be an AttributeError.
    server = SimpleNamespace(routes=SimpleNamespace(get=get_route))
    fake = SimpleNamespace(PromptServer=SimpleNamespace(instance=server))
    monkeypatch.setitem(sys.modules, "server", fake)
    node_module("routes").register()
    assert sorted(added) == sorted(OURS)
