"""The preview page from a server on this machine, for maps too large for one page.

Nobody else reaches it: it listens on 127.0.0.1 alone, answers only requests that name this machine
in `Host` (a page of a stranger whose name was pointed here does not), only under a path that holds
a random word, only GET, and lets no other page read its answers.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mercantile import Tile
from PIL import Image

from ..errors import C2GMError, TilesetError
from ..grid import TILE_SIZE, tile_box
from ..imagery.base import Imagery
from .base import StoredTileSet
from .page import page_data, page_html, page_policy, shown_zoom
from .pictures import PICTURE_TYPES, check_magic
from .preview import photo_picture

HOST = "127.0.0.1"
_PICTURES = "'self' data:"
_REQUEST_SECONDS = 30  # that a browser may take to send a request
_PICTURE = re.compile(r"(map|imagery)/(\d{1,2})/(\d{1,10})/(\d{1,10})")


class PreviewServer:
    """Serves a map, and the imagery under it, to browsers of this machine; a context manager.

    Attributes:
        address: Of the page, with its random word.
    """

    def __init__(
        self,
        tileset: StoredTileSet,
        *,
        imagery: Imagery | None = None,
        title: str | None = None,
        port: int = 0,
    ) -> None:
        """Begin to listen; `serve` answers.

        Args:
            tileset: The map, open as long as the server is.
            imagery: What the map was drawn from; shown under it, with a slider.
            title: Heading; the tile set's name if None.
            port: Where to listen; 0 takes a free one.

        Raises:
            TilesetError: the map has no tiles, or the port is taken.
        """
        if not tileset.zooms:
            raise TilesetError(f"{tileset.path.name} has no tiles to show.")
        word = secrets.token_urlsafe(16)
        page = _page(tileset, imagery, title)
        answers = _Answers(tileset, imagery, page, f"/{word}/")
        try:
            self._server = _Server((HOST, port), answers)
        except (OSError, OverflowError) as error:
            raise TilesetError(
                f"Port {port} cannot be listened on ({error}). Name another, or none."
            ) from error
        self.port = int(self._server.server_address[1])
        self.address = f"http://{HOST}:{self.port}/{word}/"

    def serve(self) -> None:
        """Answer until `close` is called by another thread, or the user stops the program."""
        self._server.serve_forever(poll_interval=0.2)

    def close(self) -> None:
        """Listen no more; open answers are given up."""
        self._server.server_close()

    @contextmanager
    def in_background(self) -> Iterator[str]:
        """Answer in a thread of its own meanwhile; gives the address."""
        thread = threading.Thread(target=self.serve, daemon=True)
        thread.start()
        try:
            yield self.address
        finally:
            self._server.shutdown()
            thread.join()

    def __enter__(self) -> PreviewServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _page(tileset: StoredTileSet, imagery: Imagery | None, title: str | None) -> bytes:
    zooms = [shown_zoom(z, ((t.x, t.y) for t in tileset.tiles(z))) for z in tileset.zooms]
    below = None if imagery is None else {"address": "imagery", "finest": tileset.zooms[-1]}
    data = page_data(
        tileset,
        zooms,
        title=title,
        imagery=imagery,
        notes=[],
        map_pictures={"address": "map"},
        imagery_pictures=below,
    )
    return page_html(data, pictures=_PICTURES).encode("utf-8", "replace")


class _Answers:
    """What is under which path: (type, content), or None where there is nothing."""

    def __init__(
        self, tileset: StoredTileSet, imagery: Imagery | None, page: bytes, prefix: str
    ) -> None:
        self._tileset, self._imagery = tileset, imagery
        self._page, self._prefix = page, prefix
        self._reading = threading.Lock()  # a raster may be read by one thread at a time
        blank = io.BytesIO()
        Image.new("LA", (TILE_SIZE, TILE_SIZE)).save(blank, "PNG")
        self._blank = (PICTURE_TYPES["png"], blank.getvalue())

    def find(self, path: str) -> tuple[str, bytes] | None:
        """The answer for a path.

        Raises:
            C2GMError: the picture is damaged, or the imagery cannot be read.
        """
        # Compared whole and in constant time: the word is what keeps other users of this machine
        # out.
        known = path[: len(self._prefix)].encode("utf-8", "replace")
        if not secrets.compare_digest(known, self._prefix.encode()):
            return None
        rest = path[len(self._prefix) :]
        if not rest:
            return "text/html; charset=utf-8", self._page
        asked = _PICTURE.fullmatch(rest)
        if asked is None:
            return None
        zoom, x, y = (int(number) for number in asked.groups()[1:])
        if zoom not in self._tileset.zooms or max(x, y) >= 1 << zoom:
            return None
        tile = Tile(x, y, zoom)
        return self._drawn(tile) if asked[1] == "map" else self._photo(tile)

    def _drawn(self, tile: Tile) -> tuple[str, bytes]:
        picture = self._tileset.get_bytes(tile)
        if picture is None:
            return self._blank
        return PICTURE_TYPES[check_magic(picture)], picture

    def _photo(self, tile: Tile) -> tuple[str, bytes] | None:
        if self._imagery is None:
            return None
        with self._reading:
            rgb, valid = self._imagery.read(tile_box(tile))
        if not valid.any():
            return self._blank
        return PICTURE_TYPES["jpg"], photo_picture(rgb, valid)


class _Server(ThreadingHTTPServer):
    """A server that holds what it answers with."""

    daemon_threads = True
    block_on_close = False
    # On Windows this would let another program listen on the same port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, address: tuple[str, int], answers: _Answers) -> None:
        self.answers = answers
        super().__init__(address, _Handler)
        port = self.server_address[1]
        self.hosts = (f"{HOST}:{port}", f"localhost:{port}")
        self.policy = f"{page_policy(_PICTURES)}; frame-ancestors 'none'"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is nobody's fault."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "c2gm", ""
    timeout = _REQUEST_SECONDS
    server: _Server

    def do_GET(self) -> None:  # noqa: N802, the name that the base class looks for
        """Answer one request."""
        if self.headers.get_all("Host") not in [[host] for host in self.server.hosts]:
            self._tell(HTTPStatus.FORBIDDEN, "This address is for this machine only.")
            return
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            self._tell(HTTPStatus.FORBIDDEN, "Other pages may not use this one.")
            return
        try:
            found = self.server.answers.find(self.path)
        except C2GMError as error:
            self._tell(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
            return
        if found is None:
            self._tell(HTTPStatus.NOT_FOUND, "There is nothing here.")
            return
        self._answer(HTTPStatus.OK, *found)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses by itself: other methods, broken requests."""
        self.close_connection = True
        self._tell(HTTPStatus(code), message or "")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the terminal is the user's."""

    def _tell(self, status: HTTPStatus, text: str) -> None:
        self._answer(status, "text/plain; charset=utf-8", text.encode("utf-8", "replace"))

    def _answer(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
