"""What maps are compared with: a true tile set, true vectors, or a class raster of real ground."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import shapely
from mercantile import Tile

from ..cartography.map_objects import MapObjects
from ..errors import C2GMError, TilesetError
from ..grid import TILE_SIZE, mercator_resolution, tile_box
from .groups import UNLABELLED, raster_table

_VECTORS = (".gpkg", ".geojson", ".json", ".pbf", ".osm", ".fgb", ".shp")
_RASTERS = (".tif", ".tiff", ".vrt", ".png")


class Pyramid(Protocol):
    """Map tiles of several zooms; every tile set is one."""

    def get(self, tile: Tile) -> np.ndarray | None:
        """Pixels uint8 [256,256,3] or [256,256,4], or None where there is no tile."""
        ...


class DrawnTruth:
    """The true map of vectors, drawn in the house style tile by tile.

    Args:
        objects: The vectors, metres of EPSG:3857.
        name: What to call them.
    """

    def __init__(self, objects: MapObjects, name: str = "vectors") -> None:
        self.name = name
        self._objects = objects
        self._drawings: dict[int, Any] = {}
        self._bounds = _bounds_of(objects)

    def get(self, tile: Tile) -> np.ndarray | None:
        """The true tile, uint8 [256,256,3], or None where the vectors do not reach."""
        left, bottom, right, top = tile_box(tile).mercator_bounds()
        west, south, east, north = self._bounds
        if left >= east or right <= west or bottom >= north or top <= south:
            return None
        picture: np.ndarray = self._drawing(tile.z).picture(tile_box(tile))
        return picture

    def _drawing(self, zoom: int) -> Any:
        from ..cartography.render import MapDrawing

        if zoom not in self._drawings:
            self._drawings[zoom] = MapDrawing(self._objects, zoom)
        return self._drawings[zoom]


class RasterTruth:
    """A class raster of real ground, read in five classes on the world grid.

    Args:
        path: A raster of one band in the numbering of `groups.FIVE_OF_RASTER`.

    Raises:
        TilesetError: it cannot be read, or does not say where it lies.
    """

    def __init__(self, path: str | Path) -> None:
        import rasterio

        self.name = Path(path).name
        try:
            self._source = rasterio.open(path)
        except rasterio.errors.RasterioIOError as error:
            raise TilesetError(f"{path} cannot be read as a class raster: {error}") from error
        if self._source.crs is None:
            self._source.close()
            raise TilesetError(f"The class raster {path} does not say its coordinate system.")
        self._table = raster_table()

    def classes(self, tile: Tile) -> np.ndarray:
        """One of the five classes by pixel, 255 where nobody labelled, uint8 [256,256].

        Where a pixel covers several of the raster's, the most frequent labelled class.
        """
        import rasterio
        from rasterio.transform import from_bounds
        from rasterio.warp import Resampling, reproject

        numbers = np.zeros((TILE_SIZE, TILE_SIZE), dtype=np.uint8)
        bounds = tile_box(tile).mercator_bounds()
        reproject(
            rasterio.band(self._source, 1),
            numbers,
            dst_transform=from_bounds(*bounds, TILE_SIZE, TILE_SIZE),
            dst_crs="EPSG:3857",
            src_nodata=0,
            dst_nodata=0,
            resampling=Resampling.mode if self._reduced(tile.z) else Resampling.nearest,
        )
        labels: np.ndarray = self._table[numbers]
        return labels

    def _reduced(self, zoom: int) -> bool:
        """Whether the zoom's pixels are larger than the raster's."""
        from rasterio.warp import transform_bounds

        left, _, right, _ = transform_bounds(
            self._source.crs, "EPSG:3857", *self._source.bounds, densify_pts=5
        )
        return bool(mercator_resolution(zoom) > 1.5 * (right - left) / self._source.width)

    def close(self) -> None:
        """Close the file."""
        self._source.close()


Truth = Pyramid | RasterTruth


@contextmanager
def open_truth(path: str | Path) -> Iterator[Truth]:
    """The truth at a path, by its kind.

    Args:
        path: A true map (.mbtiles, .pmtiles, XYZ folder), vectors, or a class raster.

    Raises:
        C2GMError: it is none of these, or cannot be read.
    """
    from ..tilesets.open import FILE_SUFFIXES, open_tileset

    path = Path(path)
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in FILE_SUFFIXES or not path.exists():
        with open_tileset(path) as tileset:
            yield tileset
    elif suffix in _VECTORS:
        from ..cartography.vectors import read_vectors

        yield DrawnTruth(read_vectors(path), path.name)
    elif suffix in _RASTERS:
        raster = RasterTruth(path)
        try:
            yield raster
        finally:
            raster.close()
    else:
        raise C2GMError(
            f"{path} is no truth to compare with. Give a tile set (.mbtiles, .pmtiles or a "
            f"folder), vectors ({', '.join(_VECTORS)}) or a class raster ({', '.join(_RASTERS)})."
        )


def shows(truth: Truth, tile: Tile) -> bool:
    """Whether the truth says anything about a tile."""
    if isinstance(truth, RasterTruth):
        return bool(np.any(truth.classes(tile) != UNLABELLED))
    return truth.get(tile) is not None


def _bounds_of(objects: MapObjects) -> tuple[float, float, float, float]:
    """(west, south, east, north) of all objects in metres."""
    arrays = [a for a in (*objects.areas.values(), *objects.lines.values()) if len(a)]
    boxes = np.array([shapely.total_bounds(a) for a in arrays])
    if len(objects.trees):
        boxes = np.vstack([*boxes, [*objects.trees.min(0), *objects.trees.max(0)]])
    if not len(boxes):
        return (0.0, 0.0, 0.0, 0.0)
    west, south = np.nanmin(boxes[:, :2], axis=0)
    east, north = np.nanmax(boxes[:, 2:], axis=0)
    return float(west), float(south), float(east), float(north)
