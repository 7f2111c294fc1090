"""Whatever bytes a file has, a reader gives pictures, faults or an error of ours."""

import random
import time

import pytest
from mercantile import Tile

from c2gm.errors import C2GMError
from c2gm.tilesets.open import open_tileset
from c2gm.tilesets.stitch import stitch
from c2gm.tilesets.verify import verify_tileset


@pytest.fixture(scope="session")
def hamlet(tmp_path_factory, make_small):
    return make_small(tmp_path_factory.mktemp("hamlet") / "hamlet.mbtiles")


def mutated(content: bytes, seed: int) -> bytes:
    """Some bytes changed, most of them where the structure of the file is."""
    chance = random.Random(seed)
    changed = bytearray(content)
    for _ in range(chance.choice((1, 3, 30))):
        place = chance.choice((chance.randrange(120), chance.randrange(len(changed))))
        changed[place] = chance.randrange(256)
    if chance.random() < 0.2:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_mbtiles_file_gives_faults_or_an_error_of_ours(seed, hamlet, tmp_path):
    path = tmp_path / "map.mbtiles"
    path.write_bytes(mutated(hamlet.read_bytes(), seed))
    begin = time.monotonic()
    try:
        verify_tileset(path)
        with open_tileset(path) as tileset:
            for zoom in tileset.zooms:
                for tile in tileset.tiles(zoom):
                    tileset.get(tile)
                stitch(tileset, zoom)
    except C2GMError as error:
        assert "map.mbtiles" in str(error) or "picture would have" in str(error)
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_picture_gives_an_error_that_names_the_tile(seed, town_folder):
    file = town_folder / "4" / "9" / "5.png"
    file.write_bytes(mutated(file.read_bytes(), seed))
    with open_tileset(town_folder) as tileset:
        try:
            assert tileset.get(Tile(9, 5, 4)).shape[:2] == (256, 256)
        except C2GMError as error:
            assert "4/9/5" in str(error)
