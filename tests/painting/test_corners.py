"""What windows are drawn from is read at the corners of the tiles, and shared."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imaginary import TextureModel, imagery_of

from c2gm.grid import TileRange, Window
from c2gm.painting.corners import CornerReadings, blend_corners, rim_weight
from c2gm.painting.geometry import CORNERS, MODES, PAPER, SEAMLESS, Geometry, corners_of
from c2gm.painting.paint import Painter
from c2gm.painting.window_inputs import InputReader, WindowInputs
from c2gm.painting.world_noise import WorldNoise

WINDOWS = [Window(x, y, 12) for y in (20, 21) for x in range(20, 24)]


class Corners(TextureModel):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[np.ndarray, np.ndarray | None]] = []
        self.told: list[tuple[int | None, int | None]] = []
        self.drawn_from: list[np.ndarray | None] = []

    def read_classes(self, imagery, reference, zoom=None, look=None, **more):
        self.seen.append((imagery, reference))
        self.told.append((zoom, look))
        return super().read_classes(imagery, reference, zoom, look, **more)

    def features(self, imagery, reference, zoom=None, look=None, probabilities=None, **more):
        self.drawn_from.append(probabilities)
        return super().features(imagery, reference, zoom, look, probabilities, **more)


def inputs_of(
    windows: list[Window], geometry: Geometry = SEAMLESS, *, factor: int | None = None
) -> list[WindowInputs]:
    read = InputReader(
        imagery_of(TileRange(12, 16, 16, 31, 31)),
        lambda tile: np.full((256, 256, 3), tile.x, np.uint8),
        geometry,
        cascade_factor=factor,
        interpolation="bilinear",
        corners=True,
    )
    return [read(window) for window in windows]


def readings(corner: Window) -> np.ndarray:
    """Of a class head that reads every corner otherwise."""
    rng = np.random.default_rng([corner.x, corner.y])
    first = rng.integers(0, 256, (320, 320), dtype=np.uint8)
    return np.stack([first, 255 - first])


def test_the_four_corners_lie_round_the_tile():
    window = Window(20, 30, 12)
    boxes = [CORNERS.box(corner) for corner in corners_of(window)]
    own = SEAMLESS.box(window)
    assert {box.width for box in boxes} == {box.height for box in boxes} == {320}
    assert [(box.left - own.left, box.top - own.top) for box in boxes] == [
        (dx, dy) for dy in (-128, 128) for dx in (-128, 128)
    ]


@pytest.mark.parametrize("mode", MODES)
def test_a_window_reaches_as_far_as_its_corners(mode):
    geometry = MODES[mode]
    (inputs,) = inputs_of(WINDOWS[:1], geometry)
    tile = PAPER.box(WINDOWS[0])
    boxes = [geometry.box(WINDOWS[0]), *(CORNERS.box(one.window) for one in inputs.corners)]
    assert tile.grown(geometry.reach).left == min(box.left for box in boxes)
    assert tile.grown(geometry.reach).bottom == max(box.bottom for box in boxes)


def test_columns_of_corners_wrap_round_the_world():
    assert [corner.x for corner in corners_of(Window(4095, 7, 12))] == [4095, 0, 4095, 0]


@given(st.integers(-1, 1), st.integers(-1, 1))
def test_windows_that_overlap_are_drawn_from_the_same(dx, dy):
    here, there = Window(20, 20, 12), Window(20 + dx, 20 + dy, 12)
    ours, theirs = (
        blend_corners([readings(corner) for corner in corners_of(window)])
        for window in (here, there)
    )
    rows, columns = (
        slice(max(0, 256 * dy), 320 + min(0, 256 * dy)),
        slice(max(0, 256 * dx), 320 + min(0, 256 * dx)),
    )
    moved = theirs[
        :,
        rows.start - 256 * dy : rows.stop - 256 * dy,
        columns.start - 256 * dx : columns.stop - 256 * dx,
    ]
    np.testing.assert_allclose(ours[:, rows, columns], moved, atol=1e-6)


def test_what_all_corners_read_is_drawn_and_sums_to_one():
    same = [np.stack([np.full((320, 320), share, np.uint8) for share in (51, 204)])] * 4
    np.testing.assert_allclose(blend_corners(same)[0], 0.2, rtol=1e-6)
    mixed = blend_corners([readings(corner) for corner in corners_of(WINDOWS[0])])
    np.testing.assert_allclose(mixed.sum(0), 1, rtol=1e-6)
    assert mixed.std() > 0.1


def valid_but(*sides: str) -> np.ndarray:
    """Valid pixels of a window that has imagery up to its tile's border on some sides."""
    valid = np.ones((320, 320), dtype=bool)
    cuts = {
        "top": np.s_[:32],
        "bottom": np.s_[288:],
        "left": np.s_[:, :32],
        "right": np.s_[:, 288:],
    }
    for side in sides:
        valid[cuts[side]] = False
    return valid


