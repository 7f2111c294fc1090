from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import Module

from c2gm.errors import ConfigError
from c2gm.models.config import UNetConfig
from c2gm.models.diffusers_folder import diffusers_unet
from c2gm.models.presets import mini, tiny
from c2gm.models.sgdm import SGDM, Features, trainable_parameters
from c2gm.models.unet import UNet

CONFIGS = {"tiny": tiny().unet, "mini": mini().unet}


def unet(config: UNetConfig, seed: int = 0) -> UNet:
    torch.manual_seed(seed)
    return UNet(config).eval()


def diffusers_own(ours: UNet) -> Module:
    """The U-Net of diffusers with the weights of ours."""
    theirs: Module = diffusers_unet(ours.config)
    theirs.load_state_dict(ours.net.state_dict())
    return theirs.eval()


def inputs(config: UNetConfig, size: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    latent = torch.randn((2, 4, size, size), generator=generator)
    text = torch.randn((2, 77, config.context), generator=generator)
    return latent, torch.tensor([999, 381]), text


def feature_maps(config: UNetConfig, size: int = 16, scale: float = 1.0) -> tuple[Tensor, ...]:
    return tuple(
        scale * torch.randn((2, width, size >> k, size >> k))
        for k, width in enumerate(config.widths)
        if config.attention[k]
    )


@pytest.mark.parametrize("name", CONFIGS)
def test_without_features_it_is_diffusers_own_unet(name: str) -> None:
    config = CONFIGS[name]
    ours = unet(config)
    latent, timestep, text = inputs(config)
    empty = latent.new_zeros(2, config.draft_channels, 16, 16)
    with torch.no_grad():
        theirs = diffusers_own(ours)(torch.cat([latent, empty], dim=1), timestep, text).sample
        assert torch.equal(ours(latent, timestep, text), theirs)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_seed_draws_the_weights_that_diffusers_draws_in_its_order(name: str) -> None:
    ours = unet(CONFIGS[name]).net.state_dict()
    torch.manual_seed(0)
    theirs = diffusers_unet(CONFIGS[name]).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("name", CONFIGS)
def test_features_are_added_where_hooks_on_six_transformers_would_add_them(name: str) -> None:
    config = CONFIGS[name]
    ours = unet(config)
    latent, timestep, text = inputs(config)
    maps = feature_maps(config)
    last = len(config.widths) - 1
    theirs = diffusers_own(ours)
    hooks = []
    for level, feature in zip(ours.feature_levels, maps, strict=True):
        for block in (theirs.down_blocks[level], theirs.up_blocks[last - level]):
            hooks.append(
                block.attentions[0].register_forward_hook(
                    lambda module, args, output, feature=feature: (output[0] + feature,)
                )
            )
    assert len(hooks) == 6
    empty = latent.new_zeros(2, config.draft_channels, 16, 16)
    with torch.no_grad():
        hooked = theirs(torch.cat([latent, empty], dim=1), timestep, text).sample
        assert torch.allclose(ours(latent, timestep, text, maps), hooked, atol=1e-5)


def test_threads_that_share_a_unet_keep_their_own_features() -> None:
    config = mini().unet
    ours = unet(config)
    latent, timestep, text = inputs(config)
    different = [feature_maps(config, scale=scale) for scale in (0.0, 0.5, 1.0, 2.0)]

    def predict(maps: tuple[Tensor, ...]) -> Tensor:
        with torch.no_grad():
            return ours(latent, timestep, text, maps)

    alone = [predict(maps) for maps in different]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(predict, different * 3))
    assert all(torch.equal(a, b) for a, b in zip(alone * 3, together, strict=True))


def test_a_copy_is_a_unet_of_its_own() -> None:
    config = mini().unet
    ours = unet(config)
    copy = deepcopy(ours)
    latent, timestep, text = inputs(config)
    maps = feature_maps(config)
    with torch.no_grad():
        before = ours(latent, timestep, text, maps)
        copy.net.conv_out.weight += 1
        assert torch.equal(ours(latent, timestep, text, maps), before)
        assert not torch.allclose(copy(latent, timestep, text, maps), before)


def test_a_missing_draft_counts_as_zeros() -> None:
    config = mini().unet
    ours = unet(config)
    latent, timestep, text = inputs(config)
    zeros = latent.new_zeros(2, config.draft_channels, 16, 16)
    with torch.no_grad():
        none = ours(latent, timestep, text)
        assert torch.equal(none, ours(latent, timestep, text, draft=zeros))
        assert not torch.allclose(none, ours(latent, timestep, text, draft=zeros + 1))


def test_minis_full_size_level_has_no_self_attention() -> None:
    ours = unet(mini().unet)
    blocks = [ours.net.down_blocks[level].attentions[0] for level in range(3)]
    reads = [block.transformer_blocks[0].attn1.to_k.in_features for block in blocks]
    assert reads == [128, 128, 128]
    crossed = [block.transformer_blocks[0].only_cross_attention for block in blocks]
    assert crossed == [True, False, False]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"attention": (True, True)}, "need as many"),
        ({"widths": (48, 128, 128)}, "width 48 is not a multiple of 32"),
        ({"head_channels": 48}, "48 channels of a head"),
    ],
)
def test_impossible_configurations_are_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        UNet(replace(mini().unet, **change))  # type: ignore[arg-type]


