"""Reading vectors: OpenStreetMap extracts (`.osm.pbf`, `.osm`) and files with OpenStreetMap tags.

Files of any format that pyogrio reads (GeoPackage, GeoJSON, FlatGeobuf, Shapefile) count when their
columns are named like OpenStreetMap's keys (`highway`, `building`, `landuse`, `natural` and so on).
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from ..errors import AreaError, VectorError
from ..grid import HALF_WORLD, MAX_LATITUDE
from .coast import sea
from .map_objects import MapObjects
from .osm_kinds import Tags, area_kind, line_kind
from .vector_kinds import check_kind

Shapes = np.ndarray[Any, np.dtype[np.object_]]
Bounds = tuple[float, float, float, float]
TREE_SPACING = 8.0  # metres between the trees of a tree row
OSM_CREDIT = "(c) OpenStreetMap contributors"

_KEYS = (
    "building",
    "highway",
    "railway",
    "waterway",
    "natural",
    "landuse",
    "leisure",
    "amenity",
    "aeroway",
    "kind",
    "service",
    "footway",
    "tunnel",
    "area",
    "covered",
    "indoor",
    "location",
    "parking",
)
_OTHER_TAG = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
_OSM_LAYERS = ("points", "lines", "multilinestrings", "multipolygons")
_OSM_SUFFIXES = (".pbf", ".osm")
_OSM_COLUMNS = ("osm_id", "osm_way_id", "@id", "@osm_id", "osm_type")
# What people build; it ends where an extract ends, while rivers and woods reach beyond.
_BUILT = ("building", "street", "service", "driveway", "main_road")


@dataclass(frozen=True)
class VectorSource:
    """A vector file that was read.

    Attributes:
        objects: everything that a map shows.
        bounds: (west, south, east, north) in degrees: what the file says of itself
            (OpenStreetMap), else where its buildings and roads are, else everything.
        attribution: credit of the data where the file shows whose it is, else empty.
    """

    objects: MapObjects
    bounds: Bounds
    attribution: str

    def check_inside(self, bounds: Bounds) -> None:
        """Refuse an area without any object, of which the map would be empty.

        Raises:
            AreaError: says where the objects are.
        """
        west, south, east, north = _extent(self.objects, everything=True)
        beyond = bounds[0] < bounds[2] and (bounds[0] > east or bounds[2] < west)
        if beyond or bounds[1] > north or bounds[3] < south:
            raise AreaError(
                "The area lies outside the vectors, which reach from "
                f"{west:.5f},{south:.5f} to {east:.5f},{north:.5f} (longitude,latitude)."
            )


def read_vectors(path: str | Path) -> MapObjects:
    """Read everything that a map shows; see `read_source`, which also tells where it is."""
    return read_source(path).objects


def read_source(path: str | Path) -> VectorSource:
    """Read a vector file.

    Args:
        path: `.osm.pbf`, GeoPackage, GeoJSON or another vector file with OpenStreetMap's keys as
            columns.

    Returns:
        Objects in metres of EPSG:3857, with bounds and credit.

    Raises:
        VectorError: the file is missing, unreadable, without coordinate system or without content.
    """
    path = Path(path)
    if not path.exists():
        raise VectorError(f"There is no vector file {path}.")
    check_kind(path)
    objects = _map_objects(_features(path))
    if not objects.areas and not objects.lines and not len(objects.trees):
        raise VectorError(
            f"{path} holds nothing that a map shows. Columns must be OpenStreetMap's keys, such as "
            "building, highway, landuse, natural."
        )
    stated, is_osm = _stated(path)
    return VectorSource(objects, stated or _extent(objects), OSM_CREDIT if is_osm else "")


def _map_objects(features: Iterable[tuple[Any, Tags]]) -> MapObjects:
    areas: dict[str, list[Any]] = defaultdict(list)
    lines: dict[str, list[Any]] = defaultdict(list)
    trees: list[np.ndarray] = []
    coast: list[Any] = []
    for shape, tags in features:
        dimension, natural = shapely.get_dimensions(shape), tags.get("natural")
        if natural == "coastline" and dimension > 0:
            coast.append(shape)
        elif dimension == 2:
            if kind := area_kind(tags):
                areas[kind].append(shape)
        elif dimension == 1 and natural == "tree_row":
            trees.append(_tree_row(shape))
        elif dimension == 1:
            if kind := line_kind(tags):
                lines[kind].append(shape)
        elif natural == "tree":
            trees.append(shapely.get_coordinates(shape))
    if coast:
        areas["water"].extend(sea(coast, [*areas["building"], *lines["street"], *coast]))
    return MapObjects(
        areas={kind: _array(shapes) for kind, shapes in areas.items() if shapes},
        lines={kind: _array(shapes) for kind, shapes in lines.items() if shapes},
        trees=np.concatenate(trees) if trees else np.zeros((0, 2)),
    )


def _array(shapes: list[Any]) -> Shapes:
    return np.array(shapes, dtype=object)


def _features(path: Path) -> Iterator[tuple[Any, Tags]]:
    """Each geometry in EPSG:3857 with those of its tags that matter."""
    from pyogrio.errors import CRSError, DataLayerError, DataSourceError, FeatureError

    unreadable = (
        *(CRSError, DataLayerError, DataSourceError, FeatureError),
        *(UnicodeDecodeError, shapely.errors.ShapelyError),
    )
    try:
        for name in _layer_names(path):
            yield from _layer_features(path, name)
    except unreadable as error:
        raise VectorError(
            f"{path} cannot be read as vectors. Give an .osm.pbf, a GeoPackage or a GeoJSON file "
            "that is whole."
        ) from error


def _layer_names(path: Path) -> tuple[str, ...]:
    """The layers that have geometry; GDAL names those of OpenStreetMap files itself."""
    if path.suffix in _OSM_SUFFIXES:
        return _OSM_LAYERS
    import pyogrio

    with _quiet():
        return tuple(name for name, kind in pyogrio.list_layers(path) if kind is not None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without GDAL's own words on broken rings and damaged files: both are mended or refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def _layer_features(path: Path, layer: str) -> Iterator[tuple[Any, Tags]]:
    import pyogrio

    # Of all the points of an OpenStreetMap file only trees are drawn.
    only_trees = layer == "points" and path.suffix in _OSM_SUFFIXES
    with _quiet():
        meta, _, wkb, values = pyogrio.raw.read(
            path,
            layer=layer,
            columns=[*_KEYS, "other_tags"],  # those that the layer has
            where='other_tags LIKE \'%"natural"=>"tree"%\'' if only_trees else None,
        )
    if not meta["crs"]:
        raise VectorError(
            f"Layer {layer} of {path} does not say its coordinate system. Write it into the file "
            "with the program that made it."
        )
    shapes = shapely.force_2d(shapely.from_wkb(wkb, on_invalid="fix"))
    shapes = shapely.transform(shapes, lambda points: to_mercator(points, meta["crs"]))
    implied = _implied_tags(layer)
    for index, shape in enumerate(shapes):
        if shape is None or shape.is_empty:
            continue
        tags = {
            name: text
            for name, column in zip(meta["fields"], values, strict=True)
            if (text := _text(column[index]))
        }
        packed = _other_tags(tags.pop("other_tags", ""))
        yield shape, {**implied, **tags, **packed}


def _text(value: Any) -> str:
    """A column's value as the text that OpenStreetMap has; empty where there is none."""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return ""
    return str(value)


