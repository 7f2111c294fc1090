"""Workers of another process open what the command was told to open."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2gm.cascade.ledger import Ledger
from c2gm.cli.exits import missing_extra
from c2gm.cli.repaint import _model_settings
from c2gm.cli.workers import OpenWorker, recorded_threads
from c2gm.errors import JobError
from c2gm.tilesets.open import open_tileset

Run = Callable[..., Any]
CLIP = Path(__file__).parents[1] / "data" / "dubai.tif"


@pytest.mark.usefixtures("mixing_model")
def test_a_worker_opens_imagery_and_network_in_another_folder(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scene.parent)
    options = {"model": "mini", "base": None, "threads": 1}
    packed = pickle.dumps(OpenWorker([scene.name], {"nodata": "7"}, options))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    inputs = pickle.loads(packed)()
    assert inputs.imagery.name == "scene.tif" and inputs.interpolation == "bilinear"
    assert inputs.model.identity == {"model": "mixing"}
    inputs.imagery.close()


def test_a_map_goes_on_with_the_threads_that_it_was_begun_with(tmp_path: Path) -> None:
    out = tmp_path / "map.mbtiles"
    assert recorded_threads(out) is None
    for told, threads in ((3, 3), ("many", None), (10**9, None), (None, None), (-1, None)):
        with Ledger(tmp_path / "map.mbtiles.c2gm-job") as ledger:
            ledger.write_key({"model.threads": told})
        assert recorded_threads(out) == threads
    with Ledger(tmp_path / "map.mbtiles.c2gm-job"), pytest.raises(JobError, match="works on"):
        recorded_threads(out)


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (
            {"threads": 3, "steps": 4, "sampler": "ddim"},
            {"threads", "steps", "sampler", "denoise"},  # painted before there was another than 1
        ),
        ({"threads": 0}, set()),
        ({"threads": 10**6}, set()),
        ({"threads": "all", "steps": [4], "guidance_scale": None}, set()),
        (["threads"], set()),
    ],
)
def test_a_map_is_painted_again_as_it_says_that_it_was(told: object, known: set[str]) -> None:
    assert set(_model_settings({"model_settings": json.dumps(told)})) == known
    assert _model_settings({"model_settings": "["}) == {}


def test_a_command_without_ray_says_what_to_install() -> None:
    assert 'pip install "c2gm[distributed]"' in str(missing_extra("ray"))
    assert 'pip install "c2gm[train]"' in str(missing_extra("accelerate"))
    assert 'pip install "c2gm[library]"' in str(missing_extra("diffusers"))


@pytest.mark.slow
def test_two_workers_with_mini_make_the_map_of_one_process(c2gm: Run, tmp_path: Path) -> None:
    there, here = tmp_path / "there.mbtiles", tmp_path / "here.mbtiles"
    part = "55.3005,25.0752,55.3024,25.0769"
    options = ("--zooms", "17-18", "--bbox", part, "--threads", "1", "--edges", "open")
    ended = c2gm(
        *("generate", CLIP, "--out", there, *options),
        *("--executor", "ray", "--workers", "2", "--json"),
    )
    assert ended.status == 0, ended.err
    assert c2gm("generate", CLIP, "--out", here, *options).status == 0
    with open_tileset(there) as first, open_tileset(here) as second:
        tiles = [tile for zoom in first.zooms for tile in first.tiles(zoom)]
        assert len(tiles) == json.loads(ended.out)["tiles"] > 4
        assert all(first.get_bytes(tile) == second.get_bytes(tile) for tile in tiles)
        assert first.metadata["job_key"] == second.metadata["job_key"]
