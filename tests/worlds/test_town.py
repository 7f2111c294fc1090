import numpy as np
import pytest

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
