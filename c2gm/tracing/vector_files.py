"""Traced vectors as GeoPackage (EPSG:3857) or GeoJSON (degrees, RFC 7946)."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import mercantile
import numpy as np
import shapely

from ..errors import TilesetError

Shapes = np.ndarray[Any, np.dtype[np.object_]]
SUFFIXES = (".gpkg", ".geojson")
_DECIMALS = 7  # of degrees: about a centimetre


def check_vector_name(path: Path, *, overwrite: bool) -> None:
    """Refuse a name before any work.

    Raises:
        TilesetError: another ending, or the name is taken.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise TilesetError(f"{path.name}: vectors are written as .gpkg or .geojson.")
    if path.is_dir():
        raise TilesetError(f"{path} is a folder. Give another name.")
    if path.exists() and not overwrite:
        raise TilesetError(f"{path} exists already. Give another name, or --force.")


def write_traced(
    path: Path,
    areas: Mapping[str, Shapes],
    lines: Mapping[str, Shapes],
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
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    layers = {"areas": _features(areas), "lines": _features(lines)}
    write = _write_geojson if path.suffix.lower() == ".geojson" else _write_geopackage
    try:
        write(temporary, layers, about)
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return sum(len(features) for features in layers.values())


def _features(groups: Mapping[str, Shapes]) -> list[tuple[str, Any]]:
    return [(name, part) for name, shapes in groups.items() for part in shapely.get_parts(shapes)]


def _write_geopackage(
    path: Path, layers: dict[str, list[tuple[str, Any]]], about: Mapping[str, str]
) -> None:
    import pyogrio

    kinds = {"areas": "Polygon", "lines": "LineString"}
    written = 0
    for layer, features in layers.items():
        if not features and (written or layer == "areas"):
            continue
        shapes = np.array([shape for _, shape in features], dtype=object)
        pyogrio.raw.write(
            path,
            shapely.to_wkb(shapes),
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


def _write_geojson(
    path: Path, layers: dict[str, list[tuple[str, Any]]], about: Mapping[str, str]
) -> None:
    kinds = {"areas": "area", "lines": "line"}
    features = [
        {
            "type": "Feature",
            "properties": {"class": name, "kind": kinds[layer]},
            "geometry": json.loads(shapely.to_geojson(_in_degrees(shape))),
        }
        for layer, members in layers.items()
        for name, shape in members
    ]
    collection = {"type": "FeatureCollection", **about, "features": features}
    path.write_text(json.dumps(collection, separators=(",", ":")), encoding="utf-8")


def _in_degrees(shape: Any) -> Any:
    """A shape in degrees, rings wound as RFC 7946 wants them."""

    def degrees(points: np.ndarray) -> np.ndarray:
        placed = [mercantile.lnglat(x, y) for x, y in points.tolist()]
        return np.round(np.array(placed), _DECIMALS)

    return shapely.orient_polygons(shapely.transform(shape, degrees))
