"""Each fault is made in a sound map, and must be found, alone, with its tile."""

import gzip
import io
import json
import sqlite3
import tracemalloc

import numpy as np
import pytest
from mercantile import Tile
from PIL import Image

from c2gm.errors import TilesetError
from c2gm.tilesets.open import create_tileset
from c2gm.tilesets.verify import verify_tileset

INNER = Tile(9, 5, 4)
"""A tile with four neighbours, a parent and no children."""


def sql(path, statement, *values):
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def set_metadata(path, **changes):
    """Change metadata of either kind; None deletes."""
    if path.is_dir():
        file = path / "metadata.json"
        metadata = {**json.loads(file.read_text("utf-8")), **changes}
        kept = {key: value for key, value in metadata.items() if value is not None}
        file.write_text(json.dumps(kept), "utf-8")
        return
    for key, value in changes.items():
        sql(path, "DELETE FROM metadata WHERE name = ?", key)
        if value is not None:
            sql(path, "INSERT INTO metadata VALUES (?, ?)", key, value)


def set_picture(path, tile, picture):
    """Put any bytes in the place of a tile; None deletes it."""
    file = path / str(tile.z) / str(tile.x) / f"{tile.y}.png"
    address = (tile.z, tile.x, (1 << tile.z) - 1 - tile.y)
    where = "WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
    if path.is_dir():
        if picture is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(picture)
        return
    sql(path, f"DELETE FROM tiles {where}", *address)
    if picture is not None:
        sql(path, "INSERT INTO tiles VALUES (?, ?, ?, ?)", *address, picture)


