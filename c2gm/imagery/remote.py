"""Imagery from a tile server, by a template that the user names: the one use of the network.

Only https; a redirect may not lead into a private network; sizes and times are bounded. Keys stand
in the address, so no address ever gets into a name, a message, a log or a hash of its own: what is
shown is the host.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

from mercantile import Tile

from ..errors import ImageryError
from ..grid import TILE_SIZE, TileRange
from ..words import printable
from .tiles import LARGEST_PICTURE, LARGEST_ZOOM, RECIPE

DEFAULT_ZOOMS = (0, 18)
_TEMPLATE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*.*\{-?[zxyZXY]\}", re.DOTALL)
_SECRET = re.compile(r"key|token|secret|sig|auth|pass|session|credential|client", re.IGNORECASE)
_MISSING = (204, 404, 410)
_REDIRECTS = (301, 302, 303, 307, 308)
_BUSY = (429, 500, 502, 503, 504)
_MOST_REDIRECTS = 3
_TRIES = 4
_LONGEST_WAIT = 10.0  # s before trying a busy server again
_SOCKET_SECONDS = 20.0
_TILE_SECONDS = 60.0  # for one tile, whatever the server does
_MAX_KEY_BYTES = 4096
_AGENT = "c2gm (reads map imagery for its user)"

Dial = Callable[[str, int, bool], http.client.HTTPConnection]
"""Host, port, and whether only a public address will do -> a connection, not yet open."""


@dataclass(frozen=True)
class _Template:
    """An address with places for a tile's numbers and the key; both are never shown."""

    host: str
    port: int
    path: str = field(repr=False)
    key: str = field(repr=False)
    zooms: tuple[int, ...]
    tile_size: int
    credit: str

    def path_of(self, tile: Tile) -> str:
        """Path and query of a tile."""
        path = self.path.replace("{key}", quote(self.key, safe=""))
        south = (1 << int(tile.z)) - 1 - int(tile.y)
        for name, value in (("z", tile.z), ("x", tile.x), ("y", tile.y), ("-y", south)):
            path = path.replace(f"{{{name}}}", str(value))
        return path

    def fingerprint(self) -> str:
        """Hash of what decides the pixels, as far as it can be known; without the key."""
        path, _, query = self.path.partition("?")
        parts = [part for part in query.split("&") if not _SECRET.search(part.partition("=")[0])]
        told = (RECIPE, self.host, self.port, path, sorted(parts), self.zooms, self.tile_size)
        return hashlib.sha256(repr(told).encode()).hexdigest()


