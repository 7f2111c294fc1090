"""Rules 1 to 6 of painting: what a tile is, and that nothing else decides its bytes."""

import itertools
import math
import random
import sys
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from imaginary import GROUND, ZOOMS, TextureModel, imagery_of, is_pond, read_map
from mercantile import Tile
from paint_flat import FlatModel

from c2gm.cascade import frontier as frontier_module
from c2gm.cascade.local import LocalExecutor
from c2gm.cascade.settings import parse_stages
from c2gm.errors import Stopped
from c2gm.grid import PixelBox, TileRange, Window, bounds_of, tile_box
from c2gm.legend import GROUND as GROUND_COLOUR
from c2gm.map_scale import map_scale, scale_text
from c2gm.painting.corners import rim_weight
from c2gm.painting.feather import feather_weights
from c2gm.painting.world_noise import WorldNoise
from c2gm.references import MARGIN, enlarge_reference
from c2gm.tilesets.open import open_tileset


def tiles_of(zoom: int) -> TileRange:
    step = zoom - 14
    return TileRange(
        zoom,
        GROUND.left << step,
        GROUND.top << step,
        ((GROUND.right + 1) << step) - 1,
        ((GROUND.bottom + 1) << step) - 1,
    )


def canvas(tileset, zoom: int, box: PixelBox) -> np.ndarray:
    """A zoom's tiles in one picture, ground colour where there is none."""
    pixels = np.empty((box.height, box.width, 3), dtype=np.uint8)
    pixels[:] = GROUND_COLOUR
    for tile in tileset.tiles(zoom):
        place = tile_box(tile)
        left, top = place.left - box.left, place.top - box.top
        if 0 <= left < box.width and 0 <= top < box.height:
            rgb = tileset.get(tile)
            if rgb.shape[-1] == 4:
                rgb = np.where(rgb[..., 3:] > 0, rgb[..., :3], np.uint8(GROUND_COLOUR))
            pixels[top : top + 256, left : left + 256] = rgb
    return pixels


def place_of(box: PixelBox, outer: PixelBox) -> tuple[slice, slice]:
    """Where a box lies in a larger one."""
    return np.s_[
        box.top - outer.top : box.bottom - outer.top,
        box.left - outer.left : box.right - outer.left,
    ]


def plainly_painted(imagery, tileset, zoom: int, factor: int | None) -> np.ndarray:
    """A zoom as the rules say it, with the whole world of the test in memory, window by window:
    all that is read at corners in one picture, of which each window has its cut, but at rims.

    Its references are the tile set's own parent tiles.
    """
    model, noise = TextureModel(batch=1), WorldNoise(1)
    text = model.embed(scale_text(map_scale(zoom), factor))
    outer = tiles_of(zoom).grown(2).box
    if factor is not None:
        step = int(math.log2(factor))
        around = tiles_of(zoom - step).grown(1).box
        enlarged = enlarge_reference(canvas(tileset, zoom - step, around), factor)
        first_x, first_y = (around.left + MARGIN) * factor, (around.top + MARGIN) * factor

    def seen(box: PixelBox) -> tuple[np.ndarray, np.ndarray | None]:
        rgb, valid = imagery.read(box)
        reference = None
        if factor is not None:
            top, left = box.top - first_y, box.left - first_x
            reference = enlarged[top : top + 320, left : left + 320][None]
        return np.where(valid[..., None], rgb, np.uint8(127))[None], reference

    axis = feather_weights().astype(np.float64)
    weight = axis[:, None] * axis
    read = np.zeros((outer.height, outer.width, 2))
    drawn = tiles_of(zoom).grown(1)
    corners = range(drawn.left, drawn.right + 2), range(drawn.top, drawn.bottom + 2)
    for x, y in itertools.product(*corners):
        left, top = 256 * x - 160, 256 * y - 160
        corner = PixelBox(zoom, left, top, left + 320, top + 320)
        probabilities = model.read_classes(*seen(corner))[0].transpose(1, 2, 0) / 255
        read[place_of(corner, outer)] += weight[..., None] * probabilities
    total = np.zeros((outer.height, outer.width, 3))
    weights = np.zeros((outer.height, outer.width, 1))
    for x, y, _ in drawn:
        window = Window(x, y, zoom)
        _, valid = imagery.read(window.box)
        if not valid[32:288, 32:288].any():
            continue
        place = place_of(window.box, outer)
        probabilities = read[place].transpose(2, 0, 1)[None]
        own = rim_weight(valid)
        if own is not None:
            itself = model.read_classes(*seen(window.box)) / 255
            probabilities = own * itself + (1 - own) * probabilities
        latent = model.sample(
            lambda k, window=window: noise.window(window, k)[None],
            model.features(*seen(window.box), probabilities=probabilities),
            text,
        )
        total[place] += weight[..., None] * model.decode(latent)[0]
        weights[place] += weight[..., None]
    return np.rint(total / np.maximum(weights, 1e-9))


