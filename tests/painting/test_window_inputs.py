import numpy as np
import pytest
from imaginary import ImaginaryImagery, imagery_of
from mercantile import Tile

from c2gm.grid import PixelBox, TileRange, Window
from c2gm.legend import GROUND
from c2gm.painting.geometry import PAPER, SEAMLESS
from c2gm.painting.window_inputs import (
    over_ground,
    read_imagery,
    read_mosaic,
    read_reference,
    tile_part,
)
from c2gm.references import enlarge_reference

WORLD = (-180.0, -85.0511287798066, 180.0, 85.0511287798066)


def parent_map(zoom: int, side: int = 4, seed: int = 0):
    """A square map of side x side tiles from (8, 8) on: its pixels and its way to read tiles."""
    generator = np.random.default_rng(seed)
    mosaic = generator.integers(0, 256, (side * 256, side * 256, 3), dtype=np.uint8)

    def read_tile(tile: Tile) -> np.ndarray | None:
        x, y = tile.x - 8, tile.y - 8
        if tile.z != zoom or not (0 <= x < side and 0 <= y < side):
            return None
        return mosaic[y * 256 : y * 256 + 256, x * 256 : x * 256 + 256]

    return mosaic, read_tile


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("factor", [2, 4])
def test_the_reference_of_a_window_is_a_crop_of_the_enlarged_whole_map(factor, interpolation):
    step = factor.bit_length() - 1
    mosaic, read_tile = parent_map(10)
    rim = np.pad(mosaic, ((4, 4), (4, 4), (0, 0)), mode="edge")
    whole = enlarge_reference(rim, factor, interpolation)
    first = 8 * factor  # tile of the whole map's corner
    for x, y in [(first + 1, first + 1), (first + factor, first + 2), (first + 5, first + 6)]:
        window = Window(x, y, 10 + step)
        left, top = (x - first) * 256 - 32, (y - first) * 256 - 32
        reference = read_reference(
            read_tile, window, SEAMLESS, cascade_factor=factor, interpolation=interpolation
        )
        np.testing.assert_array_equal(reference, whole[top : top + 320, left : left + 320])


def test_the_imagery_of_a_window_is_a_crop_of_the_whole_mosaic():
    imagery = imagery_of(TileRange(12, 8, 8, 11, 11))
    whole, _ = imagery.read(PixelBox(12, 8 * 256, 8 * 256, 12 * 256, 12 * 256))
    inputs = read_imagery(imagery, Window(9, 10, 12), SEAMLESS)
    np.testing.assert_array_equal(inputs.imagery, whole[480:800, 224:544])
    assert inputs.valid.all()


def test_missing_imagery_is_mid_grey():
    imagery = imagery_of(TileRange(12, 8, 8, 8, 8))
    inputs = read_imagery(imagery, Window(8, 8, 12), SEAMLESS)
    assert not inputs.valid[:32].any() and inputs.valid[32:288, 32:288].all()
    assert (inputs.imagery[~inputs.valid] == 127).all()


def test_rows_past_the_world_hold_no_imagery_and_columns_wrap():
    imagery = ImaginaryImagery(WORLD)
    inputs = read_imagery(imagery, Window(0, 0, 2), SEAMLESS)
    assert not inputs.valid[:32].any() and inputs.valid[32:].all()
    other, _ = imagery.read(PixelBox(2, 1024 - 32, 0, 1024, 256))
    np.testing.assert_array_equal(inputs.imagery[32:288, :32], other)


def test_a_missing_parent_tile_is_ground():
    _, read_tile = parent_map(10)
    mosaic = read_mosaic(read_tile, PixelBox(10, 8 * 256 - 10, 8 * 256, 8 * 256 + 10, 8 * 256 + 5))
    assert (mosaic[:, :10] == GROUND).all() and not (mosaic[:, 10:] == GROUND).all()


def test_transparent_parent_pixels_are_ground():
    pixels = np.full((256, 256, 4), 9, dtype=np.uint8)
    pixels[..., 3] = 255
    pixels[:100, :, 3] = 0
    laid = over_ground(pixels)
    assert laid.shape == (256, 256, 3)
    assert (laid[:100] == GROUND).all() and (laid[100:] == 9).all()


def test_the_mosaic_wraps_around_the_world_and_ends_at_its_poles():
    asked = []

    def read_tile(tile: Tile) -> np.ndarray:
        asked.append(tile)
        return np.full((256, 256, 3), tile.x, dtype=np.uint8)

    mosaic = read_mosaic(read_tile, PixelBox(2, -8, -8, 8, 8))
    assert set(asked) == {Tile(3, 0, 2), Tile(0, 0, 2)}
    assert (mosaic[:8] == GROUND).all()
    assert (mosaic[8:, :8] == 3).all() and (mosaic[8:, 8:] == 0).all()


@pytest.mark.parametrize("factor", [2, 4])
def test_a_paper_reference_is_made_of_its_own_part_of_the_parent_alone(factor):
    step = factor.bit_length() - 1
    mosaic, read_tile = parent_map(10)
    window = Window(8 * factor + 1, 8 * factor + 1, 10 + step)
    reference = read_reference(
        read_tile, window, PAPER, cascade_factor=factor, interpolation="bilinear"
    )
    part = 256 // factor
    alone = np.pad(mosaic[part : 2 * part, part : 2 * part], ((4, 4), (4, 4), (0, 0)), "edge")
    np.testing.assert_array_equal(reference, enlarge_reference(alone, factor))


def test_the_tile_is_the_middle_of_its_window():
    rows, columns = np.mgrid[:320, :320]
    middle = tile_part(np.stack([rows, columns], axis=-1), SEAMLESS)
    assert middle.shape == (256, 256, 2)
    assert middle[0, 0].tolist() == [32, 32] and middle[-1, -1].tolist() == [287, 287]
