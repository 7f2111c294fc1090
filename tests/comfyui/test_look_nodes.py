"""Sheets, comparisons, jobs and payloads of the nodes, which need no ComfyUI to be tested."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mercantile import Tile
from pack_modules import node_module

from c2gm.cascade.ledger import Ledger
from c2gm.grid import TileRange, bounds_of, pixels_of_bounds
from c2gm.tilesets.open import create_tileset

areas = node_module("areas")
comparing = node_module("comparing")
files = node_module("files")
imagery_files = node_module("imagery_files")
jobs = node_module("jobs")
payloads = node_module("payloads")
sheets = node_module("sheets")
Error = areas.AreaError.__mro__[1]

TILES = TileRange(16, 31008, 32768, 31011, 32769)  # four columns, two rows
AREA = areas.PickedArea(bounds_of(TILES), (15, 16))


def picture(tile: Tile) -> np.ndarray:
    pixels = np.empty((256, 256, 3), dtype=np.uint8)
    pixels[:] = (tile.x % 251, tile.y % 241, 10 * tile.z)
    pixels[:4] = 255
    return pixels


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ComfyUI's output folder, with a map in it."""
    folder = tmp_path / "output" / "c2gm"
    for module in (files, sheets, jobs):
        monkeypatch.setattr(module, "output_folder", lambda: folder)
    monkeypatch.setattr(files, "input_folder", lambda: tmp_path / "input")
    metadata = {"name": "Town", "attribution": "someone"}
    with create_tileset(folder / "town.mbtiles", metadata) as tileset:
        for zoom in (15, 16):
            for tile in AREA.stage(zoom).tiles:
                tileset.put(tile, picture(tile))
    return folder


# Sheets -----------------------------------------------------------------------------------------


def test_a_sheet_has_the_map_above_its_foot_and_the_file_its_place(output: Path) -> None:
    foot = sheets.Foot(legend=True, scale_bar=True, credit="")
    made = sheets.sheet_of_tileset(
        output / "town.mbtiles", AREA, 16, foot=foot, file=output / "a" / "town.tif"
    )
    assert made.picture.shape == (512, 1024, 3)
    assert np.array_equal(made.sheet[:512], made.picture) and len(made.sheet) > 560
    with rasterio.open(output / "a" / "town.tif") as raster:
        assert np.array_equal(raster.read().transpose(1, 2, 0), made.sheet)
        assert raster.tags()["TIFFTAG_COPYRIGHT"] == "someone"
    assert made.lines == ["1,024 x 512 px of zoom 16", "written to output/c2gm/town.tif"]


def test_a_map_too_large_for_an_image_is_shrunk_where_a_file_has_it_whole(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MAX_PIXELS", 100_000)
    path, foot = output / "town.mbtiles", sheets.Foot()
    with pytest.raises(Error, match="Give a file to write it to, a lower zoom, or a smaller"):
        sheets.sheet_of_tileset(path, AREA, 16, foot=foot, file=None)
    made = sheets.sheet_of_tileset(path, AREA, 16, foot=foot, file=output / "t.png")
    assert made.picture.shape == (128, 256, 3)
    assert "shrunk 4 times" in made.lines[-1]
    expected = picture(Tile(31008, 32768, 16))[:4, :4].mean(axis=(0, 1))
    assert np.abs(made.picture[0, 0] - expected).max() <= 1


def test_the_same_name_is_written_again_but_not_over_a_foreign_file(output: Path) -> None:
    foot = sheets.Foot()
    for _ in range(2):
        sheets.sheet_of_tileset(
            output / "town.mbtiles", AREA, 15, foot=foot, file=sheets.file_path("town.tif")
        )
    (output / "mine.tif").write_bytes(b"mine")
    with pytest.raises(Error, match="mine.tif is in output/c2gm and was not made by C2GM"):
        sheets.file_path("mine.tif")
    assert sheets.file_path("  ") is None


# Comparisons ------------------------------------------------------------------------------------


def test_zooms_are_shown_side_by_side_at_one_width(output: Path) -> None:
    panels = comparing.zoom_panels(output / "town.mbtiles", AREA, "", 128)
    assert [panel.caption for panel in panels] == ["zoom 15, 1:15,000", "zoom 16, 1:8,000"]
    assert {panel.picture.shape for panel in panels} == {(64, 128, 3)}
    sheet = comparing.side_by_side(panels, "first\n")
    assert sheet.shape == (64 + 28 + 8, 2 * 128 + 3 * 8, 3)
    assert np.array_equal(sheet[28 : 28 + 64, 8 + 136 : 8 + 136 + 128], panels[1].picture)
    assert not np.array_equal(sheet, comparing.side_by_side(panels, ""))


def test_coarse_pixels_stay_squares_and_fine_ones_are_averaged() -> None:
    board = np.indices((4, 4)).sum(axis=0) % 2 * 255
    rgb = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    assert set(np.unique(comparing.sized(rgb, 16))) == {0, 255}
    assert 60 < comparing.sized(rgb.repeat(8, axis=0).repeat(8, axis=1), 4).mean() < 190


@pytest.mark.parametrize(
    ("zooms", "sentence"), [("14", "no zoom 14; its zooms are 15, 16"), ("a,b", "like 14,16,18")]
)
def test_zooms_that_are_not_there_are_told(output: Path, zooms: str, sentence: str) -> None:
    with pytest.raises(Error, match=sentence):
        comparing.zoom_panels(output / "town.mbtiles", AREA, zooms, 128)


# Jobs -------------------------------------------------------------------------------------------


@pytest.fixture
def two_jobs(output: Path) -> tuple[Path, Path]:
    """A finished job and an unfinished one."""
    folder = output / "jobs"
    finished = folder / "aa.mbtiles"
    with create_tileset(finished, {"name": "Map of town"}) as tileset:
        tileset.put(Tile(0, 0, 1), picture(Tile(0, 0, 1)))
    os.utime(finished, (1, 1))
    unfinished = folder / "bb.mbtiles.c2gm-job"
    Ledger(unfinished).close()
    return finished, unfinished


def test_jobs_are_listed_the_latest_first(two_jobs: tuple[Path, Path]) -> None:
    assert jobs.job_names() == ["bb.mbtiles.c2gm-job", "aa.mbtiles"]
    assert jobs.job_line("bb.mbtiles.c2gm-job").startswith("bb.mbtiles.c2gm-job: unfinished, 0.")
    assert jobs.job_line("aa.mbtiles").startswith("aa.mbtiles: Map of town, zooms 1 to 1, 0.")


def test_a_job_is_deleted_and_counted(two_jobs: tuple[Path, Path]) -> None:
    before = jobs.DELETED.count
    for path in two_jobs:
        jobs.delete_job(path.name)
        assert not path.exists()
    assert jobs.DELETED.count == before + 2
    assert jobs.job_names() == []


def test_only_jobs_of_ours_are_deleted(output: Path, two_jobs: tuple[Path, Path]) -> None:
    foreign = output / "jobs" / "cc.mbtiles"
    foreign.write_bytes(b"mine")
    folder = output / "jobs" / "dd.c2gm-job"
    folder.mkdir()
    for name in ("cc.mbtiles", "dd.c2gm-job", "../town.mbtiles", "gone.mbtiles"):
        with pytest.raises(Error.__mro__[1]):
            jobs.delete_job(name)
    assert foreign.exists() and folder.is_dir() and (output / "town.mbtiles").exists()


def test_a_job_that_is_being_painted_is_not_deleted(two_jobs: tuple[Path, Path]) -> None:
    with Ledger(two_jobs[1]), pytest.raises(Error.__mro__[1], match="works on the job"):
        jobs.delete_job(two_jobs[1].name)
    assert two_jobs[1].exists()


# Payloads ---------------------------------------------------------------------------------------


def test_a_map_is_told_by_a_name_that_finds_it_again(output: Path) -> None:
    told = payloads.map_payload(output / "town.mbtiles", None)
    assert files.tileset_path(told["tileset"]) == (output / "town.mbtiles").resolve()
    assert told["zooms"] == [15, 16]
    assert told["counts"] == {"15": 2, "16": 8}
    assert told["bounds"] == pytest.approx(AREA.bounds, abs=1e-9)
    assert ["water", "#86c1f0"] in told["legend"]
    lines = payloads.map_lines(told)
    assert lines == ["Town", "z15: 2, z16: 8", "Generated map, not surveyed", "someone"]


def test_an_area_is_told_with_counts_and_time() -> None:
    told = payloads.area_payload(AREA, 0.5)
    assert [count["tiles"] for count in told["counts"]] == [2, 8]
    assert told["windows"] == sum(count["windows"] for count in told["counts"])
    assert told["seconds"] == 0.5 * told["windows"]
    assert payloads.area_payload(AREA, None)["seconds"] is None
    assert payloads.area_lines(told)[1].startswith("10 tiles, ")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (200, "3 min"), (9000, "2.5 h")]
)
def test_times_are_told_as_people_say_them(seconds: float, words: str) -> None:
    assert payloads.duration(seconds) == words


def test_every_palette_has_every_class() -> None:
    told = payloads.palettes_payload()
    names = {name for name, _ in told["legend"]}
    assert len(names) == 14 and all(set(colours) == names for colours in told["palettes"].values())


# Imagery ----------------------------------------------------------------------------------------


def test_imagery_is_opened_once_until_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Path(files.ASSETS) / "sample.tif"
    copy = tmp_path / "scene.tif"
    copy.write_bytes(sample.read_bytes())
    monkeypatch.setattr(imagery_files, "imagery_path", lambda name: copy)
    spec = imagery_files.spec_of({"file": "scene.tif", "other": "ignored"})
    assert set(spec) == set(imagery_files.FIELDS)
    first = imagery_files.open_spec(spec)
    assert imagery_files.open_spec(spec) is first
    os.utime(copy, ns=(1, 1))
    assert imagery_files.open_spec(spec) is not first
    assert first.read(AREA.stage(15).tiles.box)[0].shape[2] == 3


def test_a_folder_of_sheets_is_one_imagery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "input_folder", lambda: tmp_path)
    sample = (Path(files.ASSETS) / "sample.tif").read_bytes()
    for name in ("scene.tif", "other.tif", "sheets/a.tif", "sheets/b.tif", "one/a.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(sample)
    (tmp_path / "drawn").mkdir()
    for name in ("a.png", "b.png"):  # pictures of ComfyUI's own
        (tmp_path / "drawn" / name).write_bytes(b"")
    names = files.imagery_names()
    assert "sheets" in names and "sheets/a.tif" in names
    assert not {"one", "drawn", "."} & set(names)
    imagery = imagery_files.open_spec({"file": "sheets"})
    assert imagery.name == "sheets"
    assert imagery.read(pixels_of_bounds(imagery.bounds, 15))[1].any()


def test_nodata_is_a_number_none_or_the_files_own() -> None:
    assert imagery_files.parse_nodata("  ") is None
    assert imagery_files.parse_nodata("None") == "none"
    assert imagery_files.parse_nodata("-1.5") == -1.5
