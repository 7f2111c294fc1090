"""Commands on tile sets: stitch, export, verify, preview."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from mercantile import Tile
from PIL import Image

from c2gm.grid import TileRange
from c2gm.tilesets.open import create_tileset

Run = Callable[..., Any]
FAMILY = (Tile(4, 2, 3), Tile(8, 4, 4), Tile(9, 4, 4), Tile(8, 5, 4), Tile(9, 5, 4))


@pytest.fixture
def small_map(tmp_path: Path) -> Path:
    """One tile of zoom 3 and its four children, sound."""
    path = tmp_path / "small.mbtiles"
    told = {"name": "small", "attribution": 'by <a href="https://x.org">us</a>', "model": "none"}
    with create_tileset(path, told) as tileset:
        for tile in FAMILY:
            tileset.put(tile, np.full((256, 256, 3), 20 * tile.z + tile.x, np.uint8))
    return path


def test_stitch_draws_a_sheet_with_legend_scale_bar_and_credit(
    c2gm: Run, small_map: Path, tmp_path: Path
) -> None:
    bare, sheet, placed = tmp_path / "bare.png", tmp_path / "sheet.png", tmp_path / "sheet.tif"
    below = ("--legend", "--scale-bar", "--credit")
    assert c2gm("stitch", small_map, bare, "--zoom", "4").status == 0
    assert c2gm("stitch", small_map, sheet, "--zoom", "4", *below).status == 0
    assert c2gm("stitch", small_map, placed, "--zoom", "4", *below).status == 0
    map_pixels = np.array(Image.open(bare))
    picture = Image.open(sheet)
    pixels = np.array(picture)
    assert pixels.shape[0] > 512 + 60
    assert np.array_equal(pixels[:512], map_pixels)
    assert picture.info["Copyright"] == "by us"
    with rasterio.open(placed) as raster:
        left, _, _, top = TileRange(4, 8, 4, 9, 5).box.mercator_bounds()
        assert (raster.bounds.left, raster.bounds.top) == pytest.approx((left, top))
        assert raster.crs.to_epsg() == 3857
        assert np.array_equal(raster.read().transpose(1, 2, 0), pixels)


@pytest.mark.parametrize("option", ["--legend", "--scale-bar", "--credit"])
def test_stitch_draws_each_of_them_alone(
    c2gm: Run, small_map: Path, tmp_path: Path, option: str
) -> None:
    out = tmp_path / "sheet.png"
    assert c2gm("stitch", small_map, out, "--zoom", "4", option).status == 0
    foot = np.array(Image.open(out))[512:]
    assert len(foot) > 15
    assert len(np.unique(foot.reshape(-1, 3), axis=0)) > 3


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C of another process is not sent there")
def test_preview_serves_on_this_machine_until_it_is_stopped(small_map: Path) -> None:
    code = "from c2gm.cli.main import main; main()"
    command = [sys.executable, "-c", code, "preview", str(small_map), "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as served:
        assert served.stdout is not None
        assert served.stderr is not None
        line = served.stdout.readline().decode()
        address = re.search(r"http://127\.0\.0\.1:\d+/\S+/", line)
        assert address is not None, line
        with urllib.request.urlopen(address[0], timeout=20) as page:
            assert b"small" in page.read()
        served.send_signal(signal.SIGINT)
        assert served.wait(20) == 0
        assert served.stderr.read() == b""
    assert [entry.name for entry in small_map.parent.iterdir()] == ["small.mbtiles"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--serve", "--html", "a.html"), "--serve writes no page"),
        (("--serve", "--force"), "--serve writes no page"),
        (("--port", "8000"), "Give --serve with it"),
        (("--serve", "--port", "0"), "--port"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    c2gm: Run, small_map: Path, options: tuple[str, ...], says: str
) -> None:
    ended = c2gm("preview", small_map, *options)
    assert ended.status == 2
    assert says in ended.err


def test_verify_tells_zoom_tile_and_cure_as_json(c2gm: Run, small_map: Path) -> None:
    connection = sqlite3.connect(small_map)
    connection.execute("UPDATE tiles SET tile_data = x'' WHERE tile_column = 9 AND tile_row = 11")
    connection.execute("UPDATE metadata SET value = '9' WHERE name = 'maxzoom'")
    connection.commit()
    connection.close()
    ended = c2gm("verify", small_map, "--json")
    told = json.loads(ended.out)
    assert (ended.status, told["sound"]) == (3, False)
    metadata, picture = told["faults"]
    assert (metadata["code"], metadata["zoom"], metadata["tile"]) == ("zooms-wrong", None, None)
    assert picture == {
        "code": "empty-picture",
        "zoom": 4,
        "tile": "4/9/4",
        "sentence": "Tile 4/9/4 is empty (0 bytes). Make it again.",
        "cure": "Delete the tile or make it again.",
    }


def test_verify_compares_a_map_with_its_imagery_and_its_kept_job(
    c2gm: Run, mixing_model: None, scene: Path, tmp_path: Path
) -> None:
    out = tmp_path / "town.mbtiles"
    ended = c2gm("generate", scene, "--out", out, "--zooms", "16-17", "--keep-job")
    assert ended.status == 0, ended.err
    assert c2gm("verify", out, "--imagery", scene).out.endswith("is sound.\n")
    connection = sqlite3.connect(out)
    connection.execute("DELETE FROM tiles WHERE zoom_level = 17")
    connection.execute("DELETE FROM metadata WHERE name = 'tile_counts'")
    (one,) = connection.execute("SELECT tile_data FROM tiles LIMIT 1").fetchone()
    connection.execute("UPDATE tiles SET tile_data = ? WHERE zoom_level = 16", (one,))
    connection.commit()
    connection.close()
    codes = {fault["code"] for fault in json.loads(c2gm("verify", out, "--json").out)["faults"]}
    assert "differs-from-job" in codes


def test_verify_wants_imagery_with_what_describes_it(c2gm: Run, small_map: Path) -> None:
    ended = c2gm("verify", small_map, "--crs", "EPSG:3857")
    assert ended.status == 2
    assert "Give --imagery with them" in ended.err


def test_export_writes_one_geotiff_a_zoom(c2gm: Run, small_map: Path, tmp_path: Path) -> None:
    ended = c2gm("export", small_map, tmp_path / "town.tif", "--palette")
    assert ended.out.split() == [str(tmp_path / f"town-z{zoom}.tif") for zoom in (3, 4)]
    with rasterio.open(tmp_path / "town-z4.tif") as raster:
        assert (raster.count, raster.shape) == (1, (512, 512))


def test_export_recodes_and_appends(c2gm: Run, small_map: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.pmtiles"
    options = ("--pictures", "webp", "--quiet-colours")
    assert c2gm("export", small_map, out, *options).out == f"{out}: 5 tiles.\n"
    assert c2gm("export", small_map, out, *options).status == 1
    assert c2gm("export", small_map, out, *options, "--append").status == 0
    assert c2gm("verify", out).status == 0


def test_export_joins_maps(c2gm: Run, small_map: Path, tmp_path: Path) -> None:
    more, out = tmp_path / "more.mbtiles", tmp_path / "all"
    with create_tileset(more, {"model": "none"}) as tileset:
        tileset.put(Tile(10, 4, 4), np.full((256, 256, 3), 3, np.uint8))
    assert c2gm("export", small_map, more, out).out == f"{out}: 6 tiles.\n"
    assert c2gm("export", small_map, more, tmp_path / "a.tif").status == 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mbtiles", ("--palette", "--pictures", "webp")),
        ("a.tif", ("--append",)),
        ("a.tif", ("--deduplicate",)),
        ("a.tif", ("--pictures", "png")),
    ],
)
def test_export_refuses_options_that_do_not_go_together(
    c2gm: Run, small_map: Path, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    assert c2gm("export", small_map, tmp_path / name, *options).status == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["small.mbtiles"]
