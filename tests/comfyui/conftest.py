from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from comfyui_client import Run
from comfyui_server import Server
from workflow_runs import PYRAMID, pictures, prompt_of

from c2gm.models.checkpoints import BUNDLED


@pytest.fixture(scope="session")
def mini_file() -> Path:
    """c2gm-mini as it is bundled."""
    return BUNDLED


@pytest.fixture(scope="session")
def pyramid(server: Server) -> tuple[Run, Run, np.ndarray]:
    """The pyramid workflow, cancelled half way and then run to its end; and its map."""
    prompt = prompt_of(PYRAMID)
    folder = server.base / "output" / "c2gm" / "jobs"
    before = set(folder.iterdir()) if folder.is_dir() else set()
    cancelled = server.run(prompt, interrupt_after=4)
    left = set(folder.iterdir()) - before
    assert [path.suffix for path in left] == [".c2gm-job"], "a cancelled run leaves its job alone"
    finished = server.run(prompt, timeout=900)
    assert finished.status == "success", finished.error
    (shown,) = pictures(server, finished).values()
    return cancelled, finished, shown
