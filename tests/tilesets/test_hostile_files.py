"""Whatever bytes a file has, a reader gives pictures, faults or an error of ours, soon."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import sqlite3
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mercantile import Tile
from PIL import Image
from pmtiles.tile import Entry, serialize_directory

from c2gm.errors import C2GMError, TilesetError
from c2gm.tilesets.compare import compare_tilesets
from c2gm.tilesets.export import export_tileset
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tilesets.pictures import encode_png
from c2gm.tilesets.stitch import stitch
from c2gm.tilesets.verify import verify_tileset

SECONDS = 2.0  # of this process, so that a busy machine does not count
MEGABYTES = 300
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="session")
def hamlet(tmp_path_factory, make_small):
    return make_small(tmp_path_factory.mktemp("hamlet") / "hamlet.mbtiles")


@pytest.fixture(scope="session")
def hamlets(tmp_path_factory, hamlet) -> dict[str, bytes]:
    """The same two tiles as the bytes of every kind of file."""
    folder = tmp_path_factory.mktemp("hamlets")
    export_tileset(hamlet, folder / "hamlet.pmtiles")
    export_tileset(hamlet, folder / "once.mbtiles", deduplicate=True)
    return {
        ".mbtiles": hamlet.read_bytes(),
        ".pmtiles": (folder / "hamlet.pmtiles").read_bytes(),
        "-once.mbtiles": (folder / "once.mbtiles").read_bytes(),
    }


@contextmanager
def in_time() -> Iterator[None]:
    begin = time.process_time()
    yield
    assert time.process_time() - begin < SECONDS


@contextmanager
def in_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MEGABYTES << 20
    finally:
        tracemalloc.stop()


def use(path: Path) -> None:
    """All that people do with a tile set, each giving an answer or an error of ours in time."""
    for deed in (verify_tileset, read_all, stitched, lambda p: compare_tilesets(p, p)):
        with in_time():
            try:
                deed(path)
            except C2GMError as error:
                assert str(error)
                assert "\n" not in str(error)


def read_all(path: Path) -> None:
    with open_tileset(path) as tileset:
        assert all(isinstance(value, str) for value in tileset.metadata.values())
        for zoom in tileset.zooms:
            for tile in tileset.tiles(zoom):
                pixels = tileset.get(tile)
                assert pixels is None or pixels.shape[:2] == (256, 256)


def stitched(path: Path) -> None:
    with open_tileset(path) as tileset:
        for zoom in tileset.zooms:
            stitch(tileset, zoom)


def changes(length: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Places and new bytes; half of them where the structure of a file is."""
    place = st.one_of(st.integers(0, min(length, 1200) - 1), st.integers(0, length - 1))
    return st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=30)


@pytest.mark.parametrize("kind", [".mbtiles", ".pmtiles", "-once.mbtiles"])
@FUZZ
@given(data=st.data())
def test_a_changed_file_gives_an_answer_or_an_error_of_ours(kind, hamlets, tmp_path, data):
    content = bytearray(hamlets[kind])
    for place, value in data.draw(changes(len(content))):
        content[place] = value
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path / f"map{kind}"
    path.write_bytes(content)
    use(path)


@FUZZ
@given(picture=st.binary(max_size=200), at=st.integers(0, 400), text=st.binary(max_size=200))
def test_a_folder_of_anything_gives_an_answer_or_an_error_of_ours(picture, at, text, tmp_path):
    good = encode_png(np.full((256, 256, 3), 9, np.uint8))
    column = tmp_path / "map" / "3" / "4"
    column.mkdir(parents=True, exist_ok=True)
    (column / "2.png").write_bytes(good[:at] + picture + good[at + len(picture) :])
    (tmp_path / "map" / "metadata.json").write_bytes(text)
    use(tmp_path / "map")


VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            "nan",
            "inf,inf,inf,inf",
            "1e999,0,1,1",
            "0,0,0",
            "9" * 5000,
            "-1",
            "Infinity",
            "🗺" * 9,
        ]
    ),
)
KEYS = ("name", "format", "bounds", "center", "minzoom", "maxzoom", "tile_counts", "notice", "x")
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@FUZZ
@given(told=st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_metadata_of_any_text_gives_an_answer_or_an_error_of_ours(told, hamlet, tmp_path):
    path = tmp_path / "map.mbtiles"
    path.write_bytes(hamlet.read_bytes())
    db = sqlite3.connect(path)
    db.executemany("INSERT OR REPLACE INTO metadata VALUES (?, ?)", list(told.items()))
    db.commit()
    db.close()
    use(path)


@FUZZ
@given(told=st.dictionaries(st.sampled_from(KEYS), JSONS))
def test_metadata_of_any_json_gives_an_answer_or_an_error_of_ours(told, tmp_path):
    column = tmp_path / "map" / "3" / "4"
    column.mkdir(parents=True, exist_ok=True)
    (column / "2.png").write_bytes(encode_png(np.full((256, 256, 3), 9, np.uint8)))
    (tmp_path / "map" / "metadata.json").write_text(json.dumps(told), "utf-8")
    use(tmp_path / "map")


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_picture_gives_an_error_that_names_the_tile(seed, town_folder):
    file = town_folder / "4" / "9" / "5.png"
    chance = random.Random(seed)
    content = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 3, 30))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    file.write_bytes(content)
    with open_tileset(town_folder) as tileset:
        try:
            assert tileset.get(Tile(9, 5, 4)).shape[:2] == (256, 256)
        except C2GMError as error:
            assert "4/9/5" in str(error)