def encoded(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def found(path):
    return [(fault.code, fault.tile) for fault in verify_tileset(path)]


def test_a_sound_map_has_no_fault(town):
    assert verify_tileset(town) == []


def test_gaps_that_the_writer_counted_are_no_fault(tmp_path, make_pyramid, pyramid):
    tiles = [tile for tile in pyramid if tile != INNER]
    for name in ("town.mbtiles", "town"):
        assert verify_tileset(make_pyramid(tmp_path / name, tiles)) == []


def test_1_a_tile_missing_by_the_count_is_found(town):
    set_picture(town, Tile(11, 7, 4), None)
    (fault,) = verify_tileset(town)
    assert fault.code == "tile-missing"
    assert fault.sentence == "Zoom 4 has 15 tiles, 16 were written. Make the map again."


def test_1_a_tile_missing_between_four_neighbours_is_found_without_counts(town):
    set_picture(town, INNER, None)
    set_metadata(town, tile_counts=None)
    assert found(town) == [("tile-missing", INNER)]


def test_1_a_zoom_missing_in_between_is_found(tmp_path, make_pyramid):
    for name in ("town.mbtiles", "town"):
        path = make_pyramid(tmp_path / name, [Tile(2, 1, 2), Tile(8, 4, 4)])
        assert found(path) == [("zoom-missing", None)]


def test_2_a_tile_outside_the_bounds_is_found(town):
    outside = Tile(0, 0, 3)
    set_picture(town, outside, encoded(np.ones((256, 256, 3), np.uint8)))
    assert found(town) == [
        ("tile-added", None),
        ("tile-outside", outside),
        ("children-missing", outside),
    ]


def test_3_a_parent_missing_above_its_children_is_found_once(town):
    set_picture(town, Tile(5, 3, 3), None)
    set_metadata(town, tile_counts=None)
    assert found(town) == [("parent-missing", Tile(5, 3, 3))]


@pytest.mark.parametrize(("columns", "faults"), [(2, 0), (3, 1)])
def test_3_a_tile_that_imagery_only_just_reaches_needs_no_family(tmp_path, columns, faults):
    """Its parent, or its children, may have no pixel whose middle lies on the imagery."""
    whole = np.full((256, 256, 4), 255, np.uint8)
    rim = whole.copy()
    rim[:, columns:, 3] = 0
    for name, zoom, missing in (("p", 4, "parent-missing"), ("c", 3, "children-missing")):
        path = tmp_path / f"{name}.mbtiles"
        with create_tileset(path, {"attribution": "me", "model": "none"}) as tileset:
            for tile in (Tile(0, 0, 3), Tile(0, 0, 4), Tile(1, 0, 4), Tile(0, 1, 4), Tile(1, 1, 4)):
                tileset.put(tile, whole)
            tileset.put(Tile(2 if zoom == 4 else 1, 0, zoom), rim)
        codes = [code for code, _ in found(path)]
        assert codes.count(missing) == faults


def test_3_all_children_missing_below_a_tile_are_found(town):
    for x, y in ((8, 4), (9, 4), (8, 5), (9, 5)):
        set_picture(town, Tile(x, y, 4), None)
    set_metadata(town, tile_counts=None)
    assert found(town) == [("children-missing", Tile(4, 2, 3))]


@pytest.mark.parametrize("size", [(512, 512), (256, 200), (2000, 2000)])
def test_4_a_picture_of_another_size_is_found(town, size):
    set_picture(town, INNER, encoded(np.ones((*size, 3), np.uint8)))
    (fault,) = verify_tileset(town)
    assert (fault.code, fault.tile) == ("wrong-size", INNER)
    assert f"is {size[1]} x {size[0]} px, not 256 x 256" in fault.sentence


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (b"<html>404</html>", "not-a-picture"),
        (encoded(np.ones((256, 256, 3), np.uint8))[:200], "damaged-picture"),
        (b"\x89PNG\r\n\x1a\n", "damaged-picture"),
        (b"", "empty-picture"),
        (gzip.compress(encoded(np.ones((256, 256, 3), np.uint8))), "gzipped-picture"),
        (encoded(np.ones((256, 256, 3), np.uint8), "JPEG"), "wrong-format"),
        (encoded(np.zeros((256, 256, 4), np.uint8)), "blank-tile"),
    ],
)
def test_5_to_8_pictures_that_are_none_or_wrong_are_found(town, picture, code):
    set_picture(town, INNER, picture)
    (fault,) = verify_tileset(town)
    assert (fault.code, fault.tile) == (code, INNER)
    assert fault.sentence.startswith("Tile 4/9/5 is ")


def test_9_rows_that_were_not_flipped_are_found(town_mbtiles):
    sql(town_mbtiles, "UPDATE tiles SET tile_row = (1 << zoom_level) - 1 - tile_row")
    (fault,) = verify_tileset(town_mbtiles)
    assert fault.code == "rows-flipped"
    assert "MBTiles counts them from the south" in fault.sentence


def test_10_rows_of_a_folder_counted_from_the_south_are_found(town_folder):
    for zoom in (3, 4):
        for file in sorted((town_folder / str(zoom)).rglob("*.png")):
            file.rename(file.with_name(f"{(1 << zoom) - 1 - int(file.stem)}.png"))
    (fault,) = verify_tileset(town_folder)
    assert fault.code == "rows-flipped"
    assert "Rename each y" in fault.sentence


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        (None, "bounds-missing"),
        ("", "bounds-missing"),
        ("0,0,0,0", "bounds-wrong"),
        ("0,0,90", "bounds-wrong"),
        ("here", "bounds-wrong"),
        ("0,66.5,90,0", "bounds-wrong"),
        ("nan,0,90,66", "bounds-wrong"),
        ("0,0,90,99", "bounds-wrong"),
        ("0,0,179,66.513260443112", "bounds-differ"),
    ],
)
def test_11_bounds_that_are_missing_or_wrong_are_found(town, bounds, code):
    set_metadata(town, bounds=bounds)
    assert found(town) == [(code, None)]


