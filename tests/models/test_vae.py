from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from c2gm.errors import ConfigError
from c2gm.models.config import VAEConfig
from c2gm.models.presets import mini
from c2gm.models.vae import LDMVAE, MiniVAE, build_vae, sample_latent


def mini_vae(seed: int = 0) -> MiniVAE:
    torch.manual_seed(seed)
    return MiniVAE(mini().vae).eval()


def pictures(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_mini_vae_has_the_planned_parameters() -> None:
    vae = mini_vae()
    encoder = [*vae.encoder.parameters(), *vae.quant_conv.parameters()]
    assert sum(p.numel() for p in encoder) == 623_856
    assert sum(p.numel() for p in vae.parameters()) == 1_577_959


def test_a_latent_is_an_eighth_of_its_picture() -> None:
    vae = mini_vae()
    with torch.no_grad():
        mean, logvar = vae.encode(pictures(2, 3, 64, 96))
        decoded = vae.decode(mean)
    assert mean.shape == logvar.shape == (2, 4, 8, 12)
    assert decoded.shape == (2, 3, 64, 96)


def test_decoding_is_local() -> None:
    vae = mini_vae()
    latent = torch.randn(1, 4, 40, 40)
    changed = latent.clone()
    changed[:, :, 36:, 36:] += 100
    with torch.no_grad():
        before, after = vae.decode(latent), vae.decode(changed)
    # What a 40x40 window shows in its upper left half cannot depend on its far corner.
    assert torch.equal(before[:, :, :160, :160], after[:, :, :160, :160])
    assert not torch.equal(before[:, :, 288:, 288:], after[:, :, 288:, 288:])


def test_decoding_does_not_depend_on_the_size_of_the_window() -> None:
    vae = mini_vae()
    latent = torch.randn(1, 4, 48, 48)
    with torch.no_grad():
        whole, part = vae.decode(latent), vae.decode(latent[:, :, :40, :40])
    assert torch.allclose(whole[:, :, :160, :160], part[:, :, :160, :160], atol=1e-5)


def test_a_finish_changes_nothing_at_first_and_learns_across_the_borders_of_blocks() -> None:
    plain = MiniVAE(replace(mini().vae, finish=0)).eval()
    finished = MiniVAE(replace(mini().vae, finish=8)).eval()
    finished.load_state_dict(plain.state_dict(), strict=False)
    with torch.no_grad():
        latent = torch.randn(1, 4, 8, 8)
        assert torch.equal(finished.decode(latent), plain.decode(latent))
        for parameter in finished.finish.parameters():
            torch.nn.init.normal_(parameter)
        assert not torch.equal(finished.decode(latent), plain.decode(latent))
        picture = pictures(1, 3, 16, 16)
        changed = picture.clone()
        changed[..., 4] += 1  # the first column of a block
        seen = (finished.finish(changed) != finished.finish(picture)).any(1).any(1)[0]
        assert seen.nonzero().flatten().tolist() == [2, 3, 4, 5, 6]


def test_normalised_latents_have_unit_spread_and_the_same_pictures() -> None:
    vae, picture = mini_vae(), pictures(2, 3, 64, 64)
    with torch.no_grad():
        mean, logvar = vae.encode(picture)
        decoded = vae.decode(mean)
        centre, spread = mean.mean((0, 2, 3)), mean.std((0, 2, 3))
        vae.normalise_latents(centre, spread)
        normal, normal_logvar = vae.encode(picture)
        again = vae.decode(normal)
    assert torch.allclose(normal.mean((0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert torch.allclose(normal.std((0, 2, 3)), torch.ones(4), atol=1e-4)
    assert torch.allclose(normal_logvar, logvar - 2 * spread.log()[None, :, None, None], atol=1e-4)
    assert torch.allclose(again, decoded, atol=1e-4)


def test_a_latent_that_does_not_vary_cannot_be_normalised() -> None:
    with pytest.raises(ConfigError, match="does not vary"):
        mini_vae().normalise_latents(torch.zeros(4), torch.tensor([1.0, 1.0, 0.0, 1.0]))


def test_a_draw_without_noise_is_the_mean() -> None:
    mean, logvar = torch.randn(1, 4, 2, 2), torch.randn(1, 4, 2, 2)
    assert torch.equal(sample_latent(mean, logvar, torch.zeros_like(mean)), mean)
    drawn = sample_latent(mean, torch.full_like(mean, 2 * torch.log(torch.tensor(3.0))), mean)
    assert torch.allclose(drawn, 4 * mean)


def test_the_kind_chooses_the_vae() -> None:
    assert isinstance(build_vae(mini().vae), MiniVAE)
    assert isinstance(build_vae(VAEConfig(widths=(32, 32, 32, 32))), LDMVAE)


def test_a_mini_vae_that_would_not_divide_by_eight_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs two widths"):
        MiniVAE(VAEConfig(kind="unshuffle", widths=(32, 64, 64)))
