"""What a run shows of itself on held-out ground."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from flat_world import block_of_water
from PIL import Image

from c2gm.training.records import write_shard
from c2gm.training.run_folder import RunFolder
from c2gm.training.train import train
from c2gm.training.trial import Trial, sample_sheet


def test_a_run_scores_and_samples_on_the_way(configured, records):
    config = configured(
        "decoder", steps=2, development=str(records), sample_every=2, tensorboard=True
    )
    folder = train(config).parent
    points = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    assert [point["step"] for point in points] == [1, 2]
    assert set(points[1]["scores"]) == {"town z15", "town z16", "town z17"}
    (sheet,) = (folder / "samples").iterdir()
    assert sheet.name == "step-0000002.png"
    assert Image.open(sheet).size == (4 * 328 + 8, 4 * 344 + 24)  # four windows of four pictures
    assert any((folder / "tensorboard").glob("events.*"))


def test_a_sheet_shows_imagery_reference_truth_and_what_is_drawn():
    record = block_of_water()
    drawn = np.full((320, 320, 3), 77, dtype=np.uint8)
    sheet = np.array(sample_sheet([record], lambda chosen: [(drawn, drawn[..., 0])]))
    columns = [sheet[24:344, 8 + k * 328 : 328 + k * 328] for k in range(4)]
    assert np.array_equal(columns[0], record.imagery)
    assert np.array_equal(columns[1][8:-8, 8:-8], np.full((304, 304, 3), 210, np.uint8))  # 4X
    assert np.array_equal(columns[2], record.map)
    assert np.array_equal(columns[3], drawn)


def test_a_curve_has_eight_points_and_the_last_at_the_end(configured, records):
    config = configured(development=str(records))
    trial = Trial(None, config, RunFolder(config.folder), referenced=False)
    reached = []
    for step in range(1, 101):
        if trial.score_is_due(step / 100):
            reached.append(step)
            trial.curve.append({})
    assert reached == [13, 25, 38, 50, 63, 75, 88, 100]
    bare = Trial(None, configured(), RunFolder(config.folder), referenced=False)
    assert not bare.score_is_due(1.0)


@pytest.mark.parametrize(("referenced", "zooms"), [(False, {14, 16}), (True, {16})])
def test_models_that_need_references_are_tried_where_there_are_some(
    configured, tmp_path, referenced, zooms
):
    bare = dataclasses.replace(block_of_water(14), parent2=None, parent4=None)
    write_shard(tmp_path / "held-out" / "a", [bare, block_of_water(16)])
    config = configured(development=str(tmp_path / "held-out"))
    trial = Trial(None, config, RunFolder(config.folder), referenced=referenced)
    assert {record.zoom for record in trial._held_out()} == zooms
