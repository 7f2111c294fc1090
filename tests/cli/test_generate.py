"""`c2gm generate`: what it tells, makes and refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from mercantile import Tile
from PIL import Image

from c2gm.grid import mercator_resolution, tile_box
from c2gm.tilesets.open import open_tileset

Run = Callable[..., Any]


def pixels_of(path: Path) -> dict[str, bytes]:
    with open_tileset(path) as tileset:
        return {
            f"{tile.z}/{tile.x}/{tile.y}": np.asarray(tileset.get(tile)).tobytes()
            for zoom in tileset.zooms
            for tile in tileset.tiles(zoom)
        }


@pytest.mark.usefixtures("mixing_model")
def test_a_dry_run_tells_the_tiles_and_makes_nothing(
    c2gm: Run, scene: Path, tmp_path: Path
) -> None:
    command = ("generate", scene, "--out", tmp_path / "m.mbtiles", "--dry-run")
    ended = c2gm(*command, "--json")
    assert ended.status == 0
    told = json.loads(ended.out)
    assert told["dry_run"] is True
    assert told["zooms"] == [14, 15, 16, 17, 18]
    assert [stage["cascade_factor"] for stage in told["stages"]] == [None, 2, 2, 2, 2]
    assert told["tiles"] == sum(stage["tiles"] for stage in told["stages"])
    for name in ("unet_calls", "seconds", "map_bytes"):
        assert told[name] == pytest.approx(sum(stage[name] for stage in told["stages"]), abs=0.05)
        assert all(stage[name] > 0 for stage in told["stages"])
    assert told["job_bytes"] > sum(stage["job_bytes"] for stage in told["stages"])
    assert "scene.tif: at most" in ended.err and "zoom 16" in ended.err
    heading, *zooms, total = c2gm(*command).out.splitlines()[:7]
    assert heading.split() == ["zoom", "tiles", "windows", "U-Net", "calls", "time", "map", "job"]
    assert [line.split()[0] for line in (*zooms, total)] == ["14", "15", "16", "17", "18", "all"]
    assert f"{told['windows']:,}" in total and f"{told['unet_calls']:,}" in total
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene.tif"]


@pytest.mark.usefixtures("mixing_model")
def test_the_zooms_are_those_of_the_stages(c2gm: Run, scene: Path, tmp_path: Path) -> None:
    command = ("generate", scene, "--out", tmp_path / "m", "--dry-run", "--json", "--stages")
    told = json.loads(c2gm(*command, "14,16:4").out)
    assert told["zooms"] == [14, 16]
    assert [stage["cascade_factor"] for stage in told["stages"]] == [None, 4]
    assert json.loads(c2gm(*command, "14,16:4", "--zooms", "16").out)["zooms"] == [16]


@pytest.mark.usefixtures("mixing_model")
@pytest.mark.parametrize("name", ["map.mbtiles", "map"])
def test_a_map_is_made_and_the_same_command_has_nothing_to_do(
    c2gm: Run, scene: Path, tmp_path: Path, name: str
) -> None:
    command = ("generate", scene, "--out", tmp_path / name, "--zooms", "15-17", "--json")
    first = c2gm(*command)
    assert first.status == 0, first.err
    told = json.loads(first.out)
    assert told["nothing_to_do"] is False
    with open_tileset(tmp_path / name) as tileset:
        assert tileset.zooms == (15, 16, 17)
        assert told["tiles"] == sum(len(list(tileset.tiles(zoom))) for zoom in tileset.zooms)
    assert not (tmp_path / f"{name}.c2gm-job").exists()
    again = c2gm(*command)
    assert again.status == 0
    assert json.loads(again.out)["nothing_to_do"] is True
    assert "nothing to do" in c2gm(*command[:-1]).out


@pytest.mark.usefixtures("mixing_model")
def test_other_settings_need_force(c2gm: Run, scene: Path, tmp_path: Path) -> None:
    command = ("generate", scene, "--out", tmp_path / "m.mbtiles", "--zooms", "16")
    assert c2gm(*command).status == 0
    refused = c2gm(*command, "--seed", "2")
    assert refused.status == 1
    assert "seed was 1, is 2" in refused.err and "--force" in refused.err
    assert refused.err.splitlines()[-1].startswith("Error: ")
    assert c2gm(*command, "--seed", "2", "--force").status == 0


@pytest.mark.usefixtures("mixing_model")
def test_a_map_begins_with_the_tile_set_it_is_given(c2gm: Run, scene: Path, tmp_path: Path) -> None:
    start, whole = tmp_path / "start.mbtiles", tmp_path / "whole.mbtiles"
    assert c2gm("generate", scene, "--out", start, "--zooms", "15").status == 0
    ended = c2gm("generate", scene, "--out", whole, "--zooms", "15-17", "--start", start)
    assert ended.status == 0, ended.err
    assert "from the start tile set" in ended.err
    assert "which no model drew" not in ended.err  # it is c2gm's own
    begun, painted = pixels_of(start), pixels_of(whole)
    assert begun == {address: painted[address] for address in begun}


@pytest.mark.usefixtures("mixing_model")
def test_a_picture_is_placed_by_its_bounds(c2gm: Run, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (300, 200), (90, 120, 60)).save(path)
    command = ("generate", path, "--out", tmp_path / "m", "--dry-run", "--zooms", "16")
    assert "--picture-bounds" in c2gm(*command).err
    ended = c2gm(*command, "--picture-bounds", "-3.01,53.4,-3,53.405", "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["bounds"] == pytest.approx([-3.01, 53.4, -3, 53.405])


@pytest.mark.usefixtures("mixing_model")
def test_zooms_far_beyond_the_imagery_are_warned_of(c2gm: Run, scene: Path, tmp_path: Path) -> None:
    command = ("generate", scene, "--out", tmp_path / "m", "--dry-run", "--zooms")
    assert "Warning" not in c2gm(*command, "18").err
    assert "resolution is that of zoom 17; zoom 19" in c2gm(*command, "19").err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--zooms", "18-x"], "are no zooms"),
        (["--zooms", "18-14"], "are no zooms"),
        (["--bbox", "1,2,3"], "are not four numbers"),
        (["--nodata", "black"], "neither a number nor none"),
        (["--edges", "round"], "exact, open"),
        (["--mode", "fast"], "seamless"),
        (["--cascade-factor", "3"], "Cascade factor 3 is not 2 or 4"),
        (["--cascade-factor", "8"], "Cascade factor 8 is not 2 or 4"),
        (["--zooms", "14-21"], "beyond zoom 20"),
        (["--zooms", "14-99999999999"], "beyond zoom 20"),
        (["--stages", "14,x"], "Write stages like"),
        (["--stages", "14,17:8"], "Cascade factor 8 is not 2 or 4"),
        (["--executor", "spark"], "executor 'spark' is not one of local, ray"),
        (["--workers", "0"], "--workers"),
        (["--threads", "0"], "--threads"),
        (["--colour"], "--colour"),
    ],
)
def test_wrong_use_ends_with_status_2(
    c2gm: Run, scene: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    ended = c2gm("generate", scene, "--out", tmp_path / "m.mbtiles", "--dry-run", *options)
    assert ended.status == 2
    assert told in ended.err
    assert not ended.out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--bbox", "10,50,11,49"], "South 50.0 is not below north 49.0"),
        (["--bbox", "10,50,11,51"], "does not reach the area"),
        (["--max-tiles", "3"], "--max-tiles"),
        (["--stages", "19,21:4"], "Zoom 21 has no map scale"),
        (["--crs", "EPSG:1"], "no known coordinate system"),
        (["--start", "nowhere.mbtiles"], "nowhere.mbtiles does not exist"),
        (["--out", "map.tif"], "as .mbtiles, .pmtiles or as a folder, not as .tif"),
        (["--out", "map.mbtile"], "as .mbtiles, .pmtiles or as a folder, not as .mbtile"),
        (["--out", "map.pmtils"], "as .mbtiles, .pmtiles or as a folder, not as .pmtils"),
        (["--model", "gone.safetensors"], "gone.safetensors does not exist"),
    ],
)
def test_failures_end_with_status_1_and_one_line(
    c2gm: Run, scene: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    dry = [] if "--model" in options else ["--dry-run"]
    ended = c2gm("generate", scene, "--out", tmp_path / "m.mbtiles", *dry, *options)
    assert ended.status == 1
    assert told in ended.err
    assert sum(line.startswith("Error: ") for line in ended.err.splitlines()) == 1
    assert "Traceback" not in ended.err
    assert not ended.out


@pytest.mark.usefixtures("mixing_model")
def test_a_folder_that_cannot_be_made_is_named(c2gm: Run, scene: Path) -> None:
    ended = c2gm("generate", scene, "--out", scene / "map.mbtiles", "--zooms", "16")
    assert ended.status == 1
    assert "scene.tif" in ended.err.splitlines()[-1] and "Traceback" not in ended.err


@pytest.mark.usefixtures("mixing_model")
def test_a_map_of_imagery_that_ends_within_a_pixel_of_a_tile_is_sound(
    c2gm: Run, tmp_path: Path
) -> None:
    size = mercator_resolution(18) * (1 + 0.7 / 256)
    left, top, *_ = tile_box(Tile(84001, 56000, 18)).mercator_bounds()
    path = tmp_path / "rim.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=256,
        height=256,
        count=3,
        dtype="uint8",
        crs="EPSG:3857",
        transform=Affine(size, 0, left, 0, -size, top + 256 * mercator_resolution(18)),
    ) as dataset:
        dataset.write(np.full((3, 256, 256), 90, np.uint8))
    out = tmp_path / "map.mbtiles"
    command = ("generate", path, "--out", out, "--zooms", "17-18", "--edges", "open")
    assert c2gm(*command).status == 0
    ended = c2gm("verify", out)
    assert ended.status == 0, ended.out


@pytest.mark.usefixtures("mixing_model")
@pytest.mark.parametrize("name", [".", ".."])
def test_a_path_without_a_name_is_no_map(c2gm: Run, scene: Path, name: str) -> None:
    ended = c2gm("generate", scene, "--out", name, "--zooms", "16")
    assert ended.status == 1
    assert "is no name for a tile set" in ended.err


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_for_work(process: subprocess.Popen[str], folder: Path) -> None:
    """Until the job holds a few painted windows."""
    log = folder / "job.sqlite-wal"
    deadline = time.monotonic() + 100
    while not (log.exists() and log.stat().st_size > 400_000):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_run_goes_on_to_the_same_map(begin: Run, scene: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mbtiles", tmp_path / "cut.mbtiles"
    options = ("--zooms", "15-17", "--json")
    assert finish(begin("generate", scene, "--out", whole, *options))[0] == 0
    command = ("generate", scene, "--out", cut, *options)
    process = begin(*command, seconds=0.3)
    wait_for_work(process, tmp_path / "cut.mbtiles.c2gm-job")
    process.kill()
    assert finish(process)[0] != 0
    assert not cut.exists()
    status, out, err = finish(begin(*command))
    assert status == 0, err
    assert json.loads(out)["reused_tiles"] > 0
    assert pixels_of(cut) == pixels_of(whole)
    assert json.loads(out)["tiles"] == len(pixels_of(whole))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_an_interrupted_run_says_how_to_go_on(begin: Run, scene: Path, tmp_path: Path) -> None:
    path = tmp_path / "map.mbtiles"
    process = begin("generate", scene, "--out", path, "--zooms", "15-17", seconds=2.0)
    wait_for_work(process, tmp_path / "map.mbtiles.c2gm-job")
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process)
    assert status == 130
    assert "Stopped" in err and "same command" in err
    assert "Traceback" not in err and not out
    assert (tmp_path / "map.mbtiles.c2gm-job").is_dir()


def test_progress_is_silent_where_standard_error_is_no_terminal(
    begin: Run, scene: Path, tmp_path: Path
) -> None:
    status, out, err = finish(begin("generate", scene, "--out", tmp_path / "m", "--zooms", "16"))
    assert status == 0
    assert "windows a second" not in err and "\x1b" not in err
    assert "c2gm preview" in out
    shutil.rmtree(tmp_path / "m")
