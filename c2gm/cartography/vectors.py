"""Reading vectors: OpenStreetMap extracts (`.osm.pbf`, `.osm`) and files with OpenStreetMap tags.

Files of any format that pyogrio reads (GeoPackage, GeoJSON, FlatGeobuf, Shapefile) count when their
columns are named like OpenStreetMap's keys (`highway`, `building`, `landuse`, `natural` and so on).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from ..errors import VectorError
from ..grid import HALF_WORLD, MAX_LATITUDE
from .coast import sea
from .map_objects import MapObjects
from .osm_kinds import Tags, area_kind, line_kind

Shapes = np.ndarray[Any, np.dtype[np.object_]]
TREE_SPACING = 8.0  # metres between the trees of a tree row

_KEYS = (
    "building",
    "highway",
    "railway",
    "waterway",
    "natural",
    "landuse",
    "leisure",
    "amenity",
    "kind",
    "service",
    "footway",
    "tunnel",
    "area",
)
_OTHER_TAG = re.compile(r'"([^"]+)"=>"([^"]*)"')
_OSM_LAYERS = ("points", "lines", "multilinestrings", "multipolygons")


def read_vectors(path: str | Path) -> MapObjects:
    """Read everything that a map shows.

    Args:
        path: `.osm.pbf`, GeoPackage or another vector file with OpenStreetMap's keys as columns.

    Returns:
        Objects in metres of EPSG:3857.

    Raises:
        VectorError: the file is missing, unreadable, without coordinate system or without content.
    """
    path = Path(path)
    if not path.exists():
        raise VectorError(f"There is no vector file {path}.")
    areas: dict[str, list[Any]] = defaultdict(list)
    lines: dict[str, list[Any]] = defaultdict(list)
    trees: list[np.ndarray] = []
    coast: list[Any] = []
    for shape, tags in _features(path):
        dimension = shapely.get_dimensions(shape)
        if dimension == 2:
            if kind := area_kind(tags):
                areas[kind].append(shape)
        elif dimension == 1 and tags.get("natural") == "tree_row":
            trees.append(_tree_row(shape))
        elif dimension == 1 and tags.get("natural") == "coastline":
            coast.append(shape)
        elif dimension == 1:
            if kind := line_kind(tags):
                lines[kind].append(shape)
        elif tags.get("natural") == "tree":
            trees.append(shapely.get_coordinates(shape))
    if coast:
        areas["water"].extend(sea(coast, [*areas["building"], *lines["street"], *coast]))
    if not areas and not lines and not trees:
        raise VectorError(
            f"{path} holds nothing that a map shows. Columns must be OpenStreetMap's keys, such as "
            "building, highway, landuse, natural."
        )
    return MapObjects(
        areas={kind: np.array(shapes, dtype=object) for kind, shapes in areas.items()},
        lines={kind: np.array(shapes, dtype=object) for kind, shapes in lines.items()},
        trees=np.concatenate(trees) if trees else np.zeros((0, 2)),
    )


def _features(path: Path) -> Iterator[tuple[Any, Tags]]:
    """Each geometry in EPSG:3857 with those of its tags that matter."""
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        names = [name for name, kind in pyogrio.list_layers(path) if kind is not None]
        if path.suffix in (".pbf", ".osm"):
            names = [name for name in names if name in _OSM_LAYERS]
        for name in names:
            yield from _layer_features(path, name)
    except (DataSourceError, DataLayerError) as error:
        raise VectorError(f"{path} cannot be read as vectors: {error}") from error


def _layer_features(path: Path, layer: str) -> Iterator[tuple[Any, Tags]]:
    import pyogrio

    columns = [*_KEYS, "other_tags"]
    fields = pyogrio.read_info(path, layer=layer)["fields"]
    where = 'other_tags LIKE \'%"natural"=>"tree"%\'' if layer == "points" else None
    meta, _, wkb, values = pyogrio.raw.read(
        path,
        layer=layer,
        columns=[name for name in columns if name in fields],
        where=where if "other_tags" in fields else None,
    )
    if not meta["crs"]:
        raise VectorError(f"Layer {layer} of {path} does not say its coordinate system.")
    shapes = shapely.force_2d(shapely.from_wkb(wkb, on_invalid="fix"))
    shapes = shapely.transform(shapes, lambda points: to_mercator(points, meta["crs"]))
    implied = _implied_tags(layer)
    for index, shape in enumerate(shapes):
        if shape is None or shape.is_empty:
            continue
        tags = {
            name: str(column[index])
            for name, column in zip(meta["fields"], values, strict=True)
            if column[index] not in (None, "")
        }
        tags.update(_OTHER_TAG.findall(tags.pop("other_tags", "")))
        yield shape, {**implied, **tags}


def _implied_tags(layer: str) -> dict[str, str]:
    """What the name of a layer says about objects without a tag."""
    return {
        "buildings": {"building": "yes"},
        "water": {"natural": "water"},
        "rail": {"railway": "rail"},
        "waterways": {"waterway": "stream"},
    }.get(layer, {})


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
