"""The script that holds the bundled model against its bars: its areas and its table."""

import importlib
from pathlib import Path

import pytest

from c2gm.evaluation.scoring import ZoomScores
from c2gm.grid import TileRange, bounds_of

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("evaluate_bundled")


@pytest.fixture
def bars(script):
    return importlib.import_module("bundled_bars")


def scores(zooms, **measures):
    return {zoom: ZoomScores(4, 0, dict(measures), {}, {}) for zoom in zooms}


def test_whole_tiles_of_a_tile_are_itself_and_its_children(script):
    tile = TileRange(15, 17_000, 11_000, 17_000, 11_000)
    bounds = bounds_of(tile)
    assert script.whole_tiles(bounds, 15) == tile
    assert script.whole_tiles(bounds, 17) == TileRange(17, 68_000, 44_000, 68_003, 44_003)
    assert script.lowest_zoom(bounds) == 15


def test_a_strip_begins_at_the_lowest_zoom_that_has_a_whole_tile(script):
    west, south, east, north = bounds_of(TileRange(16, 34_001, 22_001, 34_002, 22_001))
    # Two neighbours of zoom 16 with different parents, cut a little short on one side.
    assert len(script.whole_tiles((west, south, east, north), 15)) == 0
    assert script.lowest_zoom((west, south, east - 1e-4, north)) == 16
    assert len(script.whole_tiles((west, south, east - 1e-4, north), 16)) == 1


def test_bars_on_procedural_ground_are_means_over_places(bars):
    places = [scores((16, 17), miou=0.6, road_correctness=1.0), scores((17,), miou=0.9)]
    found = {result.bar: result for result in bars.procedural_bars(places)}
    assert found["procedural z17 miou"].value == pytest.approx(0.75)
    assert found["procedural z17 miou"].passed and not found["procedural z16 miou"].passed
    assert found["procedural z17 road_correctness"].value == 1
    assert "procedural z14 miou" not in found  # nothing was drawn there


def test_what_was_not_measured_passes_no_bar(bars):
    assert not bars.Result("x", None, None, None).passed
    assert not bars.Result("x", float("nan"), None, 1.0).passed
    assert bars.Result("x", 0.95, 0.95, 1.05).passed
    assert not bars.Result("x", 1.06, 0.95, 1.05).passed


def test_every_real_place_has_its_own_bars(bars):
    results = bars.real_bars("rows", scores((17,), miou=0.4, seam_ratio=1.0, off_palette=0.05))
    assert [(r.bar.split()[-1], r.passed) for r in results] == [
        ("miou", False),
        ("road_correctness", False),
        ("road_completeness", False),
        ("seam_ratio", True),
        ("off_palette", False),
    ]
    assert "| rows z17 miou | 0.400 | 0.500 | - | **missed** |" in bars.bars_markdown(results)


def test_a_place_without_masks_is_refused(script):
    with pytest.raises(SystemExit, match="give bounds, imagery, masks, name, vectors"):
        script.place(["name=rows", "imagery=rows.tif"], 17)