def test_11_latitudes_in_the_place_of_longitudes_are_found(town):
    set_metadata(town, bounds="0,0,66.513260443112,90", center=None)
    codes = {fault.code for fault in verify_tileset(town)}
    assert codes == {"bounds-differ", "tile-outside"}


def test_11_bounds_rounded_to_six_decimals_are_no_fault(town):
    set_metadata(town, bounds="0.000000,0.000000,90.000000,66.513260")
    assert verify_tileset(town) == []


@pytest.mark.parametrize(
    "changes", [{"minzoom": "2"}, {"maxzoom": "9"}, {"minzoom": None}, {"maxzoom": "four"}]
)
def test_12_zooms_that_are_not_those_of_the_tiles_are_found(town, changes):
    set_metadata(town, **changes)
    assert found(town) == [("zooms-wrong", None)]


@pytest.mark.parametrize("center", ["120,33,3", "45,-10,3", "45,33,9", "45,33", "a,b,c"])
def test_13_a_centre_outside_is_found(town, center):
    set_metadata(town, center=center)
    assert found(town) == [("center-wrong", None)]


def test_14_a_tile_that_is_there_twice_is_found(town_mbtiles, town_folder):
    sql(town_mbtiles, "DROP INDEX tile_index")
    sql(
        town_mbtiles,
        "INSERT INTO tiles SELECT * FROM tiles "
        "WHERE zoom_level = 4 AND tile_column = 9 AND tile_row = 10",
    )
    assert found(town_mbtiles) == [("no-index", None), ("duplicate-tile", INNER)]
    jpeg = encoded(np.ones((256, 256, 3), np.uint8), "JPEG")
    (town_folder / "4" / "9" / "5.jpg").write_bytes(jpeg)
    assert found(town_folder) == [("duplicate-tile", INNER)]


def test_14_a_table_without_a_unique_index_is_found(town_mbtiles):
    sql(town_mbtiles, "DROP INDEX tile_index")
    assert found(town_mbtiles) == [("no-index", None)]
    sql(town_mbtiles, "CREATE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row)")
    assert found(town_mbtiles) == [("no-index", None)]
    sql(town_mbtiles, "CREATE UNIQUE INDEX other ON tiles (tile_column, tile_row, zoom_level)")
    assert found(town_mbtiles) == []


@pytest.mark.parametrize("address", [(4, 16, 0), (4, 0, 16), (4, -1, 3), (31, 0, 0), (4, "a", 0)])
def test_15_rows_beyond_the_grid_are_found(town_mbtiles, address):
    sql(town_mbtiles, "INSERT INTO tiles VALUES (?, ?, ?, ?)", *address, b"x")
    assert found(town_mbtiles) == [("outside-grid", None)]


@pytest.mark.parametrize("name", ["4/16/0.png", "4/3/16.png", "4/-1/3.png", "4/3/-1.png"])
def test_15_files_beyond_the_grid_are_found(town_folder, name):
    file = town_folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x")
    assert found(town_folder) == [("outside-grid", None)]


@pytest.mark.parametrize("ending", ["-journal", ".0a1b2c3d.tmp", ".0a1b2c3d.old", ".c2gm-export"])
def test_23_left_overs_beside_the_map_are_found(town, ending):
    (town.parent / f"{town.name}{ending}").write_bytes(b"x")
    (town.parent / f"{town.name}.notes").write_bytes(b"x")
    assert ("leftover", None) in found(town)
    # SQLite will not read past a journal that it may not play back.
    unreadable = ending == "-journal" and town.is_file()
    assert len(verify_tileset(town)) == (2 if unreadable else 1)


def test_23_left_overs_of_sqlite_are_found(town_mbtiles):
    writer = sqlite3.connect(town_mbtiles)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE metadata SET value = 'Town' WHERE name = 'name'")
    writer.commit()
    assert ("leftover", None) in found(town_mbtiles)
    writer.close()


