"""The rules of painting with a real network: the bundled, trained c2gm-mini."""

import math
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from ctypes import CDLL
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imaginary import imagery_of, read_map
from mercantile import Tile

from c2gm.cascade import frontier as frontier_module
from c2gm.cascade.generate import Result, generate, plan_for
from c2gm.cascade.local import LocalExecutor
from c2gm.cascade.settings import GenerateSettings
from c2gm.errors import Stopped
from c2gm.evaluation.seams import seam_steps
from c2gm.grid import TileRange, Window, bounds_of, tile_box
from c2gm.imagery.open import open_imagery
from c2gm.legend import GROUND as GROUND_COLOUR
from c2gm.painting.world_noise import WorldNoise
from c2gm.references import MARGIN, enlarge_reference
from c2gm.tilesets.open import create_tileset, open_tileset

if not all(find_spec(name) for name in ("torch", "diffusers", "open_clip")):
    pytest.skip("needs the extra `library`", allow_module_level=True)

from watched_mini import DOUBLE, GROUND, SETTINGS, WatchedMini, ground_imagery

CLIP = Path(__file__).parents[1] / "data" / "dubai.tif"
SCRIPT = Path(__file__).with_name("paint_with_mini.py")
WINDOWS = {
    tiles.zoom: [Window(x, y, tiles.zoom) for x, y, _ in tiles] for tiles in (GROUND, DOUBLE)
}


@dataclass
class WholeMap:
    """The whole map, painted in one go, and what its painting was made of.

    Attributes:
        mini: The model.
        result: Of `generate`.
        tiles: Every tile's bytes.
        runs: Batches by (network, windows).
        noises: Each window's noise, in the order of painting, padding included.
        inputs: Imagery and reference of a window.
        pictures: What the model drew of a window.
    """

    mini: WatchedMini
    result: Result
    tiles: dict[Tile, bytes]
    runs: Counter
    noises: list[bytes]
    inputs: dict[Window, tuple[np.ndarray, np.ndarray | None]]
    pictures: dict[Window, np.ndarray]


def noise_of(window: Window) -> bytes:
    left, top = 32 * window.x - 4, 32 * window.y - 4
    return WorldNoise(SETTINGS.seed).crop(window.z, left, top, left + 40, top + 40).tobytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> WholeMap:
    mini = WatchedMini()
    path = tmp_path_factory.mktemp("mini") / "whole.mbtiles"
    result = generate(ground_imagery(), mini, path, SETTINGS)
    known = {noise_of(window): window for windows in WINDOWS.values() for window in windows}
    noises, inputs, pictures = [], {}, {}
    for call in mini.calls:
        for place, drawn in enumerate(call.noise[0]):
            noises.append(drawn.tobytes())
            window = known.get(noises[-1])
            reference = None if call.reference is None else call.reference[place]
            inputs[window] = (call.imagery[place], reference)
            pictures[window] = call.pictures[place]
    runs = Counter(mini.runs)
    return WholeMap(mini, result, read_map(path), runs, noises, inputs, pictures)


@pytest.fixture
def paint(tmp_path, whole):
    """Paint the map, or a part of it, with the same mini; its tiles' bytes."""

    def paint_map(name: str = "part.mbtiles", *, tiles: TileRange | None = None, **more: Any):
        zooms = more.pop("zooms", SETTINGS.zooms)
        settings = GenerateSettings(zooms=zooms, bounds=tiles and bounds_of(tiles))
        model = LocalExecutor(whole.mini.inner, ahead=more.pop("ahead", 1))
        return read_map(generate(ground_imagery(), model, tmp_path / name, settings, **more).path)

    return paint_map


def assert_same(part: dict[Tile, bytes], whole: WholeMap, count: int) -> None:
    assert len(part) == count
    assert [tile for tile, picture in part.items() if picture != whole.tiles[tile]] == []


# Rule 1: nothing but the place decides a tile's bytes --------------------------------------


def test_tiles_of_mini_do_not_depend_on_the_asked_area(paint, whole, tmp_path):
    # Nine windows instead of 24: they have other company, and other places in their batches.
    one = TileRange(17, 68001, 44801, 68001, 44801)
    path = tmp_path / "start.mbtiles"
    with open_tileset(whole.result.path) as tileset, create_tileset(path, {}) as parent:
        for tile in tileset.tiles(16):  # not painted again, to save time
            parent.put(tile, tileset.get(tile))
    with open_tileset(path) as start:
        assert_same(paint(tiles=one, zooms=(17,), start=start), whole, 1)


def test_tiles_of_mini_do_not_depend_on_order_and_queue(paint, whole, monkeypatch):
    in_order = frontier_module.windows_in_order

    def shuffled(windows):
        mixed = list(in_order(windows))
        random.Random(5).shuffle(mixed)
        return mixed

    monkeypatch.setattr(frontier_module, "windows_in_order", shuffled)
    assert_same(paint(zooms=(16,), ahead=3), whole, 6)