def test_windows_amid_imagery_are_drawn_from_corners_alone():
    assert rim_weight(valid_but()) is None


def test_a_tile_alone_is_read_by_its_own_window():
    assert (rim_weight(valid_but("top", "bottom", "left", "right")) == 1).all()


def test_a_window_at_the_rim_reads_itself_towards_it_and_shares_with_neighbours():
    weight = rim_weight(valid_but("left"))
    assert (weight[128:192, :192] == 1).all()
    assert (weight[:, 256:] == 0).all() and (weight[:64] == 0).all() and (weight[256:] == 0).all()
    assert (np.diff(weight[160, 192:256]) < 0).all()
    np.testing.assert_array_equal(rim_weight(valid_but("right")), weight[:, ::-1])
    np.testing.assert_array_equal(rim_weight(valid_but("top")), weight.T)


def test_a_tile_alone_is_drawn_from_what_its_window_reads():
    read = InputReader(
        imagery_of(TileRange(12, 20, 20, 20, 20)),
        lambda tile: None,
        SEAMLESS,
        cascade_factor=None,
        interpolation="bilinear",
        corners=True,
    )
    inputs = read(Window(20, 20, 12))
    (drawn,) = CornerReadings(TextureModel(), None).of_batch([inputs])
    own = TextureModel().read_classes(inputs.imagery[None], None)[0]
    np.testing.assert_allclose(drawn, own / 255, atol=1e-6)


def test_each_corner_is_read_once_in_calls_of_one_size():
    model = Corners()
    corner_readings = CornerReadings(model, 12)
    inputs = inputs_of(WINDOWS)
    for batch in (inputs[:4], inputs[4:]):
        corner_readings.of_batch(batch)
    assert {len(imagery) for imagery, _ in model.seen} == {2}
    distinct = {corner for window in WINDOWS for corner in corners_of(window)}
    assert len(distinct) == 15
    assert model.corners == 10 + 6  # the second row shares five; the last call is padded
    assert set(model.told) == {(12, 12)}


def test_what_a_window_is_drawn_from_does_not_depend_on_its_company():
    inputs = inputs_of(WINDOWS, factor=2)
    together = CornerReadings(TextureModel(), None).of_batch(inputs)
    for place in (0, 5):
        alone = CornerReadings(TextureModel(), None).of_batch([inputs[place]])
        np.testing.assert_array_equal(alone[0], together[place])


def test_few_readings_are_kept():
    far = [Window(17 + x, 17 + y, 12) for x, y in itertools.product(range(0, 14, 2), repeat=2)]
    model = Corners()
    corner_readings = CornerReadings(model, None)
    for inputs in inputs_of([*far, far[-1], far[0]]):
        corner_readings.of_batch([inputs])
    assert model.corners == 4 * (len(far) + 1)  # the last one's are kept, the first one's are not


def test_a_painter_lets_the_model_draw_from_its_corners():
    model = Corners()
    paint = Painter(model, noise=WorldNoise(1), geometry=SEAMLESS, text="a map")
    inputs = inputs_of(WINDOWS[:3])
    paint(inputs)
    expected = CornerReadings(TextureModel(), None).of_batch(inputs)
    np.testing.assert_array_equal(model.drawn_from[0][:3], expected)
    assert (model.seen[0][1] is None) and model.seen[0][0].shape == (2, 320, 320, 3)


def test_corners_have_references_where_windows_have():
    for inputs in inputs_of(WINDOWS[:2], factor=2):
        assert all(corner.reference.shape == (320, 320, 3) for corner in inputs.corners)
        own, corner = inputs.reference, inputs.corners[0].reference
        np.testing.assert_array_equal(own[:192, :192], corner[128:, 128:])


@pytest.mark.parametrize(
    "inputs", [inputs_of(WINDOWS[:1], PAPER), inputs_of([Window(2, 2, 12)])], ids=["paper", "empty"]
)
def test_independent_and_empty_windows_have_no_corners(inputs):
    assert inputs[0].corners == ()


def test_imagery_is_read_once_a_tile_whatever_overlaps():
    imagery = imagery_of(TileRange(12, 16, 16, 31, 31))
    read = InputReader(
        imagery,
        lambda tile: None,
        SEAMLESS,
        cascade_factor=None,
        interpolation="bilinear",
        corners=True,
    )
    inputs = [read(window) for window in WINDOWS]
    assert len(imagery.reads) == len(set(imagery.reads)) == 6 * 4
    for geometry, some in ((SEAMLESS, inputs), (CORNERS, inputs[0].corners)):
        for one in some:
            np.testing.assert_array_equal(one.imagery, imagery.read(geometry.box(one.window))[0])
