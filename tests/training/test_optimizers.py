"""Muon for inner weights, AdamW for the rest."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from c2gm.models.mf_encoder import MFEncoder
from c2gm.models.presets import mini
from c2gm.training.optimizers import ConvMuon, MuonAdamW, is_inner

RATE = 0.01


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1))


def optimizer_of(model: nn.Module, **scales: float) -> MuonAdamW:
    names = {id(p): name for name, p in model.named_parameters()}
    groups = [{"params": list(model.parameters()), "scale": scales.get("scale", 1.0)}]
    return MuonAdamW(groups, names, RATE, (0.9, 0.99), 0.01)


def one_step(model: nn.Module, optimizer: MuonAdamW, seed: int) -> None:
    pixels = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    model(pixels).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_every_weight_moves_whatever_its_layout_in_memory(memory: torch.memory_format) -> None:
    model = net().to(memory_format=memory)
    before = [p.detach().clone() for p in model.parameters()]
    one_step(model, optimizer_of(model), 0)
    assert all((a != b).any() for a, b in zip(before, model.parameters(), strict=True))


def test_a_step_of_muon_is_the_same_in_both_layouts() -> None:
    plain, last = net(), net().to(memory_format=torch.channels_last)
    for model in (plain, last):
        one_step(model, optimizer_of(model), 0)
    for a, b in zip(plain.parameters(), last.parameters(), strict=True):
        assert torch.allclose(a, b, atol=2e-4)  # the steps are computed in bfloat16


def test_a_step_turns_an_inner_weight_by_a_matrix_of_equal_singular_values() -> None:
    weight = nn.Parameter(torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(1)))
    before = weight.detach().clone()
    muon = ConvMuon([{"params": [weight], "lr": 1.0}], weight_decay=0.0)
    weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(2))
    muon.step()
    values = torch.linalg.svdvals((before - weight.detach()).reshape(6, -1))
    assert values.min() > 0.4 and values.max() < 1.6


def test_a_loss_that_is_no_number_moves_nothing() -> None:
    model = net()
    optimizer = optimizer_of(model)
    before = [p.detach().clone() for p in model.parameters()]
    optimizer.found_inf = torch.tensor(1.0)  # type: ignore[attr-defined]
    one_step(model, optimizer, 0)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_run_taken_up_again_goes_on_alike() -> None:
    whole, stopped = net(), net()
    first = optimizer_of(whole)
    for seed in range(4):
        one_step(whole, first, seed)
    before = optimizer_of(stopped)
    for seed in range(2):
        one_step(stopped, before, seed)
    after = optimizer_of(stopped)
    after.load_state_dict(before.state_dict())
    for seed in range(2, 4):
        one_step(stopped, after, seed)
    assert all(
        torch.equal(a, b) for a, b in zip(whole.parameters(), stopped.parameters(), strict=True)
    )


def test_muon_follows_the_rate_by_the_scale_of_its_group() -> None:
    still = net()
    before = [p.detach().clone() for p in still.parameters()]
    optimizer = optimizer_of(still)
    optimizer.param_groups[0]["lr"] = 0.0
    one_step(still, optimizer, 0)
    assert all(torch.equal(a, b) for a, b in zip(before, still.parameters(), strict=True))


def test_stems_heads_and_vectors_are_left_to_adamw() -> None:
    inner = {n for n, p in MFEncoder(mini().mf_encoder).named_parameters() if is_inner(n, p)}
    assert "layer1_source.0.conv_in.weight" in inner and "class_head.0.weight" in inner
    for name in ("first_layer_source.conv_in.weight", "class_head.2.weight", "no_reference"):
        assert name not in inner
