"""A map against the job that painted it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mercantile import Tile

from c2gm.cascade.compare_job import compare_with_job, kept_job
from c2gm.cascade.ledger import Ledger, Work
from c2gm.tilesets.open import create_tileset

TILES = (Tile(4, 2, 3), Tile(8, 4, 4), Tile(9, 4, 4))


def pixels(tile: Tile, plus: int = 0) -> np.ndarray:
    return np.full((256, 256, 3), 10 * tile.x + tile.z + plus, np.uint8)


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    """A map whose job was kept."""
    path = tmp_path / "town.mbtiles"
    with Ledger(tmp_path / "town.mbtiles.c2gm-job") as ledger:
        ledger.store(Work(tiles={tile: pixels(tile) for tile in TILES}))
    with create_tileset(path, {"model": "abc"}) as tileset:
        for tile in TILES:
            tileset.put(tile, pixels(tile))
    return path


def test_a_map_without_a_job_has_none(painted: Path, tmp_path: Path) -> None:
    assert kept_job(tmp_path / "other.mbtiles") is None
    folder = kept_job(painted)
    assert folder is not None
    assert compare_with_job(painted, folder) == []


def test_26_tiles_that_are_not_those_of_the_job_are_found(painted: Path) -> None:
    folder = kept_job(painted)
    assert folder is not None
    with create_tileset(painted, {"model": "abc"}, overwrite=True) as tileset:
        tileset.put(TILES[0], pixels(TILES[0]))
        tileset.put(TILES[1], pixels(TILES[1], plus=1))
        tileset.put(Tile(10, 4, 4), pixels(Tile(10, 4, 4)))
    found = [(fault.code, fault.tile, fault.zoom) for fault in compare_with_job(painted, folder)]
    assert found == [
        ("differs-from-job", TILES[1], 4),
        ("differs-from-job", Tile(10, 4, 4), 4),
    ]
