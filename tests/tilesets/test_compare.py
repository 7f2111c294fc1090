import pytest
from mercantile import Tile

from c2gm.errors import TilesetError
from c2gm.tilesets.compare import compare_tilesets
from c2gm.tilesets.export import export_tileset
from c2gm.tilesets.open import create_tileset


def test_a_map_equals_its_copies_of_other_kinds(town_mbtiles, tmp_path):
    for name in ("copy.pmtiles", "copy"):
        export_tileset(town_mbtiles, tmp_path / name)
        assert compare_tilesets(town_mbtiles, tmp_path / name) == []
        assert compare_tilesets(tmp_path / name, town_mbtiles) == []


def test_coding_and_the_colour_of_transparent_pixels_do_not_count(tmp_path, make_picture):
    tile = Tile(3, 3, 3)
    clear = make_picture(tile, channels=4)
    clear[:9, :, 3] = 0
    other = clear.copy()
    other[:9, :, :3] = 7
    for name, pixels in (("a.mbtiles", clear), ("b.mbtiles", other)):
        with create_tileset(tmp_path / name, {}) as tileset:
            tileset.put(tile, pixels)
    assert compare_tilesets(tmp_path / "a.mbtiles", tmp_path / "b.mbtiles") == []


def test_each_difference_is_told_with_its_tile(town_mbtiles, tmp_path, make_picture, pyramid):
    path = tmp_path / "other.mbtiles"
    changed = make_picture(pyramid[5])
    changed[10:20, 10:20, 2] ^= 8
    with create_tileset(path, {}) as tileset:
        for tile in pyramid[1:]:
            tileset.put(tile, changed if tile == pyramid[5] else make_picture(tile))
        tileset.put(Tile(0, 0, 5), make_picture(Tile(0, 0, 5)))
    faults = compare_tilesets(town_mbtiles, path)
    assert [(fault.code, fault.tile) for fault in faults] == [
        ("not-in-the-other", pyramid[0]),
        ("differs", pyramid[5]),
        ("only-in-the-other", Tile(0, 0, 5)),
    ]
    assert "differs in 100 of 65,536 pixels, by 8 of 255 at most" in faults[1].sentence


def test_a_map_that_is_not_there_is_an_error(town_mbtiles, tmp_path):
    with pytest.raises(TilesetError, match="does not exist"):
        compare_tilesets(town_mbtiles, tmp_path / "nothing.mbtiles")