def kill_after(path: Path, windows: int, seconds: float) -> int:
    """Paint in another process, kill it some time after a number of windows; windows done."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(path)], stdout=subprocess.PIPE, text=True
    )
    done = 0
    try:
        while done < windows:
            done = int(process.stdout.readline())
        time.sleep(seconds)
    finally:
        process.kill()
        process.communicate()
    assert not path.exists()
    return done


def test_a_map_of_mini_that_was_killed_is_the_uninterrupted_one(tmp_path, whole):
    path = tmp_path / "map.mbtiles"
    kill_after(path, windows=6 + 12, seconds=random.Random(3).random())
    result = generate(ground_imagery(), whole.mini.inner, path, SETTINGS)
    assert result.reused_tiles > 0  # those of zoom 16 are not painted again
    assert_same(read_map(path), whole, 30)


@pytest.mark.slow
def test_a_map_of_mini_that_was_killed_five_times_is_the_uninterrupted_one(tmp_path, whole):
    path, chance, reached = tmp_path / "map.mbtiles", random.Random(7), [0]
    for _ in range(5):
        reached.append(kill_after(path, windows=reached[-1] + 1, seconds=chance.random()))
    assert reached == sorted(set(reached))
    generate(ground_imagery(), whole.mini.inner, path, SETTINGS)
    assert_same(read_map(path), whole, 30)


@pytest.mark.slow
def test_a_tile_of_mini_alone_is_the_one_in_the_cascade(paint, whole):
    assert_same(paint(tiles=TileRange(17, 68001, 44800, 68001, 44800)), whole, 2)


@pytest.mark.slow
def test_a_map_of_mini_that_was_stopped_is_the_uninterrupted_one(paint, whole):
    for stop in (2, 3):
        answers = iter([False] * stop + [True])
        with pytest.raises(Stopped):
            paint(should_stop=lambda answers=answers: next(answers, False))
    assert_same(paint(), whole, 30)


# Rule 2: noise ------------------------------------------------------------------------------


def test_every_window_of_mini_starts_from_its_own_cut_of_the_worlds_noise(whole):
    expected = {noise_of(window) for windows in WINDOWS.values() for window in windows}
    assert set(whole.noises) == expected and len(expected) == 30
    assert all(set(call.noise) == {0} for call in whole.mini.calls)  # and from no other noise


# Rule 3: feathering -------------------------------------------------------------------------


def test_tiles_of_mini_are_its_windows_feathered_once(whole):
    steps = np.arange(64) + 0.5
    rise = 0.5 - 0.5 * np.cos(np.pi * steps / 64)
    axis = np.concatenate([rise, np.ones(192), rise[::-1]])
    weight = (axis[:, None] * axis[None])[..., None]
    with open_tileset(whole.result.path) as tileset:
        for tile in whole.tiles:
            total, sums = np.zeros((832, 832, 3)), np.zeros((832, 832, 1))
            for dx, dy in [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]:
                top, left = 256 + 256 * dy, 256 + 256 * dx
                window = Window(tile.x + dx, tile.y + dy, tile.z)
                if window not in whole.pictures:  # beyond the imagery
                    continue
                place = np.s_[top : top + 320, left : left + 320]
                total[place] += weight * whole.pictures[window]
                sums[place] += weight
            middle = np.s_[288:544, 288:544]
            mean = total[middle] / sums[middle]
            difference = np.abs(tileset.get(tile) - np.rint(mean))
            # Sums in float32 and float64 round a few ties to different sides.
            assert difference.max() <= 1 and (difference > 0).mean() < 1e-3


def test_windows_of_mini_differ_where_they_overlap(whole):
    """Guards the test above: there is something to feather."""
    west, east = (whole.pictures[Window(x, 44800, 17)] for x in (68000, 68001))
    assert np.abs(west[:, 256:].astype(int) - east[:, :64]).max() > 1


# Rule 4: alignment --------------------------------------------------------------------------


@pytest.mark.parametrize("zoom", SETTINGS.zooms)
def test_mini_sees_crops_of_the_whole_imagery(whole, zoom):
    outer = (GROUND if zoom == 16 else DOUBLE).grown(2).box
    rgb, valid = ground_imagery().read(outer)
    mosaic = np.where(valid[..., None], rgb, np.uint8(127))
    for window in WINDOWS[zoom]:
        left, top = window.box.left - outer.left, window.box.top - outer.top
        crop = mosaic[top : top + 320, left : left + 320]
        np.testing.assert_array_equal(whole.inputs[window][0], crop)


def test_mini_sees_crops_of_the_enlarged_whole_parent_map(whole):
    assert all(whole.inputs[window][1] is None for window in WINDOWS[16])
    around = GROUND.grown(1).box
    parent = np.empty((around.height, around.width, 3), dtype=np.uint8)
    parent[:] = GROUND_COLOUR
    with open_tileset(whole.result.path) as tileset:
        for tile in tileset.tiles(16):
            place = tile_box(tile)
            left, top = place.left - around.left, place.top - around.top
            parent[top : top + 256, left : left + 256] = tileset.get(tile)
    enlarged = enlarge_reference(parent, 2)
    first_x, first_y = 2 * (around.left + MARGIN), 2 * (around.top + MARGIN)
    for window in WINDOWS[17]:
        left, top = window.box.left - first_x, window.box.top - first_y
        crop = enlarged[top : top + 320, left : left + 320]
        assert crop.shape == (320, 320, 3)
        np.testing.assert_array_equal(whole.inputs[window][1], crop)


# Rule 5: cost -------------------------------------------------------------------------------


def test_networks_of_mini_run_once_a_window_and_its_text_once_a_zoom(whole):
    batches = sum(math.ceil(len(windows) / 4) for windows in WINDOWS.values())
    assert whole.mini.identity["steps"] == 2 and whole.result.painted_windows == 30
    views = 4  # `four_views_until` of the bundled file is 17
    # Two in a call, some padded: 4 x 3 corners of zoom 16 and 7 x 5 of zoom 17, and by themselves
    # the windows at the rim: all of zoom 16, and those of zoom 17 in six batches.
    readings = (6 + 3) + (19 + 10)
    assert whole.runs == {
        ("text", 1): len(WINDOWS),
        ("mf_encoder", 4): batches,
        ("mf_encoder", 2): views * readings,
        ("corners", 2): readings,
        ("sf_adapter", 4): batches,
        ("unet", 4): 2 * batches,
        ("decoder", 4): batches,
    }


@pytest.mark.parametrize(("beyond", "windows"), [(1, 9), (0, 1)])
def test_a_single_tile_takes_nine_windows_and_one_where_imagery_ends(beyond, windows):
    alone = TileRange(16, 34001, 22400, 34001, 22400)
    settings = GenerateSettings(zooms=(16,), bounds=bounds_of(alone))
    (counts,) = plan_for(imagery_of(alone.grown(beyond)), settings).counts()
    assert (counts.exported, counts.windows) == (1, windows)


# Rule 6: memory -----------------------------------------------------------------------------


def test_mini_keeps_features_and_latents_of_one_batch_alone(whole):
    assert whole.mini.most_alive == 1


def megabytes_in_use() -> float:
    """Resident memory without what the allocator keeps for later, which goes up and down by 100."""
    CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")
def test_memory_of_mini_does_not_grow_with_the_area(tmp_path, whole):
    peaks = []
    for side in (7, 11):
        ground = TileRange(16, 34000, 22400, 34000 + side - 1, 22400 + side - 1)
        seen = []
        generate(
            imagery_of(ground),
            whole.mini.inner,
            tmp_path / f"{side}.mbtiles",
            GenerateSettings(zooms=(16,)),
            on_progress=lambda progress, seen=seen: seen.append(megabytes_in_use()),
        )
        peaks.append(max(seen))
    # Rule 6 allows 100 MB; features and latents of the 72 further windows are more than 75 MB.
    assert peaks[1] - peaks[0] < 50


# Rules 7 and 8: seams -----------------------------------------------------------------------


@pytest.mark.slow
def test_mini_shows_no_seams_on_real_imagery_and_paper_mode_does(tmp_path, whole):
    """The mean step across tile borders over the mean step elsewhere, painted from painted."""
    ratios = {}
    with closing(open_imagery(CLIP)) as imagery:
        for mode in ("seamless", "paper"):
            settings = GenerateSettings(zooms=(17, 18), cascade_factor=2, mode=mode)
            path = tmp_path / f"{mode}.mbtiles"
            generate(imagery, whole.mini.inner, path, settings)
            with open_tileset(path) as tileset:
                ratios[mode] = [seam_steps(tileset, zoom) for zoom in (17, 18)]
    # 12 and 40 borders are few, and a true map of the place would not have exactly 1 either: what
    # is drawn decides how far below 1 a border lies. Blur along borders would show in the bands
    # beside those of paper mode, which overlaps nothing and so blurs nothing.
    assert all(0.6 < steps.seam_ratio < 1.25 for steps in ratios["seamless"])
    for seamless, paper in zip(*ratios.values(), strict=True):
        assert seamless.band_ratio > 0.9 * paper.band_ratio
    assert all(steps.seam_ratio > 3 for steps in ratios["paper"])
