"""docs/own-data.md, followed word by word on a small county, with runs of a few steps."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mercantile
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_bounds

from c2gm.cartography.render import MapDrawing
from c2gm.cartography.vectors import read_vectors
from c2gm.grid import PixelBox

Run = Callable[..., Any]
PAGE = Path(__file__).parents[2] / "docs" / "own-data.md"
BOX = PixelBox(16, 34560 * 256, 22952 * 256, 34568 * 256, 22960 * 256)


def blocks(language: str) -> list[str]:
    """Code blocks of the page in a language, "" for commands."""
    text = PAGE.read_text(encoding="utf-8")
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [block for kind, block in fenced if kind == language]


def feature(kind: str, coordinates: Any, **tags: str) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "properties": tags, "geometry": geometry}


def write_json(path: Path, features: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """Imagery, vectors and outline of 8 x 8 tiles of zoom 16."""
    left, bottom, right, top = BOX.mercator_bounds()
    (west, south), (east, north) = mercantile.lnglat(left, bottom), mercantile.lnglat(right, top)
    lines = [[[x, south], [x, north]] for x in np.linspace(west, east, 25)]
    lines += [[[west, y], [east, y]] for y in np.linspace(south, north, 25)]
    write_json(
        tmp_path / "county.geojson",
        [feature("LineString", line, highway="residential") for line in lines],
    )
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    wide = [[x + 1e-4 * (x > west) - 1e-4 * (x == west), y] for x, y in ring]
    wide = [[x, y + 1e-4 * (y > south) - 1e-4 * (y == south)] for x, y in wide]
    write_json(tmp_path / "border.geojson", [feature("Polygon", [wide])])
    classes = MapDrawing(read_vectors(tmp_path / "county.geojson"), 16).classes(BOX)
    rng = np.random.default_rng(1)
    pixels = rng.integers(40, 200, (14, 3))[classes] + rng.integers(-9, 10, (*classes.shape, 3))
    with rasterio.open(
        tmp_path / "county.tif",
        "w",
        driver="GTiff",
        width=BOX.width,
        height=BOX.height,
        count=3,
        dtype="uint8",
        crs="EPSG:3857",
        transform=from_bounds(*BOX.mercator_bounds(), BOX.width, BOX.height),
    ) as file:
        file.write(np.moveaxis(pixels.astype(np.uint8), -1, 0))
    return tmp_path


@pytest.mark.slow
def test_the_recipe_leads_from_imagery_and_vectors_to_a_map(
    c2gm: Run, county: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(county)
    for name, block in zip(("encoder", "joint"), blocks("json"), strict=True):
        run = json.loads(block)
        assert run["stage"] == name
        short = {**run, "minutes": 0, "steps": 2, "batch": 1, "threads": 1}
        Path(f"{name}.json").write_text(json.dumps(short))
    shown = "\n".join(blocks(""))
    commands = [line for line in shown.splitlines() if line.startswith("c2gm ")]
    *until_trained, generate, draw, pack_drawn = commands
    for command in until_trained:
        words = shlex.split(command.replace("county.osm.pbf", "county.geojson"))[1:]
        if words[:2] == ["dataset", "build"]:
            # A small place needs small blocks, and one process is enough.
            words = [*words, "--block-zoom", "15", "--zooms", "15-16", "--processes", "1"]
        ended = c2gm(*words)
        assert ended.status == 0, ended.err
    (script,) = blocks("python")
    exec(compile(script, str(PAGE), "exec"), {})
    tile = mercantile.bounds(34563, 22955, 16)
    bounds = f"{tile.west + 1e-4},{tile.south + 1e-4},{tile.east - 1e-4},{tile.north - 1e-4}"
    words = shlex.split(generate.replace("W,S,E,N", bounds))[1:]
    ended = c2gm(*words, "--zooms", "16", "--edges", "open")
    assert ended.status == 0, ended.err
    assert Path("county.mbtiles").exists()
    ended = c2gm(*shlex.split(draw)[1:], "--zooms", "15", "--bbox", bounds, "--edges", "open")
    assert ended.status == 0, ended.err
    ended = c2gm(*shlex.split(pack_drawn)[1:])
    assert ended.status == 0, ended.err
    assert Path("records/train/county-own-0000").is_dir()
