"""`c2gm preview --serve` in headless Chromium: what a person sees, and what strangers cannot do."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_texts import HOSTILE
from mercantile import Tile
from PIL import Image
from playwright.sync_api import Browser, Page

from c2gm.grid import PixelBox
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tilesets.serve import PreviewServer

DRAWN, PHOTO = (200, 40, 40), (40, 90, 200)
PYRAMID = (
    *(Tile(x, y, 3) for x in (4, 5) for y in (2, 3)),
    *(Tile(x, y, 4) for x in range(8, 12) for y in range(4, 8)),
)
SHOWN = """() => {
  const pictures = [...document.querySelectorAll(".leaflet-tile-container img")];
  return pictures.length > 0 && pictures.every((picture) => picture.complete);
}"""


class BlueGround:
    """Imagery of one colour, everywhere."""

    name = "blue"
    bounds = (-180.0, -85.0, 180.0, 85.0)
    native_zoom = 4
    attribution = "Photos: the state"
    fingerprint = "blue"

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        rgb = np.zeros((box.height, box.width, 3), dtype=np.uint8)
        rgb[:] = PHOTO
        return rgb, np.ones((box.height, box.width), bool)

    def close(self) -> None:
        pass


def picture(tile: Tile, kind: str) -> np.ndarray:
    """One colour for screenshots, or a picture that no other tile has."""
    pixels = np.full((256, 256, 3), DRAWN, dtype=np.uint8)
    if kind == "told apart":
        pixels[:] = (tile.x * 20, tile.y * 30, tile.z * 40)
    return pixels


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., PreviewServer]]:
    with ExitStack() as stack:

        def begin(kind: str = "red", imagery: Any = None, **metadata: str) -> PreviewServer:
            path = tmp_path / f"{kind}.mbtiles"
            told = {"name": "Red town", "attribution": "Photos: the town", **metadata}
            with create_tileset(path, told) as tileset:
                for tile in PYRAMID:
                    tileset.put(tile, picture(tile, kind))
            tileset = stack.enter_context(open_tileset(path))
            server = stack.enter_context(PreviewServer(tileset, imagery=imagery))
            stack.enter_context(server.in_background())
            return server

        yield begin


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    page.set_default_timeout(20_000)
    page.complaints = []  # type: ignore[attr-defined]
    page.on("console", lambda message: page.complaints.append(message.text))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
    page.on("dialog", lambda dialog: page.complaints.append("dialog"))  # type: ignore[attr-defined]
    yield page
    page.close()


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    page.wait_for_function("document.documentElement.dataset.ready === 'yes'")
    page.wait_for_function(SHOWN)
    return page


def pixel(page: Page, x: int, y: int) -> np.ndarray:
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return np.asarray(shot, dtype=int)[y, x]


def test_a_person_sees_the_map_over_the_imagery_with_credit_and_notice(
    serve: Callable[..., PreviewServer], page: Page, shots: Path
) -> None:
    server = serve(imagery=BlueGround())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, server.address)
    assert page.title() == page.inner_text("h1") == "Red town"
    assert page.inner_text("#notice") == "Generated map, not surveyed"
    assert page.inner_text("#credits") == "Photos: the town · Imagery: Photos: the state"
    assert abs(pixel(page, 750, 600) - DRAWN).max() < 8
    page.fill("#opacity", "0")
    assert abs(pixel(page, 750, 600) - PHOTO).max() < 8
    page.fill("#opacity", "50")
    assert abs(pixel(page, 750, 600) - (120, 65, 120)).max() < 8
    page.check("input[value=swipe]", force=True)
    page.screenshot(path=shots / "preview-served.png")
    assert abs(pixel(page, 700, 900) - DRAWN).max() < 8
    assert abs(pixel(page, 800, 900) - PHOTO).max() < 8
    page.mouse.move(750, 600)
    page.mouse.down()
    page.mouse.move(600, 600)
    page.mouse.up()
    assert abs(pixel(page, 700, 900) - PHOTO).max() < 8
    assert page.complaints == []  # type: ignore[attr-defined]
    assert {url.removeprefix(server.address).partition("/")[0] for url in asked} == {
        *("", "map", "imagery")
    } | {url for url in asked if url.startswith("data:")}


def test_each_zoom_shows_its_own_tiles_at_their_places(
    serve: Callable[..., PreviewServer], page: Page
) -> None:
    opened(page, serve("told apart").address)
    for zoom in (3, 4):
        page.click(f"#zooms button:text-is('{zoom}')")
        page.wait_for_function(
            "(zoom) => document.querySelector('#zooms [aria-current=true]').textContent === zoom",
            arg=str(zoom),
        )
        page.wait_for_function("!document.querySelector('.leaflet-zoom-anim')")
        page.wait_for_function(SHOWN)
        for tile in (tile for tile in PYRAMID if tile.z == zoom):
            place = page.locator(f".drawn img[src$='map/{zoom}/{tile.x}/{tile.y}']").bounding_box()
            assert place is not None
            assert (place["width"], place["height"]) == (256, 256)
            x, y = round(place["x"]) + 140, round(place["y"]) + 140
            if not (300 < x < 1200 and 0 < y < 1100):
                continue
            page.mouse.move(x, y)
            assert page.inner_text("#position").endswith(f"tile {zoom}/{tile.x}/{tile.y}")
            assert tuple(pixel(page, x, y)) == (tile.x * 20, tile.y * 30, zoom * 40)
    assert page.complaints == []  # type: ignore[attr-defined]


def test_metadata_of_strangers_is_only_text(
    serve: Callable[..., PreviewServer], page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for number, text in enumerate(HOSTILE):
        told = dict.fromkeys(("name", "attribution", "notice", "description"), text)
        server = serve(str(number), **told)
        asked.clear()
        opened(page, server.address)
        assert page.evaluate("window.hacked") is None
        assert page.complaints == []  # type: ignore[attr-defined]
        assert page.evaluate("document.querySelector('h1').textContent") == text
        assert page.evaluate("document.title") == text
        links = page.evaluate("[...document.querySelectorAll('#credits a')].map((a) => a.href)")
        assert all(link.startswith("https://") for link in links)
        assert page.evaluate("document.querySelectorAll('script').length") == 3
        strange = page.evaluate("document.querySelectorAll('form, iframe, base, svg, math').length")
        assert strange == 0
        assert all(url.startswith((server.address, "data:")) for url in asked)


def test_a_name_of_a_stranger_that_points_here_gets_nothing(
    serve: Callable[..., PreviewServer], browser: Browser, chromium_path: str
) -> None:
    """DNS rebinding: the browser believes that evil.example is this machine."""
    server = serve()
    rule = "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP 127.evil 127.0.0.1"
    own = browser.browser_type.launch(
        executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu", rule]
    )
    try:
        page = own.new_page()
        for host in ("evil.example", "127.evil"):
            answer = page.goto(server.address.replace("127.0.0.1", host))
            assert answer is not None
            assert answer.status == 403
            assert "Red town" not in page.content()
    finally:
        own.close()


def test_a_page_of_a_stranger_can_neither_load_nor_frame_nor_read_it(
    serve: Callable[..., PreviewServer], page: Page
) -> None:
    server = serve()
    page.route("https://evil.example/**", lambda route: route.fulfill(body="<p>evil</p>"))
    page.goto("https://evil.example/")
    outcome = page.evaluate(
        """async (address) => {
          const picture = new Image();
          const loaded = new Promise((done) => {
            picture.onload = () => done(true);
            picture.onerror = () => done(false);
          });
          picture.src = `${address}map/3/4/2`;
          const read = await fetch(address).then((r) => r.text()).catch(() => "refused");
          return [await loaded, read];
        }""",
        server.address,
    )
    assert outcome == [False, "refused"]
    frame = page.evaluate(
        """async (address) => {
          const frame = document.createElement("iframe");
          const done = new Promise((ready) => { frame.onload = ready; });
          frame.src = address;
          document.body.append(frame);
          await done;
          try { return frame.contentDocument?.title ?? null; } catch { return null; }
        }""",
        server.address,
    )
    assert frame is None


def test_a_server_that_has_ended_is_told(serve: Callable[..., PreviewServer], page: Page) -> None:
    opened(page, serve().address)
    page.route("**/map/**", lambda route: route.abort())
    page.click("#zooms button:text-is('3')")
    page.wait_for_selector("#notes:visible")
    assert "c2gm preview has ended" in page.inner_text("#notes")
    assert page.locator("#notes li").count() == 1
