"""`c2gm world`: a part of a made-up world as picture, vectors and map."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from c2gm.imagery.open import open_imagery
from c2gm.tilesets.open import open_tileset

Run = Callable[..., Any]
BBOX = "0.010,0.012,0.014,0.015"


def test_picture_vectors_and_map_of_one_area_are_written(c2gm: Run, tmp_path: Path) -> None:
    names = {
        "imagery": tmp_path / "w.tif",
        "vectors": tmp_path / "w.gpkg",
        "map": tmp_path / "w.mbtiles",
    }
    ended = c2gm(
        "world", "--seed", "12", "--bbox", BBOX, "--zoom", "16", "--zooms", "16", "--json",
        "--out", names["imagery"], "--vectors", names["vectors"], "--map", names["map"],
    )  # fmt: skip
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert told["bounds"] == [float(edge) for edge in BBOX.split(",")]
    assert {kind: told[kind] for kind in names} == {k: str(path) for k, path in names.items()}
    west, south, east, north = open_imagery(names["imagery"]).bounds
    assert west <= 0.010 and south <= 0.012 and east >= 0.014 and north >= 0.015
    with open_tileset(names["map"]) as tileset:
        assert tileset.zooms == (16,)
    assert c2gm("verify", names["map"]).status == 0


def test_a_taken_name_is_refused_with_the_cure(c2gm: Run, tmp_path: Path) -> None:
    (tmp_path / "w.tif").touch()
    ended = c2gm("world", "--out", tmp_path / "w.tif")
    assert ended.status == 1
    assert "--force" in ended.err


def test_an_area_across_the_antimeridian_is_refused(c2gm: Run, tmp_path: Path) -> None:
    ended = c2gm("world", "--bbox", "179.9,0,-179.9,0.1", "--out", tmp_path / "w.tif")
    assert ended.status == 1
    assert "antimeridian" in ended.err
