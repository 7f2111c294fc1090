from __future__ import annotations

import gc
import importlib.util
import os
import subprocess
import sys

import pytest

from c2gm.errors import MissingExtra
from c2gm.models.libraries import import_diffusers, import_open_clip

IMPORTS = """
import sys
from c2gm import sampling
from c2gm.models import devices, mf_encoder, presets, sf_adapter, vae
from c2gm.models import sgdm, sgdm_map_model, text, unet
vae.MiniVAE(presets.mini().vae)
mf_encoder.MFEncoder(presets.mini().mf_encoder)
sf_adapter.SFAdapter(presets.mini().sf_adapter, 128)
print(sorted({"diffusers", "open_clip", "torchvision", "transformers"} & set(sys.modules)))
"""


def test_minis_own_parts_need_neither_diffusers_nor_open_clip() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


LOAD = """
import sys, time
import torch
from c2gm.models.sgdm import SGDM
SGDM.load("mini")
needless = {"accelerate", "matplotlib", "open_clip", "scipy", "timm", "torchvision", "transformers"}
print(sorted(needless & set(sys.modules)), time.process_time())
"""


def test_mini_loads_within_seconds_and_without_what_it_does_not_need() -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, env=environment
    )
    needless, _, seconds = done.stdout.strip().rpartition(" ")
    assert needless == "[]", done.stderr
    # Processor time from the start of Python, torch included: about 3 s on a core of a Zen 3.
    # Diffusers' whole U-Net module and open_clip brought it to 5.5 s there.
    assert float(seconds) < 10


def test_garbage_is_collected_again_after_an_import() -> None:
    import_diffusers("models.resnet")
    assert gc.isenabled()


def test_both_packages_import_beside_any_torchvision() -> None:
    assert hasattr(import_diffusers(), "UNet2DConditionModel")
    assert hasattr(import_open_clip(), "tokenize")


@pytest.mark.parametrize("importer", [import_diffusers, import_open_clip])
def test_a_missing_package_is_named_with_the_cure(importer, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'not installed.*pip install "c2gm\[library\]"'):
        importer()
