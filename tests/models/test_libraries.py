from __future__ import annotations

import importlib.util
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


def test_both_packages_import_beside_any_torchvision() -> None:
    assert hasattr(import_diffusers(), "UNet2DConditionModel")
    assert hasattr(import_open_clip(), "tokenize")


@pytest.mark.parametrize("importer", [import_diffusers, import_open_clip])
def test_a_missing_package_is_named_with_the_cure(importer, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'not installed.*pip install "c2gm\[library\]"'):
        importer()
