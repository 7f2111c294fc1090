import numpy as np
import pytest
from mercantile import Tile

from c2gm.errors import TilesetError
from c2gm.tilesets.open import create_tileset, export_tileset, open_tileset


def picture(shade: int, channels: int = 3) -> np.ndarray:
    pixels = np.full((256, 256, channels), shade, dtype=np.uint8)
    pixels[:, :128, 0] = np.arange(128)
    return pixels


TILES = (Tile(4, 5, 3), Tile(8, 10, 4), Tile(8, 11, 4), Tile(9, 10, 4))


@pytest.fixture(params=["map.mbtiles", "map"])
def path(request, tmp_path):
    target = tmp_path / request.param
    with create_tileset(target, {"name": "Town", "attribution": "© somebody"}) as tileset:
        for index, tile in enumerate(TILES):
            tileset.put(tile, picture(40 * index, 3 + index % 2))
    return target


def test_tiles_come_back_as_they_were_put(path):
    with open_tileset(path) as tileset:
        for index, tile in enumerate(TILES):
            assert np.array_equal(tileset.get(tile), picture(40 * index, 3 + index % 2))
        assert tileset.get(Tile(9, 11, 4)) is None
        assert tileset.zooms == (3, 4)
        assert list(tileset.tiles(4)) == list(TILES[1:])


def test_export_there_and_back_keeps_every_byte(path, tmp_path):
    there, back = tmp_path / "there.mbtiles", tmp_path / "back"
    assert export_tileset(path, there) == len(TILES)
    assert export_tileset(there, back) == len(TILES)
    with open_tileset(path) as first, open_tileset(back) as last:
        assert [first.get_bytes(tile) for tile in TILES] == [last.get_bytes(t) for t in TILES]
        assert first.metadata == last.metadata


def test_a_taken_name_is_refused_unless_told_to_overwrite(path):
    with pytest.raises(TilesetError, match="exists already"):
        create_tileset(path, {})
    with create_tileset(path, {}, overwrite=True) as tileset:
        tileset.put(Tile(0, 0, 0), picture(9))
    with open_tileset(path) as tileset:
        assert tileset.zooms == (0,)