# ---- files made to hurt


def with_tiles(path: Path, *statements: str) -> Path:
    db = sqlite3.connect(path)
    db.executescript("CREATE TABLE metadata (name TEXT, value TEXT);" + ";".join(statements))
    db.close()
    return path


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize(
    "view",
    [
        f"{ENDLESS} SELECT 0 zoom_level, i tile_column, i tile_row, 'x' tile_data FROM n",
        f"{ENDLESS} SELECT 0 zoom_level, 0 tile_column, 0 tile_row, 'x' tile_data FROM n",
        f"{ENDLESS} SELECT 'a' zoom_level, 'b' tile_column, 'c' tile_row, 'x' tile_data FROM n",
        f"{ENDLESS} SELECT hex(zeroblob(8000000)) zoom_level, 0 tile_column, 0 tile_row, "
        "1 tile_data FROM n",
        "SELECT 0 zoom_level, 0 tile_column, 0 tile_row, zeroblob(900000000) tile_data",
    ],
)
def test_a_view_of_tiles_without_end_ends_soon(view, tmp_path):
    path = with_tiles(tmp_path / "map.mbtiles", f"CREATE VIEW tiles AS {view}")
    for deed in (verify_tileset, read_all):
        with in_time(), in_memory():
            try:
                deed(path)
            except TilesetError as error:
                assert "map.mbtiles" in str(error)


@pytest.mark.parametrize(
    "view",
    [
        f"{ENDLESS} SELECT 'n' || i name, 'v' value FROM n",
        f"{ENDLESS} SELECT i name, hex(zeroblob(4000000)) value FROM n",
    ],
)
def test_metadata_without_end_end_soon(view, tmp_path, hamlet):
    path = tmp_path / "map.mbtiles"
    path.write_bytes(hamlet.read_bytes())
    db = sqlite3.connect(path)
    db.executescript(f"DROP TABLE metadata; CREATE VIEW metadata AS {view};")
    db.close()
    with in_time(), in_memory():
        try:
            assert len(verify_tileset(path)) > 0
        except TilesetError as error:
            assert "metadata" in str(error)


def archive(path: Path, root: bytes, *, leaves: bytes = b"", metadata: bytes | None = None) -> Path:
    """A PMTiles file put together by hand; its one picture is good."""
    picture = encode_png(np.full((256, 256, 3), 9, np.uint8))
    metadata = gzip.compress(b"{}") if metadata is None else metadata
    header = bytearray(b"PMTiles\x03" + bytes(119))
    at = 127
    for offset, part in ((8, root), (24, metadata), (40, leaves), (56, picture)):
        header[offset : offset + 8] = at.to_bytes(8, "little")
        header[offset + 8 : offset + 16] = len(part).to_bytes(8, "little")
        at += len(part)
    header[96:102] = bytes((1, 2, 1, 2, 0, 20))  # clustered, gzip, none, png, zooms 0 to 20
    path.write_bytes(bytes(header) + root + metadata + leaves + picture)
    return path


SIZE = len(encode_png(np.full((256, 256, 3), 9, np.uint8)))
LEAF = serialize_directory([Entry(i, 0, SIZE, 1) for i in range(5000)])
MANY = serialize_directory([Entry(3 * i, 0, SIZE, 2) for i in range(400_000)])


@pytest.mark.parametrize(
    ("root", "leaves", "says"),
    [
        (serialize_directory([Entry(0, 0, SIZE, 1 << 31)]), b"", "too many for its size"),
        (serialize_directory([Entry(0, 0, SIZE, 1 << 60)]), b"", "too many for its size"),
        (serialize_directory([Entry(1 << 61, 0, SIZE, 1 << 61)]), b"", "tiles"),
        (
            serialize_directory([Entry(i, 0, len(LEAF), 0) for i in range(4000)]),
            LEAF,
            "used twice",
        ),
        (MANY, b"", "too many for its size"),
        (gzip.compress(bytes(200 << 20)), b"", "unpacks to more than"),
    ],
)
def test_an_archive_that_claims_far_more_than_it_holds_is_refused(root, leaves, says, tmp_path):
    path = archive(tmp_path / "map.pmtiles", root, leaves=leaves)
    with in_time(), in_memory(), pytest.raises(TilesetError, match=says):
        read_all(path)


def test_metadata_that_unpack_without_end_are_refused(tmp_path):
    root = serialize_directory([Entry(0, 0, SIZE, 1)])
    bomb = gzip.compress(b'{"a": "' + bytes(200 << 20) + b'"}')
    path = archive(tmp_path / "map.pmtiles", root, metadata=bomb)
    with in_time(), in_memory(), pytest.raises(TilesetError, match="more than 1 MiB"):
        open_tileset(path)


