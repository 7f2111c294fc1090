"""Which vector files are opened at all: those that hold their objects themselves.

GDAL opens whatever it recognises, by content and not by name; some of its formats are lists of
other files, addresses and queries, which a stranger's file must not have us follow.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from ..errors import VectorError

_FIRST_BYTES = 4096
_SQLITE = b"SQLite format 3\x00"
_BINARY = (b"fgb\x03", b"\x00\x00\x27\x0a", b"PMTiles", _SQLITE)
_TEXT = (b"{", b"[", b"\x1e")  # GeoJSON, also as a sequence of features
_XML = {"osm", "kml", "gpx", "FeatureCollection"}
_PROLOG = re.compile(rb"^(?:\s|<\?.*?\?>|<!--.*?-->)*<(?:\w+:)?(\w+)", re.DOTALL)


def check_kind(path: Path) -> None:
    """Refuse what is no vector file by its first bytes, or leads elsewhere.

    Raises:
        VectorError: says what is read.
    """
    if path.is_dir() or path.suffix.lower() == ".pbf":
        return  # a folder of Shapefiles; OpenStreetMap's packed form has no first bytes of its own
    try:
        with path.open("rb") as file:
            first = file.read(_FIRST_BYTES)
    except OSError as error:
        raise VectorError(f"{path} cannot be read: {error.strerror}.") from error
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    tag = _PROLOG.match(text)
    is_known = first.startswith(_BINARY) or text.startswith(_TEXT)
    if not is_known and not (tag and tag[1].decode("ascii", "replace") in _XML):
        raise VectorError(
            f"{path} cannot be read as vectors. Give an .osm.pbf, a GeoPackage, GeoJSON, "
            "FlatGeobuf or Shapefile that is whole."
        )
    if first.startswith(_SQLITE):
        _check_views(path)


def _check_views(path: Path) -> None:
    """A view that calls itself may never end, and GDAL waits for it."""
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            found = database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'view' AND sql LIKE '%recursive%'"
            ).fetchone()
        finally:
            database.close()
    except sqlite3.Error as error:
        raise VectorError(f"{path} is damaged ({error}). Copy or make it again.") from error
    if found is not None:
        raise VectorError(
            f"{path} holds a view that may never end ({found[0]!s:.40}). Export the layer to a new "
            "file."
        )
