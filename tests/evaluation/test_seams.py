from collections.abc import Iterator

import numpy as np
import pytest
from mercantile import Tile

from c2gm.evaluation.seams import seam_ratio, seam_steps

SIDE = 3


class Mosaic:
    """A tile set in memory, cut from one picture; its first tile is 4/2/1."""

    def __init__(self, picture: np.ndarray, x: int = 2, missing: tuple[Tile, ...] = ()) -> None:
        self._tiles = {
            Tile((x + column) % 16, 1 + row, 4): picture[
                row * 256 : row * 256 + 256, column * 256 : column * 256 + 256
            ]
            for row in range(picture.shape[0] // 256)
            for column in range(picture.shape[1] // 256)
        }
        for tile in missing:
            del self._tiles[tile]

    def tiles(self, zoom: int) -> Iterator[Tile]:
        return iter(sorted(tile for tile in self._tiles if tile.z == zoom))

    def get(self, tile: Tile) -> np.ndarray | None:
        return self._tiles.get(tile)


def noise(seed: int = 0, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side * 256, side * 256, 3), dtype=np.uint8)


def tinted(picture: np.ndarray, levels: int) -> np.ndarray:
    """Every other tile lighter, as independent tiles come out."""
    tinted = picture.astype(np.int16)
    for row in range(SIDE):
        for column in range(SIDE):
            shift = levels if (row + column) % 2 else -levels
            tinted[row * 256 : row * 256 + 256, column * 256 : column * 256 + 256] += shift
    return np.clip(tinted, 0, 255).astype(np.uint8)


def ramp() -> np.ndarray:
    """Steps of one level everywhere, in both directions."""
    rows, columns = np.mgrid[: SIDE * 256, : SIDE * 256]
    wave = np.abs((rows + columns) % 200 - 100) + 40
    return np.repeat(wave[..., None], 3, axis=-1).astype(np.uint8)


def test_a_picture_cut_into_tiles_has_no_seams():
    assert seam_ratio(Mosaic(noise()), 4) == pytest.approx(1, abs=0.03)
    assert seam_ratio(Mosaic(ramp()), 4) == 1


def test_tinted_tiles_have_seams_as_large_as_their_tint():
    steps = seam_steps(Mosaic(tinted(ramp(), 4)), 4)
    assert steps.inside == 1
    # Half of the steps go up by 8 + 1, half of them by 8 - 1.
    assert steps.border == pytest.approx(8, abs=0.2)
    assert steps.seam_ratio == steps.border


def test_the_band_ratio_sees_blur_that_the_seam_ratio_rewards():
    picture = noise().astype(np.float32)
    blurred = picture.copy()
    for border in (256, 512):
        band = slice(border - 32, border + 32)
        blurred[:, band] = 0.5 * picture[:, band] + 0.5 * np.roll(picture, 1, axis=1)[:, band]
    steps = seam_steps(Mosaic(blurred.astype(np.uint8)), 4)
    assert steps.seam_ratio < 0.95 and steps.band_ratio < 0.95
    assert seam_steps(Mosaic(noise()), 4).band_ratio == pytest.approx(1, abs=0.01)


def test_pixels_just_beside_borders_are_left_out_of_the_inside():
    picture = ramp()
    picture[:, 254:258] = 0
    plain, cut = seam_steps(Mosaic(ramp()), 4), seam_steps(Mosaic(picture), 4)
    # Only steps along the border change there: those of rows lie beside it too.
    assert cut.inside < plain.inside == 1
    assert cut.inside > 0.97


def test_the_truths_own_ratio_is_divided_out():
    map_, truth = Mosaic(tinted(ramp(), 4)), Mosaic(tinted(ramp(), 2))
    expected = seam_ratio(map_, 4) / seam_ratio(truth, 4)
    assert seam_ratio(map_, 4, truth=truth) == expected
    assert seam_ratio(map_, 4, truth=map_) == 1


def test_missing_tiles_have_no_borders():
    assert seam_steps(Mosaic(noise()), 4).borders == 12
    assert seam_steps(Mosaic(noise(), missing=(Tile(3, 2, 4),)), 4).borders == 8
    assert seam_ratio(Mosaic(noise(side=1)), 4) is None
    assert seam_ratio(Mosaic(noise()), 5) is None


def test_transparent_pixels_do_not_count():
    picture = np.concatenate([ramp(), np.full((768, 768, 1), 255, np.uint8)], axis=-1)
    picture[100:600, 200:500] = 0
    assert seam_ratio(Mosaic(picture), 4) == 1
    assert seam_steps(Mosaic(picture), 4).inside == 1


def test_borders_across_the_antimeridian_count():
    assert seam_steps(Mosaic(noise(), x=15), 4).borders == 12


def test_flat_maps_are_seamless_and_flat_tiles_of_two_colours_are_not():
    flat = np.full((768, 768, 3), 200, dtype=np.uint8)
    assert seam_ratio(Mosaic(flat), 4) == 1
    assert seam_ratio(Mosaic(tinted(flat, 1)), 4) == float("inf")
    assert seam_steps(Mosaic(tinted(flat, 1)), 4).border == 2


def test_the_spread_is_what_other_lines_show():
    steps = seam_steps(Mosaic(noise()), 4)
    assert steps.lines.shape == (256,) and steps.lines[0] == pytest.approx(steps.border)
    assert steps.spread() < 0.03  # each line has thousands of steps
    few_roads = ramp()
    few_roads[:, 100:104] = 255  # one line that is no border holds more than others
    loud = seam_steps(Mosaic(few_roads), 4)
    assert loud.spread() > 1 and loud.seam_ratio < 1
    assert loud.spread(loud) == pytest.approx(0)  # a truth with the same line explains it


def test_a_decoders_grid_is_no_seam_to_the_lines_beside_while_tint_is():
    gridded = ramp()
    for axis in (0, 1):
        lines = np.arange(768) % 8 == 0
        cut = np.where(lines[:, None] if axis == 0 else lines, 30, 0).astype(np.uint8)
        gridded += np.broadcast_to(cut, (768, 768))[..., None]
    grid = seam_steps(Mosaic(gridded), 4)
    assert grid.seam_ratio > 1.5
    assert grid.seam_beside == pytest.approx(1, abs=0.1)
    tint = seam_steps(Mosaic(tinted(ramp(), 4)), 4)
    assert tint.seam_beside == pytest.approx(tint.seam_ratio)


def test_tiles_of_one_colour_have_no_spread():
    flat = np.full((512, 512, 3), 90, np.uint8)
    assert seam_steps(Mosaic(flat), 4).spread() is None