@pytest.mark.parametrize("offset", [16, 32])
def test_parts_that_claim_gigabytes_are_refused_before_they_are_read(offset, tmp_path):
    """A sparse file: ten gigabytes of nothing."""
    path = archive(tmp_path / "map.pmtiles", serialize_directory([Entry(0, 0, SIZE, 1)]))
    with path.open("r+b") as file:
        file.seek(offset)
        file.write((8 << 30).to_bytes(8, "little"))
        file.truncate(10 << 30)
    with in_time(), in_memory(), pytest.raises(TilesetError, match="claims"):
        open_tileset(path)


def test_as_many_equal_tiles_as_a_small_file_may_name_are_verified_in_time(tmp_path):
    path = archive(tmp_path / "sea.pmtiles", serialize_directory([Entry(0, 0, SIZE, 5461)]))
    with in_time():
        codes = {fault.code for fault in verify_tileset(path)}
    assert "damaged-picture" not in codes


@pytest.mark.parametrize("kind", ["wide", "text", "frames", "deep"])
def test_pictures_made_to_hurt_are_refused(kind, tmp_path, town_folder):
    file = io.BytesIO()
    if kind == "wide":
        Image.new("1", (30_000, 30_000)).save(file, "PNG")
    elif kind == "frames":
        frames = [Image.new("RGB", (256, 256), (i, 0, 0)) for i in range(200)]
        frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    elif kind == "deep":
        Image.new("I;16", (256, 256)).save(file, "PNG")
    else:
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("a", "x" * (60 << 20), zip=True)
        Image.new("RGB", (256, 256)).save(file, "PNG", pnginfo=info)
    (town_folder / "4" / "9" / "5.png").write_bytes(file.getvalue())
    with in_time(), in_memory(), open_tileset(town_folder) as tileset:
        try:
            assert tileset.get(Tile(9, 5, 4)).shape == (256, 256, 3)
        except TilesetError as error:
            assert "4/9/5" in str(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
def test_a_pipe_in_the_place_of_metadata_or_a_tile_is_passed_over(town_folder):
    for name in ("metadata.json", "tiles.json", "4/9/5.png"):
        (town_folder / name).unlink()
        os.mkfifo(town_folder / name)
    with in_time():
        use(town_folder)


def test_a_link_to_a_file_of_the_system_shows_nothing_of_it(town_folder, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    try:
        (town_folder / "4" / "9" / "5.png").unlink()
        (town_folder / "4" / "9" / "5.png").symlink_to(secret)
        (town_folder / "metadata.json").unlink()
        (town_folder / "metadata.json").symlink_to(secret)
    except OSError:
        pytest.skip("links cannot be made here")
    with pytest.raises(TilesetError) as caught:
        open_tileset(town_folder)
    assert "canary" not in str(caught.value)


def test_triggers_and_foreign_tables_of_a_stranger_do_nothing(town_mbtiles, tmp_path):
    db = sqlite3.connect(town_mbtiles)
    db.executescript(
        "CREATE TABLE victim (x); CREATE TRIGGER t AFTER INSERT ON tiles BEGIN "
        "INSERT INTO victim VALUES (1); END;"
    )
    db.close()
    before = town_mbtiles.read_bytes()
    use(town_mbtiles)
    export_tileset(town_mbtiles, tmp_path / "copy.mbtiles")
    assert town_mbtiles.read_bytes() == before
    copied = sqlite3.connect(tmp_path / "copy.mbtiles")
    names = {name for (name,) in copied.execute("SELECT name FROM sqlite_master")}
    copied.close()
    assert not names & {"victim", "t"}


def test_a_number_in_the_place_of_a_picture_is_told(town_mbtiles):
    db = sqlite3.connect(town_mbtiles)
    db.execute("UPDATE tiles SET tile_data = 7")
    db.commit()
    db.close()
    assert {fault.code for fault in verify_tileset(town_mbtiles)} == {"not-a-picture"}


def test_text_in_the_place_of_a_picture_is_told_in_one_line(town_mbtiles):
    db = sqlite3.connect(town_mbtiles)
    db.execute("UPDATE tiles SET tile_data = CAST(x'89500d0a1a0aff' AS TEXT)")
    db.commit()
    db.close()
    with open_tileset(town_mbtiles) as tileset, pytest.raises(TilesetError) as caught:
        tileset.get(Tile(9, 5, 4))
    assert str(caught.value).isprintable()


def test_a_canary_in_the_environment_and_path_is_in_no_output(tmp_path, monkeypatch):
    """Nothing that a tile set says of itself may tell where or by whom it was made."""
    monkeypatch.setenv("C2GM_CANARY", "canary-4711")
    folder = tmp_path / "canary-4711"
    for name in ("a.mbtiles", "a.pmtiles", "a"):
        with create_tileset(folder / name, {"model": "abc"}) as tileset:
            tileset.put(Tile(0, 0, 0), np.zeros((256, 256, 3), np.uint8))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 5
    assert all(b"canary" not in path.read_bytes() for path in files)
    for path in files:
        if path.suffix == ".pmtiles":
            with open_tileset(path) as tileset:
                assert "canary" not in json.dumps(tileset.metadata)
