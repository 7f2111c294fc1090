from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from c2gm.errors import ConfigError
from c2gm.legend import CLASS_ID
from c2gm.models.config import HowToRead, MFEncoderConfig
from c2gm.models.mf_encoder import MFEncoder
from c2gm.models.presets import mini, sd21, tiny
from c2gm.models.sf_adapter import SFAdapter


def encoder(config: MFEncoderConfig, seed: int = 0) -> MFEncoder:
    torch.manual_seed(seed)
    return MFEncoder(config).eval()


def picture(batch: int, seed: int = 1) -> Tensor:
    return torch.rand((batch, 3, 64, 96), generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize(
    ("arm", "count"),
    [("ref_dual_spade", 5_278_208), ("ref", 3_211_648), ("origin", 2_047_744)],
)
def test_every_arm_has_the_authors_parameters(arm: str, count: int) -> None:
    with torch.device("meta"):
        built = MFEncoder(sd21(arm).mf_encoder)  # type: ignore[arg-type]
    assert sum(p.numel() for p in built.parameters()) == count


def test_minis_encoder_gives_an_eighth_of_the_size() -> None:
    f_cond = encoder(mini().mf_encoder)(picture(2), picture(2, 2))
    assert f_cond.shape == (2, 128, 8, 12)


def test_minis_residual_blocks_and_spade_begin_as_the_identity() -> None:
    built = encoder(mini().mf_encoder)
    x = torch.randn(1, 96, 8, 8)
    assert torch.equal(built.layer3_source[2](x), x)
    spade = built.spade3
    assert torch.equal(spade(x, torch.randn(1, 192, 8, 8)), spade.param_free_norm(x))


def test_a_missing_reference_has_learnt_features_row_by_row() -> None:
    built = encoder(mini().mf_encoder)
    imagery, reference = picture(3), picture(3, 2)
    has = torch.tensor([True, False, True])
    with torch.no_grad():
        mixed = built(imagery, reference, has)
        none = built(imagery)
        all_there = built(imagery, reference)
        other = built(imagery, picture(3, 5), has)
    assert torch.allclose(mixed[1], none[1], atol=1e-5)
    assert torch.allclose(mixed[[0, 2]], all_there[[0, 2]], atol=1e-5)
    assert not torch.allclose(mixed[0], none[0], atol=1e-2)
    # What stands in the place of a missing reference is not looked at.
    assert torch.equal(other[1], mixed[1])


def test_the_feature_of_a_missing_reference_is_trained() -> None:
    built = encoder(mini().mf_encoder)
    built(picture(1)).square().mean().backward()
    assert built.no_reference.grad is not None
    assert float(built.no_reference.grad.abs().max()) > 0


@pytest.mark.parametrize("has", [None, torch.tensor([True, False])])
def test_the_authors_cascade_arms_need_a_reference(has: Tensor | None) -> None:
    reference = None if has is None else picture(2, 2)
    with pytest.raises(ConfigError, match="'ref_dual_spade' needs a reference"):
        encoder(tiny().mf_encoder)(picture(2), reference, has)


def test_the_arm_without_reference_needs_none() -> None:
    assert encoder(tiny("origin").mf_encoder)(picture(1)).shape == (1, 48, 8, 12)


def test_imagery_and_reference_both_reach_f_cond() -> None:
    built = encoder(mini().mf_encoder)
    with torch.no_grad():
        f_cond = built(picture(1), picture(1, 2))
        assert not torch.allclose(f_cond, built(picture(1, 3), picture(1, 2)))
        assert not torch.allclose(f_cond, built(picture(1), picture(1, 3)))


def test_f_cond_stays_finite_on_pictures_of_one_colour_in_half_precision() -> None:
    built = encoder(mini().mf_encoder)
    with torch.no_grad():
        for tensor in built.state_dict().values():
            tensor.copy_(tensor.half().float())
        f_cond = built(torch.full((1, 3, 64, 64), -1.0), torch.full((1, 3, 64, 64), -1.0))
    assert float(f_cond.abs().max()) < 1e3


@pytest.mark.parametrize("cells", [1, 2, 4, 8])
def test_the_draft_is_the_class_probabilities_averaged_to_cells_of_latent_pixels(
    cells: int,
) -> None:
    built = encoder(replace(mini().mf_encoder, draft_cells=cells))
    reading = built.read(picture(2).requires_grad_(), picture(2, 2))
    logits = built.class_logits(reading)
    classes = mini().mf_encoder.class_head
    assert logits.shape == (2, classes, 64, 96) and logits.requires_grad
    draft = built.draft(reading)
    assert draft.shape == (2, classes * cells**2, 8, 12) and not draft.requires_grad
    probabilities = logits.softmax(dim=1)
    side = 8 // cells
    for number in (0, classes - 1):
        for row in range(cells):
            for column in range(cells):
                top, left = 8 * 5 + row * side, 8 * 7 + column * side
                cell = probabilities[1, number, top : top + side, left : left + side]
                channel = (number * cells + row) * cells + column
                assert torch.allclose(draft[1, channel, 5, 7], cell.mean(), atol=1e-6)


def test_a_fine_head_begins_as_no_correction_and_then_sharpens_by_the_imagery() -> None:
    plain = encoder(replace(mini().mf_encoder, fine_head=0))
    built = encoder(replace(mini().mf_encoder, fine_head=16))
    built.load_state_dict(plain.state_dict(), strict=False)
    imagery, reference = picture(1), picture(1, 2)
    coarse = plain.class_logits(plain.read(imagery, reference))
    reading = built.read(imagery, reference)
    assert torch.equal(reading.f_cond, plain(imagery, reference))
    assert torch.equal(built.class_logits(reading), coarse)
    with torch.no_grad():
        torch.nn.init.normal_(built.fine_head.outward.weight)
    # What the imagery shows reaches the correction past F_cond.
    changed = imagery.clone()
    changed[..., :8, :8] = 1.0
    fine = built.fine_head(reading.stems, reading.f_cond, [None])
    moved = built.fine_head(built.read(changed, reference).stems, reading.f_cond, [None])
    assert fine.shape == coarse.shape
    assert (fine != moved)[..., :8, :8].all(dim=1).any()
    assert torch.allclose(built.class_logits(reading), coarse + fine)


def test_a_class_head_that_is_told_the_look_begins_as_one_that_is_not() -> None:
    plain = encoder(replace(mini().mf_encoder, looks=0))
    built = encoder(mini().mf_encoder)
    assert not built.load_state_dict(plain.state_dict(), strict=False).unexpected_keys
    reading = built.read(picture(1))
    untold = plain.class_logits(plain.read(picture(1)))
    for look in (None, 14, 18):
        assert torch.equal(built.class_logits(reading, [look]), untold)


@pytest.mark.parametrize("head", ["class_look", "fine_head.look"])
def test_the_class_head_reads_each_row_in_the_look_it_is_told(head: str) -> None:
    built = encoder(mini().mf_encoder)
    torch.nn.init.normal_(built.get_submodule(head).embedding.weight)
    torch.nn.init.normal_(built.fine_head.outward.weight)
    seen = picture(1).expand(3, -1, -1, -1)
    reading = built.read(seen)
    logits = built.class_logits(reading, [14, 16, None])
    assert not torch.equal(logits[0], logits[1]) and not torch.equal(logits[0], logits[2])
    assert torch.equal(logits[2], built.class_logits(reading)[2])
    # Looks that it never met are like the nearest.
    beyond = built.class_logits(reading, [9, 16, 20])
    assert torch.equal(beyond[0], logits[0])
    assert torch.equal(beyond[2], built.class_logits(reading, [14, 16, 18])[2])


def test_only_a_class_head_can_be_told_a_look() -> None:
    with pytest.raises(ConfigError, match="'looks' needs 'class_head'"):
        MFEncoder(MFEncoderConfig(looks=5))


def test_a_fine_head_sees_whether_there_is_a_reference() -> None:
    built = encoder(replace(mini().mf_encoder, fine_head=16))
    without = built.read(picture(1)).stems
    hidden = built.read(picture(1), picture(1, 2), torch.tensor([False])).stems
    assert without is not None and torch.equal(without, hidden)
    assert not torch.equal(without, built.read(picture(1), picture(1, 2)).stems)


def test_four_views_are_read_alike_however_a_window_is_turned() -> None:
    built = encoder(mini().mf_encoder)
    seen = (picture(2), picture(2, 2))
    turned = tuple(torch.rot90(part, 1, (2, 3)) for part in seen)
    how = HowToRead(four_views=True)
    once, again = (built.logits_as_drawn(how, built.read(*view), *view) for view in (seen, turned))
    assert torch.allclose(torch.rot90(once, 1, (2, 3)), again, atol=1e-5)
    alone = built.class_logits(built.read(*seen))
    other = torch.rot90(built.class_logits(built.read(*turned)), -1, (2, 3))
    assert not torch.allclose(alone, other, atol=1e-2)
    assert not once.requires_grad


def test_two_of_four_views_do_not_believe_the_reference() -> None:
    built = encoder(mini().mf_encoder)
    imagery, reference = picture(1), picture(1, 2)
    wary = HowToRead(four_views=True, unreferenced=True)
    read = built.logits_as_drawn(wary, built.read(imagery, reference), imagery, reference)
    half = []
    for seen in (reference, None):
        turns = (0, 2) if seen is not None else (1, 3)
        for k in turns:
            turned = None if seen is None else torch.rot90(seen, k, (2, 3))
            reading = built.read(torch.rot90(imagery, k, (2, 3)), turned)
            half.append(torch.rot90(built.class_logits(reading), -k, (2, 3)))
    assert torch.allclose(read, sum(half) / 4, atol=1e-5)
    trusting = built.logits_as_drawn(
        replace(wary, unreferenced=False), built.read(imagery, reference), imagery, reference
    )
    assert not torch.allclose(read, trusting, atol=1e-2)
    # Without a reference there is nothing to be wary of.
    alone = [
        built.logits_as_drawn(how, built.read(imagery), imagery)
        for how in (wary, HowToRead(four_views=True))
    ]
    assert torch.equal(*alone)


@pytest.mark.parametrize(
    ("how", "raised"),
    [
        (HowToRead(road_shift=0.75), {"motorway", "main road"}),
        (HowToRead(street_shift=0.75), {"street"}),
    ],
)
def test_roads_alone_are_seen_more_readily_where_they_are_shifted(
    how: HowToRead, raised: set[str]
) -> None:
    built = encoder(mini().mf_encoder)
    reading = built.read(picture(1))
    plain = built.class_logits(reading)
    shifted = built.logits_as_drawn(how, reading, picture(1))
    added = (shifted - plain.detach()).mean((0, 2, 3))
    for name, number in CLASS_ID.items():
        if number < len(added):
            expected = 0.75 if name in raised else 0
            assert float(added[number]) == pytest.approx(expected, abs=1e-4)


def test_a_model_without_class_head_says_so() -> None:
    built = encoder(tiny().mf_encoder)
    with pytest.raises(ConfigError, match="no class head"):
        built.draft(built.read(picture(1), picture(1, 2)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"downsample": (True, True)}, "'downsample'"),
        ({"unshuffle": 2}, "must divide by 8"),
        ({"draft_cells": 3}, "Take 1, 2, 4 or 8"),
        ({"fine_head": 16}, "needs a class head"),
        (
            {"arm": "origin", "unshuffle": 2, "downsample": (True, True, False)},
            "'origin' exists only",
        ),
        ({"arm": "origin", "norm": "group"}, "'origin' exists only"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        MFEncoder(replace(tiny().mf_encoder, **change))  # type: ignore[arg-type]


def test_the_adapter_halves_each_feature_and_has_the_authors_parameters() -> None:
    with torch.device("meta"):
        full = SFAdapter(sd21().sf_adapter, 384)
    assert sum(p.numel() for p in full.parameters()) == 47_708_800
    features = SFAdapter(mini().sf_adapter, 128)(torch.randn(1, 128, 40, 40))
    assert [tuple(f.shape) for f in features] == [
        (1, 64, 40, 40),
        (1, 128, 20, 20),
        (1, 128, 10, 10),
    ]


@pytest.mark.parametrize("side", [64, 72])
def test_context_begins_as_the_identity_and_reads_from_further_away(side: int) -> None:
    plain = replace(mini().mf_encoder, context_width=0)
    wide = replace(plain, context_width=32)
    before, built = encoder(plain), encoder(wide)
    built.load_state_dict(before.state_dict(), strict=False)
    imagery = torch.rand((1, 3, side, side), generator=torch.Generator().manual_seed(3)) * 2 - 1
    assert torch.allclose(built(imagery), before(imagery), atol=1e-6)
    torch.nn.init.normal_(built.layer3_source[4].outward.weight)
    assert built(imagery).shape == before(imagery).shape
    assert not torch.allclose(built(imagery), before(imagery), atol=1e-2)