class RemoteTiles:
    """The tiles of a server; see `TileStore`.

    A template is `https://host/{z}/{x}/{y}.jpg`, with `{-y}` for rows from the south. After a `#`,
    which no server sees, may stand `zooms=14-18` (0-18 if not given), `size=512` for larger tiles,
    `key-file=PATH`, whose text replaces `{key}`, and `credit=(c)+Survey`. Tiles that the server has
    not are invalid.
    """

    averaged = 3  # zooms below the lowest that are averaged: each takes four times the requests

    def __init__(self, template: str, *, dial: Dial | None = None) -> None:
        """Understand a template; nothing is fetched yet.

        Raises:
            ImageryError: it is no template, or not by https.
        """
        self._template = _parse(template)
        self._dial = dial or dial_tls
        self._local = threading.local()
        self.name = self._template.host
        self.attribution = self._template.credit
        self.zooms = self._template.zooms
        self.fingerprint = self._template.fingerprint()

    def extent(self, zoom: int) -> TileRange:
        """The whole world: where a server has tiles cannot be known."""
        last = (1 << zoom) - 1
        return TileRange(zoom, 0, 0, last, last)

    def tile_size(self) -> int:
        """Pixels along the side of its tiles."""
        return self._template.tile_size

    def label(self, tile: Tile) -> str:
        """What to call a tile in messages."""
        return f"{tile.z}/{tile.x}/{tile.y} of {self.name}"

    def picture(self, tile: Tile) -> bytes | None:
        """The picture file of a tile, or None where the server has none.

        Raises:
            ImageryError: the server cannot be reached, refuses, or answers nonsense.
        """
        deadline = time.monotonic() + _TILE_SECONDS
        for attempt in range(_TRIES):
            status, data, wait = self._get(tile, deadline)
            if status == 200:
                return data
            if status in _MISSING:
                return None
            if status not in _BUSY or attempt == _TRIES - 1:
                break
            time.sleep(min(_LONGEST_WAIT, wait or 0.5 * 2**attempt))
        cure = "Is the key right?" if status in (401, 403) else "Is the template right?"
        if status in _BUSY:
            cure = "Try again later; what is painted is kept."
        raise ImageryError(f"{self.name} answered {status} for tile {self.label(tile)}. {cure}")

    def close(self) -> None:
        """Hang up."""
        self._hang_up()

    def _get(self, tile: Tile, deadline: float) -> tuple[int, bytes, float]:
        """Status, content and how long a busy server asks to wait; redirects are followed."""
        host, port, path = self._template.host, self._template.port, self._template.path_of(tile)
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                response = self._request(host, port, path)
                status = response.status
                if status in _REDIRECTS:
                    target = response.headers.get("Location", "")
                    self._hang_up()
                    host, port, path = self._redirected(host, port, path, target)
                    continue
                data = self._body(response, deadline)
                wait = response.headers.get("Retry-After", "")
                return status, data, float(wait) if wait.isdecimal() else 0.0
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._hang_up()
                # Neither these errors' texts nor their traces are told: they may hold the address.
                raise ImageryError(
                    f"{host} cannot be reached ({_kind(error)}). Is the network up, and the "
                    "template right?"
                ) from None
        raise ImageryError(f"{self.name} redirects without end. Is the template right?")

    def _request(self, host: str, port: int, path: str) -> http.client.HTTPResponse:
        """The answer to a request; a kept connection that the server closed is made anew."""
        named = (host, port) == (self._template.host, self._template.port)
        kept = getattr(self._local, "connection", None)
        headers = {"User-Agent": _AGENT, "Accept": "image/*", "Accept-Encoding": "identity"}
        if kept is not None and named:
            try:
                kept.request("GET", path, headers=headers)
                return kept.getresponse()  # type: ignore[no-any-return]
            except (OSError, http.client.HTTPException):
                self._hang_up()
        # The user named the first host, wherever it is; others are in nobody's network.
        connection = self._dial(host, port, not named)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        self._local.connection = connection if named else None
        return response

    def _body(self, response: http.client.HTTPResponse, deadline: float) -> bytes:
        data = bytearray()
        while chunk := response.read(1 << 16):
            data += chunk
            if len(data) > LARGEST_PICTURE:
                self._hang_up()
                raise ImageryError(f"{self.name} sends more than a tile can hold. Is it pictures?")
            if time.monotonic() > deadline:
                self._hang_up()
                raise ImageryError(
                    f"{self.name} took more than {_TILE_SECONDS:g} s for a tile. Try again later; "
                    "what is painted is kept."
                )
        return bytes(data)

    def _redirected(self, host: str, port: int, path: str, target: str) -> tuple[str, int, str]:
        parts = urlsplit(urljoin(f"https://{host}:{port}{path}", target))
        if parts.scheme != "https" or not parts.hostname:
            raise ImageryError(f"{self.name} redirects to an address without https. Refused.")
        query = f"?{parts.query}" if parts.query else ""
        return parts.hostname, parts.port or 443, f"{parts.path or '/'}{query}"

    def _hang_up(self) -> None:
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()


class _Connection(http.client.HTTPSConnection):
    """A TLS connection, to a public address only if asked."""

    def __init__(self, host: str, port: int, public_only: bool) -> None:
        self._context_of_ours = ssl.create_default_context()
        super().__init__(host, port, timeout=_SOCKET_SECONDS, context=self._context_of_ours)
        self._public_only = public_only

    def connect(self) -> None:
        """Connect to the very address that was checked."""
        address = public_address(self.host, self.port) if self._public_only else self.host
        plain = socket.create_connection((address, self.port), _SOCKET_SECONDS)
        self.sock = self._context_of_ours.wrap_socket(plain, server_hostname=self.host)


