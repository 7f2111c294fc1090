"""Exports that are stopped, killed, doubled or short of room, and how they go on."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mercantile import Tile

from c2gm.errors import DiskFull, TilesetError
from c2gm.tilesets import unfinished_export
from c2gm.tilesets.export import export_tileset
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tilesets.recode import Recoder, Recoding
from c2gm.tilesets.unfinished_export import SUFFIX, UnfinishedExport

TILES = tuple(Tile(x, 3, 4) for x in range(5))
WEBP = Recoding(coding="webp")


def noise(tile: Tile) -> np.ndarray:
    return np.random.default_rng(tile.x).integers(0, 255, (256, 256, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "town.mbtiles"
    with create_tileset(path, {"model": "abc"}) as tileset:
        for tile in TILES:
            tileset.put(tile, noise(tile))
    return path


class Coding:
    """Counts pictures that are coded, and stops before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tiles: list[Tile] = []
        self.stop_before = -1
        code = Recoder.picture

        def counted(recoder: Recoder, tile: Tile, picture: bytes) -> bytes:
            if len(self.tiles) == self.stop_before:
                raise KeyboardInterrupt
            self.tiles.append(tile)
            return code(recoder, tile, picture)

        monkeypatch.setattr(Recoder, "picture", counted)
        monkeypatch.setattr(unfinished_export, "AHEAD", 1)  # so that it is known what is kept


@pytest.fixture
def coding(monkeypatch: pytest.MonkeyPatch) -> Coding:
    return Coding(monkeypatch)


