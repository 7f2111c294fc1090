import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from c2gm.errors import ConfigError
from c2gm.grid import PixelBox
from c2gm.references import INTERPOLATIONS, MARGIN, enlarge_reference, parent_box

GOLDEN = Path(__file__).parent / "golden" / "reference"
PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
factors = st.sampled_from([2, 4])
interpolations = st.sampled_from(INTERPOLATIONS)


def picture(side: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def with_rim(parent: np.ndarray) -> np.ndarray:
    return np.pad(parent, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")


def golden_cases() -> list[tuple[dict, str]]:
    cases = json.loads((GOLDEN / "reference.json").read_text(encoding="utf-8"))["cases"]
    return [(case, kind) for case in cases for kind in INTERPOLATIONS]


@given(side=st.integers(12, 40), seed=st.integers(0, 99), factor=factors, kind=interpolations)
def test_an_enlarged_reference_is_pillows_resize_without_its_rim(side, seed, factor, kind):
    parent = picture(side, seed)
    whole = Image.fromarray(parent).resize((side * factor, side * factor), PILLOW[kind])
    rim = MARGIN * factor
    np.testing.assert_array_equal(
        enlarge_reference(parent, factor, kind), np.asarray(whole)[rim:-rim, rim:-rim]
    )


@pytest.mark.parametrize(("case", "kind"), golden_cases())
def test_golden_references_are_met(case, kind):
    parent = np.asarray(Image.open(GOLDEN / case["parent"]).convert("RGB"))
    x, y, size = case["crop_x"], case["crop_y"], case["crop_size"]
    factor = 2 ** case["zoom_difference"]
    golden = np.asarray(Image.open(GOLDEN / f"{case['tile']}.{kind}.png").convert("RGB"))
    enlarged = enlarge_reference(with_rim(parent[y : y + size, x : x + size]), factor, kind)
    # Pillow's bicubic weights its rim otherwise; there a crop by itself has no right answer.
    inner = slice(2 * factor, -2 * factor) if kind == "bicubic" else slice(None)
    np.testing.assert_array_equal(enlarged[inner, inner], golden[inner, inner])


@given(left=st.integers(0, 20), top=st.integers(0, 20), factor=factors, kind=interpolations)
def test_a_reference_is_a_crop_of_the_enlarged_whole(left, top, factor, kind):
    parent = picture(48, 5)
    whole = enlarge_reference(parent, factor, kind)
    cut = enlarge_reference(parent[top : top + 24, left : left + 24], factor, kind)
    side = 16 * factor
    np.testing.assert_array_equal(
        cut, whole[top * factor : top * factor + side, left * factor : left * factor + side]
    )


@pytest.mark.parametrize("kind", INTERPOLATIONS)
@pytest.mark.parametrize("factor", [2, 4])
def test_a_flat_parent_stays_flat(factor, kind):
    for level in (0, 1, 127, 254, 255):
        parent = np.full((20, 20, 3), level, dtype=np.uint8)
        assert (enlarge_reference(parent, factor, kind) == level).all()


@given(
    left=st.integers(-50, 50),
    top=st.integers(-50, 50),
    width=st.integers(1, 80),
    height=st.integers(1, 80),
    factor=factors,
)
def test_the_parent_box_holds_the_box_and_a_margin(left, top, width, height, factor):
    box = PixelBox(
        12, left * factor, top * factor, (left + width) * factor, (top + height) * factor
    )
    parent = parent_box(box, factor)
    assert parent == PixelBox(
        12 - factor.bit_length() + 1, left, top, left + width, top + height
    ).grown(MARGIN)
    enlarged = enlarge_reference(np.zeros((parent.height, parent.width, 3), np.uint8), factor)
    assert enlarged.shape == (box.height, box.width, 3)


def test_an_unknown_interpolation_is_named():
    with pytest.raises(ConfigError, match="'lanczos' is not one of"):
        enlarge_reference(picture(20, 0), 2, "lanczos")
