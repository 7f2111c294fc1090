"""A reading shifted and sharpened."""

from __future__ import annotations

import numpy as np
import torch

from c2gm.legend import CLASS_ID, FLAT_CLASSES
from c2gm.models.presets import mini
from c2gm.models.sgdm import SGDM
from c2gm.training.calibration import calibrated


def test_logits_are_shifted_by_class_and_then_multiplied() -> None:
    torch.manual_seed(0)
    model = SGDM(mini()).eval()
    encoder = model.mf_encoder
    torch.nn.init.normal_(encoder.fine_head.outward.weight)  # at first it corrects nothing
    imagery = torch.rand(1, 3, 64, 64) * 2 - 1
    shifts = np.zeros(FLAT_CLASSES)
    shifts[CLASS_ID["street"]] = 0.4
    with torch.no_grad():
        before = encoder.class_logits(encoder.read(imagery))
        unsure = encoder.draft(encoder.read(imagery)).amax()
        names = {f"mf_encoder.{name}": value for name, value in encoder.state_dict().items()}
        model.load_state_dict(calibrated(names, shifts, 2.0), strict=False)
        after = encoder.class_logits(encoder.read(imagery))
        sure = encoder.draft(encoder.read(imagery)).amax()
    wanted = 2 * (before + torch.from_numpy(shifts).float()[None, :, None, None])
    assert torch.allclose(after, wanted, atol=1e-4)
    assert sure > unsure
