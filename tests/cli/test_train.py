"""The command `c2gm train`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from c2gm.cli.app import build_app
from c2gm.cli.train import progress_text
from c2gm.training.progress import Progress


@pytest.fixture
def run_file(tmp_path):
    values = {
        "stage": "encoder",
        "minutes": 10,
        "records": str(tmp_path / "records"),
        "folder": str(tmp_path / "run"),
        "kinds": {"town": 1},
        "batch": 2,
        "crop": 64,
    }
    path = tmp_path / "run.json"
    path.write_text(json.dumps(values))
    return path


def invoke(*arguments):
    return CliRunner().invoke(build_app(), ["train", *map(str, arguments)])


def test_the_plan_is_told_and_nothing_is_trained(run_file, tmp_path):
    result = invoke(run_file, "--plan", "--device", "h100", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["device"] == "h100" and told["fits"] is True
    assert told["memory_needed"] == sum(told["memory"].values())
    assert not (tmp_path / "run").exists()


def test_a_plan_for_a_device_that_nobody_knows_is_one_sentence(run_file):
    result = invoke(run_file, "--plan", "--device", "abacus")
    assert result.exit_code == 1
    assert "abacus" in result.stderr and "h100" in result.stderr


def test_a_device_without_a_plan_is_refused(run_file):
    result = invoke(run_file, "--device", "h100")
    assert result.exit_code == 2
    assert "--plan" in result.stderr


def test_training_without_records_is_one_sentence_and_leaves_nothing(run_file, tmp_path):
    result = invoke(run_file)
    assert result.exit_code == 1
    assert "holds no training records" in result.stderr
    assert not (tmp_path / "run").exists()


def test_progress_is_told_in_words():
    told = Progress("joint", 0.25, 500, 4000, 12.34, 0.5, 125.0)
    assert progress_text(told) == (
        "25%, 4,000 crops, 12.3 a second, loss 0.5000, 2 min 5 s of training left"
    )
    assert progress_text(Progress("joint", 0.0, 0, 0, None, None, None)) == "0%, 0 crops"
