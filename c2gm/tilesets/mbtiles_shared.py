"""MBTiles that store equal pictures once: `tiles` is a view, as the format allows.

A table `map` says which picture a tile has, `images` holds the pictures by their SHA-256, and the
view joins both. Other programs read the view as they read a table; none can write into it.
"""

from __future__ import annotations

import hashlib

from mercantile import Tile

from .mbtiles import METADATA_SCHEMA, MBTilesWriter, flipped_row


class SharedMBTilesWriter(MBTilesWriter):
    """An MBTiles file being written, equal pictures once."""

    schema = (
        METADATA_SCHEMA
        + """
CREATE TABLE images (tile_id BLOB NOT NULL PRIMARY KEY, tile_data BLOB NOT NULL);
CREATE TABLE map (
    zoom_level INTEGER NOT NULL,
    tile_column INTEGER NOT NULL,
    tile_row INTEGER NOT NULL,
    tile_id BLOB NOT NULL
);
CREATE UNIQUE INDEX map_index ON map (zoom_level, tile_column, tile_row);
CREATE VIEW tiles AS
    SELECT map.zoom_level, map.tile_column, map.tile_row, images.tile_data
    FROM map JOIN images ON images.tile_id = map.tile_id;
"""
    )

    def _write_row(self, tile: Tile, picture: bytes) -> bool:
        digest = hashlib.sha256(picture).digest()
        self._connection.execute("INSERT OR IGNORE INTO images VALUES (?, ?)", (digest, picture))
        address = (tile.z, tile.x, flipped_row(tile))
        replaced = self._connection.execute(
            "UPDATE map SET tile_id = ? WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?",
            (digest, *address),
        ).rowcount
        if not replaced:
            self._connection.execute("INSERT INTO map VALUES (?, ?, ?, ?)", (*address, digest))
        return not replaced

    def _complete(self) -> None:
        """Pictures that were replaced by others are nobody's any more."""
        self._connection.execute(
            "DELETE FROM images WHERE tile_id NOT IN (SELECT tile_id FROM map)"
        )
