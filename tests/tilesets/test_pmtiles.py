"""PMTiles 3: bytes by the specification, other readers, hostile files."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mercantile import Tile
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import Compression, Entry, TileType, serialize_directory, zxy_to_tileid

from c2gm.errors import C2GMError, DiskFull, TilesetError
from c2gm.tilesets import pmtiles as room
from c2gm.tilesets.export import export_tileset
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tilesets.pictures import encode_png
from c2gm.tilesets.pmtiles_directory import parse_directory, read_entries
from c2gm.tilesets.verify import verify_tileset

# Where the header keeps 8-byte numbers (specification, section 3.2).
OFFSETS = {
    "root": 8,
    "root_length": 16,
    "metadata": 24,
    "metadata_length": 32,
    "leaves": 40,
    "leaves_length": 48,
    "tiles": 56,
    "tiles_length": 64,
}


@pytest.fixture(scope="session")
def sound(tmp_path_factory, towns) -> Path:
    path = tmp_path_factory.mktemp("pmtiles") / "town.pmtiles"
    export_tileset(towns[0], path)
    return path


@pytest.fixture
def town_pmtiles(sound, tmp_path) -> Path:
    return Path(shutil.copy(sound, tmp_path))


def changed(path: Path, offset: int, value: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(value)] = value
    path.write_bytes(content)
    return path


def codes(path: Path) -> set[str]:
    return {fault.code for fault in verify_tileset(path)}


def test_a_sound_file_has_no_fault(sound):
    assert verify_tileset(sound) == []


def test_the_package_s_reader_finds_every_tile_at_its_place(sound, pyramid, towns):
    with open_tileset(towns[0]) as tileset:
        expected = {(t.z, t.x, t.y): tileset.get_bytes(t) for t in pyramid}
    with sound.open("rb") as file:
        source = MmapSource(file)
        assert dict(all_tiles(source)) == expected
        reader = Reader(source)
        assert all(reader.get(*place) == picture for place, picture in expected.items())


def test_the_header_tells_what_pages_need(sound):
    with sound.open("rb") as file:
        header = Reader(MmapSource(file)).header()
        metadata = Reader(MmapSource(file)).metadata()
    assert (header["tile_type"], header["tile_compression"]) == (TileType.PNG, Compression.NONE)
    assert (header["min_zoom"], header["max_zoom"], header["clustered"]) == (3, 4, True)
    west, south, east, north = (float(v) for v in metadata["bounds"].split(","))
    corners = ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")
    assert [header[c] for c in corners] == [round(v * 1e7) for v in (west, south, east, north)]
    assert header["addressed_tiles_count"] == 20
    assert metadata["attribution"] == "Photos: the town"


def test_the_file_is_the_same_bytes_whatever_the_order(tmp_path, pyramid, make_pyramid):
    first = make_pyramid(tmp_path / "a.pmtiles", pyramid, name="Town")
    second = make_pyramid(tmp_path / "b.pmtiles", pyramid[::-1], name="Town")
    assert first.read_bytes() == second.read_bytes()


def test_equal_pictures_are_stored_once_and_neighbours_as_runs(tmp_path, make_picture):
    blue, green = make_picture(Tile(0, 0, 0)), make_picture(Tile(1, 1, 1))
    places = [Tile(x, y, 3) for x in range(8) for y in range(8)]
    with create_tileset(tmp_path / "sea.pmtiles", {"model": "abc"}) as tileset:
        for tile in places:
            tileset.put(tile, green if tile == Tile(5, 5, 3) else blue)
    with open_tileset(tmp_path / "sea.pmtiles") as tileset:
        assert len(tileset.entries.ids) == 3
        assert tileset.entries.contents() == 2
        assert list(tileset.tiles(3)) == places
        assert np.array_equal(tileset.get(Tile(5, 5, 3)), green)
        assert np.array_equal(tileset.get(Tile(7, 0, 3)), blue)
    assert verify_tileset(tmp_path / "sea.pmtiles") == []
    assert (tmp_path / "sea.pmtiles").stat().st_size < 20_000


def test_a_file_with_leaves_is_written_and_read(tmp_path):
    """More entries than the root directory has room for."""
    pictures = [np.full((256, 256, 3), 4 * i, dtype=np.uint8) for i in range(64)]
    rng = random.Random(0)
    tiles = [Tile(x, y, 9) for x in range(130) for y in range(130)]
    with create_tileset(tmp_path / "large.pmtiles", {}) as tileset:
        chosen = {tile: rng.randrange(64) for tile in tiles}
        coded = [encode_png(picture) for picture in pictures]
        for tile in tiles:
            tileset.put_bytes(tile, coded[chosen[tile]])
    with open_tileset(tmp_path / "large.pmtiles") as tileset:
        assert tileset.header["leaf_directory_length"] > 0
        assert tileset.header["root_offset"] + tileset.header["root_length"] <= 16384
        assert sum(1 for _ in tileset.tiles(9)) == len(tiles)
        for tile in rng.sample(tiles, 200):
            assert tileset.get_bytes(tile) == coded[chosen[tile]]
        assert Tile(131, 0, 9) not in tileset


def test_a_file_of_another_program_is_read_by_its_header(tmp_path, make_picture):
    from pmtiles.writer import write

    picture = encode_png(make_picture(Tile(2, 1, 2)))
    with write(str(tmp_path / "other.pmtiles")) as writer:
        writer.write_tile(zxy_to_tileid(2, 2, 1), picture)
        header = {
            "tile_type": TileType.PNG,
            "tile_compression": Compression.NONE,
            "min_lon_e7": 0,
            "min_lat_e7": 0,
            "max_lon_e7": 900_000_000,
            "max_lat_e7": 665_132_604,
        }
        writer.finalize(header, {"name": "Other", "vector_layers": [1]})
    with open_tileset(tmp_path / "other.pmtiles") as tileset:
        assert tileset.metadata["name"] == "Other"
        assert tileset.metadata["format"] == "png"
        assert [float(v) for v in tileset.metadata["bounds"].split(",")] == [0, 0, 90, 66.5132604]
        assert json.loads(tileset.metadata["vector_layers"]) == [1]
        assert tileset.get_bytes(Tile(2, 1, 2)) == picture


def test_a_file_of_strangers_is_written_over_only_when_told_so(tmp_path, make_picture):
    path = tmp_path / "map.pmtiles"
    path.write_bytes(b"somebody's")
    with pytest.raises(TilesetError, match="not written by c2gm"):
        create_tileset(path, {}, overwrite=True)
    assert path.read_bytes() == b"somebody's"
    with create_tileset(path, {"model": "abc"}, overwrite_foreign=True) as tileset:
        tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
    assert verify_tileset(path) == []


def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(
    town_pmtiles, make_picture, monkeypatch
):
    before = town_pmtiles.read_bytes()

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskFull, match=r"town\.pmtiles"):
        with create_tileset(town_pmtiles, {}, overwrite=True) as tileset:
            tileset.put(Tile(0, 0, 0), make_picture(Tile(0, 0, 0)))
            monkeypatch.setattr(room.os, "fsync", full)
    assert town_pmtiles.read_bytes() == before
    assert [entry.name for entry in town_pmtiles.parent.iterdir()] == ["town.pmtiles"]


@pytest.mark.parametrize(
    ("offset", "value", "says"),
    [
        (0, b"PMTilez", "does not begin"),
        (7, b"\x02", "version 2"),
        (99, b"\x01", "mvt"),
        (99, b"\x63", "header is damaged"),
        (97, b"\x03", "packed by brotli"),
        (8, b"\xff" * 7, "beyond the end"),
        (127, b"\x00\x00", "root directory is damaged"),
    ],
)
def test_what_is_no_picture_pmtiles_is_refused_in_one_sentence(town_pmtiles, offset, value, says):
    with pytest.raises(TilesetError, match=says) as caught:
        open_tileset(changed(town_pmtiles, offset, value))
    assert str(caught.value).startswith("town.pmtiles is no sound PMTiles file")


def test_faults_of_the_file_are_found(town_pmtiles):
    whole = town_pmtiles.read_bytes()
    assert "wrong-count" in codes(changed(town_pmtiles, 72, (7).to_bytes(8, "little")))
    town_pmtiles.write_bytes(whole[:-100])
    assert "truncated" in codes(town_pmtiles)
    town_pmtiles.write_bytes(whole)
    length = int.from_bytes(whole[64:72], "little")
    assert "outside-file" in codes(changed(town_pmtiles, 64, (length - 10).to_bytes(8, "little")))


def rewritten(path: Path, entries: list[Entry], *, gap: int = 0) -> Path:
    """The file with another root directory, `gap` bytes behind the header."""
    whole = path.read_bytes()
    at = {name: int.from_bytes(whole[o : o + 8], "little") for name, o in OFFSETS.items()}
    root = serialize_directory(entries)
    metadata = whole[at["metadata"] : at["metadata"] + at["metadata_length"]]
    tiles = whole[at["tiles"] : at["tiles"] + at["tiles_length"]]
    header = bytearray(whole[:127])
    body = bytes(gap) + root + metadata + tiles
    starts = {"root": 127 + gap, "root_length": len(root), "metadata": 127 + gap + len(root)}
    starts["tiles"] = starts["metadata"] + len(metadata)
    for name, value in starts.items():
        header[OFFSETS[name] : OFFSETS[name] + 8] = value.to_bytes(8, "little")
    path.write_bytes(bytes(header) + body)
    return path


def entries_of(path: Path) -> list[Entry]:
    with open_tileset(path) as tileset:
        e = tileset.entries
        rows = zip(
            e.ids.tolist(), e.offsets.tolist(), e.lengths.tolist(), e.runs.tolist(), strict=True
        )
        return [Entry(*row) for row in rows]


def test_25_a_root_directory_where_pages_do_not_look_is_found(town_pmtiles):
    entries = entries_of(town_pmtiles)
    assert codes(rewritten(town_pmtiles, entries, gap=16_384)) == {"root-too-far"}


def test_25_pictures_out_of_order_that_are_called_clustered_are_found(town_pmtiles):
    entries = entries_of(town_pmtiles)
    first, last = entries[0], entries[-1]
    first.offset, last.offset = last.offset, first.offset
    first.length, last.length = last.length, first.length
    assert "not-clustered" in codes(rewritten(town_pmtiles, entries))


def test_a_directory_that_unpacks_without_end_is_refused():
    import gzip

    with pytest.raises(TilesetError, match="unpacks to more than"):
        parse_directory(gzip.compress(bytes(80 << 20)), "root directory")


def test_directories_that_lead_into_themselves_end():
    loop = serialize_directory([Entry(0, 0, 40, 0)])
    packed = loop + bytes(40)
    with pytest.raises(TilesetError, match="used twice"):
        read_entries(lambda *_: packed[: len(loop)], (0, len(loop)), (0, 100), 1000)


def test_entries_that_claim_the_same_tile_are_refused():
    packed = serialize_directory([Entry(0, 0, 10, 5), Entry(3, 10, 10, 1)])
    with pytest.raises(TilesetError, match="the same tile"):
        read_entries(lambda *_: packed, (0, len(packed)), (0, 0), 1000)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_directories_read_like_the_package_reads_them(data):
    steps = data.draw(st.lists(st.integers(1, 1 << 20), min_size=1, max_size=40))
    number, offset, entries = 0, 0, []
    for step in steps:
        run = data.draw(st.integers(1, step))
        length = data.draw(st.integers(1, 1 << 20))
        if data.draw(st.booleans()):
            offset += data.draw(st.integers(0, 1 << 30))
        entries.append(Entry(number, offset, length, run))
        number, offset = number + step, offset + length
    table = parse_directory(serialize_directory(entries), "root directory")
    expected = [[e.tile_id, e.run_length, e.length, e.offset] for e in entries]
    assert table.T.tolist() == expected


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_gives_faults_or_an_error_of_ours(seed, town_pmtiles):
    chance = random.Random(seed)
    content = bytearray(town_pmtiles.read_bytes())
    for _ in range(chance.choice((1, 3, 30))):
        place = chance.choice((chance.randrange(1200), chance.randrange(len(content))))
        content[place] = chance.randrange(256)
    if chance.random() < 0.2:
        del content[chance.randrange(len(content)) :]
    town_pmtiles.write_bytes(content)
    begin = time.monotonic()
    try:
        verify_tileset(town_pmtiles)
        with open_tileset(town_pmtiles) as tileset:
            for zoom in tileset.zooms:
                for tile in tileset.tiles(zoom):
                    tileset.get(tile)
    except C2GMError as error:
        assert "town.pmtiles" in str(error)
    assert time.monotonic() - begin < 20
