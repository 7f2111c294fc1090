"""A map against the job that painted it, where the job was kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import JobError
from ..tilesets.base import StoredTileSet
from ..tilesets.faults import Fault, Faults
from ..tilesets.open import open_tileset
from .ledger import FILE_NAME, Ledger


def kept_job(map_path: Path) -> Path | None:
    """The folder of the job beside a map, if it is still there."""
    folder = map_path.with_name(f"{map_path.name}.c2gm-job")
    return folder if (folder / FILE_NAME).is_file() else None


def compare_with_job(map_path: Path, folder: Path) -> list[Fault]:
    """Tiles of a map that the job's ledger has otherwise, or not at all.

    Raises:
        JobLocked: the job is being worked on.
        TilesetError: the map cannot be read.
    """
    faults = Faults()
    with open_tileset(map_path) as tileset, Ledger(folder) as ledger:
        for zoom in tileset.zooms:
            try:
                _compare_zoom(tileset, ledger, zoom, faults)
            except JobError as error:  # a tile of the job is damaged: its hash says so
                faults.add("differs-from-job", str(error), zoom=zoom)
    return faults.result()


def _compare_zoom(tileset: StoredTileSet, ledger: Ledger, zoom: int, faults: Faults) -> None:
    for tile in tileset.tiles(zoom):
        painted, stored = ledger.tile(tile), tileset.get(tile)
        if painted is None:
            faults.add("differs-from-job", "was never painted by the job of this map.", tile)
        elif stored is None or not np.array_equal(stored, painted):
            faults.add(
                "differs-from-job",
                "is not the one that the job of this map painted. Write the map again.",
                tile,
            )