def content(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {"": path.read_bytes()}
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*.*")}


@pytest.mark.parametrize("name", ["copy.mbtiles", "copy.pmtiles", "copy"])
@pytest.mark.parametrize("recoding", [WEBP, Recoding(quiet_colours=True), Recoding(palette=True)])
def test_a_stopped_export_goes_on_to_the_same_bytes(
    source: Path, tmp_path: Path, coding: Coding, name: str, recoding: Recoding
) -> None:
    whole = tmp_path / "whole" / name
    export_tileset(source, whole, recoding=recoding)
    out = tmp_path / "stopped" / name
    for stop_before in range(len(TILES)):
        coding.tiles, coding.stop_before = [], 1  # one more picture each time
        with pytest.raises(KeyboardInterrupt):
            export_tileset(source, out, recoding=recoding)
        assert coding.tiles == [TILES[stop_before]]
        assert [entry.name for entry in out.parent.iterdir()] == [name + SUFFIX]
        if stop_before == len(TILES) - 2:
            break
    coding.tiles, coding.stop_before = [], -1
    assert export_tileset(source, out, recoding=recoding) == len(TILES)
    assert coding.tiles == [TILES[-1]]
    assert content(out) == content(whole)
    assert [entry.name for entry in out.parent.iterdir()] == [name]


def test_other_pictures_are_not_taken_for_those_that_were_kept(
    source: Path, tmp_path: Path, coding: Coding
) -> None:
    out = tmp_path / "copy.mbtiles"
    coding.stop_before = 4
    with pytest.raises(KeyboardInterrupt):
        export_tileset(source, out, recoding=WEBP)
    other = tmp_path / "other.mbtiles"
    with create_tileset(other, {"model": "abc"}) as tileset:
        for tile in TILES:
            tileset.put(tile, noise(Tile(tile.x + 3, 0, 0)))
    coding.tiles, coding.stop_before = [], -1
    export_tileset(other, out, recoding=WEBP)
    assert coding.tiles == list(TILES[1:])  # the first is the fourth of the other map
    with open_tileset(out) as tileset:
        for tile in TILES:
            assert np.array_equal(tileset.get(tile), noise(Tile(tile.x + 3, 0, 0)))


KILLED = """
import os, signal, sys
from pathlib import Path
from c2gm.tilesets import unfinished_export
from c2gm.tilesets.export import export_tileset
from c2gm.tilesets.recode import Recoding

unfinished_export._COMMIT_SECONDS, unfinished_export.AHEAD = 0.0, 1

def die_at_the_fourth(done, total):
    if done == 4:
        os.kill(os.getpid(), signal.SIGKILL)

recoding = Recoding(coding=sys.argv[3])
export_tileset(Path(sys.argv[1]), Path(sys.argv[2]), recoding=recoding,
               on_progress=die_at_the_fourth)
"""


@pytest.mark.skipif(os.name == "nt", reason="nothing is killed so on Windows")
@pytest.mark.parametrize("name", ["copy.mbtiles", "copy.pmtiles", "copy"])
@pytest.mark.parametrize(("kind", "left"), [("webp", 1), ("same", 0)])
def test_a_killed_export_goes_on_and_clears_what_it_left(
    source: Path, tmp_path: Path, coding: Coding, name: str, kind: str, left: int
) -> None:
    out = tmp_path / name
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(out), kind], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    assert any(".tmp" in entry.name for entry in tmp_path.iterdir())
    assert export_tileset(source, out, recoding=Recoding(coding=kind)) == len(TILES)
    assert len(coding.tiles) == left
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_an_empty_picture_is_told_and_not_left_out(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "town"
    export_tileset(source, folder)
    (folder / "4" / "2" / "3.png").write_bytes(b"")
    for recoding in (Recoding(), WEBP):
        with pytest.raises(TilesetError, match="4/2/3"):
            export_tileset(folder, tmp_path / "copy.mbtiles", recoding=recoding)


def test_a_second_export_to_the_same_name_is_refused(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.mbtiles"
    with UnfinishedExport(out):
        with pytest.raises(TilesetError, match=r"Another export writes .*copy\.mbtiles"):
            export_tileset(source, out)
    assert export_tileset(source, out) == len(TILES)


def test_a_refused_export_leaves_nothing_beside(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.mbtiles"
    export_tileset(source, out)
    with pytest.raises(TilesetError, match="exists already"):
        export_tileset(source, out, recoding=WEBP)
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy.mbtiles"]


def test_a_damaged_file_beside_is_begun_anew(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.mbtiles"
    out.with_name(out.name + SUFFIX).write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    assert export_tileset(source, out, recoding=WEBP) == len(TILES)
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy.mbtiles"]


def test_without_room_to_keep_pictures_the_copy_is_made_all_the_same(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small(sqlite3.Connection):
        def executescript(self, sql: str) -> sqlite3.Cursor:
            cursor = super().executescript(sql)
            # SQLite says "database or disk is full" at this size, as it does on a full disk.
            self.execute("PRAGMA max_page_count = 60")
            return cursor

    connect = sqlite3.connect
    monkeypatch.setattr(
        unfinished_export.sqlite3,
        "connect",
        lambda path, **given: connect(
            path, **given, factory=Small if str(path).endswith(SUFFIX) else sqlite3.Connection
        ),
    )
    out = tmp_path / "copy.mbtiles"
    assert export_tileset(source, out, recoding=WEBP) == len(TILES)
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy.mbtiles"]


@pytest.mark.parametrize(("name", "writings"), [("a.mbtiles", 1), ("a.pmtiles", 2), ("a", 1)])
def test_a_disk_that_fills_up_tells_what_is_missing(
    small_disk: Path, name: str, writings: int
) -> None:
    count = 24
    tiles = [Tile(x, 0, 5) for x in range(count)]
    with pytest.raises(DiskFull) as told:
        with create_tileset(small_disk / name, {}, tiles_to_come=count) as tileset:
            for tile in tiles:
                tileset.put(tile, noise(tile))
    found = re.search(r"(\S+) MB are free in .*, about (\S+) MB more are needed", str(told.value))
    assert found is not None, str(told.value)
    free, missing = map(float, found.groups())
    needed = count * 196_608 * writings / 1e6
    assert free > 1.5
    assert free + missing == pytest.approx(needed, rel=0.05)
    assert list(small_disk.iterdir()) == []
