"""The shipped workflows on a real server, through its API, with their pictures checked."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from build_workflows import file_stem
from comfyui_client import Run
from comfyui_server import Server
from install_server import HERE, REPOSITORY
from PIL import Image
from shipped_workflows import WORKFLOWS
from workflow_graphs import (
    api_prompt,
    has_control,
    input_types,
    is_widget,
    page_workflow,
)

from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings
from c2gm.grid import Area
from c2gm.imagery.open import open_imagery
from c2gm.legend import palette
from c2gm.models.checkpoints import load_sgdm
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.painting.window_inputs import over_ground, read_mosaic
from c2gm.sampling import SamplerConfig
from c2gm.tilesets.open import open_tileset
from c2gm.tilesets.verify import verify_tileset

PYRAMID, BY_HAND, *OTHERS = WORKFLOWS
SAMPLE = REPOSITORY / "c2gm" / "assets" / "sample.tif"


def prompt_of(title: str) -> dict[str, Any]:
    prompt: dict[str, Any] = json.loads(
        (HERE / "api" / f"{file_stem(title)}.json").read_text(encoding="utf-8")
    )
    return prompt


def node_of(prompt: dict[str, Any], kind: str) -> str:
    (number,) = [number for number, node in prompt.items() if node["class_type"] == kind]
    return number


def pictures(server: Server, run: Run) -> dict[str, np.ndarray]:
    """Pictures that stock nodes showed, by node; ours tell a text beside theirs."""
    return {
        number: np.array(Image.open(io.BytesIO(server.picture(output["images"][0]))))
        for number, output in run.outputs.items()
        if output and "images" in output and "text" not in output
    }


def told(prompt: dict[str, Any], run: Run, kind: str) -> list[str]:
    """The lines of text on the one node of a kind."""
    lines: list[str] = run.outputs[node_of(prompt, kind)]["text"]
    return lines


def jobs(server: Server) -> list[Path]:
    return sorted((server.base / "output" / "c2gm" / "jobs").glob("*.mbtiles"))


@pytest.fixture(scope="module")
def pyramid(server: Server) -> tuple[Run, Run, np.ndarray]:
    """The pyramid workflow, cancelled half way and then run to its end; and its map."""
    prompt = prompt_of(PYRAMID)
    cancelled = server.run(prompt, interrupt_after=4)
    left = sorted((server.base / "output" / "c2gm" / "jobs").iterdir())
    assert [path.suffix for path in left] == [".c2gm-job"], "a cancelled run leaves its job alone"
    finished = server.run(prompt, timeout=900)
    assert finished.status == "success", finished.error
    (shown,) = pictures(server, finished).values()
    return cancelled, finished, shown


@pytest.fixture(scope="module")
def by_hand(server: Server, pyramid: object) -> tuple[Run, dict[str, np.ndarray]]:
    """The workflow with two stages by hand."""
    run = server.run(prompt_of(BY_HAND), timeout=900)
    assert run.status == "success", run.error
    return run, pictures(server, run)


def test_cancel_stops_the_cascade_within_its_batch(
    pyramid: tuple[Run, Run, np.ndarray],
) -> None:
    cancelled, finished, _ = pyramid
    assert cancelled.status == "interrupted"
    done, of = cancelled.steps[-1]
    assert 0 < done < of


def test_the_same_settings_go_on_where_a_run_was_cancelled(
    pyramid: tuple[Run, Run, np.ndarray],
) -> None:
    cancelled, finished, _ = pyramid
    assert finished.steps[0][0] > cancelled.steps[-1][0]
    assert finished.steps[-1][0] == finished.steps[-1][1]


def test_a_resumed_run_tells_how_many_tiles_it_reused(
    pyramid: tuple[Run, Run, np.ndarray],
) -> None:
    lines = told(prompt_of(PYRAMID), pyramid[1], "C2GMCascadeSampler")
    reused = re.fullmatch(r"(\d+) of 23 tiles reused", lines[0])
    assert reused is not None and 0 < int(reused[1]) < 23
    assert "Generated map, not surveyed" in lines
    assert "Procedural town, drawn by C2GM" in lines


def test_a_preview_map_is_told_where_its_tiles_are(
    server: Server, pyramid: tuple[Run, Run, np.ndarray]
) -> None:
    (shown,) = pyramid[1].outputs[node_of(prompt_of(PYRAMID), "C2GMPreviewMap")]["c2gm_map"]
    assert (shown["zooms"], shown["counts"]["18"]) == ([14, 15, 16, 17, 18], 16)
    assert shown["imagery"]["spec"]["file"] == "procedural town (bundled)"
    tile = server.get(f"/c2gm/tiles/14/7752/8192?tileset={shown['tileset']}&v={shown['version']}")
    assert Image.open(io.BytesIO(tile)).size == (256, 256)


def test_an_area_is_told_with_its_tiles_and_work(pyramid: tuple[Run, Run, np.ndarray]) -> None:
    (area,) = pyramid[1].outputs[node_of(prompt_of(PYRAMID), "C2GMPickArea")]["c2gm_area"]
    assert (area["tiles"], area["windows"]) == (23, 66)
    assert [count["zoom"] for count in area["counts"]] == [14, 15, 16, 17, 18]


def test_the_growing_map_is_the_preview(pyramid: tuple[Run, Run, np.ndarray]) -> None:
    _, finished, shown = pyramid
    last = Image.open(io.BytesIO(finished.previews[-1])).convert("RGB")
    assert last.size == (512, 512)
    coarse = [
        np.array(picture.resize((32, 32), Image.Resampling.BOX)).astype(int)
        for picture in (last, Image.fromarray(shown))
    ]
    # JPEG, and tiles shrunk one by one: thin lines differ a little, the picture does not.
    assert np.abs(coarse[0] - coarse[1]).mean() < 3
    assert coarse[1].std() > 5, "the sample's map is not one colour"


def test_the_pyramid_is_complete_and_says_what_it_is(
    server: Server, pyramid: tuple[Run, Run, np.ndarray]
) -> None:
    assert pyramid[2].shape == (1024, 1024, 3)
    path = server.base / "output" / "c2gm" / "town.mbtiles"
    assert verify_tileset(path) == []
    with open_tileset(path) as tileset:
        counts = {zoom: len(list(tileset.tiles(zoom))) for zoom in tileset.zooms}
        assert counts == {14: 1, 15: 1, 16: 1, 17: 4, 18: 16}
        assert "not surveyed" in tileset.metadata["description"].lower()
        assert tileset.metadata["attribution"] == "Procedural town, drawn by C2GM"
        box = Area(open_imagery(SAMPLE).bounds, (18,)).tiles(18).box
        assert np.array_equal(read_mosaic(tileset.get, box), pyramid[2])


def test_the_pyramid_is_the_librarys(
    server: Server,
    pyramid: tuple[Run, Run, np.ndarray],
    mini_file: Path,
    tmp_path: Path,
) -> None:
    model = SGDMMapModel(load_sgdm(mini_file), SamplerConfig("ddim", 4), model_hash="mini")
    settings = GenerateSettings(zooms=(14, 15, 16), seed=1)
    path = generate(open_imagery(SAMPLE), model, tmp_path / "map.mbtiles", settings).path
    drawn = server.base / "output" / "c2gm" / "town.mbtiles"
    with open_tileset(path) as ours, open_tileset(drawn) as theirs:
        for zoom in ours.zooms:
            for tile in ours.tiles(zoom):
                one, other = ours.get(tile), theirs.get(tile)
                assert one is not None and other is not None
                difference = np.abs(one.astype(int) - other.astype(int))
                assert difference.max() <= 2, tile
                assert (difference > 0).mean() < 0.01, tile


def test_stages_by_hand_are_those_of_the_cascade(
    server: Server,
    pyramid: tuple[Run, Run, np.ndarray],
    by_hand: tuple[Run, dict[str, np.ndarray]],
) -> None:
    _, shown = by_hand
    sizes = sorted(picture.shape for picture in shown.values())
    assert sizes == [(256, 256, 3), (256, 256, 3), (1024, 1024, 3)]
    with open_tileset(server.base / "output" / "c2gm" / "town.mbtiles") as cascade:
        for zoom in (14, 16):
            (tile,) = cascade.tiles(zoom)
            expected = cascade.get(tile)
            assert expected is not None
            nearest = min(
                np.abs(picture.astype(int) - over_ground(expected).astype(int)).max()
                for picture in shown.values()
                if picture.shape == (256, 256, 3)
            )
            assert nearest <= 2, zoom


def test_the_cascade_goes_on_from_the_map_made_by_hand(
    server: Server,
    pyramid: tuple[Run, Run, np.ndarray],
    by_hand: tuple[Run, dict[str, np.ndarray]],
) -> None:
    (continued,) = [path for path in jobs(server) if _zooms(path)[0] == 16]
    assert _zooms(continued) == (16, 17, 18)
    hand = server.base / "output" / "c2gm" / "town by hand.mbtiles"
    with open_tileset(hand) as start, open_tileset(continued) as tileset:
        (tile,) = start.tiles(16)
        assert np.array_equal(start.get(tile), tileset.get(tile))
    (finest,) = [picture for picture in by_hand[1].values() if len(picture) == 1024]
    difference = np.abs(finest.astype(int) - pyramid[2].astype(int))
    assert (difference > 2).mean() < 0.01


def _zooms(path: Path) -> tuple[int, ...]:
    with open_tileset(path) as tileset:
        return tileset.zooms


def small_prompt(**changes: Any) -> dict[str, Any]:
    """Five windows: zooms 16 and 17 with open edges."""
    prompt = prompt_of(PYRAMID)
    prompt[node_of(prompt, "C2GMPickArea")]["inputs"] |= {"zoom_min": 16, "zoom_max": 17}
    prompt[node_of(prompt, "C2GMCascadeSampler")]["inputs"] |= {"edges": "open", **changes}
    prompt[node_of(prompt, "C2GMSaveTileset")]["inputs"]["name"] = "small"
    return prompt


@pytest.fixture(scope="module")
def small_run(server: Server, by_hand: object) -> Callable[..., tuple[Run, np.ndarray]]:
    def run(**changes: Any) -> tuple[Run, np.ndarray]:
        done = server.run(small_prompt(**changes))
        assert done.status == "success", done.error
        (shown,) = pictures(server, done).values()
        return done, shown

    return run


def test_a_map_is_drawn_again_to_the_last_bit(
    server: Server, small_run: Callable[..., tuple[Run, np.ndarray]]
) -> None:
    before = set(jobs(server))
    _, first = small_run()
    (made,) = set(jobs(server)) - before
    made.unlink()
    server.post("/free", {"unload_models": True, "free_memory": True})
    again, second = small_run()
    assert node_of(small_prompt(), "C2GMCascadeSampler") not in again.cached
    assert made.exists()
    assert np.array_equal(first, second)


def test_a_finished_map_is_not_drawn_again_and_another_seed_is_another_job(
    server: Server, small_run: Callable[..., tuple[Run, np.ndarray]]
) -> None:
    _, first = small_run()
    known = jobs(server)
    server.post("/free", {"unload_models": True, "free_memory": True})
    again, same = small_run()
    assert again.steps == [] and np.array_equal(first, same)
    assert told(small_prompt(), again, "C2GMCascadeSampler")[0] == "5 of 5 tiles reused"
    assert jobs(server) == known
    _, other = small_run(seed=2)
    assert len(jobs(server)) == len(known) + 1
    assert not np.array_equal(first, other)


def test_only_what_depends_on_a_change_runs_again(
    small_run: Callable[..., tuple[Run, np.ndarray]],
) -> None:
    small_run(seed=3)
    changed, _ = small_run(seed=4)
    prompt = small_prompt()
    for kind in ("C2GMLoadSGDM", "C2GMLoadImagery", "C2GMPickArea"):
        assert node_of(prompt, kind) in changed.cached


def test_a_deleted_job_is_drawn_again(
    server: Server, small_run: Callable[..., tuple[Run, np.ndarray]]
) -> None:
    small_run(seed=5)
    before = set(jobs(server))
    small_run(seed=6)
    (made,) = set(jobs(server)) - before
    listing = {"1": {"class_type": "C2GMJobs", "inputs": {"job": "none"}}}
    lines = server.run(listing).outputs["1"]["text"]
    assert any(line.startswith(f"{made.name}: Map of sample.tif, zooms 16 to 17") for line in lines)
    listing["1"]["inputs"]["job"] = made.name
    deleted = server.run(listing)
    assert deleted.outputs["1"]["text"][0] == f"{made.name} is deleted."
    assert not made.exists()
    again, _ = small_run(seed=6)
    assert again.steps and made.exists()


# The other workflows ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one_zoom(server: Server) -> tuple[Run, np.ndarray]:
    """Workflow 3, run."""
    run = server.run(prompt_of(OTHERS[0]))
    assert run.status == "success", run.error
    return run, pictures(server, run)[node_of(prompt_of(OTHERS[0]), "SaveImage")]


def test_one_zoom_with_stock_sampling_is_the_librarys(
    one_zoom: tuple[Run, np.ndarray], mini_file: Path, tmp_path: Path
) -> None:
    model = SGDMMapModel(load_sgdm(mini_file), SamplerConfig("ddim", 4), model_hash="mini")
    settings = GenerateSettings(zooms=(16,), cascade_factor=None, seed=1)
    path = generate(open_imagery(SAMPLE), model, tmp_path / "map.mbtiles", settings).path
    with open_tileset(path) as tileset:
        (tile,) = tileset.tiles(16)
        expected = over_ground(tileset.get(tile))
    difference = np.abs(one_zoom[1].astype(int) - expected.astype(int))
    assert difference.max() <= 2 and (difference > 0).mean() < 0.01


def test_batch_and_memory_are_told_on_apply(one_zoom: tuple[Run, np.ndarray]) -> None:
    lines = told(prompt_of(OTHERS[0]), one_zoom[0], "C2GMApplyFeatures")
    assert lines[0] == "9 windows of 320 x 320 px in one batch"
    assert re.fullmatch(r"about [\d.]+ GB to sample, beside [\d.]+ GB of model", lines[1])


CHANGES = {
    "text": ("C2GMScaleTextEncode", {"examples": "harbour"}),
    "seed": ("C2GMWindows", {"seed": 2}),
    "strength": ("C2GMApplyFeatures", {"strength": 0.5}),
    "imagery": ("C2GMLoadImagery", {"attribution": "another credit"}),
}
DRAWN = {
    *("BasicGuider", "SamplerCustomAdvanced", "VAEDecode", "C2GMTileStitch"),
    *("PreviewImage", "SaveImage"),
}
RUN_AGAIN = {
    "text": {"C2GMScaleTextEncode"},
    "seed": {"C2GMWindows", "C2GMApplyFeatures"},
    "strength": {"C2GMApplyFeatures"},
    "imagery": {"C2GMLoadImagery", "C2GMPickArea", "C2GMWindows", "C2GMApplyFeatures"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_runs_again_exactly_what_depends_on_it(
    server: Server, one_zoom: tuple[Run, np.ndarray], change: str
) -> None:
    prompt = prompt_of(OTHERS[0])
    prompt[node_of(prompt, "BasicScheduler")]["inputs"]["steps"] = 1  # the rest is not looked at
    assert server.run(prompt).status == "success"
    kind, values = CHANGES[change]
    prompt[node_of(prompt, kind)]["inputs"] |= values
    run = server.run(prompt)
    assert run.status == "success", run.error
    again = {prompt[number]["class_type"] for number in prompt if number not in run.cached}
    shown = {"PreviewImage"} if change in ("seed", "imagery") else set()
    assert again - {"PreviewImage"} == (DRAWN - {"PreviewImage"}) | RUN_AGAIN[change]
    assert shown <= again


@pytest.mark.slow
def test_an_existing_map_goes_on_and_becomes_a_sheet(
    server: Server, pyramid: tuple[Run, Run, np.ndarray]
) -> None:
    prompt = prompt_of(OTHERS[1])
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
    run = server.run(prompt_of(OTHERS[2]), timeout=900)
    assert run.status == "success", run.error
    (comparison,) = pictures(server, run).values()
    width = (comparison.shape[1] - 8) // 6
    panels = [comparison[28 : 28 + 256, 8 + n * width : 8 + n * width + 256] for n in range(6)]
    for n, one in enumerate(panels):
        for other in panels[:n]:
            assert np.abs(one.astype(int) - other.astype(int)).mean() > 2


@pytest.mark.slow
def test_another_sampler_on_top_draws_a_map(server: Server) -> None:
    run = server.run(prompt_of(OTHERS[3]), timeout=900)
    assert run.status == "success", run.error
    (shown,) = pictures(server, run).values()
    distance = np.abs(shown[..., None, :].astype(int) - palette().astype(int)).max(-1).min(-1)
    assert np.median(distance) < 16, "most of it has colours of the legend"


def test_palettes_and_zooms_side_by_side(
    server: Server, pyramid: tuple[Run, Run, np.ndarray]
) -> None:
    prompt = prompt_of(OTHERS[4])
    run = server.run(prompt, timeout=900)
    assert run.status == "success", run.error
    assert told(prompt, run, "C2GMCascadeSampler")[0] == "23 of 23 tiles reused"
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


@pytest.mark.parametrize("title", WORKFLOWS)
def test_files_of_a_workflow_are_those_of_its_graph(server: Server, title: str) -> None:
    graph = WORKFLOWS[title]()
    definitions = server.get_json("/object_info")
    page = json.loads((REPOSITORY / "workflows" / f"{title}.json").read_text(encoding="utf-8"))
    assert page == page_workflow(graph, definitions)
    assert prompt_of(title) == api_prompt(graph)


@pytest.mark.parametrize("title", WORKFLOWS)
def test_the_page_makes_the_api_prompt_of_a_workflow(server: Server, title: str) -> None:
    page = json.loads((REPOSITORY / "workflows" / f"{title}.json").read_text(encoding="utf-8"))
    assert _as_the_page_would(page, server.get_json("/object_info")) == prompt_of(title)


def _as_the_page_would(page: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The API prompt that the page sends: links by socket, widgets by their order."""
    links = {link[0]: [str(link[1]), link[2]] for link in page["links"]}
    prompt = {}
    for node in page["nodes"]:
        values = iter(node["widgets_values"])
        inputs: dict[str, Any] = {}
        for name, (kind, options) in input_types(definitions[node["type"]]).items():
            if is_widget(kind, options):
                inputs[name] = next(values)
                if has_control(name, kind, options):
                    next(values)
        for socket in node["inputs"]:
            if socket["link"] is not None:
                inputs[socket["name"]] = links[socket["link"]]
        assert next(values, None) is None
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt
