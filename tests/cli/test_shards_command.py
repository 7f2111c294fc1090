"""The lines of `c2gm shards` run, and their maps are the whole map."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from mercantile import Tile

from c2gm.grid import mercator_resolution, tile_box
from c2gm.tilesets.open import open_tileset

Run = Callable[..., Any]
CORNER = Tile(680, 427, 10)  # its north-western corner is that of four parts
ZOOM = 16


@pytest.fixture
def crossing(tmp_path: Path) -> Path:
    """A GeoTIFF of 300 x 200 px at zoom 16 over the corner of four zoom-10 tiles."""
    left, _, _, top = tile_box(CORNER).mercator_bounds()
    size = mercator_resolution(ZOOM)
    path = tmp_path / "crossing.tif"
    pixels = np.random.default_rng(2).integers(20, 230, (3, 200, 300)).astype(np.uint8)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=300,
        height=200,
        count=3,
        dtype="uint8",
        crs="EPSG:3857",
        transform=Affine(size, 0, left - 140 * size, 0, -size, top + 90 * size),
    ) as dataset:
        dataset.write(pixels)
    return path


def pictures_of(path: Path) -> dict[Tile, bytes]:
    with open_tileset(path) as tileset:
        return {
            tile: tileset.get_bytes(tile) for zoom in tileset.zooms for tile in tileset.tiles(zoom)
        }


@pytest.mark.usefixtures("mixing_model")
def test_the_lines_paint_what_one_run_paints(c2gm: Run, crossing: Path, tmp_path: Path) -> None:
    options = ("--zooms", "15-16")
    ended = c2gm("shards", crossing, "--out", tmp_path / "maps", *options, "--", "--seed", "7")
    assert ended.status == 0 and "4 shards" in ended.err
    lines = ended.out.splitlines()
    assert len(lines) == 4
    joined: dict[Tile, bytes] = {}
    for line in reversed(lines):  # in any order
        program, *words = shlex.split(line)
        assert program == "c2gm" and words[0] == "generate"
        painted = c2gm(*words)
        assert painted.status == 0, painted.err
        part = pictures_of(Path(words[words.index("--out") + 1]))
        assert part and not joined.keys() & part.keys()
        joined |= part
    whole = tmp_path / "whole.mbtiles"
    assert c2gm("generate", crossing, "--out", whole, *options, "--seed", "7").status == 0
    assert joined == pictures_of(whole)


def test_a_part_of_very_many_tiles_is_allowed_them(c2gm: Run, tmp_path: Path) -> None:
    area = ("--bbox=9.5,47.0,9.9,47.3", "--zooms", "14-20", "--json")
    told = json.loads(c2gm("shards", "country.tif", *area).out)
    assert told["tiles"] == sum(shard["tiles"] for shard in told["shards"])
    for shard in told["shards"]:
        asked = f"--max-tiles {shard['tiles']}" in shard["command"]
        assert asked == (shard["tiles"] > 100_000)
    assert any(shard["tiles"] > 100_000 for shard in told["shards"])