def _other_tags(text: str) -> dict[str, str]:
    """Tags that GDAL packs into one column, as hstore or as JSON."""
    if text.startswith("{"):
        try:
            return {str(key): str(value) for key, value in json.loads(text).items()}
        except ValueError:
            return {}
    return dict(_OTHER_TAG.findall(text))


def _implied_tags(layer: str) -> dict[str, str]:
    """What the name of a layer says about objects without a tag."""
    return {
        "buildings": {"building": "yes"},
        "water": {"natural": "water"},
        "rail": {"railway": "rail"},
        "waterways": {"waterway": "stream"},
    }.get(layer, {})


def _stated(path: Path) -> tuple[Bounds | None, bool]:
    """The bounds that an OpenStreetMap file states, and whether a file is OpenStreetMap's."""
    import pyogrio

    if path.suffix in _OSM_SUFFIXES:
        bounds = pyogrio.read_info(path, layer="lines")["total_bounds"]
        return (None if bounds is None else tuple(float(edge) for edge in bounds)), True  # type: ignore[return-value]
    layers = _layer_names(path)
    with _quiet():
        columns = {
            name for layer in layers for name in pyogrio.read_info(path, layer=layer)["fields"]
        }
    return None, not columns.isdisjoint(_OSM_COLUMNS)


def _extent(objects: MapObjects, *, everything: bool = False) -> Bounds:
    """Bounds in degrees of what is built, or of everything, also where nothing is built."""
    shapes = {**objects.areas, **objects.lines}
    built = [array for kind, array in shapes.items() if kind in _BUILT and not everything]
    spans = [shapely.total_bounds(array) for array in built or shapes.values()]
    if not built and len(objects.trees):
        spans.append(np.r_[objects.trees.min(axis=0), objects.trees.max(axis=0)])
    corners = np.array(spans).reshape(-1, 2)
    west, south = to_degrees(*corners.min(axis=0))
    east, north = to_degrees(*corners.max(axis=0))
    return west, south, east, north


def to_degrees(x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a place in metres of EPSG:3857."""
    latitude = math.degrees(math.atan(math.sinh(y / HALF_WORLD * math.pi)))
    return float(x / HALF_WORLD * 180.0), latitude


def to_mercator(points: np.ndarray, crs: str) -> np.ndarray:
    """Points float64 [n,2] (x, y or lon, lat) of a coordinate system in metres of EPSG:3857."""
    if crs == "EPSG:3857":
        return points
    if crs == "EPSG:4326":
        lat = np.radians(points[:, 1].clip(-MAX_LATITUDE, MAX_LATITUDE))
        x = points[:, 0] / 180.0
        y = np.log(np.tan(np.pi / 4 + lat / 2)) / np.pi
        return np.stack([x, y], axis=1) * HALF_WORLD
    from rasterio.warp import transform

    xs, ys = transform(crs, "EPSG:3857", points[:, 0], points[:, 1])
    return np.stack([np.asarray(xs), np.asarray(ys)], axis=1)


def _tree_row(row: Any) -> np.ndarray:
    """Trees along a line, in metres of EPSG:3857."""
    middle = shapely.get_coordinates(row)[:, 1].mean() / HALF_WORLD * np.pi
    spacing = TREE_SPACING * float(np.cosh(middle))  # 1 / cos(latitude)
    places = np.arange(spacing / 2, shapely.length(row), spacing)
    coordinates: np.ndarray = shapely.get_coordinates(shapely.line_interpolate_point(row, places))
    return coordinates
