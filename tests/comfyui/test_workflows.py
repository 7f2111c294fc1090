"""The shipped workflows on a real server, through its API, with their pictures checked."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_client import Run
from comfyui_server import Server
from PIL import Image
from workflow_runs import BY_HAND, PYRAMID, SAMPLE, jobs, node_of, pictures, prompt_of, told

from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings
from c2gm.grid import Area
from c2gm.imagery.open import open_imagery
from c2gm.models.checkpoints import load_sgdm
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.painting.window_inputs import over_ground, read_mosaic
from c2gm.tilesets.open import open_tileset
from c2gm.tilesets.verify import verify_tileset


@pytest.fixture(scope="module")
def by_hand(server: Server, pyramid: object) -> tuple[Run, dict[str, np.ndarray], list[Path]]:
    """The workflow with two stages by hand: its run, its pictures, the jobs that it began."""
    before = set(jobs(server))
    run = server.run(prompt_of(BY_HAND), timeout=900)
    assert run.status == "success", run.error
    return run, pictures(server, run), sorted(set(jobs(server)) - before)


@pytest.fixture(scope="module")
def stepped(mini_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library's map of both stages, 16 on 14, each window read by itself as by hand."""
    path = tmp_path_factory.mktemp("stepped") / "map.mbtiles"
    model = SGDMMapModel(load_sgdm(mini_file), model_hash="mini")
    model.reads_classes = False
    return generate(
        open_imagery(SAMPLE), model, path, GenerateSettings(zooms=(14, 16), seed=1)
    ).path


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
    tile = server.get(f"/c2gm/tiles/14/8191/8186?tileset={shown['tileset']}&v={shown['version']}")
    assert Image.open(io.BytesIO(tile)).size == (256, 256)


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
    sgdm = load_sgdm(mini_file)
    model = SGDMMapModel(sgdm, model_hash="mini")
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
    stepped: Path, by_hand: tuple[Run, dict[str, np.ndarray], list[Path]]
) -> None:
    _, shown, _ = by_hand
    sizes = sorted(picture.shape for picture in shown.values())
    assert sizes == [(256, 256, 3), (256, 256, 3), (1024, 1024, 3)]
    with open_tileset(stepped) as cascade:
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
    mini_file: Path,
    by_hand: tuple[Run, dict[str, np.ndarray], list[Path]],
    tmp_path: Path,
) -> None:
    (continued,) = by_hand[2]
    assert _zooms(continued) == (16, 17, 18)
    hand = server.base / "output" / "c2gm" / "town by hand.mbtiles"
    model = SGDMMapModel(load_sgdm(mini_file), model_hash="mini")
    settings = GenerateSettings(zooms=(16, 17, 18), seed=1)
    with open_tileset(hand) as start, open_tileset(continued) as tileset:
        (tile,) = start.tiles(16)
        assert np.array_equal(start.get(tile), tileset.get(tile))
        ours = generate(open_imagery(SAMPLE), model, tmp_path / "a.mbtiles", settings, start=start)
    (finest,) = [picture for picture in by_hand[1].values() if len(picture) == 1024]
    with open_tileset(ours.path) as cascade:
        box = Area(open_imagery(SAMPLE).bounds, (18,)).tiles(18).box
        expected = read_mosaic(cascade.get, box)
    difference = np.abs(finest.astype(int) - expected.astype(int))
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
    server.forget()
    again, second = small_run()
    assert node_of(small_prompt(), "C2GMCascadeSampler") not in again.cached
    assert made.exists()
    assert np.array_equal(first, second)


def test_a_finished_map_is_not_drawn_again_and_another_seed_is_another_job(
    server: Server, small_run: Callable[..., tuple[Run, np.ndarray]]
) -> None:
    _, first = small_run()
    known = jobs(server)
    server.forget()
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
