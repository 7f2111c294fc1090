"""`c2gm evaluate`: what is scored, what is told, how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_maps import town_picture, write_masks
from mercantile import Tile

from c2gm.evaluation.groups import FIVE_CLASSES, five_table
from c2gm.legend import CLASS_ID, palette
from c2gm.tilesets.open import create_tileset

Run = Callable[..., Any]
FIRST = Tile(84_000, 56_000, 17)


def write_map(path: Path, picture: np.ndarray) -> Path:
    """The picture's tiles at zoom 17."""
    with create_tileset(path, {"name": path.stem, "attribution": "nobody"}) as tileset:
        for row in range(picture.shape[0] // 256):
            for column in range(picture.shape[1] // 256):
                part = picture[row * 256 : row * 256 + 256, column * 256 : column * 256 + 256]
                tileset.put(Tile(FIRST.x + column, FIRST.y + row, 17), part)
    return path


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return town_picture()[:256]


@pytest.fixture
def true_map(tmp_path: Path, truth: np.ndarray) -> Path:
    return write_map(tmp_path / "true.mbtiles", truth)


@pytest.fixture
def poor_map(tmp_path: Path, truth: np.ndarray) -> Path:
    """Without houses."""
    poor = truth.copy()
    poor[(truth == palette()[CLASS_ID["building"]]).all(-1)] = palette()[0]
    return write_map(tmp_path / "poor.mbtiles", poor)


def test_tables_name_the_protocol_the_measures_and_the_rows(
    c2gm: Run, poor_map: Path, true_map: Path
) -> None:
    ended = c2gm("evaluate", poor_map, true_map)
    assert ended.status == 0
    assert "Protocol honest-0" in ended.out
    lines = {line.split("  ")[0]: line for line in ended.out.splitlines()}
    assert {"mIoU", "road corr.", "PSNR-Y", "seam", "building or built-up", "wood"} <= set(lines)
    for row in ("map", "truth", "ground colour"):
        assert row in lines["zoom 17"]
    assert lines["building share"].split()[2:4] == ["0.000", "1.000"]
    assert max(map(len, ended.out.splitlines())) <= 110


def test_json_is_one_object_with_every_measure(c2gm: Run, poor_map: Path, true_map: Path) -> None:
    ended = c2gm("evaluate", poor_map, true_map, "--json")
    told = json.loads(ended.out)
    assert told["protocol"]["name"] == "honest-0"
    assert told["rows"]["truth"]["z17"]["miou"] == 1
    mine = told["rows"]["map"]["z17"]
    assert mine["building_share_ratio"] == 0 and mine["tiles"] == 2
    assert mine["groups"]["water"]["iou"] == 1
    assert mine["cross_scale_ratio"] is None


def test_a_missed_bar_ends_with_status_three(c2gm: Run, poor_map: Path, true_map: Path) -> None:
    bars = ("--bar", "z17.miou=0.99", "--bar", "off_palette=..0.03")
    ended = c2gm("evaluate", poor_map, true_map, *bars)
    assert ended.status == 3
    assert "Bar z17.miou=0.99 is missed" in ended.out and "off_palette=" not in ended.out
    assert c2gm("evaluate", true_map, true_map, *bars).status == 0


def test_masks_of_real_ground_are_scored_in_five_classes(
    c2gm: Run, true_map: Path, tmp_path: Path, truth: np.ndarray
) -> None:
    from c2gm.evaluation.reading import read_picture

    numbers = np.array([2, 1, 5, 4, 3], dtype=np.uint8)  # of a raster, by the five classes
    assert FIVE_CLASSES == ("ground", "water", "green", "building", "road")
    masks = write_masks(
        tmp_path / "masks.tif", numbers[five_table()[read_picture(truth).classes]], FIRST
    )
    told = json.loads(c2gm("evaluate", true_map, masks, "--json").out)
    assert set(told["rows"]["map"]["z17"]["groups"]) == set(FIVE_CLASSES)
    assert told["rows"]["map"]["z17"]["miou"] > 0.99
    assert "truth" not in told["rows"]


@pytest.mark.usefixtures("mixing_model")
def test_what_generate_draws_is_scored_under_the_protocol_it_was_drawn_by(
    c2gm: Run, scene: Path, tmp_path: Path
) -> None:
    drawn = tmp_path / "drawn.mbtiles"
    assert c2gm("generate", scene, "--out", drawn, "--zooms", "17").status == 0
    told = json.loads(c2gm("evaluate", drawn, drawn, "--json").out)
    assert told["rows"]["map"]["z17"]["psnr_y"] == 60
    refused = c2gm("evaluate", drawn, drawn, "--protocol", "honest-14")
    assert refused.status == 2
    assert "Give --protocol honest-0" in " ".join(refused.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (("--bar", "beauty=1"), 2, "no measure"),
        (("--protocol", "generous"), 2, "no protocol"),
        (("--zooms", "12"), 1, "No tile of the map lies on the truth"),
    ],
)
def test_wrong_use_is_told(
    c2gm: Run, true_map: Path, options: tuple[str, ...], status: int, told: str
) -> None:
    ended = c2gm("evaluate", true_map, true_map, *options)
    assert ended.status == status
    assert told in " ".join(ended.err.replace("│", " ").split())


def test_a_truth_of_another_place_is_told(c2gm: Run, true_map: Path, tmp_path: Path) -> None:
    with create_tileset(tmp_path / "far.mbtiles", {"name": "far"}) as tileset:
        tileset.put(Tile(3, 3, 17), np.zeros((256, 256, 3), np.uint8))
    ended = c2gm("evaluate", true_map, tmp_path / "far.mbtiles")
    assert ended.status == 1
    assert ended.err.splitlines()[-1].startswith("Error: No tile of the map lies on the truth")