def test_a_latent_that_cannot_be_halved_is_refused() -> None:
    config = mini().unet
    latent, timestep, text = inputs(config, size=18)
    with pytest.raises(ConfigError, match="multiples of 4"):
        unet(config)(latent, timestep, text)


def test_a_wrong_number_of_features_is_refused() -> None:
    config = mini().unet
    with pytest.raises(ConfigError, match="takes 3 feature maps, not 2"):
        unet(config)(*inputs(config), feature_maps(config)[:2])


class TestPaperOptions:
    """Eq. 8 (encoded reference beside the latent) and Eq. 11 (scale in the time embedding)."""

    def model(self, **options: bool) -> SGDM:
        torch.manual_seed(0)
        config = tiny()
        return SGDM(replace(config, unet=replace(config.unet, **options))).train()

    def predict(self, model: SGDM, text_seed: int = 1, reference_seed: int = 2) -> Tensor:
        def pictures(seed: int) -> Tensor:
            generator = torch.Generator().manual_seed(seed)
            return torch.rand((2, 3, 64, 64), generator=generator) * 2 - 1

        def normal(seed: int, *shape: int) -> Tensor:
            return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

        features = model.features(pictures(0), pictures(reference_seed))
        text = normal(text_seed, 2, 77, model.config.unet.context)
        return model.predict(normal(5, 2, 4, 8, 8), torch.tensor([700, 20]), text, features)

    def test_eq8_starts_without_effect(self) -> None:
        model = self.model(concat_reference=True).eval()
        latent, timestep, text = inputs(model.config.unet)
        with torch.no_grad():
            encoded = torch.randn(2, 4, 16, 16)
            plain = model.unet(latent, timestep, text)
            assert torch.equal(plain, model.unet(latent, timestep, text, reference_latent=encoded))
            model.unet.net.conv_in.weight[:, 4:] += 0.1
            moved = model.unet(latent, timestep, text, reference_latent=encoded)
        assert not torch.allclose(plain, moved, atol=1e-3)

    def test_eq8_encodes_the_reference_that_is_there(self) -> None:
        model = self.model(concat_reference=True).eval()
        imagery = torch.rand(2, 3, 64, 64)
        reference = torch.rand(2, 3, 64, 64)
        with torch.no_grad():
            encoded = model.features(imagery, reference).reference_latent
            assert encoded is not None
            assert torch.equal(encoded, model.encode(reference))
        mini_model = SGDM(replace(mini(), unet=replace(mini().unet, concat_reference=True))).eval()
        with torch.no_grad():
            has = torch.tensor([True, False])
            rows = mini_model.features(imagery, reference, has).reference_latent
            assert rows is not None
            assert torch.equal(rows[0], mini_model.encode(reference)[0])
            assert not rows[1].any()
            assert mini_model.features(imagery).reference_latent is None

    def test_eq11_starts_without_effect(self) -> None:
        model = self.model(scale_in_time=True).eval()
        plain = self.model().eval()
        plain.load_state_dict(
            {k: v for k, v in model.state_dict().items() if "scale_in_time" not in k}
        )
        latent, timestep, text = inputs(model.config.unet)
        with torch.no_grad():
            before = plain.unet(latent, timestep, text)
            assert torch.equal(model.unet(latent, timestep, text), before)
            model.unet.scale_in_time.weight += 0.5
            assert not torch.allclose(model.unet(latent, timestep, text), before, atol=1e-3)

    @pytest.mark.parametrize("option", ["concat_reference", "scale_in_time"])
    def test_a_training_step_reaches_it(self, option: str) -> None:
        model = self.model(**{option: True})
        trained = trainable_parameters(model)
        optimizer = torch.optim.AdamW(trained.values(), lr=1e-3)
        self.predict(model).square().mean().backward()
        name = "conv_in" if option == "concat_reference" else "scale_in_time"
        weight = model.unet.get_submodule(name if option == "scale_in_time" else "net.conv_in")
        extra = weight.weight[:, 4:] if option == "concat_reference" else weight.weight
        assert not extra.any()
        optimizer.step()
        assert extra.all()
        assert any(name in key for key in trained)

    def test_both_change_the_output_by_their_input_once_trained(self) -> None:
        model = self.model(concat_reference=True, scale_in_time=True).eval()
        with torch.no_grad():
            model.unet.net.conv_in.weight[:, 4:] += 0.1
            features = Features(feature_maps(model.config.unet, 8))
            latent, timestep, text = inputs(model.config.unet, 8)
            outputs = []
            for seed in (1, 2):
                encoded = torch.randn((2, 4, 8, 8), generator=torch.Generator().manual_seed(seed))
                steered = replace(features, reference_latent=encoded)
                outputs.append(model.predict(latent, timestep, text, steered))
        assert not torch.allclose(*outputs, atol=1e-3)
