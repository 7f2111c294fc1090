import json

import pytest
import torch
from golden_cases import GOLDEN, case, error, pixels

from c2gm.models.sgdm import SGDM, Features
from c2gm.models.text import tokenize

PROMPTS = json.loads((GOLDEN / "case_text.json").read_text())["prompts"]


def test_tokens_are_open_clips() -> None:
    tokens = tokenize([prompt["prompt"] for prompt in PROMPTS])
    assert torch.equal(tokens, case("text")["tokens"].long())


def test_text_is_read_before_the_last_layer(model: SGDM) -> None:
    golden = case("text")
    with torch.no_grad():
        embedding = model.embed([prompt["prompt"] for prompt in PROMPTS])
    assert error(embedding, golden["penultimate"]) < 1e-5
    # The last layer's output is another: taking it by mistake would show here.
    assert error(embedding[:1], golden["last_first_prompt"]) > 0.1


def test_the_text_does_not_depend_on_its_batch(model: SGDM) -> None:
    texts = [prompt["prompt"] for prompt in PROMPTS[:3]]
    with torch.no_grad():
        together, alone = model.embed(texts), model.embed(texts[1:2])
    assert error(together[1:2], alone) < 1e-6


@pytest.mark.parametrize("arm", ["ref_dual_spade", "ref", "origin"])
def test_the_unet_adds_the_features_at_the_authors_six_places(model: SGDM, arm: str) -> None:
    golden = case("unet")
    maps = _controls(arm)
    with torch.no_grad():
        eps = model.predict(golden["x"], golden["timesteps"], golden["context"], Features(maps))
    assert error(eps, golden[f"eps.{arm}"]) < 2e-5


def test_the_unet_without_features_is_stable_diffusion(model: SGDM) -> None:
    golden = case("unet")
    with torch.no_grad():
        eps = model.unet(golden["x"], golden["timesteps"], golden["context"])
    assert error(eps, golden["eps.no_control"]) < 2e-5


def test_the_vae_is_stable_diffusions(model: SGDM) -> None:
    golden = case("vae")
    with torch.no_grad():
        picture = pixels(golden["image_u8"])
        mean, logvar = model.vae.encode(picture)
        drawn = model.encode(picture, golden["noise"])
        decoded = model.decode(golden["mean"] * model.config.vae.scaling_factor)
    assert error(mean, golden["mean"]) < 5e-5
    assert error(logvar, golden["logvar"]) < 5e-5
    assert error(drawn, golden["sampled_latent_scaled"]) < 5e-5
    assert error(decoded, golden["decoded_from_mode"]) < 5e-5


def _controls(arm: str) -> tuple[torch.Tensor, ...]:
    golden = case("adapter")
    return tuple(golden[f"{arm}.feature{k}"] * 0.18215 for k in range(3))
