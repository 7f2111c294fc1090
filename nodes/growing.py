"""Tiles of maps that are being painted, for pages that watch.

The job's own file is locked while it is painted, so the tiles of the last runs are kept here as
small pictures, in bounded memory, and the page is told which ones are new.
"""

from __future__ import annotations

import io
import secrets
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from mercantile import Tile
from PIL import Image

MAX_BYTES = 64_000_000  # some 6,000 tiles
EVENT = "c2gm.growing"


class TileShelf:
    """Pictures of tiles by run, bounded in bytes: the oldest go first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[str, Tile], bytes] = OrderedDict()
        self._size = 0

    def get(self, run: str, tile: Tile) -> bytes | None:
        """The picture file of a tile that a run painted, None if there is none any more."""
        with self._lock:
            return self._pictures.get((run, tile))

    def put(self, run: str, tile: Tile, picture: bytes) -> None:
        """Keep a picture."""
        with self._lock:
            self._size += len(picture) - len(self._pictures.pop((run, tile), b""))
            self._pictures[run, tile] = picture
            while self._size > self._max_bytes:
                self._size -= len(self._pictures.popitem(last=False)[1])


SHELF = TileShelf(MAX_BYTES)


class GrowingTiles:
    """What one run has painted so far.

    Args:
        node_id: The number of the node that paints, in the page.
        bounds: (west, south, east, north) of the area in degrees.
        zooms: Zooms that are painted, ascending.
        before: Name of the tile set that is seen where nothing is painted yet; empty for none.
    """

    def __init__(
        self,
        node_id: str,
        bounds: tuple[float, float, float, float],
        zooms: tuple[int, ...],
        before: str = "",
    ) -> None:
        self.run = secrets.token_urlsafe(9)
        self._told = {
            "node": node_id,
            "run": self.run,
            "bounds": list(bounds),
            "zooms": list(zooms),
            "before": before,
        }
        self._tell([])

    def add(self, finished: Sequence[tuple[Tile, np.ndarray]]) -> None:
        """Keep tiles, uint8 [256,256,3 or 4], and tell the page."""
        places = [Tile(tile.x % (1 << tile.z), tile.y, tile.z) for tile, _ in finished]
        for tile, (_, pixels) in zip(places, finished, strict=True):
            SHELF.put(self.run, tile, _encoded(pixels))
        if places:
            self._tell([[tile.z, tile.x, tile.y] for tile in places])

    def _tell(self, tiles: list[list[int]]) -> None:
        prompt_server = getattr(sys.modules.get("server"), "PromptServer", None)
        server = getattr(prompt_server, "instance", None)
        if server is not None:
            server.send_sync(EVENT, {**self._told, "tiles": tiles}, server.client_id)


def _encoded(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=85, method=2)
    return file.getvalue()
