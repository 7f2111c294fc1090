from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flat_world import block_of_water

from c2gm.training.records import write_shard
from c2gm.training.run_config import RunConfig


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A folder of training records: four windows."""
    windows = [block_of_water(), block_of_water(left=40), block_of_water(17), block_of_water(15)]
    write_shard(tmp_path / "records" / "a", windows)
    return tmp_path / "records"


@pytest.fixture
def configured(records: Path) -> Callable[..., RunConfig]:
    """Makes short runs on those records: `configured(stage, **changes)`."""

    def make(stage: str = "vae", **changes: Any) -> RunConfig:
        values: dict[str, Any] = {
            "stage": stage,
            "minutes": 0,
            "steps": 6,
            "records": str(records),
            "folder": str(records.parent / stage),
            "kinds": {"town": 1.0},
            "batch": 2,
            "crop": 64,
            "threads": 1,
            "device": "cpu",
            "precision": "fp32",
        }
        return RunConfig(**{**values, **changes})

    return make
