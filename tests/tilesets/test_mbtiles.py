import errno
import gzip
import shutil
import sqlite3
import sys
import threading
import time

import numpy as np
import pytest
from mercantile import Tile

from c2gm.errors import DiskFull, TilesetError
from c2gm.tilesets import mbtiles
from c2gm.tilesets.open import create_tileset, open_tileset


def change(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(*statement) if isinstance(statement, tuple) else connection.execute(
            statement
        )
    connection.commit()
    connection.close()


def rows(path, sql):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_rows_are_counted_from_the_south(town_mbtiles):
    found = rows(town_mbtiles, "SELECT tile_column, tile_row FROM tiles WHERE zoom_level = 3")
    assert set(found) == {(4, 5), (4, 4), (5, 5), (5, 4)}


def test_the_file_is_plain_sqlite_of_the_format(town_mbtiles):
    header = town_mbtiles.read_bytes()[:100]
    assert header[:16] == b"SQLite format 3\0"
    assert int.from_bytes(header[16:18], "big") == 4096
    assert header[18:20] == b"\x01\x01"  # no WAL: opens on read-only media
    assert header[68:72] == b"MPBX"
    schema = dict(rows(town_mbtiles, "SELECT name, type FROM sqlite_master"))
    assert schema["tiles"] == schema["metadata"] == "table"
    columns = rows(town_mbtiles, "SELECT name FROM pragma_table_info('tiles')")
    assert [name for (name,) in columns] == [
        "zoom_level",
        "tile_column",
        "tile_row",
        "tile_data",
    ]
    assert rows(town_mbtiles, "SELECT count(*) FROM pragma_index_list('tiles') WHERE [unique]") == [
        (1,)
    ]


def test_the_file_is_the_same_bytes_each_time(tmp_path, make_pyramid):
    first = make_pyramid(tmp_path / "a.mbtiles")
    second = make_pyramid(tmp_path / "b.mbtiles")
    assert first.read_bytes() == second.read_bytes()


def test_gdal_shows_the_map_at_its_place(town_mbtiles, make_picture):
    import rasterio

    with rasterio.open(town_mbtiles) as data:
        assert data.driver == "MBTiles"
        assert data.crs.to_epsg() == 3857
        assert (data.width, data.height) == (4 * 256, 4 * 256)
        quarter = 20037508.342789244
        assert data.bounds.left == pytest.approx(0, abs=1e-3)
        assert data.bounds.bottom == pytest.approx(0, abs=1e-3)
        assert data.bounds.right == pytest.approx(quarter / 2, abs=1e-3)
        assert data.bounds.top == pytest.approx(quarter / 2, abs=1e-3)
        pixels = data.read((1, 2, 3)).transpose(1, 2, 0)
    for tile in (Tile(8, 4, 4), Tile(11, 4, 4), Tile(9, 7, 4)):
        top, left = (tile.y - 4) * 256, (tile.x - 8) * 256
        assert np.array_equal(pixels[top : top + 256, left : left + 256], make_picture(tile))
    with rasterio.open(town_mbtiles, ZOOM_LEVEL=3) as data:
        assert data.read(3)[0, 0] == make_picture(Tile(4, 2, 3))[0, 0, 2]


def test_a_file_left_in_wal_mode_is_read_without_leaving_anything(town_mbtiles):
    change(town_mbtiles, "PRAGMA journal_mode = WAL")
    assert town_mbtiles.read_bytes()[18] == 2
    with open_tileset(town_mbtiles) as tileset:
        assert tileset.get(Tile(8, 4, 4)) is not None
    assert [entry.name for entry in town_mbtiles.parent.iterdir()] == [town_mbtiles.name]


def test_rows_still_in_the_log_are_read(town_mbtiles, pyramid):
    writer = sqlite3.connect(town_mbtiles)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("DELETE FROM tiles WHERE zoom_level = 3")
    writer.commit()
    with open_tileset(town_mbtiles) as tileset:
        assert tileset.zooms == (4,)
    writer.close()


def test_views_and_missing_metadata_are_read(town_mbtiles, make_picture):
    change(
        town_mbtiles,
        "ALTER TABLE tiles RENAME TO store",
        "CREATE VIEW tiles AS SELECT * FROM store",
        "DROP TABLE metadata",
    )
    with open_tileset(town_mbtiles) as tileset:
        assert tileset.metadata == {}
        assert np.array_equal(tileset.get(Tile(8, 4, 4)), make_picture(Tile(8, 4, 4)))


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", r"Tile 4/8/4 of town\.mbtiles is empty"),
        (gzip.compress(b"x" * 100), r"Tile 4/8/4 of town\.mbtiles is gzipped"),
        (b"<html>", r"Tile 4/8/4 of town\.mbtiles is not a PNG, JPEG or WebP"),
        (b"\x89PNG\r\n\x1a\nrest", r"Tile 4/8/4 of town\.mbtiles is a damaged png"),
        ("text", r"Tile 4/8/4 of town\.mbtiles is not a PNG, JPEG or WebP"),
    ],
)
def test_a_tile_that_is_no_picture_is_named(town_mbtiles, blob, message):
    where = "WHERE zoom_level = 4 AND tile_column = 8 AND tile_row = 11"
    change(town_mbtiles, (f"UPDATE tiles SET tile_data = ? {where}", (blob,)))
    with open_tileset(town_mbtiles) as tileset:
        with pytest.raises(TilesetError, match=message):
            tileset.get(Tile(8, 4, 4))
        assert tileset.get(Tile(8, 5, 4)) is not None


