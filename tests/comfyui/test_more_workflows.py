"""Workflows 3 to 7 on a real server, and what a change in one of them runs again."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from comfyui_client import Run
from comfyui_server import Server
from PIL import Image
from workflow_runs import (
    EXISTING,
    ONE_ZOOM,
    RECOLOURED,
    SAMPLE,
    SAMPLERS,
    SCALES,
    node_of,
    pictures,
    prompt_of,
    told,
)

from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings
from c2gm.imagery.open import open_imagery
from c2gm.legend import palette
from c2gm.models.checkpoints import load_sgdm
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.painting.window_inputs import over_ground
from c2gm.sampling import SamplerConfig
from c2gm.tilesets.open import open_tileset


@pytest.fixture(scope="module")
def one_zoom(server: Server) -> tuple[Run, np.ndarray]:
    """Workflow 3, run."""
    run = server.run(prompt_of(ONE_ZOOM))
    assert run.status == "success", run.error
    return run, pictures(server, run)[node_of(prompt_of(ONE_ZOOM), "SaveImage")]


def test_one_zoom_with_stock_sampling_is_the_librarys(
    one_zoom: tuple[Run, np.ndarray], mini_file: Path, tmp_path: Path
) -> None:
    model = SGDMMapModel(load_sgdm(mini_file), SamplerConfig("ddim", 4), model_hash="mini")
    model.reads_classes = False  # Apply reads each window by itself
    settings = GenerateSettings(zooms=(16,), cascade_factor=None, seed=1)
    path = generate(open_imagery(SAMPLE), model, tmp_path / "map.mbtiles", settings).path
    with open_tileset(path) as tileset:
        (tile,) = tileset.tiles(16)
        expected = over_ground(tileset.get(tile))
    difference = np.abs(one_zoom[1].astype(int) - expected.astype(int))
    assert difference.max() <= 2 and (difference > 0).mean() < 0.01


def test_batch_and_memory_are_told_on_apply(one_zoom: tuple[Run, np.ndarray]) -> None:
    lines = told(prompt_of(ONE_ZOOM), one_zoom[0], "C2GMApplyFeatures")
    assert lines[0] == "1 window of 320 x 320 px in one batch"
    assert re.fullmatch(r"about [\d.]+ GB to sample, beside [\d.]+ GB of model", lines[1])


DRAWN = {
    *("BasicGuider", "SamplerCustomAdvanced", "VAEDecode", "C2GMTileStitch"),
    *("PreviewImage", "SaveImage"),
}
KEPT = "features of an earlier run are used again"
# Change by change, each on top of those before: what runs again beside what is drawn.
CHANGES = (
    ("C2GMScaleTextEncode", {"examples": "harbour"}, set()),
    ("C2GMApplyFeatures", {"strength": 0.5}, set()),
    ("C2GMWindows", {"seed": 2}, {"C2GMApplyFeatures"}),
    (
        "C2GMLoadImagery",
        {"attribution": "another credit"},
        {"C2GMPickArea", "C2GMWindows", "C2GMApplyFeatures"},
    ),
)


def test_a_change_runs_again_exactly_what_depends_on_it(server: Server) -> None:
    prompt = prompt_of(ONE_ZOOM)
    prompt[node_of(prompt, "BasicScheduler")]["inputs"]["steps"] = 1
    prompt[node_of(prompt, "C2GMPickArea")]["inputs"] |= {"zoom_min": 14, "zoom_max": 14}
    for kind in ("C2GMWindows", "C2GMTileStitch"):
        prompt[node_of(prompt, kind)]["inputs"]["zoom"] = 14  # one window
    assert server.run(prompt).status == "success"
    same = server.run(prompt)
    assert set(same.cached) == set(prompt)
    for kind, values, others in CHANGES:
        prompt[node_of(prompt, kind)]["inputs"] |= values
        run = server.run(prompt)
        assert run.status == "success", run.error
        again = {prompt[number]["class_type"] for number in prompt if number not in run.cached}
        assert again == DRAWN | others | {kind}, kind
        if "C2GMApplyFeatures" in again:  # the pictures are the same: nothing is encoded again
            assert told(prompt, run, "C2GMApplyFeatures")[-1] == KEPT


@pytest.mark.slow
def test_an_existing_map_goes_on_and_becomes_a_sheet(
    server: Server, pyramid: tuple[Run, Run, np.ndarray]
) -> None:
    prompt = prompt_of(EXISTING)
    run = server.run(prompt, timeout=900)
    assert run.status == "success", run.error
    (sheet,) = pictures(server, run).values()
    assert sheet.shape[1] == 1024 and 1024 < len(sheet) < 1300, "a foot below the map"
    difference = np.abs(sheet[:1024].astype(int) - pyramid[2].astype(int))
    assert (difference > 2).mean() < 0.01, "as if drawn in one go"
    with rasterio.open(server.base / "output" / "c2gm" / "town z18.tif") as raster:
        assert np.array_equal(raster.read().transpose(1, 2, 0), sheet)
        assert raster.tags()["TIFFTAG_COPYRIGHT"] == "Procedural town, drawn by C2GM"
        with rasterio.open(SAMPLE) as sample:
            assert raster.bounds.left == pytest.approx(sample.bounds.left)
            assert raster.bounds.top == pytest.approx(sample.bounds.top)


@pytest.mark.slow
def test_the_scale_text_alone_changes_the_map(server: Server) -> None:
    run = server.run(prompt_of(SCALES), timeout=900)
    assert run.status == "success", run.error
    (comparison,) = pictures(server, run).values()
    width = (comparison.shape[1] - 8) // 6
    panels = [comparison[28 : 28 + 256, 8 + n * width : 8 + n * width + 256] for n in range(6)]
    for n, one in enumerate(panels):
        for other in panels[:n]:
            assert np.abs(one.astype(int) - other.astype(int)).mean() > 2


@pytest.mark.slow
def test_another_sampler_on_top_draws_a_map(server: Server) -> None:
    run = server.run(prompt_of(SAMPLERS), timeout=900)
    assert run.status == "success", run.error
    (shown,) = pictures(server, run).values()
    distance = np.abs(shown[..., None, :].astype(int) - palette().astype(int)).max(-1).min(-1)
    assert np.median(distance) < 16, "most of it has colours of the legend"


def test_palettes_and_zooms_side_by_side(
    server: Server, pyramid: tuple[Run, Run, np.ndarray]
) -> None:
    prompt = prompt_of(RECOLOURED)
    run = server.run(prompt, timeout=900)
    assert run.status == "success", run.error
    assert run.steps == [], "the map is there already"
    zooms, palettes = (
        next(
            picture
            for number, picture in pictures(server, run).items()
            if prompt[prompt[number]["inputs"]["images"][0]]["inputs"]["zooms"] == text
        )
        for text in ("14,16,18", "")
    )
    assert zooms.shape == palettes.shape == (320 + 36, 4 * 328 + 8, 3)
    house, night, paper, safe = (
        palettes[28 : 28 + 320, 8 + n * 328 : 8 + n * 328 + 320] for n in range(4)
    )
    small = Image.fromarray(pyramid[2]).resize((320, 320), Image.Resampling.LANCZOS)
    assert np.array_equal(house, np.array(small))
    assert night.mean() < 90 < 170 < paper.mean() < safe.mean() + 40
    zoom_18 = zooms[28 : 28 + 320, 8 + 3 * 328 : 8 + 3 * 328 + 320]
    assert np.array_equal(zoom_18, house)
