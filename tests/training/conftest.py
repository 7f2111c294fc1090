from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c2gm.legend import palette
from c2gm.training.records import Record, write_shard
from c2gm.training.run_config import RunConfig


def block_of_water(zoom: int = 16, *, left: int = 120) -> Record:
    """A window of a flat little world: ground with a block of water, and its parents."""
    classes = np.zeros((320, 320), dtype=np.uint8)
    classes[80:240, left : left + 160] = 1
    picture = palette()[classes]
    return Record(
        imagery=picture // 2,
        map=picture,
        classes=classes,
        parent2=np.full((168, 168, 3), 200, dtype=np.uint8),
        parent4=np.full((88, 88, 3), 210, dtype=np.uint8) if zoom > 15 else None,
        zoom=zoom,
        place="town-0",
        complete=True,
        ranked_roads=True,
    )


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