@pytest.mark.parametrize(("zoom", "factor"), [(14, None), (15, 2), (16, 2), (16, 4)])
def test_tiles_are_what_the_rules_say(imagery, whole_map, whole_map_4x, zoom, factor):
    with open_tileset(whole_map_4x if factor == 4 else whole_map) as tileset:
        expected = plainly_painted(imagery, tileset, zoom, factor)
        outer = tiles_of(zoom).grown(2).box
        found = 0
        for tile in tiles_of(zoom):
            box = tile_box(tile)
            _, valid = imagery.read(box)
            pixels = tileset.get(tile)
            if not valid.any():
                assert pixels is None
                continue
            found += 1
            top, left = box.top - outer.top, box.left - outer.left
            plain = expected[top : top + 256, left : left + 256]
            difference = np.abs(pixels[..., :3] - plain)[valid]
            # Sums in float32 and float64 round a few ties to different sides.
            assert difference.max() <= 1 and (difference > 0).mean() < 1e-3
        assert found == len(list(tileset.tiles(zoom)))


def test_missing_imagery_is_transparent_and_empty_tiles_are_not_written(imagery, whole_map):
    with open_tileset(whole_map) as tileset:
        kinds = {3: 0, 4: 0, None: 0}
        for tile in tiles_of(16):
            pixels, (_, valid) = tileset.get(tile), imagery.read(tile_box(tile))
            kinds[None if pixels is None else pixels.shape[-1]] += 1
            if pixels is None:
                assert not valid.any()
            elif valid.all():
                assert pixels.shape == (256, 256, 3)
            else:
                np.testing.assert_array_equal(pixels[..., 3] == 255, valid)
                assert (pixels[~valid] == 0).all()
    assert min(kinds.values()) > 0  # the test's imagery has all three kinds


def assert_same_tiles(path, whole_map, *, area: TileRange | None = None) -> None:
    part, whole = read_map(path), read_map(whole_map)
    assert part
    for tile, picture in part.items():
        assert picture == whole[tile], f"tile {tile} differs"
    if area is None:
        assert part.keys() == whole.keys()
    else:
        assert {tile for tile in part if tile.z == area.zoom} == {
            tile for tile in whole if tile in area
        }


ASKED = [
    TileRange(16, 34000, 22400, 34002, 22401),
    TileRange(16, 34001, 22401, 34003, 22403),
    TileRange(16, 34001, 22402, 34001, 22402),
    TileRange(16, 34003, 22400, 34003, 22400),
]


@pytest.mark.parametrize("asked", ASKED)
def test_tiles_do_not_depend_on_the_asked_area(paint, whole_map, asked):
    assert_same_tiles(paint(bounds=bounds_of(asked)).path, whole_map, area=asked)


@pytest.mark.slow
def test_a_tile_alone_is_the_one_among_8_by_8(paint):
    ground = imagery_of(TileRange(14, 8500, 5600, 8501, 5601))
    whole = read_map(paint("whole.mbtiles", imagery=ground).path)
    for x, y in [(34000, 22400), (34003, 22404), (34004, 22403), (34007, 22407)]:
        alone = bounds_of(TileRange(16, x, y, x, y))
        part = read_map(paint(f"{x}.mbtiles", imagery=ground, bounds=alone).path)
        assert len(part) == 3
        assert all(whole[tile] == picture for tile, picture in part.items())


def test_tiles_do_not_depend_on_which_zooms_are_written(paint, whole_map_4x):
    path = paint(zooms=(16,), stages=parse_stages("14,16:4"), bounds=bounds_of(ASKED[0])).path
    assert {tile.z for tile in read_map(path)} == {16}
    assert_same_tiles(path, whole_map_4x, area=ASKED[0])


