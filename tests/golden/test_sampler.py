import pytest
import torch
from golden_cases import case, error
from torch import Tensor

from c2gm.models.config import ScheduleConfig
from c2gm.models.sgdm import SGDM, Features
from c2gm.sampling import SamplerConfig, sample, timesteps


@pytest.mark.parametrize("steps", [4, 5, 8, 10, 20, 50, 100, 250, 1000])
def test_ddpm_asks_at_the_authors_timesteps(steps: int) -> None:
    golden = case("schedule")[f"s{steps}.timesteps"]
    ours = timesteps(SamplerConfig("ddpm", steps), ScheduleConfig())
    assert ours == golden.long().tolist()[::-1]


@pytest.mark.parametrize("arm", ["ref_dual_spade", "origin"])
def test_every_ddpm_step_is_the_authors(model: SGDM, arm: str) -> None:
    golden = case(f"sample5_{arm}")
    features = Features(tuple(golden[f"control{k}"] for k in range(3)))
    seen: list[Tensor] = []
    predicted: list[Tensor] = []

    def predict(latent: Tensor, timestep: Tensor) -> Tensor:
        seen.append(latent)
        predicted.append(model.predict(latent, timestep, golden["context"], features))
        return predicted[-1]

    def noise(k: int) -> Tensor:
        return golden["x_T"] if k == 0 else golden["noise"][k - 1]

    with torch.no_grad():
        last = sample(predict, noise, SamplerConfig("ddpm", 5), ScheduleConfig(), "epsilon")
        picture = (model.decode(last) + 1) / 2
    for ours, theirs in zip([*seen[1:], last], golden["x"], strict=True):
        assert error(ours, theirs) < 1e-5
    for ours, theirs in zip(predicted, golden["eps"], strict=True):
        assert error(ours, theirs) < 2e-5
    assert error(last, golden["x_0"]) < 1e-5
    assert error(picture, golden["image01_unclamped"]) < 2e-5
