"""Shipped workflows as tests run them, and what their nodes showed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from build_workflows import file_stem
from comfyui_client import Run
from comfyui_server import Server
from install_server import HERE, REPOSITORY
from PIL import Image
from shipped_workflows import WORKFLOWS

SAMPLE = REPOSITORY / "c2gm" / "assets" / "sample.tif"
PYRAMID, BY_HAND, ONE_ZOOM, EXISTING, SCALES, SAMPLERS, RECOLOURED, REPAINTED = WORKFLOWS


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
