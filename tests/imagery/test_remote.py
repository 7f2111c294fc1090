"""Imagery by an https template: fetched only when named, bounded, and its keys told to nobody."""

from __future__ import annotations

import http.client
import io
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c2gm.errors import ImageryError
from c2gm.grid import PixelBox
from c2gm.imagery import remote
from c2gm.imagery.open import open_imagery
from c2gm.imagery.remote import (
    RemoteTiles,
    dial_tls,
    has_open_key,
    is_template,
    public_address,
    shown_address,
)
from c2gm.imagery.tiles import TileImagery
from c2gm.sources import HowToRead, open_sources

KEY = "s3cr3t-k3y"
TEMPLATE = "https://tiles.test/aerial/{z}/{x}/{y}.png?layer=summer&key=" + KEY
X, Y = 36, 27


def picture(x: int, y: int) -> np.ndarray:
    return np.random.default_rng(x + 99 * y).integers(0, 255, (256, 256, 3), np.uint8)


@dataclass
class Server:
    """A tile server on this machine; `answers` are (status, headers, body) before the usual."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    dialled: list[tuple[str, int, bool]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)

    def dial(self, host: str, port: int, public_only: bool) -> http.client.HTTPConnection:
        """Whatever host is asked for, this server answers, without TLS."""
        self.dialled.append((host, port, public_only))
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name that http.server asks for
            told.asked.append(self.path)
            status, headers, body = told.answers.pop(0) if told.answers else self.tile()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def tile(self) -> tuple[int, dict[str, str], bytes]:
            z, x, y = self.path.partition("?")[0].removesuffix(".png").split("/")[-3:]
            if (z, int(y) % 2) != ("6", 1):
                return 404, {}, b"none here"
            file = io.BytesIO()
            Image.fromarray(picture(int(x), int(y))).save(file, "PNG")
            return 200, {}, file.getvalue()

        def log_message(self, *args: object) -> None:
            pass

    http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = http_server.server_address[1]
    thread = threading.Thread(target=http_server.serve_forever, daemon=True)
    thread.start()
    yield told
    http_server.shutdown()
    http_server.server_close()


@pytest.fixture
def imagery(server: Server) -> TileImagery:
    return TileImagery(RemoteTiles(TEMPLATE + "#zooms=6-6", dial=server.dial))


def test_tiles_are_fetched_where_they_are_read_and_nowhere_else(
    server: Server, imagery: TileImagery
) -> None:
    assert server.asked == []
    rgb, valid = imagery.read(PixelBox(6, X * 256 + 9, Y * 256 + 9, X * 256 + 99, Y * 256 + 99))
    assert valid.all()
    assert np.array_equal(rgb, picture(X, Y)[9:99, 9:99])
    assert len(server.asked) == 4  # of one block of 512 px
    assert f"/aerial/6/{X}/{Y}.png?layer=summer&key={KEY}" in server.asked
    assert len(server.dialled) == 1  # one connection for all
    imagery.read(PixelBox(6, X * 256, Y * 256, X * 256 + 256, Y * 256 + 256))
    assert len(server.asked) == 4


def test_tiles_that_the_server_has_not_are_invalid(imagery: TileImagery) -> None:
    _, valid = imagery.read(PixelBox(6, X * 256, (Y - 1) * 256, X * 256 + 256, (Y + 1) * 256))
    assert not valid[:256].any() and valid[256:].all()


def test_a_template_has_a_name_bounds_and_a_fingerprint_without_its_key() -> None:
    imagery = open_sources(TEMPLATE + "#zooms=10-17")
    other = open_sources(TEMPLATE.replace(KEY, "another") + "#zooms=10-17")
    assert imagery.name == "tiles.test"
    assert imagery.native_zoom == 17
    assert imagery.bounds == pytest.approx((-180, -85.0511, 180, 85.0511), abs=1e-3)
    assert imagery.fingerprint == other.fingerprint
    assert imagery.fingerprint != open_sources(TEMPLATE.replace("summer", "winter")).fingerprint
    assert imagery.attribution == ""
    credited = open_sources(TEMPLATE + "#credit=(c)+Survey%20of%20maps")
    assert credited.attribution == "(c) Survey of maps"
    assert open_sources(TEMPLATE, attribution="(c) Survey").attribution == "(c) Survey"


def everything_said(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((403, {}, b"no"), r"tiles\.test answered 403 .*Is the key right"),
        ((400, {}, b"no"), r"tiles\.test answered 400 .*Is the template right"),
        ((200, {}, b"<html>sign in</html>"), "it is no PNG, JPEG or WebP picture"),
        ((200, {"Content-Length": "9000"}, b"\x89PNG short"), "cannot be reached"),
        ((302, {"Location": "http://tiles.test/a.png"}, b""), "address without https"),
        ((302, {"Location": "https://10.0.0.7/a.png?key=" + KEY}, b""), "into a private network"),
        ((302, {"Location": "https://[::1]/" + KEY}, b""), "into a private network"),
        ((302, {"Location": "https://[oops/" + KEY}, b""), "cannot be reached"),
    ],
)
def test_what_a_server_does_wrong_is_said_without_the_key(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, dict[str, str], bytes],
    message: str,
) -> None:
    def dial(host: str, port: int, public_only: bool) -> http.client.HTTPConnection:
        connection = server.dial(host, port, public_only)
        if public_only:
            public_address(host, port)
        return connection

    server.answers.append(answer)
    imagery = TileImagery(RemoteTiles(TEMPLATE, dial=dial))
    with pytest.raises(ImageryError, match=message) as raised:
        imagery.read(PixelBox(6, X * 256, Y * 256, X * 256 + 9, Y * 256 + 9))
    assert KEY not in everything_said(raised.value)


def test_a_redirect_to_another_public_host_is_followed(
    server: Server, imagery: TileImagery
) -> None:
    server.answers.append((301, {"Location": f"https://cdn.test/6/{X}/{Y}.png"}, b""))
    box = PixelBox(6, X * 256, Y * 256, X * 256 + 256, Y * 256 + 256)
    blocks = imagery.read(box.grown(256))
    assert blocks[1].any()
    assert ("cdn.test", 443, True) in server.dialled
    assert all(public_only == (host != "tiles.test") for host, _, public_only in server.dialled)


def test_redirects_without_end_are_refused(server: Server, imagery: TileImagery) -> None:
    server.answers.extend([(302, {"Location": "/again"}, b"")] * 9)
    with pytest.raises(ImageryError, match="redirects without end"):
        imagery.read(PixelBox(6, X * 256, Y * 256, X * 256 + 9, Y * 256 + 9))


def test_a_busy_server_is_asked_again(
    server: Server, imagery: TileImagery, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server.answers.extend([(503, {}, b""), (429, {"Retry-After": "3600"}, b"")])
    _, valid = imagery.read(PixelBox(6, X * 256, Y * 256, X * 256 + 256, Y * 256 + 256))
    assert valid.all()
    assert waits == [0.5, 10.0]
    server.answers.extend([(503, {}, b"")] * 4)
    with pytest.raises(ImageryError, match="answered 503 .* Try again later"):
        imagery.read(PixelBox(6, 0, 0, 9, 9))


def test_more_than_a_tile_can_hold_is_not_read(
    server: Server, imagery: TileImagery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "LARGEST_PICTURE", 100_000)
    server.answers.append((200, {}, bytes(300_000)))
    with pytest.raises(ImageryError, match="sends more than a tile can hold"):
        imagery.read(PixelBox(6, 0, 0, 9, 9))


def test_a_slow_server_is_left(
    server: Server, imagery: TileImagery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_TILE_SECONDS", -1.0)
    with pytest.raises(ImageryError, match="took more than"):
        imagery.read(PixelBox(6, X * 256, Y * 256, X * 256 + 9, Y * 256 + 9))


def test_zooms_far_below_the_lowest_are_refused_rather_than_fetched(
    server: Server, imagery: TileImagery
) -> None:
    with pytest.raises(ImageryError, match="no tiles below zoom 6, and zoom 1"):
        imagery.read(PixelBox(1, 0, 0, 9, 9))
    assert server.asked == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"]
)
def test_private_addresses_are_told_and_never_dialled_for_a_redirect(host: str) -> None:
    with pytest.raises(ImageryError, match="private network"):
        public_address(host, 443)
    with pytest.raises(ImageryError, match="private network"):
        dial_tls(host, 443, True).request("GET", "/")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("http://tiles.test/{z}/{x}/{y}.png?key=" + KEY, "by https only"),
        ("ftp://tiles.test/{z}/{x}/{y}.png?key=" + KEY, "by https only"),
        (f"https://me:{KEY}@tiles.test/{{z}}/{{x}}/{{y}}", "a name and password"),
        ("https://tiles.test/{z}/{x}.png?key=" + KEY, r"must hold \{z\}, \{x\} and \{y\}"),
        ("https://tiles.test/{z}/{x}/{y}/{-y}.png?key=" + KEY, "must hold"),
        ("https://{s}.tiles.test/{z}/{x}/{y}?key=" + KEY, "Is the network up|other signs"),
        ("https://tiles.test/{s}/{z}/{x}/{y}?key=" + KEY, "Name one server"),
        ("https://tiles.test/{z}/{x}/{y} .png?key=" + KEY, "blanks as %20"),
        ("https://tiles.test/{z}/{x}/{y}?key={key}", "key-file=PATH"),
        ("https://tiles.test/{z}/{x}/{y}?key={key}#key-file=/nowhere/key", "cannot be read"),
        (TEMPLATE + "#zooms=a", "are no zooms"),
        (TEMPLATE + "#zooms=9-99", "must ascend and end at 22"),
        (TEMPLATE + "#zooms=9-4", "must ascend"),
        (TEMPLATE + "#size=300", "size=256 or 512"),
        (TEMPLATE + "#other=1", "After the #"),
    ],
)
def test_a_wrong_template_is_refused_without_its_key(template: str, message: str) -> None:
    assert is_template(template)
    with pytest.raises(ImageryError, match=message) as raised:
        open_sources(template).read(PixelBox(6, 0, 0, 9, 9))
    assert KEY not in everything_said(raised.value)


def test_a_key_in_a_file_stays_off_the_command_line(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "tiles.key"
    file.write_text(f"{KEY}+/\n")
    template = f"https://tiles.test/{{z}}/{{x}}/{{-y}}.png?key={{key}}#zooms=6&key-file={file}"
    imagery = TileImagery(RemoteTiles(template, dial=server.dial))
    with pytest.raises(ImageryError):  # this server has no such rows as pictures
        server.answers.extend([(400, {}, b"")])
        imagery.read(PixelBox(6, X * 256, Y * 256, X * 256 + 9, Y * 256 + 9))
    assert server.asked[0].endswith(f".png?key={KEY}%2B%2F")
    assert f"/{63 - Y}.png" in server.asked[0] or f"/{63 - (Y - Y % 2)}.png" in server.asked[0]
    file.write_text("rotated")
    assert imagery.fingerprint == RemoteTiles(template).fingerprint
    assert has_open_key(TEMPLATE) and not has_open_key(template)


def test_addresses_that_are_no_templates_are_refused_without_their_keys() -> None:
    with pytest.raises(ImageryError, match=r"https://x\.test is not a local file") as raised:
        open_imagery(f"https://x.test/a.tif?token={KEY}")
    assert KEY not in everything_said(raised.value)
    assert shown_address(f"https://me:{KEY}@x.test:8443/{KEY}?{KEY}#{KEY}") == "https://x.test:8443"
    with pytest.raises(ImageryError, match=r"https://tiles\.test holds map tiles") as raised:
        open_sources(TEMPLATE, HowToRead(crs="EPSG:3857"))
    assert KEY not in everything_said(raised.value)


def test_a_mosaic_of_a_server_and_others_names_no_key(
    write_raster: Callable[..., Path], noise: np.ndarray
) -> None:
    mosaic = open_sources([write_raster(noise), TEMPLATE])
    assert mosaic.name == "raster.tif, https://tiles.test"
