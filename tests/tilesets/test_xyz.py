import json
import zlib

import numpy as np
import pytest
from mercantile import Tile
from PIL import Image

from c2gm.errors import DiskFull, TilesetError
from c2gm.tilesets import xyz
from c2gm.tilesets.open import create_tileset, open_tileset


def test_files_are_named_by_zoom_column_and_row_from_the_north(town_folder, make_picture):
    names = {str(file.relative_to(town_folder).as_posix()) for file in town_folder.rglob("*.png")}
    assert "3/4/2.png" in names
    assert "4/11/7.png" in names
    assert len(names) == 20
    with Image.open(town_folder / "4" / "8" / "4.png") as image:
        assert np.array_equal(np.asarray(image), make_picture(Tile(8, 4, 4)))


def test_both_files_of_metadata_tell_the_same(town_folder):
    metadata = json.loads((town_folder / "metadata.json").read_text("utf-8"))
    tiles = json.loads((town_folder / "tiles.json").read_text("utf-8"))
    assert all(isinstance(value, str) for value in metadata.values())
    assert tiles["tilejson"] == "3.0.0"
    assert tiles["tiles"] == ["{z}/{x}/{y}.png"]
    assert tiles["bounds"] == [float(value) for value in metadata["bounds"].split(",")]
    assert (tiles["minzoom"], tiles["maxzoom"]) == (3, 4)
    assert tiles["attribution"] == metadata["attribution"]


def test_a_folder_with_only_tilejson_has_its_metadata(town_folder):
    (town_folder / "metadata.json").unlink()
    with open_tileset(town_folder) as tileset:
        assert tileset.metadata["name"] == "Town"
        assert tileset.metadata["minzoom"] == "3"
        assert tileset.metadata["bounds"].startswith("0.0,")


def test_a_bare_folder_of_jpegs_is_read(tmp_path):
    (tmp_path / "5" / "1").mkdir(parents=True)
    Image.new("RGB", (256, 256), (9, 9, 9)).save(tmp_path / "5" / "1" / "2.jpeg")
    (tmp_path / "5" / "1" / "Thumbs.db").write_bytes(b"x")
    with open_tileset(tmp_path) as tileset:
        assert tileset.metadata == {}
        assert tileset.zooms == (5,)
        assert list(tileset.tiles(5)) == [Tile(1, 2, 5)]
        assert tileset.get(Tile(1, 2, 5)).shape == (256, 256, 3)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16"])
def test_other_kinds_of_png_become_rgb(mode, tmp_path):
    (tmp_path / "0" / "0").mkdir(parents=True)
    Image.new(mode, (256, 256)).save(tmp_path / "0" / "0" / "0.png")
    with open_tileset(tmp_path) as tileset:
        pixels = tileset.get(Tile(0, 0, 0))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (256, 256, 4 if mode == "LA" else 3)


@pytest.mark.parametrize("side", [5_000, 60_000])
def test_a_picture_bomb_is_refused_by_its_header(side, tmp_path):
    header = b"IHDR" + side.to_bytes(4, "big") * 2 + b"\x08\x06\x00\x00\x00"
    checksum = zlib.crc32(header).to_bytes(4, "big")
    (tmp_path / "0" / "0").mkdir(parents=True)
    (tmp_path / "0" / "0" / "0.png").write_bytes(
        b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + checksum + b"\0\0\0\0IDAT"
    )
    with open_tileset(tmp_path) as tileset:
        with pytest.raises(TilesetError, match=r"0/0/0.* (is 5000 x 5000 px|exceeds limit)"):
            tileset.get(Tile(0, 0, 0))


def test_folders_that_are_no_tile_set_are_refused(tmp_path):
    with pytest.raises(TilesetError, match="is no XYZ folder"):
        open_tileset(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", "\xff", "[" * 100_000])
def test_broken_metadata_is_named(town_folder, text):
    (town_folder / "metadata.json").write_text(text, "latin-1")
    with pytest.raises(TilesetError, match=r"metadata\.json"):
        open_tileset(town_folder)


@pytest.mark.parametrize("name", ["holiday.jpg", "src"])
def test_a_folder_with_other_things_is_never_written_over(town_folder, name):
    (town_folder / name).mkdir()
    with pytest.raises(TilesetError, match=f"more than a tile set .{name}"):
        create_tileset(town_folder, {}, overwrite=True)
    assert (town_folder / name).exists()


def test_a_folder_of_strangers_is_never_written_over(town_folder):
    metadata = json.loads((town_folder / "metadata.json").read_text("utf-8"))
    del metadata["generator"]
    (town_folder / "metadata.json").write_text(json.dumps(metadata), "utf-8")
    with pytest.raises(TilesetError, match="not written by c2gm"):
        create_tileset(town_folder, {}, overwrite=True)
    assert (town_folder / "4" / "8" / "4.png").exists()


def test_an_empty_folder_may_be_filled(tmp_path, make_picture):
    (tmp_path / "map").mkdir()
    with create_tileset(tmp_path / "map", {}) as tileset:
        tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
    assert (tmp_path / "map" / "0" / "0" / "0.png").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["map"]


def test_a_full_disk_leaves_the_old_folder_whole(town_folder, make_picture, monkeypatch):
    before = {file: file.read_bytes() for file in town_folder.rglob("*") if file.is_file()}
    written = []

    def nearly_full(file, content):
        written.append(file)
        if len(written) > 3:
            raise OSError(28, "No space left on device")
        file.write_bytes(content)

    monkeypatch.setattr(xyz, "_write_durably", nearly_full)
    with pytest.raises(DiskFull, match="town was complete"):
        with create_tileset(town_folder, {}, overwrite=True) as tileset:
            for x in range(8):
                tileset.put(Tile(x, 0, 3), make_picture(Tile(x, 0, 3)))
    assert before == {file: file.read_bytes() for file in town_folder.rglob("*") if file.is_file()}
    assert [entry.name for entry in town_folder.parent.iterdir()] == ["town"]


def test_a_rename_that_fails_brings_the_old_folder_back(town_folder, make_picture, monkeypatch):
    rename = xyz.os.rename

    def refuse_the_new_one(source, target):
        if str(source).endswith(".tmp"):
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(xyz.os, "rename", refuse_the_new_one)
    with pytest.raises(TilesetError, match="Close programs that have it open"):
        with create_tileset(town_folder, {}, overwrite=True) as tileset:
            tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
    with open_tileset(town_folder) as tileset:
        assert tileset.zooms == (3, 4)
    assert [entry.name for entry in town_folder.parent.iterdir()] == ["town"]
