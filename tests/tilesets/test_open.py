import numpy as np
import pytest
from mercantile import Tile

from c2gm.errors import TilesetError
from c2gm.tilesets.export import export_tileset
from c2gm.tilesets.open import create_tileset, open_tileset

KINDS = ("map.mbtiles", "map.pmtiles", "map")


def test_tiles_come_back_as_they_were_put(town, pyramid, make_picture):
    with open_tileset(town) as tileset:
        for tile in pyramid:
            assert np.array_equal(tileset.get(tile), make_picture(tile))
        assert tileset.get(Tile(0, 0, 4)) is None
        assert Tile(8, 4, 4) in tileset
        assert Tile(0, 0, 4) not in tileset


def test_tiles_are_listed_by_zoom_then_column_then_row(town, pyramid):
    with open_tileset(town) as tileset:
        assert tileset.zooms == (3, 4)
        assert [tile for zoom in tileset.zooms for tile in tileset.tiles(zoom)] == list(pyramid)


@pytest.mark.parametrize("name", KINDS)
def test_transparency_is_kept(name, tmp_path, make_picture):
    pixels = make_picture(Tile(0, 0, 0), channels=4)
    pixels[:100, :, 3] = 0
    with create_tileset(tmp_path / name, {}) as tileset:
        tileset.put(Tile(0, 0, 0), pixels)
    with open_tileset(tmp_path / name) as tileset:
        assert np.array_equal(tileset.get(Tile(0, 0, 0)), pixels)


@pytest.mark.parametrize("name", KINDS)
def test_a_tile_put_twice_is_the_second_one(name, tmp_path, make_picture):
    with create_tileset(tmp_path / name, {}) as tileset:
        tileset.put(Tile(0, 0, 1), make_picture(Tile(0, 0, 1)))
        tileset.put(Tile(0, 0, 1), make_picture(Tile(5, 5, 5)))
        assert np.array_equal(tileset.get(Tile(0, 0, 1)), make_picture(Tile(5, 5, 5)))
        assert list(tileset.tiles(1)) == [Tile(0, 0, 1)]
    with open_tileset(tmp_path / name) as tileset:
        assert np.array_equal(tileset.get(Tile(0, 0, 1)), make_picture(Tile(5, 5, 5)))
        assert tileset.metadata["tile_counts"] == '{"1": 1}'


def test_metadata_is_complete_text_with_the_bounds_of_the_tiles(town):
    with open_tileset(town) as tileset:
        metadata = tileset.metadata
    assert metadata["name"] == "Town"
    assert metadata["format"] == "png"
    assert metadata["type"] == "baselayer"
    assert metadata["attribution"] == "Photos: the town"
    assert metadata["notice"] == "Generated map, not surveyed"
    assert metadata["description"].startswith("Generated map, not surveyed")
    assert (metadata["minzoom"], metadata["maxzoom"]) == ("3", "4")
    assert metadata["complete"] == "1"
    assert all(isinstance(value, str) for value in metadata.values())
    # Columns 8 to 11 of 16 are a quarter of the world's width, rows 4 to 7 lie on the equator.
    west, south, east, north = (float(value) for value in metadata["bounds"].split(","))
    assert (west, east, south) == (0.0, 90.0, 0.0)
    assert north == pytest.approx(66.513260443112, abs=1e-11)
    assert metadata["center"].startswith("45.000000000000,33.2566302215")


def test_export_there_and_back_keeps_every_byte(town, pyramid, tmp_path):
    there, back = tmp_path / "there.mbtiles", tmp_path / "back"
    assert export_tileset(town, there) == len(pyramid)
    assert export_tileset(there, back) == len(pyramid)
    with open_tileset(town) as first, open_tileset(back) as last:
        assert [first.get_bytes(t) for t in pyramid] == [last.get_bytes(t) for t in pyramid]
        assert first.metadata == last.metadata


def test_export_onto_itself_is_refused(town):
    with pytest.raises(TilesetError, match="onto itself"):
        export_tileset(town, town, overwrite=True)


def test_a_taken_name_is_refused_unless_told_to_overwrite(town, make_picture):
    with pytest.raises(TilesetError, match="exists already"):
        create_tileset(town, {})
    with create_tileset(town, {}, overwrite=True) as tileset:
        tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
    with open_tileset(town) as tileset:
        assert tileset.zooms == (0,)
    assert [entry.name for entry in town.parent.iterdir()] == [town.name]


