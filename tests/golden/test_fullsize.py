"""The networks at Stable Diffusion's size, each alone: together they would need 5.4 GB."""

from __future__ import annotations

import pytest
import torch
from formula_weights import formula_tensor, key_shapes
from golden_cases import CONTROL_FACTOR, case, error, fill_places, pixels
from torch import Tensor

from c2gm.models.ldm_layout import TEXT, UNET, VAE, unet_places, vae_places
from c2gm.models.presets import sd21
from c2gm.models.text import TextTower
from c2gm.models.unet import UNet
from c2gm.models.vae import LDMVAE

pytestmark = pytest.mark.slow


def weights(prefix: str) -> dict[str, Tensor]:
    shapes = key_shapes("fullsize", "ref_dual_spade")
    return {k: formula_tensor(k, s) for k, s in shapes.items() if k.startswith(prefix)}


def test_the_unet_at_full_size_is_the_authors() -> None:
    golden = case("fullsize")
    with torch.device("meta"):
        unet = UNet(sd21().unet).eval()
    fill_places(unet.get_submodule("net"), unet_places(sd21().unet), weights(UNET))
    maps = [golden[f"ref_dual_spade.feature{k}"] * CONTROL_FACTOR for k in range(3)]
    call = (golden["x"], golden["timesteps"], golden["text_penultimate"])
    with torch.no_grad():
        assert error(unet(*call, maps), golden["eps"]) < 2e-5
        assert error(unet(*call), golden["eps_no_control"]) < 2e-5


def test_the_vae_at_full_size_is_the_authors() -> None:
    golden = case("fullsize")
    with torch.device("meta"):
        vae = LDMVAE(sd21().vae).eval()
    fill_places(vae.get_submodule("net"), vae_places(sd21().vae), weights(VAE))
    with torch.no_grad():
        mean, logvar = vae.encode(pixels(golden["map_u8"]))
        assert error(mean, golden["vae_mean"]) < 5e-5
        assert error(logvar, golden["vae_logvar"]) < 5e-5
        decoded = vae.decode(golden["vae_mean"])
    assert error(decoded, golden["vae_decoded_from_mean"]) < 5e-5


def test_the_text_tower_at_full_size_is_the_authors() -> None:
    golden = case("fullsize")
    with torch.device("meta"):
        tower = TextTower(sd21().text).eval()
    state = {key.removeprefix(TEXT): value for key, value in weights(TEXT).items()}
    tower.load_state_dict(state, strict=True, assign=True)
    with torch.no_grad():
        embedding = tower(golden["tokens"].long())
    assert error(embedding, golden["text_penultimate"]) < 1e-5
