"""One training step on the golden case: losses, gradients and the weights after AdamW."""

from __future__ import annotations

import json

import pytest
import torch
from golden_cases import GOLDEN, case, error, pixels, tiny_model
from torch import Tensor, nn

from c2gm.models.ldm_layout import UNET, unet_places
from c2gm.models.sgdm import SGDM, trainable_parameters
from c2gm.training.losses import DiffusionLoss, diffusion_loss

EXPECTED = json.loads((GOLDEN / "case_train.json").read_text())
BAR = 1e-5


@pytest.fixture()
def fresh_model() -> SGDM:
    """In training mode, so that the BatchNorms use the batch's statistics."""
    return tiny_model().train()


@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_loss_and_gradients_are_the_authors(fresh_model: SGDM, kind: DiffusionLoss) -> None:
    trained = _train_only(fresh_model)
    loss = _loss(fresh_model, kind)
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in trained.items()}
    moved = {name: grad for name, grad in gradients.items() if grad is not None}
    assert float(loss.detach()) == pytest.approx(EXPECTED[f"loss_{kind}"], rel=BAR)
    assert len(moved) == EXPECTED[f"n_tensors_with_grad_{kind}"]
    total = torch.stack([grad.norm() for grad in moved.values()]).norm()
    assert float(total) == pytest.approx(EXPECTED[f"grad_total_norm_{kind}"], rel=BAR)
    names = _names(fresh_model)
    for key, norm in EXPECTED[f"grad_norms_{kind}"].items():
        assert float(moved[names[key]].norm()) == pytest.approx(norm, rel=2e-5), key


def test_one_adamw_step_is_the_authors(fresh_model: SGDM) -> None:
    trained = _train_only(fresh_model)
    settings = EXPECTED["optimizer"]
    optimizer = torch.optim.AdamW(
        trained.values(),
        lr=settings["lr"],
        betas=tuple(settings["betas"]),
        eps=settings["eps"],
        weight_decay=settings["weight_decay"],
    )
    _loss(fresh_model, "l1").backward()
    optimizer.step()
    prefix = "after_one_adamw_step_l1."
    golden = {k.removeprefix(prefix): v for k, v in case("train").items() if k.startswith(prefix)}
    assert golden
    names = _names(fresh_model)
    for key, after in golden.items():
        assert error(trained[names[key]].detach(), after) < BAR, key


def _loss(model: SGDM, kind: DiffusionLoss) -> Tensor:
    golden = case("train")
    product = case("schedule")["alphas_cumprod"][golden["t"].long()].float()[:, None, None, None]
    noisy = product.sqrt() * golden["z0"] + (1 - product).sqrt() * golden["noise"]
    features = model.features(pixels(golden["rs_u8"]), pixels(golden["ref_u8"]))
    predicted = model.predict(noisy, golden["t"], golden["context"], features)
    return diffusion_loss(predicted, golden["noise"], kind)


def _train_only(model: SGDM) -> dict[str, nn.Parameter]:
    trained = trainable_parameters(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
    return trained


def _names(model: SGDM) -> dict[str, str]:
    """Names in our model of the authors' keys."""
    places = unet_places(model.config.unet)
    names = {place.key: f"unet.net.{place.diffusers[0]}" for place in places}
    for name in model.state_dict():
        part, _, rest = name.partition(".")
        if part == "mf_encoder":
            names[f"adapter.merge_encoder.{rest}"] = name
        elif part == "sf_adapter":
            names[f"adapter.{rest}"] = name
    assert all(key.startswith((UNET, "adapter.")) for key in names)
    return names
