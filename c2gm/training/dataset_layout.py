"""The layout of data sets on disk: that of the authors' sets CSCMG and MLMG, and ours.

    <root>/{train,val,test}/rs_256/{z}_{x}_{y}.png      imagery
                            map_256/{z}_{x}_{y}.png     true map
                            ref_scale_2_256/…           parent map, cut and enlarged (if asked for)
                            ref_scale_4_256/…
                            classes_256/…               class ids (ours only), so none need guessing
                            tilelist_<max zoom>_<min zoom>.csv   one column, `tilename`
    <root>/scale.json                                   map scales by zoom, legend, credit (ours)

Tiles are 256 px squares of the web map grid, named without extension in the lists.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mercantile import Tile

from ..errors import TrainingError
from ..grid import TILE_SIZE

PARTS = ("train", "val", "test")
IMAGERY, MAP, CLASSES = "rs_256", "map_256", "classes_256"
REFERENCES = {2: "ref_scale_2_256", 4: "ref_scale_4_256"}
_NAME = re.compile(r"(\d+)_(\d+)_(\d+)")


def tile_name(tile: Tile) -> str:
    """`z_x_y`."""
    return f"{tile.z}_{tile.x}_{tile.y}"


def parse_tile_name(name: str) -> Tile:
    """The tile of a name `z_x_y`.

    Raises:
        TrainingError: the name has another form or lies outside the world.
    """
    found = _NAME.fullmatch(name)
    if found is not None:
        z, x, y = (int(part) for part in found.groups())
        if z <= 30 and x < 1 << z and y < 1 << z:
            return Tile(x, y, z)
    raise TrainingError(f"{name!r} is no tile name. Names are z_x_y, like 17_64990_45532.")


@dataclass(frozen=True)
class DatasetPart:
    """One part of a data set: its folder with the pictures of its tiles."""

    folder: Path

    def path(self, kind: str, tile: Tile) -> Path:
        """Where a picture lies."""
        return self.folder / kind / f"{tile_name(tile)}.png"

    def read(self, kind: str, tile: Tile) -> np.ndarray:
        """A picture: uint8 [256,256,3], class ids [256,256].

        Raises:
            TrainingError: it is missing, damaged or of another size.
        """
        from PIL import Image, UnidentifiedImageError

        path = self.path(kind, tile)
        try:
            with Image.open(path) as picture:
                pixels = np.array(picture if kind == CLASSES else picture.convert("RGB"))
        except FileNotFoundError:
            raise TrainingError(f"{path} is missing, though its list names it.") from None
        except (OSError, UnidentifiedImageError) as error:
            raise TrainingError(f"{path} cannot be read as a picture: {error}") from error
        if pixels.shape[:2] != (TILE_SIZE, TILE_SIZE):
            height, width = pixels.shape[:2]
            raise TrainingError(f"{path} has {width} x {height} px. Tiles have 256 x 256.")
        return pixels

    def has(self, kind: str, tile: Tile) -> bool:
        """Whether a picture is there."""
        return self.path(kind, tile).exists()

    def write(self, kind: str, tile: Tile, pixels: np.ndarray) -> None:
        """Write a picture whole or not at all."""
        from PIL import Image

        path = self.path(kind, tile)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, "PNG", compress_level=4)
        os.replace(temporary, path)

    def write_list(self, tiles: Iterable[Tile]) -> Path | None:
        """Write the list of tiles, by zoom, column and row; None where there are none."""
        rows = sorted(tiles, key=lambda tile: (tile.z, tile.x, tile.y))
        if not rows:
            return None
        path = self.folder / f"tilelist_{rows[-1].z}_{rows[0].z}.csv"
        lines = ["tilename", *(tile_name(tile) for tile in rows)]
        write_text(path, "\n".join(lines) + "\n")
        return path

    def tiles(self, tile_list: Path | None = None) -> list[Tile]:
        """Tiles of a list, by default of all lists in the folder, else of its maps.

        Raises:
            TrainingError: there are none, or a list has no column `tilename`.
        """
        lists = sorted(self.folder.glob("*.csv")) if tile_list is None else [tile_list]
        names = [name for path in lists for name in _names(path)]
        if not lists:
            names = [path.stem for path in (self.folder / MAP).glob("*.png")]
        if not names:
            raise TrainingError(
                f"{self.folder} holds no data set: there must be a folder {MAP} with pictures "
                "z_x_y.png and lists *.csv with a column tilename."
            )
        tiles = {parse_tile_name(name) for name in names}
        return sorted(tiles, key=lambda tile: (tile.z, tile.x, tile.y))


def _names(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path} cannot be read as a list of tiles: {error}") from error
    if rows and "tilename" not in rows[0]:
        raise TrainingError(f"The list {path} has no column tilename.")
    return [name for row in rows if (name := (row["tilename"] or "").strip())]


def write_text(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)


def read_scale(root: Path) -> dict[str, Any] | None:
    """What `scale.json` of a data set tells, None where it has none (the authors' sets).

    Raises:
        TrainingError: the file is no JSON object.
    """
    path = root / "scale.json"
    if not path.exists():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(told, dict):
        raise TrainingError(f"{path} must hold one JSON object.")
    return told
