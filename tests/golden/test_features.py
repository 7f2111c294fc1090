import pytest
import torch
from golden_cases import CONTROL_FACTOR, case, error, fullsize_adapter, pixels, tiny_model

from c2gm.models.config import Arm
from c2gm.models.sgdm import SGDM

ARMS: list[Arm] = ["ref_dual_spade", "ref", "origin"]
BAR = 1e-5


@pytest.mark.parametrize("arm", ARMS)
def test_features_of_every_arm_are_the_authors(arm: Arm) -> None:
    golden = case("adapter")
    model = tiny_model(arm)
    imagery, reference = pixels(golden["rs_u8"]), pixels(golden["ref_u8"])
    with torch.no_grad():
        f_cond = model.mf_encoder(imagery, reference)
        features = model.features(imagery, reference)
    assert error(f_cond, golden[f"{arm}.f_cond"]) < BAR
    for k, ours in enumerate(features.maps):
        assert error(ours, golden[f"{arm}.feature{k}"] * CONTROL_FACTOR) < BAR


def test_the_unet_receives_features_times_the_control_factor(model: SGDM) -> None:
    golden = case("adapter")
    with torch.no_grad():
        features = model.features(pixels(golden["rs_u8"]), pixels(golden["ref_u8"]))
    for k, ours in enumerate(features.maps):
        assert error(ours, golden[f"ref_dual_spade.control{k}"]) < BAR


def test_training_mode_uses_and_moves_the_batch_statistics() -> None:
    golden = case("adapter")
    encoder = tiny_model().mf_encoder.train()
    with torch.no_grad():
        f_cond = encoder(pixels(golden["rs_u8"]), pixels(golden["ref_u8"]))
    prefix = "ref_dual_spade.train_mode."
    assert error(f_cond, golden[f"{prefix}f_cond"]) < BAR
    buffers = encoder.state_dict()
    moved = [key for key in golden if key.startswith(prefix) and "running" in key]
    assert len(moved) == 6
    for key in moved:
        spade, statistic = key.removeprefix(prefix).split(".")
        assert error(buffers[f"{spade}.param_free_norm.{statistic}"], golden[key]) < BAR


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_features_at_full_size_are_the_authors(arm: Arm) -> None:
    golden = case("fullsize")
    encoder, adapter = fullsize_adapter(arm)
    with torch.no_grad():
        f_cond = encoder(pixels(golden["rs_u8"]), pixels(golden["ref_u8"]))
        features = adapter(f_cond)
    assert error(f_cond, golden[f"{arm}.f_cond"]) < BAR
    for k, ours in enumerate(features):
        assert error(ours, golden[f"{arm}.feature{k}"]) < BAR
