"""Each sampler against a short reference of its own, with a predictor known in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from c2gm.errors import ConfigError
from c2gm.models.config import PredictionType, ScheduleConfig
from c2gm.sampling import SamplerConfig, guided, sample, timesteps

PRODUCTS = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
MEAN, SPREAD = 0.7, 0.4  # latents are Gaussian: their conditional mean is known
PREDICTIONS: list[PredictionType] = ["epsilon", "sample", "v_prediction"]
SHAPE = (2, 4, 5, 5)


def clean(latent: np.ndarray, time: int) -> np.ndarray:
    a = PRODUCTS[time]
    gain = SPREAD**2 * a**0.5 / (SPREAD**2 * a + 1 - a)
    return MEAN + gain * (latent - a**0.5 * MEAN)


def predictor(kind: PredictionType) -> Callable[[Tensor, Tensor], Tensor]:
    def predict(latent: Tensor, timestep: Tensor) -> Tensor:
        x, a = latent.double().numpy(), PRODUCTS[int(timestep)]
        x0 = clean(x, int(timestep))
        eps = (x - a**0.5 * x0) / (1 - a) ** 0.5
        v = a**0.5 * eps - (1 - a) ** 0.5 * x0
        return torch.from_numpy({"epsilon": eps, "sample": x0, "v_prediction": v}[kind]).float()

    return predict


def noise(k: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(k))


def run(sampler: SamplerConfig, kind: PredictionType) -> np.ndarray:
    return sample(predictor(kind), noise, sampler, ScheduleConfig(), kind).double().numpy()


def products(times: list[int]) -> list[float]:
    """Signal share at each step, and of the clean latent at the end."""
    return [*(float(PRODUCTS[t]) for t in times), 1.0]


def trailing(steps: int) -> list[int]:
    return [int(t) - 1 for t in np.round(np.arange(1000, 0, -1000 / steps))]


def ddim_by_hand(steps: int) -> np.ndarray:
    x = noise(0).double().numpy()
    shares = products(trailing(steps))
    for time, a, b in zip(trailing(steps), shares, shares[1:], strict=False):
        x0 = clean(x, time)
        eps = (x - a**0.5 * x0) / (1 - a) ** 0.5
        x = b**0.5 * x0 + (1 - b) ** 0.5 * eps
    return x


def dpmpp_2m_by_hand(steps: int) -> np.ndarray:
    x = before = noise(0).double().numpy()
    times = trailing(steps)
    shares = products(times)
    log_snr = [0.5 * np.log(a / (1 - a)) for a in shares[:-1]]
    for i, time in enumerate(times):
        x0 = clean(x, time)
        if i == steps - 1:
            return x0
        a, b, h = shares[i], shares[i + 1], log_snr[i + 1] - log_snr[i]
        direction = x0
        if i > 0:
            direction = x0 + h / (log_snr[i] - log_snr[i - 1]) / 2 * (x0 - before)
        x = ((1 - b) / (1 - a)) ** 0.5 * x - b**0.5 * (np.exp(-h) - 1) * direction
        before = x0
    return x


def ddpm_by_hand(steps: int) -> np.ndarray:
    x = noise(0).double().numpy()
    times = [int(t) for t in np.round(np.linspace(0, 999, steps))[::-1]]
    shares = products(times)
    for k, (time, a, b) in enumerate(zip(times, shares, shares[1:], strict=False), start=1):
        beta = 1 - a / b
        mean = b**0.5 * beta * clean(x, time) + (1 - beta) ** 0.5 * (1 - b) * x
        x = mean / (1 - a) + (beta * (1 - b) / (1 - a)) ** 0.5 * noise(k).double().numpy()
    return x


BY_HAND = {"ddim": ddim_by_hand, "dpmpp_2m": dpmpp_2m_by_hand, "ddpm": ddpm_by_hand}


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize("steps", [2, 4, 7, 20])
@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_sampler_agrees_with_its_reference(name: str, steps: int, kind: PredictionType) -> None:
    # 1000 is not a multiple of 7: diffusers' own DDIM would not reach the end of the schedule.
    ours, reference = run(SamplerConfig(name, steps), kind), BY_HAND[name](steps)
    assert np.abs(ours - reference).max() < 1e-5 * np.abs(reference).max()


@pytest.mark.parametrize("name", ["ddim", "dpmpp_2m"])
def test_one_step_gives_the_clean_latent_at_999(name: str) -> None:
    expected = clean(noise(0).double().numpy(), 999)
    assert np.abs(run(SamplerConfig(name, 1), "sample") - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["ddim", "dpmpp_2m", "ddpm"])
@pytest.mark.parametrize("steps", [2, 3, 4, 8, 50])
def test_sampling_starts_at_999(name: str, steps: int) -> None:
    asked = timesteps(SamplerConfig(name, steps), ScheduleConfig())
    assert asked[0] == 999
    assert len(asked) == steps
    assert asked == sorted(set(asked), reverse=True)


@pytest.mark.parametrize(("name", "expected"), [("ddim", [0]), ("ddpm", [0, 1, 2, 3])])
def test_noise_is_asked_for_only_where_it_is_used(name: str, expected: list[int]) -> None:
    asked: list[int] = []

    def watched(k: int) -> Tensor:
        asked.append(k)
        return noise(k)

    sample(predictor("sample"), watched, SamplerConfig(name, 4), ScheduleConfig(), "sample")
    assert asked == expected


def test_the_model_is_asked_with_original_timesteps() -> None:
    asked: list[int] = []

    def predict(latent: Tensor, timestep: Tensor) -> Tensor:
        asked.append(int(timestep))
        return latent

    sampler = SamplerConfig("dpmpp_2m", 4)
    sample(predict, noise, sampler, ScheduleConfig(), "sample")
    assert asked == [999, 749, 499, 249]


def test_a_window_is_sampled_alike_beside_any_other() -> None:
    def first_only(k: int) -> Tensor:
        return noise(k)[:1]

    sampler = SamplerConfig("ddpm", 5)
    alone = sample(predictor("epsilon"), first_only, sampler, ScheduleConfig(), "epsilon")
    both = sample(predictor("epsilon"), noise, sampler, ScheduleConfig(), "epsilon")
    assert torch.equal(alone, both[:1])


def test_guidance_goes_from_the_empty_text_past_the_text() -> None:
    with_text, without = lambda x, t: x + 3, lambda x, t: x + 1
    x = torch.zeros(1)
    assert guided(with_text, without, 1.0) is with_text
    assert float(guided(with_text, without, 2.0)(x, x)) == 5.0
    assert float(guided(with_text, without, 0.0)(x, x)) == 1.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("euler", 4), "no sampler 'euler'"),
        (("ddim", 0), "cannot take 0 steps"),
        (("ddpm", 1), "Use 2 to 1000"),
        (("ddim", 1001), "Use 1 to 1000"),
        (("ddim", 4, float("nan")), "finite number"),
    ],
)
def test_impossible_settings_are_refused(arguments: tuple[str, int], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        SamplerConfig(*arguments)


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_below_full_noise_the_last_steps_of_a_longer_schedule_are_taken(name: str) -> None:
    schedule = ScheduleConfig()
    half, whole = (SamplerConfig(name, 4, denoise=0.5), SamplerConfig(name, 8))
    assert timesteps(half, schedule) == timesteps(whole, schedule)[4:]


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_below_full_noise_the_start_shows_through(name: str) -> None:
    start = noise(7)

    def unsure(latent: Tensor, _timestep: Tensor) -> Tensor:  # takes what it sees for clean
        return latent

    sampler = SamplerConfig(name, 2, denoise=0.25)
    drawn = sample(unsure, noise, sampler, ScheduleConfig(), "sample", start)
    other = sample(unsure, noise, SamplerConfig(name, 2), ScheduleConfig(), "sample")

    def likeness(latent: Tensor) -> float:
        return float(torch.corrcoef(torch.stack([latent.flatten(), start.flatten()]))[0, 1])

    assert likeness(drawn) > 0.8 and abs(likeness(other)) < 0.3
    with pytest.raises(ConfigError, match="latent to start from"):
        sample(unsure, noise, sampler, ScheduleConfig(), "sample")


@pytest.mark.parametrize(("steps", "denoise"), [(4, 0.0), (4, -1.0), (4, 1.5), (600, 0.5)])
def test_an_impossible_share_of_noise_is_refused(steps: int, denoise: float) -> None:
    with pytest.raises(ConfigError, match="denoise"):
        SamplerConfig("ddim", steps, denoise=denoise)
