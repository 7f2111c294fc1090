import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from mercantile import Tile

from c2gm.tilesets.open import create_tileset

PYRAMID = (
    *(Tile(x, y, 3) for x in (4, 5) for y in (2, 3)),
    *(Tile(x, y, 4) for x in range(8, 12) for y in range(4, 8)),
)


def tile_picture(tile: Tile, channels: int = 3) -> np.ndarray:
    """A picture that no other tile has, with a gradient to tell up from down."""
    pixels = np.full((256, 256, channels), 255, dtype=np.uint8)
    pixels[..., 0] = np.arange(256)[:, None]
    pixels[..., 1] = np.arange(256)
    pixels[..., 2] = (tile.x * 37 + tile.y * 101 + tile.z * 11) % 256
    return pixels


def write_pyramid(path: Path, tiles=PYRAMID, **metadata: str) -> Path:
    """A small, sound map of two zooms."""
    stated = {"name": "Town", "attribution": "Photos: the town", "model": "abc123", **metadata}
    with create_tileset(path, stated) as tileset:
        for tile in tiles:
            tileset.put(tile, tile_picture(tile))
    return path


@pytest.fixture(scope="session")
def towns(tmp_path_factory):
    """The same sound map in both kinds, written once."""
    folder = tmp_path_factory.mktemp("towns")
    return write_pyramid(folder / "town.mbtiles"), write_pyramid(folder / "town")


@pytest.fixture
def town_mbtiles(towns, tmp_path):
    return Path(shutil.copy(towns[0], tmp_path))


@pytest.fixture
def town_folder(towns, tmp_path):
    return Path(shutil.copytree(towns[1], tmp_path / "town"))


@pytest.fixture(params=["town_mbtiles", "town_folder"])
def town(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def make_pyramid():
    return write_pyramid


@pytest.fixture
def pyramid():
    return PYRAMID


@pytest.fixture
def make_picture():
    return tile_picture


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=20)