def test_tiles_do_not_depend_on_the_order_of_windows(paint, whole_map, monkeypatch):
    in_order = frontier_module.windows_in_order

    def shuffled(windows):
        mixed = list(in_order(windows))
        random.Random(5).shuffle(mixed)
        return mixed

    monkeypatch.setattr(frontier_module, "windows_in_order", shuffled)
    assert_same_tiles(paint().path, whole_map)


@pytest.mark.parametrize("ahead", [3, 16])
def test_tiles_do_not_depend_on_how_many_batches_are_queued(paint, whole_map, ahead):
    assert_same_tiles(paint(model=LocalExecutor(TextureModel(), ahead=ahead)).path, whole_map)


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_tiles_do_not_depend_on_how_windows_are_batched(paint, whole_map, batch):
    assert_same_tiles(paint(model=TextureModel(batch)).path, whole_map)


def test_tiles_do_not_depend_on_stops(paint, whole_map, model, tmp_path):
    model.batch = 1
    stops = iter([False] * 2 + [True] + [False] * 3 + [True] + [False] * 4 + [True])
    for _ in range(3):
        with pytest.raises(Stopped, match="the same command goes on"):
            paint(should_stop=lambda: next(stops, False))
        assert not (tmp_path / "map.mbtiles").exists()
    result = paint()
    assert result.reused_tiles > 0
    assert_same_tiles(result.path, whole_map)


def test_ctrl_c_leaves_a_job_that_goes_on(paint, whole_map, model):
    decode, calls = model.decode, []

    def interrupted(latent):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return decode(latent)

    model.decode, model.batch = interrupted, 1
    with pytest.raises(Stopped):
        paint()
    result = paint()
    assert result.reused_tiles > 0
    assert_same_tiles(result.path, whole_map)


def test_a_failing_model_leaves_a_job_that_goes_on(paint, whole_map, model):
    def fail(progress):
        if progress.windows_done > 10:
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        paint(on_progress=fail)
    assert_same_tiles(paint().path, whole_map)


def test_another_seed_paints_another_map(paint, whole_map):
    asked = ASKED[2]
    other = read_map(paint(bounds=bounds_of(asked), seed=2).path)
    whole = read_map(whole_map)
    assert all(picture != whole[tile] for tile, picture in other.items())


@pytest.mark.parametrize(("zooms", "factor"), [((14, 16), 4), ((14, 15, 16), 2)])
def test_calls_are_counted_features_once_a_window_and_text_once_a_zoom(paint, model, zooms, factor):
    ground = imagery_of(TileRange(14, 8500, 5600, 8500, 5600))  # all valid
    result = paint(imagery=ground, zooms=zooms, cascade_factor=factor)
    calls = sum(math.ceil(counts.windows / model.batch) for counts in result.plan.counts())
    assert model.calls == {"features": calls, "sample": calls, "decode": calls}
    sides = [counts.windows**0.5 for counts in result.plan.counts()]
    assert sum((side + 1) ** 2 for side in sides) <= model.corners
    rims = sum(counts.exported for counts in result.plan.counts())  # these read themselves as well
    assert model.corners <= sum((side + 2) * (side + 1) for side in sides) + 2 * rims
    assert result.painted_windows == sum(counts.windows for counts in result.plan.counts())
    assert model.embedded == [
        scale_text(map_scale(stage.zoom), stage.cascade_factor) for stage in result.plan.stages
    ]


def test_windows_of_tiles_without_imagery_are_not_painted(paint, imagery):
    result = paint()
    with_imagery = sum(
        imagery.read(tile_box(tile))[1].any() for zoom in ZOOMS for tile in tiles_of(zoom)
    )
    assert result.painted_windows == with_imagery
    assert with_imagery < sum(counts.windows for counts in result.plan.counts())


def test_a_resumed_run_paints_no_window_twice(paint, model):
    model.batch = 1
    stops = iter([False] * 5 + [True])
    with pytest.raises(Stopped):
        paint(should_stop=lambda: next(stops, False))
    resumed = paint()
    fresh = paint("fresh.mbtiles")
    assert fresh.painted_windows - resumed.painted_windows == 6
    assert model.embedded.count(scale_text(map_scale(14), None)) == 2  # not in the resumed run


