"""A part of a world written to files: its aerial picture and its vectors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mercantile
import numpy as np
import shapely

from ..cartography.map_objects import MapObjects
from ..errors import ImageryError, VectorError
from ..grid import PixelBox, mercator_resolution
from .world import WorldImagery

BLOCK = 1024  # px; painted and written at once
AREA_TAGS = {
    "farmland": {"landuse": "farmland"},
    "built_up": {"landuse": "residential"},
    "sand": {"natural": "sand"},
    "park": {"landuse": "grass"},
    "wood": {"natural": "wood"},
    "water": {"natural": "water"},
    "building": {"building": "yes"},
}
LINE_TAGS = {
    "stream": {"waterway": "stream"},
    "rail_yard": {"railway": "rail", "service": "yard"},
    "railway": {"railway": "rail"},
    "motorway": {"highway": "motorway"},
    "main_road": {"highway": "secondary"},
    "street": {"highway": "residential"},
    "service": {"highway": "service"},
    "driveway": {"highway": "service", "service": "driveway"},
    "track": {"highway": "track"},
    "footpath": {"highway": "footway"},
}
_KEYS = ("building", "highway", "railway", "waterway", "natural", "landuse", "service")
_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON"}


def check_names(imagery: Path, vectors: Path | None, *, overwrite: bool) -> None:
    """Refuse names before any work.

    Raises:
        ImageryError: the picture's name is taken or no GeoTIFF's.
        VectorError: the vectors' name is taken or neither a GeoPackage's nor a GeoJSON's.
    """
    if imagery.suffix.lower() not in (".tif", ".tiff"):
        raise ImageryError(f"{imagery}: the picture is a GeoTIFF. Give a name that ends in .tif.")
    if imagery.exists() and not overwrite:
        raise ImageryError(f"{imagery} is there already. Give another name, or --force.")
    if vectors is None:
        return
    if vectors.suffix.lower() not in _DRIVERS:
        raise VectorError(
            f"{vectors}: vectors are written as GeoPackage or GeoJSON. "
            "Give a name that ends in .gpkg or .geojson."
        )
    if vectors.exists() and not overwrite:
        raise VectorError(f"{vectors} is there already. Give another name, or --force.")


def write_imagery(
    imagery: WorldImagery,
    box: PixelBox,
    path: Path,
    *,
    on_block: Callable[[int, int], None] | None = None,
) -> None:
    """Write the aerial picture of a box as GeoTIFF in EPSG:3857 with overviews.

    Args:
        imagery: a world's.
        box: pixels of zoom 14 to 19.
        path: its name; what is there is replaced when all is written.
        on_block: told (blocks done, of how many).
    """
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    left, _, _, top = box.mercator_bounds()
    resolution = mercator_resolution(box.zoom)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.stem + ".part.tif")
    blocks = list(_blocks(box))
    with rasterio.open(
        temporary,
        "w",
        driver="GTiff",
        width=box.width,
        height=box.height,
        count=3,
        dtype="uint8",
        crs="EPSG:3857",
        transform=from_origin(left, top, resolution, resolution),
        tiled=True,
        blockxsize=256,
        blockysize=256,
        compress="deflate",
        predictor=2,
        photometric="RGB",
    ) as file:
        for done, block in enumerate(blocks, start=1):
            rgb, _ = imagery.read(block)
            window = Window(block.left - box.left, block.top - box.top, block.width, block.height)
            file.write(rgb.transpose(2, 0, 1), window=window)
            if on_block is not None:
                on_block(done, len(blocks))
        file.update_tags(
            TIFFTAG_COPYRIGHT=imagery.attribution, TIFFTAG_IMAGEDESCRIPTION=imagery.name
        )
        factors = [f for f in (2, 4, 8, 16) if min(box.width, box.height) // f >= 128]
        if factors:
            file.build_overviews(factors, Resampling.average)
    os.replace(temporary, path)


def _blocks(box: PixelBox) -> Iterator[PixelBox]:
    for top in range(box.top, box.bottom, BLOCK):
        for left in range(box.left, box.right, BLOCK):
            yield PixelBox(
                box.zoom, left, top, min(left + BLOCK, box.right), min(top + BLOCK, box.bottom)
            )


def write_vectors(objects: MapObjects, path: Path) -> int:
    """Write map objects with OpenStreetMap's tags, as `cartography.read_vectors` reads them.

    A GeoPackage has the layers areas, lines and points in EPSG:3857, a GeoJSON one layer in
    degrees. What is there is replaced.

    Returns:
        Number of objects.
    """
    import pyogrio

    path.parent.mkdir(parents=True, exist_ok=True)
    driver = _DRIVERS[path.suffix.lower()]
    temporary = path.with_name(path.stem + ".part" + path.suffix)
    temporary.unlink(missing_ok=True)
    layers = {
        "areas": ("Polygon", _tagged(objects.areas, AREA_TAGS)),
        "lines": ("LineString", _tagged(objects.lines, LINE_TAGS)),
        "points": (
            "Point",
            [(point, {"natural": "tree"}) for point in shapely.points(objects.trees)],
        ),
    }
    if driver == "GeoJSON":
        every = [feature for _, features in layers.values() for feature in features]
        layers = {path.stem: ("Unknown", [(_in_degrees(shape), tags) for shape, tags in every])}
    total = 0
    for layer, (geometry_type, features) in layers.items():
        if not features:
            continue
        columns = [np.array([tags.get(key) for _, tags in features], dtype=object) for key in _KEYS]
        pyogrio.raw.write(
            temporary,
            shapely.to_wkb(np.array([shape for shape, _ in features], dtype=object)),
            columns,
            np.array(_KEYS),
            layer=layer,
            driver=driver,
            geometry_type=geometry_type,
            crs="EPSG:4326" if driver == "GeoJSON" else "EPSG:3857",
            append=total > 0,
        )
        total += len(features)
    os.replace(temporary, path)
    return total


def _tagged(
    groups: dict[str, np.ndarray], tags: dict[str, dict[str, str]]
) -> list[tuple[Any, dict[str, str]]]:
    return [(part, tags[kind]) for kind in groups for part in shapely.get_parts(groups[kind])]


def _in_degrees(shape: Any) -> Any:
    def degrees(points: np.ndarray) -> np.ndarray:
        return np.array([mercantile.lnglat(x, y) for x, y in points.tolist()])

    return shapely.transform(shape, degrees)