def test_23_left_overs_in_a_folder_are_found(town_folder):
    (town_folder / "4" / "9" / "5.png.tmp").write_bytes(b"x")
    assert found(town_folder) == [("leftover", None)]


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.95])
def test_24_a_truncated_file_is_found(town_mbtiles, kept):
    content = town_mbtiles.read_bytes()
    town_mbtiles.write_bytes(content[: int(len(content) * kept) // 4096 * 4096])
    assert "truncated" in {fault.code for fault in verify_tileset(town_mbtiles)}


def test_24_pages_overwritten_with_noise_are_found(town_mbtiles):
    content = bytearray(town_mbtiles.read_bytes())
    root = sqlite3.connect(town_mbtiles)
    (page,) = root.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tiles'").fetchone()
    root.close()
    content[(page - 1) * 4096 : page * 4096] = np.random.default_rng(0).bytes(4096)
    town_mbtiles.write_bytes(content)
    assert {fault.code for fault in verify_tileset(town_mbtiles)} & {
        "damaged-database",
        "unreadable",
    }


def test_27_a_map_that_hides_its_origin_is_found(town):
    set_metadata(town, model=None)
    (fault,) = verify_tileset(town)
    assert fault.code == "origin-missing"
    assert "'model'" in fault.sentence
    set_metadata(town, generator=None)
    (fault,) = verify_tileset(town)
    assert "'generator'" in fault.sentence


def test_27_a_map_drawn_from_vectors_needs_no_model(town):
    set_metadata(town, model=None, notice="Drawn from vector data")
    assert verify_tileset(town) == []


def test_a_map_without_metadata_is_told(town_mbtiles, town_folder):
    sql(town_mbtiles, "DELETE FROM metadata")
    (town_folder / "metadata.json").unlink()
    (town_folder / "tiles.json").unlink()
    assert found(town_mbtiles) == found(town_folder) == [("metadata-missing", None)]


def test_a_map_that_was_never_finished_is_told(town):
    set_metadata(town, complete="0")
    assert found(town) == [("incomplete", None)]


def test_a_map_without_tiles_is_told(town_mbtiles):
    sql(town_mbtiles, "DELETE FROM tiles")
    set_metadata(town_mbtiles, tile_counts=None)
    assert found(town_mbtiles) == [("no-tiles", None)]


def test_a_file_that_is_no_map_is_told(tmp_path):
    (tmp_path / "map.mbtiles").write_text("hello")
    (fault,) = verify_tileset(tmp_path / "map.mbtiles")
    assert fault.code == "unreadable"
    assert "is not an MBTiles file" in fault.sentence


def test_nothing_there_is_an_error(tmp_path):
    with pytest.raises(TilesetError, match="does not exist"):
        verify_tileset(tmp_path / "map.mbtiles")


def test_many_faults_of_a_kind_are_counted_not_listed(tmp_path, make_picture):
    path = tmp_path / "map.mbtiles"
    with create_tileset(path, {"model": "abc"}) as tileset:
        for x in range(64):
            tileset.put(Tile(x, 3, 6), make_picture(Tile(x, 3, 6)))
    sql(path, "UPDATE tiles SET tile_data = x'' WHERE tile_column >= 10")
    faults = verify_tileset(path)
    assert len(faults) == 21
    assert faults[-1].sentence == "34 more of this kind, not listed."
    assert str(faults[0]) == "empty-picture: Tile 6/10/3 is empty (0 bytes). Make it again."


def test_memory_does_not_grow_with_the_map(tmp_path, make_picture):
    picture = encoded(make_picture(Tile(0, 0, 0)))
    peaks = []
    for side in (8, 24):
        path = tmp_path / f"{side}.mbtiles"
        with create_tileset(path, {"model": "abc"}) as tileset:
            for tile in (Tile(x, y, 8) for x in range(side) for y in range(side)):
                tileset.put_bytes(tile, picture)
        tracemalloc.start()
        assert verify_tileset(path) == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 300_000
