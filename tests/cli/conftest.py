"""Imagery of a few tiles and ways to run the program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from mixing_painter import MixingModel

from c2gm.cli import load_model
from c2gm.cli.app import build_app

RESOLUTION = 1.194328566955879  # metres of a pixel of zoom 17
LEFT, TOP = 6_154_000.0, 2_884_000.0  # metres of EPSG:3857


@dataclass(frozen=True)
class Ended:
    """How the program ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def c2gm(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run the program in this process."""

    def run(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            build_app()([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def mixing_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands paint with a model that needs no network."""
    loaded = load_model.LoadedModel(MixingModel(), "bilinear")
    monkeypatch.setattr(load_model, "load_map_model", lambda *args, **options: loaded)


@pytest.fixture
def begin() -> Callable[..., subprocess.Popen[str]]:
    """Begin the program in a process of its own, with a painter that takes its time."""

    def run(*arguments: object, seconds: float = 0.0) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, Path(__file__).with_name("mixing_painter.py"), str(seconds)]
            + [str(argument) for argument in arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A GeoTIFF of 500 x 400 px at zoom 17, noise over stripes."""
    y, x = np.mgrid[0:400, 0:500]
    noise = np.random.default_rng(5).integers(0, 40, (3, 400, 500))
    bands = (100 + 50 * np.sin(x / 30) * np.cos(y / 50) + noise).astype(np.uint8)
    path = tmp_path / "scene.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=500,
        height=400,
        count=3,
        dtype="uint8",
        crs="EPSG:3857",
        transform=Affine(RESOLUTION, 0, LEFT, 0, -RESOLUTION, TOP),
    ) as dataset:
        dataset.write(bands)
    return path
