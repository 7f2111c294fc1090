"""Traced vectors as GeoPackage (EPSG:3857) or GeoJSON (degrees, RFC 7946)."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MissingExtra, TilesetError
from ..grid import HALF_WORLD
from ..tilesets.storing import check_free, write_error
from .areas import Polygon

Feature = tuple[str, list[np.ndarray]]  # class; a polygon's rings, or one line
SUFFIXES = (".gpkg", ".geojson")
_NO_ROOM = 1 << 20
_DECIMALS = 7  # of degrees: about a centimetre


def check_vector_name(path: Path, *, overwrite: bool) -> None:
    """Refuse a name before any work.

    Raises:
        TilesetError: another ending, or the name is taken.
        MissingExtra: a GeoPackage cannot be written here.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise TilesetError(f"{path.name}: vectors are written as .gpkg or .geojson.")
    if path.suffix.lower() == ".gpkg" and find_spec("pyogrio") is None:
        raise MissingExtra(
            "A GeoPackage needs the package pyogrio, which is not installed. Write a .geojson, or "
            "install it with: pip install pyogrio"
        )
    check_free(path, overwrite=overwrite)


def write_traced(
    path: Path,
    areas: Mapping[str, list[Polygon]],
    lines: Mapping[str, list[np.ndarray]],
    about: Mapping[str, str],
) -> int:
    """Write areas and lines with their class; the file appears when it is whole.

    Args:
        path: ends in .gpkg (layers `areas` and `lines`) or .geojson (one layer, with `kind`).
        areas: polygons by class, metres of EPSG:3857.
        lines: lines by class.
        about: text that goes with the file: attribution, notice, zoom.

    Returns:
        Number of features.

    Raises:
        TilesetError: it cannot be written.
        DiskFull: the disk is full; what had the name before is whole.
    """
    temporary = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    layers: dict[str, list[Feature]] = {
        "areas": [(name, rings) for name, polygons in areas.items() for rings in polygons],
        "lines": [(name, [line]) for name, drawn in lines.items() for line in drawn],
    }
    write = _write_geojson if path.suffix.lower() == ".geojson" else _write_geopackage
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary, layers, about)
        os.replace(temporary, path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return sum(len(features) for features in layers.values())


def _write_geopackage(
    path: Path, layers: dict[str, list[Feature]], about: Mapping[str, str]
) -> None:
    import pyogrio

    try:
        _write_layers(path, layers, about)
    except pyogrio.errors.DataSourceError as error:
        if shutil.disk_usage(path.parent).free < _NO_ROOM:  # GDAL does not say so
            raise OSError(errno.ENOSPC, "the disk is full") from error
        raise TilesetError(f"{path.name} cannot be written: {error}") from error


def _write_layers(path: Path, layers: dict[str, list[Feature]], about: Mapping[str, str]) -> None:
    import pyogrio

    kinds = {"areas": "Polygon", "lines": "LineString"}
    written = 0
    for layer, features in layers.items():
        if not features and (written or layer == "areas"):
            continue
        code = _polygon_wkb if layer == "areas" else _line_wkb
        pyogrio.raw.write(
            path,
            np.array([code(rings) for _, rings in features], dtype=object),
            [np.array([name for name, _ in features], dtype=object)],
            np.array(["class"]),
            layer=layer,
            driver="GPKG",
            geometry_type=kinds[layer],
            crs="EPSG:3857",
            append=written > 0,
            dataset_metadata=None if written else dict(about),
        )
        written += 1


def _polygon_wkb(rings: list[np.ndarray]) -> bytes:
    """A polygon in little-endian well-known binary."""
    return struct.pack("<BII", 1, 3, len(rings)) + b"".join(map(_points, rings))


def _line_wkb(parts: list[np.ndarray]) -> bytes:
    return struct.pack("<BI", 1, 2) + _points(parts[0])


def _points(points: np.ndarray) -> bytes:
    return struct.pack("<I", len(points)) + points.astype("<f8").tobytes()


def _write_geojson(path: Path, layers: dict[str, list[Feature]], about: Mapping[str, str]) -> None:
    head = json.dumps({"type": "FeatureCollection", **about}, separators=(",", ":"))
    with path.open("w", encoding="utf-8") as file:
        file.write(head[:-1] + ',"features":[')
        separator = ""
        for feature in _geojson_features(layers):
            file.write(separator + json.dumps(feature, separators=(",", ":")))
            separator = ",\n"
        file.write("]}\n")


def _geojson_features(layers: dict[str, list[Feature]]) -> Iterable[dict[str, Any]]:
    for layer, features in layers.items():
        for name, parts in features:
            degrees = [_in_degrees(part) for part in parts]
            if layer == "areas":
                placed = [_wound(ring, left=not number) for number, ring in enumerate(degrees)]
                geometry = {"type": "Polygon", "coordinates": [ring.tolist() for ring in placed]}
            else:
                geometry = {"type": "LineString", "coordinates": degrees[0].tolist()}
            kind = "area" if layer == "areas" else "line"
            yield {
                "type": "Feature",
                "properties": {"class": name, "kind": kind},
                "geometry": geometry,
            }


def _in_degrees(points: np.ndarray) -> np.ndarray:
    """Longitudes and latitudes of points in metres of EPSG:3857."""
    angles = points / HALF_WORLD * np.pi
    latitude = np.arctan(np.sinh(angles[:, 1]))
    result: np.ndarray = np.round(np.degrees(np.stack([angles[:, 0], latitude], 1)), _DECIMALS)
    return result


def _wound(ring: np.ndarray, *, left: bool) -> np.ndarray:
    """A ring wound to the left (outlines), or to the right (holes), as RFC 7946 wants them."""
    x, y = (ring - ring[0]).T
    is_left = float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) > 0
    return ring if is_left == left else ring[::-1]
