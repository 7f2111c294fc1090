"""The same made-up ground as OpenStreetMap extract, GeoJSON and GeoPackage.

The extract is encoded by hand: https://wiki.openstreetmap.org/wiki/PBF_Format, one block of plain
nodes and ways, not compressed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import shapely

LON, LAT = 9.52, 47.14
STEP = 1e-5  # degrees of a unit below
BOUNDS = (LON - 0.001, LAT - 0.001, LON + 0.004, LAT + 0.004)
Tags = dict[str, str]


@dataclass(frozen=True)
class Feature:
    """A point, an open line or a ring, in steps from the corner, with its tags."""

    points: tuple[tuple[int, int], ...]
    tags: Tags

    def geometry(self) -> shapely.Geometry:
        """In degrees."""
        places = [(round(LON + STEP * x, 7), round(LAT + STEP * y, 7)) for x, y in self.points]
        if len(places) == 1:
            return shapely.Point(places[0])
        is_ring = places[0] == places[-1]
        return shapely.Polygon(places) if is_ring else shapely.LineString(places)


def rectangle(x: int, y: int, width: int, height: int, **tags: str) -> Feature:
    """A rectangle with tags."""
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y))
    return Feature(corners, tags)


GROUND = (
    rectangle(0, 0, 20, 14, building="house"),
    rectangle(30, 2, 25, 18, building="yes", amenity="school"),
    rectangle(60, 0, 30, 30, amenity="parking"),
    rectangle(60, 40, 30, 30, amenity="parking", parking="underground"),
    rectangle(0, 100, 90, 60, natural="wood"),
    rectangle(100, 100, 80, 70, natural="water"),
    rectangle(100, 0, 60, 60, landuse="farmland"),
    rectangle(170, 0, 40, 40, highway="pedestrian", area="yes"),
    Feature(((-50, -20), (100, -18), (250, -20)), {"highway": "primary"}),
    Feature(((20, -19), (20, 90)), {"highway": "residential"}),
    Feature(((40, -19), (40, 0)), {"highway": "service", "service": "driveway"}),
    Feature(((100, -18), (130, 40)), {"highway": "secondary", "tunnel": "yes"}),
    Feature(((-50, 80), (250, 90)), {"waterway": "stream"}),
    Feature(((-50, 95), (250, 98)), {"railway": "rail"}),
    Feature(((-50, 99), (250, 99)), {"railway": "rail", "service": "siding"}),
    Feature(((95, 10),), {"natural": "tree"}),
)


def write_pbf(path: Path, features: Iterable[Feature] = GROUND) -> Path:
    """The ground as `.osm.pbf`."""
    strings: dict[str, int] = {"": 0}
    nodes: dict[tuple[int, int], bytes] = {}
    ways: list[bytes] = []
    numbers: dict[tuple[int, int], int] = {}
    for feature in features:
        for point in feature.points:
            numbers.setdefault(point, len(numbers) + 1)
            nodes.setdefault(point, _node(numbers[point], point, {}, strings))
        if len(feature.points) == 1:
            point = feature.points[0]
            nodes[point] = _node(numbers[point], point, feature.tags, strings)
        else:
            references = [numbers[point] for point in feature.points]
            ways.append(_way(len(ways) + 1, references, feature.tags, strings))
    table = b"".join(_bytes(1, text.encode()) for text in strings)
    groups = [b"".join(_bytes(1, node) for node in nodes.values())]
    groups.append(b"".join(_bytes(3, way) for way in ways))
    block = _bytes(1, table) + b"".join(_bytes(2, group) for group in groups)
    west, south, east, north = (round(edge * 1e9) for edge in BOUNDS)
    box = b"".join(
        _number(field, _zigzag(edge)) for field, edge in enumerate((west, east, north, south), 1)
    )
    header = _bytes(1, box) + _bytes(4, b"OsmSchema-V0.6")
    path.write_bytes(_blob("OSMHeader", header) + _blob("OSMData", block))
    return path


def _node(number: int, point: tuple[int, int], tags: Tags, strings: dict[str, int]) -> bytes:
    lat = round((LAT + STEP * point[1]) * 1e7)
    lon = round((LON + STEP * point[0]) * 1e7)
    return (
        _number(1, _zigzag(number))
        + _tags(tags, strings)
        + _number(8, _zigzag(lat))
        + _number(9, _zigzag(lon))
    )


def _way(number: int, references: list[int], tags: Tags, strings: dict[str, int]) -> bytes:
    steps = np.diff([0, *references]).tolist()
    packed = b"".join(_varint(_zigzag(step)) for step in steps)
    return _number(1, number) + _tags(tags, strings) + _bytes(8, packed)


def _tags(tags: Tags, strings: dict[str, int]) -> bytes:
    for text in (*tags, *tags.values()):
        strings.setdefault(text, len(strings))
    keys = b"".join(_varint(strings[key]) for key in tags)
    values = b"".join(_varint(strings[value]) for value in tags.values())
    return _bytes(2, keys) + _bytes(3, values) if tags else b""


def _blob(kind: str, content: bytes) -> bytes:
    blob = _bytes(1, content)
    header = _bytes(1, kind.encode()) + _number(3, len(blob))
    return struct.pack(">I", len(header)) + header + blob


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def write_geojson(path: Path, features: Iterable[Feature] = GROUND) -> Path:
    """The ground as GeoJSON, all kinds of geometry in one layer."""
    content = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": feature.tags,
                "geometry": json.loads(shapely.to_geojson(feature.geometry())),
            }
            for feature in features
        ],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_gpkg(path: Path, features: Iterable[Feature] = GROUND) -> Path:
    """The ground as GeoPackage, a layer a kind of geometry, every tag a column."""
    features = list(features)
    for kind in ("Point", "LineString", "Polygon"):
        chosen = [feature for feature in features if feature.geometry().geom_type == kind]
        keys = sorted({key for feature in chosen for key in feature.tags})
        if not chosen:
            continue
        pyogrio.raw.write(
            path,
            np.array([shapely.to_wkb(feature.geometry()) for feature in chosen], dtype=object),
            [np.array([f.tags.get(key) for f in chosen], dtype=object) for key in keys],
            keys,
            layer=kind.lower(),
            driver="GPKG",
            geometry_type=kind,
            crs="EPSG:4326",
            append=path.exists(),
        )
    return path
