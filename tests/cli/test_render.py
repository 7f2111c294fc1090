"""`c2gm render`: true maps from vectors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

from c2gm.cartography.render import MapDrawing
from c2gm.cartography.style import BUILT_IN
from c2gm.grid import PixelBox
from c2gm.legend import LEGEND
from c2gm.tilesets.open import open_tileset

Run = Callable[..., Any]
RESOLUTION, LEFT, TOP = 1.194328566955879, 6_154_000.0, 2_884_000.0  # those of `scene`


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """GeoJSON on the ground of `scene`: fields, a wood, two roads that cross, houses."""
    to_metres = Affine(RESOLUTION, 0, LEFT, 0, -RESOLUTION, TOP)

    def place(x: float, y: float) -> list[float]:
        metres = np.array(to_metres @ (x, y))
        lon, lat = metres / 20037508.342789244 * 180
        return [lon, float(np.degrees(np.arctan(np.sinh(np.radians(lat)))))]

    def rectangle(left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
        corners = [(left, top), (left, bottom), (right, bottom), (right, top), (left, top)]
        return {"type": "Polygon", "coordinates": [[place(*corner) for corner in corners]]}

    def line(*points: tuple[int, int]) -> dict[str, Any]:
        return {"type": "LineString", "coordinates": [place(*point) for point in points]}

    shapes = [
        ({"landuse": "farmland"}, rectangle(0, 0, 500, 150)),
        ({"natural": "wood"}, rectangle(0, 250, 200, 400)),
        ({"highway": "primary"}, line((0, 200), (500, 190))),
        ({"highway": "residential"}, line((250, 0), (260, 400))),
        *(({"building": "yes"}, rectangle(x, 230, x + 18, 245)) for x in range(280, 480, 30)),
    ]
    path = tmp_path / "town.geojson"
    features = [{"type": "Feature", "properties": t, "geometry": g} for t, g in shapes]
    content = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["map.mbtiles", "map"])
def test_a_map_of_vectors_is_sound_and_says_what_it_is(
    c2gm: Run, town: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    ended = c2gm("render", town, "--out", out, "--zooms", "14-16", "--attribution", "(c) My Town")
    assert ended.status == 0, ended.err
    assert "zoom 16: 4 tiles" in ended.err and "Warning" not in ended.err
    assert c2gm("verify", out).status == 0
    with open_tileset(out) as tileset:
        metadata = tileset.metadata
        assert tileset.zooms == (14, 15, 16)
    assert metadata["attribution"] == "(c) My Town"
    assert metadata["notice"] == "Drawn from vectors, generalised for each zoom"
    assert "enerated map" not in metadata["description"] and "model" not in metadata
    assert metadata["vectors"] == "town.geojson" and metadata["style"] == "c2gm-carto"
    assert json.loads(metadata["palette"])["water"] == "#86c1f0"


def test_vectors_without_a_credit_are_warned_of(c2gm: Run, town: Path, tmp_path: Path) -> None:
    ended = c2gm("render", town, "--out", tmp_path / "map", "--zooms", "14")
    assert ended.status == 0
    assert "Give the credit with --attribution." in ended.err


def test_a_dry_run_of_vectors_draws_nothing(c2gm: Run, town: Path, tmp_path: Path) -> None:
    ended = c2gm("render", town, "--out", tmp_path / "map", "--dry-run", "--json")
    told = json.loads(ended.out)
    assert told["dry_run"] and told["zooms"] == [14, 15, 16, 17, 18] and told["tiles"] > 20
    assert not (tmp_path / "map").exists()


def test_a_map_is_replaced_only_by_force(c2gm: Run, town: Path, tmp_path: Path) -> None:
    command = ("render", town, "--out", tmp_path / "map.mbtiles", "--zooms", "15")
    assert c2gm(*command).status == 0
    refused = c2gm(*command)
    assert refused.status == 1 and "--force" in refused.err.splitlines()[-1]
    assert c2gm(*command, "--force").status == 0


def test_a_style_of_your_own_is_drawn(c2gm: Run, town: Path, tmp_path: Path) -> None:
    content = json.loads(BUILT_IN.read_text(encoding="utf-8")) | {"name": "night"}
    content["colours"]["ground"] = "#101020"
    style = tmp_path / "night.json"
    style.write_text(json.dumps(content), encoding="utf-8")
    out = tmp_path / "night.mbtiles"
    assert c2gm("render", town, "--out", out, "--zooms", "16", "--style", style).status == 0
    with open_tileset(out) as tileset:
        assert tileset.metadata["style"] == "night"
        seen = {tuple(p) for tile in tileset.tiles(16) for p in tileset.get(tile).reshape(-1, 3)}
    assert (0x10, 0x10, 0x20) in seen and LEGEND[0].colour not in seen
    content["lines"]["street"]["width"] = "wide"
    style.write_text(json.dumps(content), encoding="utf-8")
    refused = c2gm("render", town, "--out", out, "--force", "--style", style)
    assert refused.status == 1
    assert "Style night.json, lines, street, width: 'wide' is no number" in refused.err


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (("--bbox", "1,2,3,4"), 1, "The area lies outside the vectors"),
        (("--max-tiles", "5"), 1, "more than 5. Give fewer zooms"),
        (("--zooms", "high"), 2, "are no zooms"),
    ],
)
def test_what_cannot_be_drawn_is_told_and_leaves_nothing(
    c2gm: Run, town: Path, tmp_path: Path, options: tuple[str, str], status: int, sentence: str
) -> None:
    ended = c2gm("render", town, "--out", tmp_path / "map", *options)
    assert ended.status == status and sentence in ended.err
    assert not list(tmp_path.glob("map*"))


@pytest.mark.usefixtures("mixing_model")
def test_a_map_of_vectors_is_the_start_of_a_cascade(
    c2gm: Run, town: Path, scene: Path, tmp_path: Path
) -> None:
    start, out = tmp_path / "start.mbtiles", tmp_path / "map.mbtiles"
    assert c2gm("render", town, "--out", start, "--zooms", "15").status == 0
    ended = c2gm("generate", scene, "--out", out, "--zooms", "15-17", "--start", start)
    assert ended.status == 0, ended.err
    assert "zoom 15" in ended.err and "from the start tile set" in ended.err
    assert "2X from zoom 15, which no model drew" in ended.err
    with open_tileset(start) as begun, open_tileset(out) as whole:
        for tile in whole.tiles(15):
            assert (whole.get(tile) == begun.get(tile)).all()


def test_an_interrupted_drawing_leaves_nothing(
    c2gm: Run, town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: MapDrawing, box: PixelBox) -> np.ndarray:
        raise KeyboardInterrupt

    monkeypatch.setattr(MapDrawing, "picture", interrupted)
    ended = c2gm("render", town, "--out", tmp_path / "map.mbtiles", "--zooms", "14")
    assert ended.status == 130
    assert ended.err.splitlines()[-1] == "Stopped. Nothing was written."
    assert not list(tmp_path.glob("map*"))