def test_open_edges_paint_the_asked_tiles_alone(paint, model):
    result = paint(bounds=bounds_of(ASKED[2]), edges="open")
    assert result.painted_windows == 3
    assert set(read_map(result.path)) == {
        Tile(8500, 5600, 14),
        Tile(17000, 11201, 15),
        Tile(34001, 22402, 16),
    }


def test_paper_mode_cuts_independent_tiles(paint, imagery):
    path = paint(mode="paper", zooms=(14,)).path
    model, noise = TextureModel(batch=1), WorldNoise(1)
    rgb, valid = imagery.read(tile_box(Tile(8500, 5600, 14)))
    latent = model.sample(
        lambda k: noise.block(14, 8500, 5600, k)[None],
        model.features(np.where(valid[..., None], rgb, np.uint8(127))[None], None),
        model.embed(scale_text(map_scale(14), None)),
    )
    with open_tileset(path) as tileset:
        pixels = tileset.get(Tile(8500, 5600, 14))
    np.testing.assert_array_equal(pixels[..., :3][valid], model.decode(latent)[0][valid])


def test_paper_tiles_depend_on_nothing_beside_them(paint, tmp_path):
    whole = read_map(paint("whole.mbtiles", mode="paper").path)
    part = paint("part.mbtiles", mode="paper", bounds=bounds_of(ASKED[2]))
    assert part.painted_windows == 3
    assert all(whole[tile] == picture for tile, picture in read_map(part.path).items())


@pytest.mark.parametrize("interpolation", ["nearest", "bicubic"])
def test_the_enlargement_of_references_can_be_chosen(paint, whole_map, interpolation):
    asked = bounds_of(ASKED[2])
    other = read_map(paint(bounds=asked, interpolation=interpolation).path)
    whole = read_map(whole_map)
    assert [tile.z for tile in other if other[tile] == whole[tile]] == [14]


def peak_of(paint, side: int) -> int:
    first = TileRange(16, 34000, 22400, 34000 + side - 1, 22400 + side - 1)
    tracemalloc.start()
    paint(f"{side}.mbtiles", model=FlatModel(), imagery=imagery_of(first), zooms=(16,), bounds=None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_area(paint):
    small, large = peak_of(paint, 6), peak_of(paint, 14)
    assert large - small < 30e6  # all pictures of the larger one are 79 MB


def peak_megabytes(path: Path, side: int) -> float:
    """The most memory that a process held which painted so many tiles."""
    command = [sys.executable, str(Path(__file__).with_name("paint_flat.py")), str(path), str(side)]
    peak = 0
    process = psutil.Popen(command)
    while process.poll() is None:
        with suppress(psutil.Error):
            peak = max(peak, process.memory_info().rss)
        time.sleep(0.02)
    assert process.returncode == 0
    return peak / 1e6


@pytest.mark.slow
def test_memory_of_64_by_64_tiles_is_that_of_8_by_8(tmp_path):
    small = peak_megabytes(tmp_path / "small.mbtiles", 8)
    large = peak_megabytes(tmp_path / "large.mbtiles", 64)
    assert large - small < 100, f"{small:.0f} MB for 8 x 8 tiles, {large:.0f} MB for 64 x 64"


def test_the_world_is_painted_over_its_seam_and_poles(paint):
    world = imagery_of(TileRange(0, 0, 0, 0, 0))
    world.bounds = (-180.0, -85.0511287798066, 180.0, 85.0511287798066)
    result = paint(imagery=world, zooms=(0, 1, 2), cascade_factor=2)
    assert result.tiles == 21
    east = bounds_of(TileRange(2, 3, 1, 4, 2))  # across the antimeridian
    part = paint("part.mbtiles", imagery=world, zooms=(0, 1, 2), cascade_factor=2, bounds=east)
    whole = read_map(result.path)
    tiles = read_map(part.path)
    assert {tile for tile in tiles if tile.z == 2} == {
        Tile(x, y, 2) for x in (3, 0) for y in (1, 2)
    }
    assert all(whole[tile] == picture for tile, picture in tiles.items())


def test_the_pond_reaches_over_tile_borders():
    """Guards the tests above: without a hole over borders they would show less."""
    rows, columns = np.mgrid[22400 * 256 : 22404 * 256, 34000 * 256 : 34004 * 256]
    hole = is_pond(16, rows, columns)
    assert hole[256:512, 512:768].all() and not hole[:, :256].any()
    assert hole[200:256, 480:512].any() and hole[512:570, 768:900].any()
