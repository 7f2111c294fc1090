"""Vector files of strangers: an answer or an error of ours, and nothing is followed elsewhere."""

from __future__ import annotations

import sqlite3
import time
import warnings
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2gm.cartography.vectors import read_source
from c2gm.errors import C2GMError, VectorError

MEGABYTES = 300
SECONDS = 2.0
KINDS = {"geojson": "GeoJSON", "fgb": "FlatGeobuf", "gpkg": "GPKG"}


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A house and a street in each kind of file."""
    folder = tmp_path_factory.mktemp("vectors")
    shapes = [shapely.box(9, 47, 9.001, 47.001), shapely.LineString([(9, 47), (9.02, 47.01)])]
    columns = [np.array(["yes", None], object), np.array([None, "residential"], object)]
    for suffix, driver in KINDS.items():
        pyogrio.raw.write(
            folder / f"town.{suffix}",
            shapely.to_wkb(np.array(shapes, dtype=object)),
            columns,
            np.array(["building", "highway"]),
            driver=driver,
            geometry_type="Unknown",
            crs="EPSG:4326",
        )
    return {suffix: (folder / f"town.{suffix}").read_bytes() for suffix in KINDS}


@pytest.mark.parametrize("suffix", KINDS)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_changed_file_gives_an_answer_or_an_error_of_ours(
    suffix, sound, tmp_path, peak_megabytes, data
):
    content = bytearray(sound[suffix])
    place = st.one_of(st.integers(0, min(len(content), 600) - 1), st.integers(0, len(content) - 1))
    changes = st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=20)
    for at, value in data.draw(changes):
        content[at] = value
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content))) :]
    path = tmp_path / f"town.{suffix}"
    path.write_bytes(content)
    begin, before = time.process_time(), peak_megabytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            read_source(path)
        except C2GMError as error:
            assert "\n" not in str(error)
    assert time.process_time() - begin < SECONDS
    assert peak_megabytes() - before < MEGABYTES


def test_text_that_is_no_utf_8_is_told(sound, tmp_path):
    path = tmp_path / "town.geojson"
    path.write_bytes(sound["geojson"].replace(b'"building"', b'"buildi\xcc\xff"'))
    with pytest.raises(VectorError, match="cannot be read as vectors"):
        read_source(path)


@pytest.mark.parametrize("name", ["town.geojson", "town.vrt", "town.gpkg", "town.osm"])
@pytest.mark.parametrize(
    "root",
    [
        "<OGRVRTDataSource>",
        "<?xml version='1.0'?><!-- <osm> --><OGRVRTDataSource>",
        "\ufeff \n<OGRVRTDataSource>",
        "<OGRWFSDataSource>",
        "<x:OGRVRTDataSource>",
    ],
)
def test_lists_of_other_sources_are_not_followed(name, root, sound, tmp_path):
    (tmp_path / "secret.gpkg").write_bytes(sound["gpkg"])
    (tmp_path / name).write_text(
        f'{root}<OGRVRTLayer name="town"><SrcDataSource>{tmp_path / "secret.gpkg"}'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
        "utf-8",
    )
    with pytest.raises(VectorError, match="cannot be read as vectors"):
        read_source(tmp_path / name)


def test_a_view_without_end_is_refused(sound, tmp_path):
    path = tmp_path / "town.gpkg"
    path.write_bytes(sound["gpkg"])
    db = sqlite3.connect(path)
    db.executescript(
        "CREATE VIEW endless AS WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS fid, NULL AS geom FROM n;"
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
        "VALUES ('endless', 'features', 'endless', 4326);"
        "INSERT INTO gpkg_geometry_columns VALUES ('endless', 'geom', 'GEOMETRY', 4326, 0, 0);"
    )
    db.close()
    with pytest.raises(VectorError, match="may never end"):
        read_source(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"<html>"])
def test_what_is_no_vector_file_is_told(content, tmp_path):
    path = tmp_path / "town.geojson"
    path.write_bytes(content)
    with pytest.raises(VectorError, match="cannot be read as vectors"):
        read_source(path)


def test_sound_files_are_read(sound, tmp_path: Path):
    for suffix, content in sound.items():
        path = tmp_path / f"town.{suffix}"
        path.write_bytes(content)
        assert set(read_source(path).objects.areas) == {"building"}
