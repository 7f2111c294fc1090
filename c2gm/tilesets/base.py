"""What every tile set offers: tiles by z/x/y (XYZ rows), metadata, an atomic end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from mercantile import Tile

if TYPE_CHECKING:
    from typing_extensions import Self


class TileSet(Protocol):
    """A pyramid of 256 px map tiles with its metadata.

    Rows count from the north (XYZ); files that count otherwise flip inside. A tile set that is
    written appears under its name only when it is closed without an exception.
    """

    @property
    def metadata(self) -> dict[str, str]:
        """All metadata as text: name, format, bounds, center, minzoom, maxzoom, attribution, ..."""
        ...

    @property
    def zooms(self) -> tuple[int, ...]:
        """Zooms that hold tiles, ascending."""
        ...

    def tiles(self, zoom: int) -> Iterator[Tile]:
        """Its tiles at a zoom, ordered by x, then y."""
        ...

    def get(self, tile: Tile) -> np.ndarray | None:
        """Pixels uint8 [256,256,3] or [256,256,4], or None where there is no tile.

        Raises:
            TilesetError: the tile is there but is not a picture.
        """
        ...

    def put(self, tile: Tile, pixels: np.ndarray) -> None:
        """Store a tile, uint8 [256,256,3] or [256,256,4]."""
        ...

    def close(self) -> None:
        """Finish and move to its name."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class StoredTileSet(TileSet, Protocol):
    """A tile set on disk, whose pictures can also be moved as they are, without coding again."""

    @property
    def path(self) -> Path:
        """The file or folder it is, or will be when closed."""
        ...

    def get_bytes(self, tile: Tile) -> bytes | None:
        """The stored picture file of a tile, or None where there is no tile."""
        ...

    def put_bytes(self, tile: Tile, picture: bytes) -> None:
        """Store a picture file (PNG, JPEG or WebP, one kind a tile set) as it is."""
        ...

    def __contains__(self, tile: object) -> bool:
        """Whether there is such a tile; its picture is not read."""
        ...
