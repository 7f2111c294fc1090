"""Imagery from a folder of web map tiles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c2gm.errors import ImageryError
from c2gm.grid import PixelBox
from c2gm.imagery.open import open_imagery

WriteTile = Callable[..., None]
X, Y = 36, 27  # a tile of zoom 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tiles"


@pytest.fixture
def write_tile(folder: Path) -> WriteTile:
    def write(pixels: np.ndarray, z: int, x: int, y: int, suffix: str = ".png") -> None:
        path = folder / str(z) / str(x) / f"{y}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        lossless = {"lossless": True} if suffix == ".webp" else {}
        Image.fromarray(pixels).save(path, **lossless)  # type: ignore[arg-type]

    return write


def picture(seed: int) -> np.ndarray:
    y, x = np.mgrid[0:256, 0:256]
    noise = np.random.default_rng(seed).integers(-20, 20, (256, 256, 3))
    return (128 + 60 * np.sin((x + 40 * seed) / 19)[..., None] + noise).astype(np.uint8)


def tile_box(z: int, x: int, y: int) -> PixelBox:
    return PixelBox(z, x * 256, y * 256, x * 256 + 256, y * 256 + 256)


def test_tiles_come_out_as_they_are_whatever_their_format(
    write_tile: WriteTile, folder: Path
) -> None:
    for column, suffix in enumerate((".png", ".webp", ".PNG")):
        write_tile(picture(column), 6, X + column, Y, suffix)
    write_tile(picture(7)[..., 0], 6, X + 3, Y, ".jpg")
    imagery = open_imagery(folder)
    for column in range(3):
        rgb, valid = imagery.read(tile_box(6, X + column, Y))
        assert valid.all()
        assert np.array_equal(rgb, picture(column))
    rgb, _ = imagery.read(tile_box(6, X + 3, Y))
    assert np.array_equal(rgb[..., 0], rgb[..., 2])
    assert np.abs(rgb[..., 0].astype(int) - picture(7)[..., 0]).mean() < 8


def test_missing_tiles_and_transparent_pixels_are_invalid(
    write_tile: WriteTile, folder: Path
) -> None:
    rgba = np.dstack([picture(1), np.full((256, 256), 255, np.uint8)])
    rgba[:100, :, 3] = 0
    write_tile(rgba, 6, X, Y)
    rgb, valid = open_imagery(folder).read(
        PixelBox(6, X * 256, Y * 256, X * 256 + 512, Y * 256 + 256)
    )
    assert not valid[:100].any() and not valid[:, 256:].any()
    assert valid[100:, :256].all()
    assert not rgb[~valid].any()


def test_each_zoom_is_read_from_its_own_tiles(write_tile: WriteTile, folder: Path) -> None:
    write_tile(picture(1), 6, X, Y)
    write_tile(picture(2), 7, 2 * X, 2 * Y)
    imagery = open_imagery(folder)
    assert imagery.native_zoom == 7
    assert np.array_equal(imagery.read(tile_box(6, X, Y))[0], picture(1))
    assert np.array_equal(imagery.read(tile_box(7, 2 * X, 2 * Y))[0], picture(2))


def test_a_zoom_that_lacks_is_averaged_from_the_finer_one(
    write_tile: WriteTile, folder: Path
) -> None:
    for dx in (0, 1):
        for dy in (0, 1):
            write_tile(picture(dx + 2 * dy), 8, 2 * X + dx, 2 * Y + dy)
    rgb, valid = open_imagery(folder).read(tile_box(7, X, Y))
    assert valid.all()
    whole = np.block([[[picture(0)], [picture(1)]], [[picture(2)], [picture(3)]]])
    mean = whole.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3))
    assert np.abs(rgb - mean).max() <= 0.5
    coarse, valid = open_imagery(folder).read(PixelBox(5, X * 64, Y * 64, X * 64 + 64, Y * 64 + 64))
    assert valid.all()
    assert np.abs(coarse - whole.reshape(64, 8, 64, 8, 3).mean(axis=(1, 3))).max() <= 2


def test_averages_leave_invalid_pixels_out(write_tile: WriteTile, folder: Path) -> None:
    rgba = np.full((256, 256, 4), 200, np.uint8)
    rgba[..., 3] = 255
    rgba[::2, 1::2] = 0  # a quarter of every four
    rgba[:, 128:130] = 0
    write_tile(rgba, 8, 2 * X, 2 * Y)
    rgb, valid = open_imagery(folder).read(
        PixelBox(7, X * 256, Y * 256, X * 256 + 128, Y * 256 + 128)
    )
    assert (rgb[valid] == 200).all()
    assert not valid[:, 64].any()
    assert valid.sum() == 128 * 127


def test_beyond_the_finest_zoom_tiles_are_enlarged_without_seams_or_dark_rims(
    write_tile: WriteTile, folder: Path
) -> None:
    y, x = np.mgrid[0:256, 0:512]
    slope = np.stack([x // 3 + 40, y // 2 + 60, (x + y) // 4 + 20], -1).astype(np.uint8)
    write_tile(slope[:, :256], 6, X, Y)
    write_tile(slope[:, 256:], 6, X + 1, Y)
    imagery = open_imagery(folder)
    rgb, valid = imagery.read(PixelBox(8, X * 1024, Y * 1024, X * 1024 + 2048, Y * 1024 + 1024))
    assert valid.all()
    assert np.abs(np.diff(rgb[:, 8:-8].astype(int), axis=1)).max() <= 2
    assert np.abs(rgb.reshape(256, 4, 512, 4, 3).mean(axis=(1, 3)) - slope).max() < 1
    _, outside = imagery.read(PixelBox(8, X * 1024 - 8, Y * 1024, X * 1024 + 8, Y * 1024 + 4))
    assert np.array_equal(outside[0], np.arange(16) >= 8)


def test_a_far_enlargement_stays_small_in_memory_and_right_in_colour(
    write_tile: WriteTile, folder: Path
) -> None:
    flat = np.full((256, 256, 3), (10, 120, 230), np.uint8)
    write_tile(flat, 6, X, Y)
    rgb, valid = open_imagery(folder).read(
        PixelBox(
            20, (X * 256 + 9) << 14, Y * 256 << 14, ((X * 256 + 9) << 14) + 300, (Y * 256 << 14) + 9
        )
    )
    assert valid.all()
    assert (rgb == (10, 120, 230)).all()


def test_bounds_follow_the_tiles_and_take_the_short_way_over_the_antimeridian(
    write_tile: WriteTile, folder: Path
) -> None:
    write_tile(picture(0), 3, 7, 3)
    write_tile(picture(0), 3, 0, 4)
    imagery = open_imagery(folder)
    west, south, east, north = imagery.bounds
    assert (west, east) == (135, -135)
    assert north == -south == pytest.approx(40.98, abs=0.01)
    rgb, valid = imagery.read(PixelBox(3, 7 * 256, 3 * 256, 9 * 256, 4 * 256))
    assert valid[:, :256].all() and not valid[:, 256:].any()


def test_credit_comes_from_the_folder_unless_given(write_tile: WriteTile, folder: Path) -> None:
    write_tile(picture(0), 3, 7, 3)
    assert open_imagery(folder).attribution == ""
    (folder / "metadata.json").write_text(json.dumps({"attribution": "(c) Survey"}))
    assert open_imagery(folder).attribution == "(c) Survey"
    assert open_imagery(folder, attribution="me").attribution == "me"


def test_the_fingerprint_changes_with_any_tile(write_tile: WriteTile, folder: Path) -> None:
    write_tile(picture(0), 3, 7, 3)
    before = open_imagery(folder).fingerprint
    assert open_imagery(folder).fingerprint == before
    write_tile(picture(1), 3, 6, 3)
    added = open_imagery(folder).fingerprint
    write_tile(picture(2), 3, 6, 3)
    assert len({before, added, open_imagery(folder).fingerprint}) == 3


def test_files_that_are_no_tiles_are_passed_over(write_tile: WriteTile, folder: Path) -> None:
    write_tile(picture(0), 3, 7, 3)
    for stray in ("3/7/03.png", "3/7/9.png", "3/8/1.png", "3/7/2.txt", "30/1/1.png", "x/1/1.png"):
        path = folder / stray
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"stray")
    imagery = open_imagery(folder)
    assert imagery.native_zoom == 3
    assert imagery.read(PixelBox(3, 0, 0, 2048, 2048))[1].sum() == 256 * 256


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:900]), r"3/7/3\.png cannot be read"),
        (lambda path: path.write_bytes(b""), r"3/7/3\.png cannot be read"),
        (
            lambda path: Image.new("RGB", (512, 512)).save(path),
            r"3/7/3\.png measures 512x512 pixels",
        ),
        (lambda path: Image.new("I;16", (256, 256)).save(path), "not an 8-bit picture"),
        (lambda path: Image.new("1", (20_000, 20_000)).save(path), "cannot be read: .*bomb"),
    ],
)
def test_a_spoilt_tile_is_named(
    write_tile: WriteTile, folder: Path, spoil: Callable[[Path], object], message: str
) -> None:
    write_tile(picture(0), 3, 7, 3)
    imagery = open_imagery(folder)
    spoil(folder / "3" / "7" / "3.png")
    with pytest.raises(ImageryError, match=message):
        imagery.read(tile_box(3, 7, 3))