def dial_tls(host: str, port: int, public_only: bool) -> http.client.HTTPConnection:
    """A connection by https that checks the server's certificate."""
    return _Connection(host, port, public_only)


def public_address(host: str, port: int) -> str:
    """An address of a host, which must have none in a private network.

    Raises:
        ImageryError: it has.
        OSError: the host is unknown.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        if not mapped.is_global or mapped.is_multicast:
            raise ImageryError("The server redirects into a private network. Refused.")
    return addresses[0]


def is_template(name: str) -> bool:
    """Whether a text is an address with a place for a tile's numbers."""
    return bool(_TEMPLATE.match(name))


def shown_address(name: str) -> str:
    """An address without what may be secret: scheme and host."""
    scheme, separator, rest = name.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}" if separator else name.partition("?")[0]


def has_open_key(name: str) -> bool:
    """Whether a template holds what looks like a key, rather than the name of a file with it."""
    pairs = parse_qsl(urlsplit(name).query, keep_blank_values=True)
    return any(_SECRET.search(field) and value not in ("", "{key}") for field, value in pairs)


def _parse(text: str) -> _Template:
    """A template in parts.

    Raises:
        ImageryError: something is missing in it, or not allowed.
    """
    shown = shown_address(text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or 443
    except ValueError:
        host, port = None, 443
    if host is None or parts.scheme.lower() != "https":
        raise ImageryError(
            f"Imagery of {shown} is read by https only. "
            "Give a template like https://example.org/{z}/{x}/{y}.jpg."
        )
    if parts.username or parts.password:
        raise ImageryError(f"{shown}: a name and password in the address are not read. Take a key.")
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    options = dict(parse_qsl(parts.fragment))
    key = (
        _key_of(options.pop("key-file", None), shown)
        if "{key}" in path
        else options.pop("key-file", "")
    )
    zooms = _zooms_of(options.pop("zooms", ""), shown)
    size = options.pop("size", str(TILE_SIZE))
    credit = printable(options.pop("credit", ""))
    missing = [name for name in ("{z}", "{x}") if name not in path]
    if missing or ("{y}" not in path) == ("{-y}" not in path):
        raise ImageryError(
            f"The template of {shown} must hold {{z}}, {{x}} and {{y}} (or {{-y}} for rows from "
            "the south), once each."
        )
    if options or size not in ("256", "512"):
        raise ImageryError(
            f"After the # of {shown} may stand zooms=14-18, size=256 or 512, "
            "key-file=PATH, and credit=WHOSE+IT+IS."
        )
    if (
        re.search(r"\{(?!(-?[zxy]|key)\})", path)
        or not path.isascii()
        or re.search(r"[\x00-\x20]", path)
    ):
        raise ImageryError(
            f"The template of {shown} has other signs or places than {{z}}, {{x}}, {{y}} and "
            "{key}. Name one server, and write blanks as %20."
        )
    return _Template(host, port, path, key, zooms, int(size), credit)


def _key_of(file: str | None, shown: str) -> str:
    if not file:
        raise ImageryError(
            f"The template of {shown} has {{key}}. Say where it is: ...#key-file=PATH"
        )
    try:
        with Path(file).expanduser().open("rb") as stream:
            return stream.read(_MAX_KEY_BYTES).decode("ascii").strip()
    except (OSError, ValueError):
        raise ImageryError(f"The key file {file} cannot be read, or is no plain text.") from None


def _zooms_of(text: str, shown: str) -> tuple[int, ...]:
    first, _, last = (text or f"{DEFAULT_ZOOMS[0]}-{DEFAULT_ZOOMS[1]}").partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise ImageryError(f"zooms={text} of {shown} are no zooms. Write zooms=14-18.")
    zooms = tuple(range(int(first[:3]), int((last or first)[:3]) + 1))
    if not zooms or zooms[-1] > LARGEST_ZOOM:
        raise ImageryError(
            f"zooms={text} of {shown} must ascend and end at {LARGEST_ZOOM} or before."
        )
    return zooms


def _kind(error: BaseException) -> str:
    """What went wrong on the network, in words that hold no address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
