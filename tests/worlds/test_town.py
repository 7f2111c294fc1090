import numpy as np
import pytest

from c2gm.errors import ImageryError
from c2gm.grid import PixelBox
from c2gm.worlds.town import Town, TownImagery


@pytest.fixture(scope="module")
def town() -> Town:
    return Town(3)


def middle_box(town: Town, zoom: int, *, width: int = 96, height: int = 80) -> PixelBox:
    whole = town.box(zoom)
    left, top = (whole.left + whole.right) // 2 + 37, (whole.top + whole.bottom) // 2 - 21
    return PixelBox(zoom, left, top, left + width, top + height)


@pytest.mark.parametrize("zoom", [14, 15, 16, 17, 18, 19])
def test_a_crop_of_a_larger_read_equals_the_smaller_read(town: Town, zoom: int) -> None:
    box = middle_box(town, zoom)
    larger = PixelBox(zoom, box.left - 53, box.top - 31, box.right + 70, box.bottom + 11)
    crop = town.imagery(larger)[31 : 31 + box.height, 53 : 53 + box.width]
    assert np.array_equal(crop, town.imagery(box))


def test_the_same_seed_gives_the_same_picture(town: Town) -> None:
    box = middle_box(town, 17)
    assert np.array_equal(Town(3).imagery(box), town.imagery(box))


def test_pixels_outside_the_town_are_invalid_and_black(town: Town) -> None:
    whole = town.box(17)
    box = PixelBox(17, whole.left - 20, whole.top + 50, whole.left + 44, whole.top + 114)
    rgb, valid = TownImagery(town).read(box)
    assert not valid[:, :20].any() and valid[:, 20:].all()
    assert not rgb[:, :20].any() and rgb[:, 20:].any()


@pytest.mark.parametrize("zoom", [14, 15])
def test_low_zooms_are_the_average_of_higher_ones(town: Town, zoom: int) -> None:
    box = middle_box(town, zoom, width=24, height=20)
    step = 16 - zoom
    fine = PixelBox(16, box.left << step, box.top << step, box.right << step, box.bottom << step)
    shape = (box.height, 1 << step, box.width, 1 << step, 3)
    average = town.imagery(fine).reshape(shape).mean((1, 3))
    assert np.abs(average - town.imagery(box)).max() <= 1.6


def test_zooms_agree_in_light_and_colour(town: Town) -> None:
    coarse = middle_box(town, 16, width=64, height=64)
    fine = PixelBox(18, coarse.left << 2, coarse.top << 2, coarse.right << 2, coarse.bottom << 2)
    average = town.imagery(fine).reshape(64, 4, 64, 4, 3).mean((1, 3))
    drawn = town.imagery(coarse).astype(float)
    assert np.abs(average.mean((0, 1)) - drawn.mean((0, 1))).max() < 4
    assert np.corrcoef(average.ravel(), drawn.ravel())[0, 1] > 0.8


def test_the_town_lies_near_the_equator_on_its_tile(town: Town) -> None:
    west, south, east, north = town.bounds
    assert -2 < south < north < 2 and west < east
    assert town.box(14).width == 320
    assert town.box(17).width == 8 * 320


def test_imagery_of_a_town_says_what_it_is() -> None:
    imagery, other = TownImagery(Town(3)), TownImagery(Town(4))
    assert imagery.native_zoom == 18
    assert imagery.attribution == "procedural town, C2GM"
    assert imagery.bounds == Town(3).bounds
    assert imagery.fingerprint == TownImagery(Town(3)).fingerprint != other.fingerprint


def test_a_zoom_that_a_town_does_not_have_is_refused(town: Town) -> None:
    with pytest.raises(ImageryError, match="no picture at zoom 13"):
        TownImagery(town).read(PixelBox(13, 0, 0, 32, 32))
