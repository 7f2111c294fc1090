"""The pack in an older ComfyUI: all its nodes, and the same map."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from build_workflows import OBJECT_INFO, our_nodes
from comfyui_server import Server
from install_server import OLDER
from workflow_runs import ONE_ZOOM, pictures, prompt_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def older(comfyui_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of ComfyUI 0.3.52."""
    running = Server(comfyui_folder, tmp_path_factory.mktemp("older"), sources=OLDER)
    try:
        yield running
    finally:
        running.stop()


def test_it_is_older_and_the_pack_loads_with_the_same_nodes(older: Server) -> None:
    assert older.get_json("/system_stats")["system"]["comfyui_version"] == "0.3.52"
    assert "IMPORT FAILED" not in older.printed()
    known = json.loads(OBJECT_INFO.read_text(encoding="utf-8"))
    there = our_nodes(older.get_json("/object_info"))
    assert there.keys() == known.keys()
    for name, node in known.items():
        assert there[name]["input_order"] == node["input_order"], name
        assert there[name]["output"] == node["output"], name


def test_a_workflow_draws_the_same_there(older: Server, server: Server) -> None:
    prompt = prompt_of(ONE_ZOOM)
    shown = []
    for place in (older, server):
        run = place.run(prompt, timeout=600)
        assert run.status == "success", run.error
        shown.append(pictures(place, run))
    assert shown[0] and shown[0].keys() == shown[1].keys()
    for number, picture in shown[0].items():
        difference = np.abs(picture.astype(int) - shown[1][number].astype(int))
        assert difference.max() <= 2, number
