"""The file that describes a run."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from c2gm.errors import ConfigError
from c2gm.training.run_config import read_run_config

SHIPPED = Path(str(files("c2gm"))) / "assets" / "training"
LEAST = '"records": "", "folder": "", "kinds": {}'


def test_the_shipped_chain_can_be_read_and_each_run_stands_on_earlier_ones():
    for folder, stages in (
        (SHIPPED, ["vae", "encoder", "joint", "joint", "joint", "decoder"]),
        (SHIPPED / "gpu", ["vae", "encoder", "joint", "joint", "joint", "decoder"]),
    ):
        runs = [read_run_config(path) for path in sorted(folder.glob("[0-9]*.json"))]
        assert [run.stage for run in runs] == stages
        for number, run in enumerate(runs):
            assert set(run.weights) <= {earlier.folder for earlier in runs[:number]}


def test_the_polish_trains_the_timesteps_of_four_steps():
    for path in (SHIPPED / "5-polish.json", SHIPPED / "gpu" / "5-polish.json"):
        run = read_run_config(path)
        assert run.timesteps == (999, 749, 499, 249) and run.crop == 320


def test_the_lease_s_runs_fit_into_half_an_hour():
    runs = [read_run_config(path) for path in (SHIPPED / "gpu").glob("*.json")]
    assert 20 <= sum(run.minutes for run in runs) <= 26


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "one JSON object"),
        ("{", "cannot be read"),
        ('{"stage": "vae", "minuts": 3}', "minuts"),
        ('{"stage": "vae"}', "minutes"),
        (f'{{"stage": "x", "minutes": 1, {LEAST}}}', "stage is 'x'"),
        (f'{{"stage": "vae", "minutes": 0, {LEAST}}}', "minutes or steps above 0"),
        (f'{{"stage": "vae", "minutes": "1", {LEAST}}}', "minutes cannot be '1'"),
        (f'{{"stage": "vae", "minutes": 1, "crop": 100, {LEAST}}}', "multiple of 32"),
        (f'{{"stage": "vae", "minutes": 1, "no_text": 2, {LEAST}}}', "no_text is 2.*from 0 to 1"),
        (f'{{"stage": "joint", "minutes": 1, "timesteps": [1000], {LEAST}}}', "timesteps is 1000"),
        (f'{{"stage": "joint", "minutes": 1, "timesteps": ["a"], {LEAST}}}', "timesteps cannot"),
        (f'{{"stage": "vae", "minutes": 1, "architecture": "huge", {LEAST}}}', "mini"),
        (f'{{"stage": "vae", "minutes": 1, "betas": [0.9], {LEAST}}}', "two numbers"),
        (f'{{"stage": "vae", "minutes": 1, "recolour": 1, {LEAST}}}', "recolour cannot be '1'"),
    ],
)
def test_a_file_that_is_wrong_is_told_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_run_config(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
