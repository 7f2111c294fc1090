"""docs/one_window.py, the first thing a newcomer reads, does what it says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from c2gm.imagery.base import Imagery
from c2gm.map_scale import map_scale, scale_text
from c2gm.models.checkpoints import BUNDLED
from c2gm.models.presets import mini
from c2gm.models.sgdm import SGDM
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.painting.geometry import SEAMLESS
from c2gm.painting.paint import Painter
from c2gm.painting.window_inputs import WindowInputs, read_imagery
from c2gm.painting.world_noise import WorldNoise
from c2gm.worlds.town import Town, TownImagery

SCRIPT = Path(__file__).resolve().parents[1] / "docs" / "one_window.py"


@pytest.fixture(scope="module")
def one_window() -> ModuleType:
    spec = importlib.util.spec_from_file_location("one_window", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model() -> SGDM:
    """The bundled c2gm-mini; while there is none, its shape with random weights."""
    if BUNDLED.is_file():
        return SGDM.load("mini")
    torch.manual_seed(0)
    return SGDM(mini()).eval()


def test_it_writes_both_windows_beside_their_imagery(
    one_window: ModuleType, model: SGDM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SGDM, "load", lambda _name: model)
    one_window.main(str(tmp_path / "picture.png"))
    picture = np.asarray(Image.open(tmp_path / "picture.png"))
    assert picture.shape == (640, 640, 3)
    town = Town(one_window.SEED)
    coarse, _ = one_window.windows_of(town)
    assert np.array_equal(picture[:320, :320], town.imagery(coarse.box))
    assert picture[:, 320:].std() > 1


def test_it_paints_what_the_painter_paints(one_window: ModuleType, model: SGDM) -> None:
    """The loop that is written out there is the sampler of the product, to rounding."""
    town = Town(one_window.SEED)
    imagery: Imagery = TownImagery(town)
    coarse, fine = one_window.windows_of(town)
    seen = read_imagery(imagery, fine, SEAMLESS)
    reference = one_window.cut_reference(town.imagery(coarse.box), coarse, fine)

    written_out = one_window.paint_window(model, fine, seen.imagery, reference)
    painter = Painter(
        SGDMMapModel(model, batch=1),
        noise=WorldNoise(one_window.SEED),
        geometry=SEAMLESS,
        text=scale_text(map_scale(fine.z), one_window.CASCADE_FACTOR),
    )
    painted = painter([WindowInputs(fine, seen.imagery, seen.valid, reference)])[0]

    difference = np.abs(written_out.astype(int) - painted.astype(int))
    assert difference.max() <= 1
    assert written_out.std() > 1


def test_it_stays_short() -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 150
