"""Jobs and maps that are broken, foreign or made to harm: an error of ours, or the right map."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imaginary import GROUND, TextureModel, imagery_of, read_map

from c2gm.cascade.generate import KEY_NAME, generate, recorded_key
from c2gm.cascade.ledger import FILE_NAME, Ledger
from c2gm.cascade.repaint import repaint, settings_of_map
from c2gm.cascade.settings import GenerateSettings
from c2gm.errors import C2GMError, JobError, JobKeyChanged, Stopped
from c2gm.grid import bounds_of
from c2gm.tilesets.open import create_tileset, open_tileset

SETTINGS = GenerateSettings(zooms=(15,), bounds=bounds_of(GROUND))
HANG_SECONDS = 2.0  # of processor time
MEGABYTES = 300


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> Path:
    """A job that was stopped after two batches of four: 8 of 16 windows, 1 of 4 tiles."""
    folder = tmp_path_factory.mktemp("begun")
    stops = iter([False, False, True])
    with pytest.raises(Stopped):
        paint(folder, lambda: next(stops))
    return folder / "map.mbtiles.c2gm-job"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("whole")
    paint(folder)
    return read_map(folder / "map.mbtiles")


def paint(folder: Path, should_stop=None) -> None:
    path = folder / "map.mbtiles"
    around = imagery_of(GROUND.grown(1))
    generate(around, TextureModel(), path, SETTINGS, should_stop=should_stop)


def copy_of(begun: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("job")
    shutil.copytree(begun, folder / begun.name)
    return folder


@pytest.fixture
def job(begun, tmp_path_factory) -> Path:
    """Folder with a copy of the begun job."""
    return copy_of(begun, tmp_path_factory)


def change(folder: Path, *statements: str, values: tuple = ()) -> None:
    with sqlite3.connect(folder / "map.mbtiles.c2gm-job" / FILE_NAME) as file:
        for statement in statements:
            file.execute(statement, values)
    file.close()


def test_the_begun_job_ends_as_the_whole_map(job, whole):
    """Guards the tests below: what they break is sound."""
    paint(job)
    assert read_map(job / "map.mbtiles") == whole


ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT i AS z, i AS x, i AS y, 1 AS state, NULL AS picture, NULL AS valid FROM n"
)


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["DROP TABLE windows", f"CREATE VIEW windows AS {ENDLESS}"], "holds 'windows'"),
        (["DROP TABLE tiles", "CREATE TABLE tiles (z, x, y, state)"], "holds 'tiles'"),
        (
            ["CREATE TRIGGER t AFTER INSERT ON tiles BEGIN DELETE FROM windows; END"],
            "holds 't'",
        ),
        (["CREATE TABLE passwords (word TEXT)"], "holds 'passwords'"),
        (["UPDATE job_key SET value = 'no json' WHERE name = 'seed'"], "key cannot be read"),
        (["UPDATE job_key SET value = x'00ff' WHERE name = 'seed'"], "key cannot be read"),
        (["DELETE FROM job_key"], "does not tell what it is of"),
        (["UPDATE windows SET state = 7"], "in state 7"),
        (["UPDATE windows SET x = x + 900"], "zoom 15 has no"),
        (["UPDATE windows SET y = -5000 - y"], "zoom 15 has no"),
        (["UPDATE tiles SET x = 'left' || x"], "zoom 15 has no left"),
        (["UPDATE tiles SET state = 2"], "is not what it is said to be"),
        (["UPDATE tiles SET pixels = NULL"], "is not what it is said to be"),
        (["UPDATE tiles SET pixels = 'text'"], "damaged"),
        (["UPDATE tiles SET sha256 = NULL"], "damaged"),
        (["UPDATE windows SET picture = NULL"], "lacks window"),
        (["UPDATE windows SET picture = substr(picture, 1, 900)"], "damaged"),
        (["UPDATE windows SET valid = x'00'"], "damaged"),
        (["DELETE FROM tiles"], "lacks tile"),
    ],
)
def test_a_job_that_was_tampered_with_is_refused_in_a_sentence(job, statements, told):
    change(job, *statements)
    began = time.process_time()
    with pytest.raises(JobError, match=told) as raised:
        paint(job)
    assert time.process_time() - began < HANG_SECONDS
    assert len(str(raised.value)) < 500 and "\n" not in str(raised.value)
    assert not (job / "map.mbtiles").exists()


def test_a_picture_that_swells_or_has_another_size_is_refused(job):
    bomb = zlib.compress(bytes(300_000_000), 9)
    assert len(bomb) < 400_000
    change(job, "UPDATE windows SET picture = ?", values=(bomb,))
    with pytest.raises(JobError, match="damaged"):
        paint(job)
    other = zlib.compress(np.zeros((256, 256, 3), np.uint8).tobytes())
    change(job, "UPDATE windows SET picture = ?", values=(other,))
    with pytest.raises(JobError, match="has 256 px a side, not 320"):
        paint(job)


def test_a_tile_of_another_shape_is_refused(job):
    raw = bytes(256 * 256)
    row = (zlib.compress(raw), sha256(raw).digest())
    change(job, "UPDATE tiles SET pixels = ?, sha256 = ?", values=row)
    with pytest.raises(JobError, match="Tile .* is damaged"):
        paint(job)


def test_a_key_of_megabytes_is_refused_and_a_long_one_is_told_shortly(job):
    change(job, "UPDATE job_key SET value = ? WHERE name = 'imagery'", values=(f'"{"x" * 9999}"',))
    with pytest.raises(JobKeyChanged, match=r"imagery was x{100}\.\.\., is imaginary-1") as raised:
        paint(job)
    assert len(str(raised.value)) < 500
    change(job, "UPDATE job_key SET value = ?", values=(json.dumps("x" * 900_000),))
    with pytest.raises(JobError, match="key is too long"):
        paint(job)
    change(job, "UPDATE job_key SET value = ?", values=("[" * 100_000,))
    with pytest.raises(JobError, match="key cannot be read"):
        paint(job)


@pytest.mark.parametrize("content", [b"", b"\xff" * 5000, b"12" * 500, b"no number"])
def test_who_holds_a_job_is_told_in_a_few_letters(tmp_path, content):
    with Ledger(tmp_path):
        (tmp_path / "process.txt").write_bytes(content)
        with pytest.raises(JobError, match="works on the job") as raised:
            Ledger(tmp_path)
    assert len(str(raised.value)) < 300


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_mutated_jobs_give_an_error_of_ours_or_the_right_map(
    begun, whole, tmp_path_factory, peak_megabytes, data
):
    folder = copy_of(begun, tmp_path_factory)
    file = folder / begun.name / FILE_NAME
    content = bytearray(file.read_bytes())
    kind = data.draw(st.sampled_from(["change", "change the head", "cut", "repeat"]))
    last = 4000 if kind == "change the head" else len(content) - 1
    place = data.draw(st.integers(0, last))
    if kind == "cut":
        del content[place:]
    elif kind == "repeat":
        content[place:place] = content[place : place + 8192]
    else:
        new = data.draw(st.binary(min_size=1, max_size=64))
        content[place : place + len(new)] = new
    file.write_bytes(bytes(content))
    began, before = time.process_time(), peak_megabytes()
    try:
        paint(folder)
    except C2GMError as error:
        assert "\n" not in str(error)
    else:
        same = read_map(folder / "map.mbtiles")
        assert same.keys() == whole.keys()
    assert time.process_time() - began < HANG_SECONDS
    assert peak_megabytes() - before < MEGABYTES
    shutil.rmtree(folder)


# What a map says of its painting ------------------------------------------------------------


def told_by(tmp_path: Path, key: str) -> Path:
    path = tmp_path / "foreign.mbtiles"
    with create_tileset(path, {KEY_NAME: key}) as tileset:
        tileset.put(next(iter(GROUND)), np.zeros((256, 256, 3), np.uint8))
    return path


SOUND = {
    "zooms": [14],
    "bounds": [0.0, 0.0, 1.0, 1.0],
    "stages": "14",
    "seed": 1,
    "edges": "exact",
    "mode": "seamless",
    "interpolation": "bilinear",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.dictionaries(st.sampled_from([*SOUND, "text of zoom x", "edit"]), JSON))
def test_whatever_a_map_says_of_its_painting_gives_settings_or_an_error_of_ours(changes):
    class Told:
        metadata = {KEY_NAME: json.dumps(SOUND | changes)}
        zooms = (14,)

        def tiles(self, zoom):
            return iter(GROUND)

    try:
        assert settings_of_map(Told()).max_tiles < 1_000_000
    except C2GMError as error:
        assert len(str(error)) < 400


@pytest.mark.parametrize(
    "key", ["", "[]", "{", "[" * 50_000, "{}", json.dumps(SOUND | {"zooms": [0, 22]})]
)
def test_a_map_with_a_foreign_key_is_no_map_to_repaint(tmp_path, key):
    from c2gm.cascade.edits import Edit

    path = told_by(tmp_path, key)
    edit = Edit(14, {next(iter(GROUND)): np.ones((256, 256, 3), np.uint8)})
    with pytest.raises(C2GMError):
        repaint(imagery_of(GROUND), TextureModel(), path, tmp_path / "new.mbtiles", edit)
    assert isinstance(recorded_key(path), dict)
    with open_tileset(path) as tileset:
        assert tileset.zooms == (14,)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
