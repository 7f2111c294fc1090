"""The preview server answers browsers of this machine, and nobody else."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading

import numpy as np
import pytest
from mercantile import Tile

from c2gm.errors import TilesetError
from c2gm.grid import PixelBox
from c2gm.tilesets.open import open_tileset
from c2gm.tilesets.serve import PreviewServer


class BlueGround:
    """Imagery of the whole world; notes whether two threads ever read at once."""

    name = "blue"
    bounds = (-180.0, -85.0, 180.0, 85.0)
    native_zoom = 4
    attribution = "Photos: the state"
    fingerprint = "blue"

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        rgb = np.zeros((box.height, box.width, 3), dtype=np.uint8)
        rgb[:] = (40, 90, 200)
        self.inside -= 1
        return rgb, np.full((box.height, box.width), box.left >= 8 << 8)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def served(towns):
    with open_tileset(towns[0]) as tileset, PreviewServer(tileset, imagery=BlueGround()) as server:
        with server.in_background():
            yield server, tileset


def ask(server, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def base(server):
    return server.address.removeprefix(f"http://127.0.0.1:{server.port}")


def raw(server, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
    return received


def test_every_tile_is_served_byte_for_byte_and_missing_ones_are_transparent(served, pyramid):
    server, tileset = served
    for tile in pyramid:
        answer, content = ask(server, f"{base(server)}map/{tile.z}/{tile.x}/{tile.y}")
        assert (answer.status, answer.getheader("Content-Type")) == (200, "image/png")
        assert content == tileset.get_bytes(tile)
    answer, blank = ask(server, f"{base(server)}map/4/0/0")
    assert answer.status == 200
    assert blank.startswith(b"\x89PNG")
    assert len(blank) < 1000


def test_the_page_tells_of_every_zoom_and_whose_the_imagery_is(served):
    server, _ = served
    answer, content = ask(server, base(server))
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    data = json.loads(re.search(rb'id="data">(.*?)</script>', content, re.S)[1])
    assert [(z["zoom"], z["tiles"]) for z in data["zooms"]] == [(3, 4), (4, 16)]
    assert data["map"] == {"address": "map"}
    assert data["imagery"] == {"address": "imagery", "finest": 4}
    assert data["notice"] == "Generated map, not surveyed"
    credit = "".join(part["text"] for part in data["credits"])
    assert credit == "Photos: the town · Imagery: Photos: the state"


def test_imagery_is_read_by_one_thread_at_a_time(served):
    server, _ = served
    answer, picture = ask(server, f"{base(server)}imagery/4/8/4")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "image/jpeg")
    _, blank = ask(server, f"{base(server)}imagery/4/0/0")
    assert blank.startswith(b"\x89PNG")
    paths = [f"{base(server)}imagery/4/{x}/{y}" for x in range(8, 12) for y in range(4, 8)]
    threads = [threading.Thread(target=ask, args=(server, path)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server._server.answers._imagery.most == 1


HOSTS = ("evil.example", "127.evil", "127.0.0.1.evil.example", "127.0.0.1", "0.0.0.0", "")


@pytest.mark.parametrize("host", [*HOSTS, "127.0.0.1:{port}.evil", "localhost.:{port}", "[::1]"])
def test_another_host_is_refused(served, host):
    server, _ = served
    answer, content = ask(server, base(server), Host=host.format(port=server.port))
    assert answer.status == 403
    assert b"<" not in content


def test_a_missing_or_double_host_is_refused(served):
    server, _ = served
    path, port = base(server).encode(), server.port
    assert b" 403 " in raw(server, b"GET " + path + b" HTTP/1.1\r\n\r\n").partition(b"\r\n")[0]
    assert b" 403 " in raw(server, b"GET " + path + b" HTTP/1.0\r\n\r\n").partition(b"\r\n")[0]
    own = f"Host: 127.0.0.1:{port}\r\n".encode()
    twice = b"GET " + path + b" HTTP/1.1\r\n" + own + b"Host: evil.example\r\n\r\n"
    assert b" 403 " in raw(server, twice).partition(b"\r\n")[0]


def test_localhost_is_this_machine(served):
    server, _ = served
    answer, _ = ask(server, base(server), Host=f"localhost:{server.port}")
    assert answer.status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "X"])
def test_only_get_is_answered(served, method):
    server, _ = served
    answer, content = ask(server, base(server), method)
    assert answer.status == 501
    assert answer.getheader("Access-Control-Allow-Origin") is None
    assert b"Generated" not in content


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index.html",
        "/wrong/",
        "{base}map/4/8",
        "{base}map/4/8/4.png",
        "{base}map/4/8/4?x=1",
        "{base}map/4/8/-1",
        "{base}map/4/16/0",
        "{base}map/5/0/0",
        "{base}map/99/0/0",
        "{base}map/4/0000000000000/0",
        "{base}map/../../etc/passwd",
        "{base}%2e%2e/",
        "{base}..",
        "{base}other/4/8/4",
        "/é/",
    ],
)
def test_what_is_no_picture_of_the_map_is_not_there(served, path):
    server, _ = served
    request = f"GET {path.format(base=base(server))} HTTP/1.1\r\n"
    request += f"Host: 127.0.0.1:{server.port}\r\n\r\n"
    assert raw(server, request.encode()).startswith(b"HTTP/1.1 404 ")


def test_the_random_word_is_long_and_another_one_each_time(town_mbtiles):
    words = set()
    for _ in range(3):
        with open_tileset(town_mbtiles) as tileset, PreviewServer(tileset) as server:
            words.add(base(server))
    assert len(words) == 3
    assert all(len(word) >= 24 for word in words)


def test_other_pages_may_neither_read_nor_frame_nor_load_it(served):
    server, _ = served
    answer, _ = ask(server, base(server), Origin="https://evil.example")
    told = {name.lower(): value for name, value in answer.getheaders()}
    assert not [name for name in told if name.startswith("access-control")]
    assert told["x-content-type-options"] == "nosniff"
    assert told["cross-origin-resource-policy"] == "same-origin"
    assert told["cache-control"] == "no-store"
    assert told["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in told["content-security-policy"]
    assert told["server"].strip() == "c2gm"
    for site in ("cross-site", "same-site"):
        answer, _ = ask(server, f"{base(server)}map/4/8/4", **{"Sec-Fetch-Site": site})
        assert answer.status == 403


def test_it_listens_on_this_machine_alone(served):
    server, _ = served
    assert server._server.server_address[0] == "127.0.0.1"
    assert server.address.startswith("http://127.0.0.1:")


def test_a_broken_request_gets_an_answer_and_the_server_goes_on(served):
    server, _ = served
    for request in (b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET " + b"a" * 70_000, b""):
        raw(server, request)
    answer, _ = ask(server, base(server))
    assert answer.status == 200


def test_a_damaged_tile_is_told_not_sent(town_folder):
    (town_folder / "4" / "9" / "5.png").write_text("<script>alert(1)</script>")
    with open_tileset(town_folder) as tileset, PreviewServer(tileset) as server:
        with server.in_background():
            answer, content = ask(server, f"{base(server)}map/4/9/5")
    assert (answer.status, answer.getheader("Content-Type")) == (500, "text/plain; charset=utf-8")
    assert content == b"is not a PNG, JPEG or WebP picture."


def test_a_taken_port_is_told(town_mbtiles, served):
    server, _ = served
    with open_tileset(town_mbtiles) as tileset:
        with pytest.raises(TilesetError, match=f"Port {server.port} cannot be listened on"):
            PreviewServer(tileset, port=server.port)


def test_a_map_without_tiles_is_not_served(tmp_path, make_pyramid):
    path = make_pyramid(tmp_path / "one", [Tile(4, 2, 3)])
    (path / "3" / "4" / "2.png").unlink()
    with open_tileset(path) as tileset, pytest.raises(TilesetError, match="no tiles to show"):
        PreviewServer(tileset)