def test_a_truncated_picture_is_named(town_mbtiles):
    change(town_mbtiles, "UPDATE tiles SET tile_data = substr(tile_data, 1, 500)")
    with open_tileset(town_mbtiles) as tileset, pytest.raises(TilesetError, match="damaged png"):
        tileset.get(Tile(8, 4, 4))


def test_a_huge_blob_is_refused_before_it_is_read(town_mbtiles):
    change(town_mbtiles, "UPDATE tiles SET tile_data = zeroblob(40000000) WHERE zoom_level = 3")
    with open_tileset(town_mbtiles) as tileset, pytest.raises(TilesetError):
        tileset.get(Tile(4, 2, 3))


def test_an_endless_view_ends_in_an_error(town_mbtiles, monkeypatch):
    monkeypatch.setattr(mbtiles, "QUERY_SECONDS", 0.2)
    change(
        town_mbtiles,
        "DROP TABLE tiles",
        "CREATE VIEW tiles AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT 0 AS zoom_level, i AS tile_column, i AS tile_row, 'x' AS tile_data FROM n",
    )
    begin = time.monotonic()
    with open_tileset(town_mbtiles) as tileset, pytest.raises(TilesetError, match="without end"):
        tileset.get(Tile(0, 0, 0))
    assert time.monotonic() - begin < 30


def test_files_that_are_no_mbtiles_are_refused(tmp_path):
    text = tmp_path / "text.mbtiles"
    text.write_text("no database")
    with pytest.raises(TilesetError, match=r"text\.mbtiles is not an MBTiles file"):
        open_tileset(text)
    other = tmp_path / "other.mbtiles"
    change(other, "CREATE TABLE notes (line TEXT)")
    with pytest.raises(TilesetError, match="without a table of tiles"):
        open_tileset(other)


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9])
def test_a_truncated_file_ends_in_an_error(town_mbtiles, pyramid, kept):
    content = town_mbtiles.read_bytes()
    town_mbtiles.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(TilesetError, match="damaged or incomplete|damaged png"):
        with open_tileset(town_mbtiles) as tileset:
            for tile in pyramid:
                tileset.get(tile)


def test_names_with_signs_of_addresses_are_opened(tmp_path, make_pyramid):
    path = make_pyramid(tmp_path / "100% a#b café.mbtiles")
    with open_tileset(path) as tileset:
        assert tileset.zooms == (3, 4)


def test_several_threads_may_read_one_tile_set(town_mbtiles, pyramid, make_picture):
    wrong = []

    def read(tileset):
        for tile in pyramid * 5:
            if not np.array_equal(tileset.get(tile), make_picture(tile)):
                wrong.append(tile)

    with open_tileset(town_mbtiles) as tileset:
        threads = [threading.Thread(target=read, args=(tileset,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


@pytest.mark.parametrize("content", [b"a letter", b""])
def test_a_file_of_strangers_is_written_over_only_when_told_so(tmp_path, make_picture, content):
    path = tmp_path / "map.mbtiles"
    path.write_bytes(content)
    with pytest.raises(TilesetError, match="not written by c2gm"):
        create_tileset(path, {}, overwrite=True)
    assert path.read_bytes() == content
    with create_tileset(path, {}, overwrite_foreign=True) as tileset:
        tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
    with open_tileset(path) as tileset:
        assert tileset.zooms == (0,)


def test_a_map_of_another_program_is_not_written_over(town_mbtiles):
    change(town_mbtiles, "UPDATE metadata SET value = 'mapper 2.1' WHERE name = 'generator'")
    with pytest.raises(TilesetError, match="not written by c2gm"):
        create_tileset(town_mbtiles, {}, overwrite=True)


def test_a_full_disk_leaves_the_old_file_whole(town_mbtiles, make_picture):
    before = town_mbtiles.read_bytes()
    tileset = create_tileset(town_mbtiles, {}, overwrite=True)
    # SQLite says SQLITE_FULL at this size, as it does when the disk has no more room.
    tileset._connection.execute("PRAGMA max_page_count = 40")
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    with pytest.raises(DiskFull, match=r"town\.mbtiles was complete.*untouched"):
        for x in range(100):
            tileset.put(Tile(x, 0, 8), noise)
    assert town_mbtiles.read_bytes() == before
    assert [entry.name for entry in town_mbtiles.parent.iterdir()] == [town_mbtiles.name]
    with pytest.raises(TilesetError, match="closed"):
        tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))


def test_a_full_disk_at_the_very_end_leaves_the_old_file_whole(
    town_mbtiles, make_picture, monkeypatch
):
    def no_room(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = town_mbtiles.read_bytes()
    monkeypatch.setattr(mbtiles.os, "fsync", no_room)
    with pytest.raises(DiskFull):
        with create_tileset(town_mbtiles, {}, overwrite=True) as tileset:
            tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
    assert town_mbtiles.read_bytes() == before
    assert [entry.name for entry in town_mbtiles.parent.iterdir()] == [town_mbtiles.name]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a small file system of its own")
def test_a_really_full_disk_is_told(tmp_path, make_picture, small_disk):
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    for name in ("map.mbtiles", "map"):
        with pytest.raises(DiskFull, match="The disk is full"):
            with create_tileset(small_disk / name, {}) as tileset:
                for x in range(100):
                    tileset.put(Tile(x, 0, 8), noise)
        assert list(small_disk.iterdir()) == []
    assert shutil.disk_usage(small_disk).used < 100_000
