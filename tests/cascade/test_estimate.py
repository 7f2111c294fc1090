"""What a map is said to take before it begins."""

import math
import time

import numpy as np
import pytest
from imaginary import GROUND, ZOOMS, TextureModel, imagery_of, is_pond

from c2gm.cascade.estimate import calls_a_batch, estimate_map, probe
from c2gm.cascade.generate import generate, plan_for
from c2gm.cascade.settings import GenerateSettings
from c2gm.grid import TileRange, bounds_of
from c2gm.tilesets.open import open_tileset

SETTINGS = GenerateSettings(zooms=ZOOMS)
WIDE = TileRange(14, 8500, 5600, 8503, 5603)


class SlowModel(TextureModel):
    """Takes a known time for a batch."""

    seconds = 0.05

    def decode(self, latent: np.ndarray) -> np.ndarray:
        time.sleep(self.seconds)
        return super().decode(latent)


@pytest.mark.parametrize(
    ("identity", "calls"),
    [
        ({}, 1),
        ({"steps": 4}, 4),
        ({"steps": 4, "guidance_scale": 1.0}, 4),
        ({"steps": 50, "guidance_scale": 2.5}, 100),
    ],
)
def test_guidance_calls_the_network_twice_a_step(identity, calls):
    assert calls_a_batch(identity) == calls


def test_calls_are_those_that_the_run_makes(imagery):
    imagery.is_hole = None
    model = TextureModel()
    estimate = estimate_map(plan_for(imagery, SETTINGS), imagery, model, SETTINGS)
    asked = [math.ceil(windows / 4) * 2 for windows in (1, 4, 16)]  # two steps a batch
    assert [stage.unet_calls for stage in estimate.stages] == asked
    assert estimate.unet_calls == sum(asked)


def test_time_is_that_of_the_network_by_windows(imagery):
    plan, model = plan_for(imagery, SETTINGS), SlowModel()
    estimate = estimate_map(plan, imagery, model, SETTINGS)
    batches = [math.ceil(counts.windows / model.batch) for counts in plan.counts()]
    for stage, count in zip(estimate.stages, batches, strict=True):
        assert stage.seconds > count * model.seconds
    assert estimate.seconds == pytest.approx(sum(stage.seconds for stage in estimate.stages))
    assert estimate.stages[2].seconds > estimate.stages[0].seconds


def test_zooms_that_take_longer_are_told_so(imagery):
    class ViewsBelow16(TextureModel):
        def features(self, imagery, reference, zoom=None, *more, **words):
            time.sleep(0.4 if zoom is not None and zoom < 16 else 0.0)
            return super().features(imagery, reference, zoom, *more, **words)

    plan, model = plan_for(imagery, SETTINGS), ViewsBelow16()
    told = estimate_map(plan, imagery, model, SETTINGS)
    batches = [math.ceil(counts.windows / model.batch) for counts in plan.counts()]
    for stage, count in zip(told.stages[:2], batches[:2], strict=True):
        assert 0.4 * count < stage.seconds < 1.2 * count
    assert told.stages[2].seconds < 0.4 * batches[2]


def test_reading_at_corners_is_told_by_corners(tmp_path):
    class SlowReader(TextureModel):
        def read_classes(self, *seen, **words):
            time.sleep(0.4)
            return super().read_classes(*seen, **words)

    ground, inner = imagery_of(WIDE), bounds_of(TileRange(16, 34006, 22406, 34009, 22409))
    settings = GenerateSettings(zooms=(16,), bounds=inner)
    slow, quick = (
        estimate_map(plan_for(ground, settings), ground, model, settings).seconds
        for model in (SlowReader(), TextureModel())
    )
    drawn = TextureModel()
    generate(ground, drawn, tmp_path / "map.mbtiles", settings)
    assert 0.9 < (slow - quick) / (0.2 * drawn.corners) < 1.5


def test_a_probe_is_short_and_of_windows_with_imagery():
    ground = imagery_of(WIDE, is_hole=lambda zoom, rows, columns: columns < (8502 << zoom - 6))
    plan, model = plan_for(ground, SETTINGS), SlowModel()
    model.seconds = 1.5
    seen = []
    features = model.features
    model.features = lambda rgb, reference, *zooms, **words: (
        seen.append((rgb, reference)) or features(rgb, reference, *zooms, **words)
    )
    probe(plan, plan.stages[-1], ground, model, SETTINGS)
    assert len(seen) == 3  # one to warm up, and until two seconds are over
    rgb, reference = seen[0]
    assert (rgb != 127).any(axis=(1, 2, 3)).all() and reference is not None


def test_sizes_are_near_those_of_the_map(tmp_path, imagery):
    settings = GenerateSettings(zooms=ZOOMS, cascade_factor=4)  # at 2X its noise adds up
    plan, model = plan_for(imagery, settings), TextureModel()
    estimate = estimate_map(plan, imagery, model, settings)
    path = generate(imagery, model, tmp_path / "map.mbtiles", settings).path
    with open_tileset(path) as tileset:
        sizes = {
            zoom: sum(len(tileset.get_bytes(tile)) for tile in tileset.tiles(zoom))
            for zoom in tileset.zooms
        }
    # Blended noise packs worse than the probe's pictures; what a network draws agrees better.
    assert estimate.map_bytes / 2 < sum(sizes.values()) < estimate.map_bytes * 2
    assert estimate.job_bytes > estimate.map_bytes / 3


def test_an_area_without_imagery_is_estimated_with_grey(imagery):
    imagery.is_hole = lambda zoom, rows, columns: rows >= 0
    estimate = estimate_map(plan_for(imagery, SETTINGS), imagery, TextureModel(), SETTINGS)
    assert estimate.seconds > 0 and estimate.map_bytes > 0


def test_a_copied_zoom_costs_nothing_but_disk(tmp_path, imagery, whole_map):
    with open_tileset(whole_map) as start:
        plan = plan_for(imagery, SETTINGS, start)
    first, *others = estimate_map(plan, imagery, TextureModel(), SETTINGS).stages
    assert (first.zoom, first.unet_calls, first.seconds) == (14, 0, 0)
    assert first.map_bytes > 0 and all(stage.seconds > 0 for stage in others)


def test_paper_mode_and_zooms_from_nothing_are_probed_too(imagery):
    settings = GenerateSettings(zooms=(16,), mode="paper", cascade_factor=None)
    estimate = estimate_map(plan_for(imagery, settings), imagery, TextureModel(), settings)
    assert estimate.stages[0].unet_calls == 8  # 16 windows without a ring, in fours


def test_nothing_is_written(imagery, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    imagery.is_hole = is_pond
    inside = GenerateSettings(zooms=ZOOMS, bounds=bounds_of(GROUND))
    estimate_map(plan_for(imagery, inside), imagery, TextureModel(), inside)
    assert list(tmp_path.iterdir()) == []


def test_each_window_of_a_probe_is_drawn_from_what_it_reads():
    """From one reading for all, maps were foretold ten times smaller than they become."""
    seen = []

    class Watched(TextureModel):
        def features(self, *given, **words):
            seen.append(given[-1])
            return super().features(*given, **words)

    ground, inner = imagery_of(WIDE), bounds_of(TileRange(16, 34006, 22406, 34009, 22409))
    settings = GenerateSettings(zooms=(16,), bounds=inner)
    estimate_map(plan_for(ground, settings), ground, Watched(), settings)
    assert any(len({of_window.tobytes() for of_window in batch}) == 4 for batch in seen)
