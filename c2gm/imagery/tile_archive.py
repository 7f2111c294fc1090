"""Tiles of imagery in one file: MBTiles, PMTiles, whatever reader opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from mercantile import Tile

from ..errors import C2GMError, ImageryError
from ..grid import TileRange
from ..words import printable
from .fingerprint import fingerprint_files
from .tiles import LARGEST_ZOOM, RECIPE, measure_tile, surrounding_tiles


class TileReader(Protocol):
    """What of a tile set is needed here; the readers of tile sets are such."""

    @property
    def metadata(self) -> dict[str, str]:
        """All metadata as text."""
        ...

    @property
    def zooms(self) -> tuple[int, ...]:
        """Zooms that hold tiles, ascending."""
        ...

    def tiles(self, zoom: int) -> Iterator[Tile]:
        """Its tiles at a zoom."""
        ...

    def get_bytes(self, tile: Tile) -> bytes | None:
        """The stored picture file of a tile, or None."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class TileArchive:
    """The tiles of an archive; see `TileStore`."""

    averaged = LARGEST_ZOOM

    def __init__(self, path: Path, reader: TileReader) -> None:
        """Take an open reader over; it is closed with the store.

        Raises:
            ImageryError: it holds no tiles, or no pictures.
        """
        self._reader = reader
        self.name = path.name
        with _as_imagery_errors():
            metadata = reader.metadata
            if metadata.get("format", "").lower() in ("pbf", "mvt"):
                raise ImageryError(
                    f"{path.name} holds vector tiles, no pictures. Give a tile set of imagery."
                )
            self.zooms = tuple(zoom for zoom in reader.zooms if zoom <= LARGEST_ZOOM)
        if not self.zooms:
            raise ImageryError(f"{path.name} holds no tiles. Give another file.")
        self.attribution = printable(metadata.get("attribution", ""))
        self.fingerprint = fingerprint_files([path], [RECIPE])

    def extent(self, zoom: int) -> TileRange:
        """The smallest range of tiles around all of a zoom."""
        with _as_imagery_errors():
            return surrounding_tiles(((t.x, t.y) for t in self._reader.tiles(zoom)), zoom)

    def tile_size(self) -> int:
        """Pixels along the side of its tiles, by the first of the finest zoom."""
        with _as_imagery_errors():
            tile = next(self._reader.tiles(self.zooms[-1]), None)
        if tile is None:
            raise ImageryError(f"{self.name} holds no tiles on the web map grid. Make it again.")
        return measure_tile(self.picture(tile), self.label(tile))

    def picture(self, tile: Tile) -> bytes | None:
        """The picture file of a tile, or None where there is no tile.

        Raises:
            ImageryError: it cannot be read.
        """
        with _as_imagery_errors():
            return self._reader.get_bytes(tile)

    def label(self, tile: Tile) -> str:
        """What to call a tile in messages."""
        return f"{tile.z}/{tile.x}/{tile.y} of {self.name}"

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()


@contextmanager
def _as_imagery_errors() -> Iterator[None]:
    """What is wrong with a tile set is wrong with the imagery."""
    try:
        yield
    except ImageryError:
        raise
    except C2GMError as error:
        raise ImageryError(str(error)) from error
