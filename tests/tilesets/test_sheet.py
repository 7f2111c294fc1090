from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from c2gm.grid import PixelBox
from c2gm.legend import FLAT_CLASSES, LEGEND
from c2gm.tilesets.sheet import Foot, draw_foot, length_text, round_length
from c2gm.tilesets.stitch import is_own_picture, write_strips

BOX = PixelBox(10, 256, 512, 768, 1024)
ALL = Foot(legend=True, scale_bar=True, credit="a credit")


@pytest.mark.parametrize(
    ("metres", "rounded", "text"),
    [(203, 200, "200 m"), (199, 100, "100 m"), (0.9, 0.5, "0.5 m"), (7600, 5000, "5 km")],
)
def test_a_scale_bar_has_a_round_length(metres: float, rounded: float, text: str) -> None:
    assert round_length(metres) == pytest.approx(rounded)
    assert length_text(round_length(metres)) == text


def test_the_bar_is_as_long_as_it_says() -> None:
    foot = draw_foot(Foot(scale_bar=True), 1024, 0.5)  # a third is 170 m: the bar says 100
    dark = (foot < 80).all(axis=-1)
    row = dark[int(dark.sum(axis=1).argmax())]  # the outline
    columns = np.flatnonzero(row)
    bar = columns[: np.flatnonzero(np.diff([*columns, 2048]) > 1)[0] + 1]  # its text follows
    assert abs(len(bar) - 200) <= 1


@pytest.mark.parametrize("width", [64, 256, 1024])
def test_the_legend_shows_every_class_whatever_the_width(width: int) -> None:
    foot = draw_foot(Foot(legend=True), width, 1.0)
    assert foot.shape[1:] == (width, 3)
    found = {tuple(colour) for colour in foot.reshape(-1, 3)}
    assert {entry.colour for entry in LEGEND[:FLAT_CLASSES]} <= found


def test_the_credit_breaks_into_lines() -> None:
    short = draw_foot(Foot(credit="x"), 400, 1.0)
    long = draw_foot(Foot(credit="many words " * 30), 400, 1.0)
    assert len(long) > 3 * len(short) > 0


def test_an_empty_foot_has_no_height() -> None:
    assert draw_foot(Foot(), 100, 1.0).shape == (0, 100, 3)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_a_file_keeps_map_foot_and_credit(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (BOX.height, BOX.width, 3), dtype=np.uint8)
    foot = draw_foot(ALL, BOX.width, 1.0)
    file = tmp_path / f"map{suffix}"
    write_strips(
        [rows[:256], rows[256:]],
        BOX,
        out=file,
        foot=foot,
        credit="someone",
        texts={"workflow": "{}"},
    )
    assert is_own_picture(file)
    if suffix == ".png":
        picture = Image.open(file)
        assert picture.info["Copyright"] == "someone"
        assert "not surveyed" in picture.info["Description"]
        assert picture.info["workflow"] == "{}"
        pixels = np.array(picture)
    else:
        with rasterio.open(file) as raster:
            assert raster.tags()["TIFFTAG_COPYRIGHT"] == "someone"
            assert "not surveyed" in raster.tags()["TIFFTAG_IMAGEDESCRIPTION"]
            assert raster.bounds.left == pytest.approx(BOX.mercator_bounds()[0])
            assert raster.bounds.top == pytest.approx(BOX.mercator_bounds()[3])
            pixels = raster.read().transpose(1, 2, 0)
    assert np.array_equal(pixels[: BOX.height], rows)
    assert np.array_equal(pixels[BOX.height :], foot)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_a_foreign_file_is_not_taken_for_ours(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"foreign{suffix}"
    Image.new("RGB", (8, 8)).save(file)
    assert not is_own_picture(file)
    file.write_bytes(b"no picture at all")
    assert not is_own_picture(file)