def test_an_exception_leaves_the_old_map_and_nothing_else(town, pyramid, make_picture):
    with pytest.raises(KeyboardInterrupt):
        with create_tileset(town, {}, overwrite=True) as tileset:
            tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
            raise KeyboardInterrupt
    with open_tileset(town) as tileset:
        assert list(tileset.tiles(4)) == [tile for tile in pyramid if tile.z == 4]
    assert [entry.name for entry in town.parent.iterdir()] == [town.name]


@pytest.mark.parametrize("name", KINDS)
def test_nothing_has_the_name_before_the_end(name, tmp_path, make_picture):
    tileset = create_tileset(tmp_path / name, {})
    tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
    assert not (tmp_path / name).exists()
    tileset.close()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    tileset.close()  # a second time does no harm
    with pytest.raises(TilesetError, match="closed"):
        tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))


@pytest.mark.parametrize("name", KINDS)
def test_a_map_without_tiles_is_not_written(name, tmp_path):
    with pytest.raises(TilesetError, match="has no tiles"):
        create_tileset(tmp_path / name, {}).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_name_taken_meanwhile_is_not_written_over(name, tmp_path, make_pyramid, make_picture):
    tileset = create_tileset(tmp_path / name, {})
    tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
    make_pyramid(tmp_path / name)
    with pytest.raises(TilesetError, match="exists already"):
        tileset.close()
    with open_tileset(tmp_path / name) as other:
        assert other.zooms == (3, 4)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("tile", [(2, 0, 1), (0, -1, 1), (0, 0, -1), (0, 0, 31)])
def test_tiles_beyond_the_grid_are_refused_and_the_map_goes_on(name, tile, tmp_path, make_picture):
    with create_tileset(tmp_path / name, {}) as tileset:
        with pytest.raises(TilesetError, match="no tile of the web map grid"):
            tileset.put(Tile._make(tile), make_picture(Tile(0, 0, 0)))
        tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("name", KINDS)
def test_pictures_that_are_none_are_refused(name, tmp_path, make_picture):
    with create_tileset(tmp_path / name, {}) as tileset:
        with pytest.raises(TilesetError, match="256 x 256 x 3 or 4"):
            tileset.put(Tile(0, 0, 0), np.zeros((512, 512, 3), np.uint8))
        with pytest.raises(TilesetError, match="256 x 256 x 3 or 4"):
            tileset.put(Tile(0, 0, 0), np.zeros((256, 256, 3), np.float32))
        with pytest.raises(TilesetError, match="0/0/0 is empty"):
            tileset.put_bytes(Tile(0, 0, 0), b"")
        tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
        with pytest.raises(TilesetError, match="one kind of picture"):
            tileset.put_bytes(Tile(0, 0, 1), b"\xff\xd8\xff\xe0 some JPEG")


def test_metadata_that_is_no_text_is_refused(tmp_path):
    with pytest.raises(TilesetError, match="'seed' must be text, not int"):
        create_tileset(tmp_path / "map", {"seed": 7})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["map.tif", "map.png"])
def test_names_of_other_kinds_are_refused(name, tmp_path):
    with pytest.raises(TilesetError, match=r"\.pmtiles or as a folder"):
        create_tileset(tmp_path / name, {})


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(TilesetError, match="no name for a tile set"):
        create_tileset(name, {})


def test_a_missing_tile_set_is_named(tmp_path):
    with pytest.raises(TilesetError, match=r"gone\.mbtiles does not exist"):
        open_tileset(tmp_path / "gone.mbtiles")


def test_a_tile_set_open_for_reading_takes_no_tile(town, make_picture):
    with open_tileset(town) as tileset:
        with pytest.raises(TilesetError, match="open for reading"):
            tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))


def test_links_are_not_written_through(town, tmp_path):
    link = tmp_path / ("link" + town.suffix)
    try:
        link.symlink_to(town, target_is_directory=town.is_dir())
    except OSError:
        pytest.skip("this system lets nobody make links")
    with pytest.raises(TilesetError, match="is a link"):
        create_tileset(link, {}, overwrite=True)


@pytest.mark.parametrize("name", ["x" * 250 + ".mbtiles", "x" * 250])
def test_a_name_that_the_disk_refuses_is_an_error_of_ours(name, tmp_path):
    with pytest.raises(TilesetError, match="cannot be written"):
        create_tileset(tmp_path / name, {})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TilesetError, match="does not exist"):
        open_tileset(tmp_path / ("x" * 300))


def test_a_folder_that_is_a_file_is_an_error_of_ours(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(TilesetError, match="cannot be written"):
        create_tileset(tmp_path / "notes" / "map.mbtiles", {})
