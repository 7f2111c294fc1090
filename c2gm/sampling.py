"""From noise to a latent: the samplers, which know latents and timesteps and nothing else.

All start at timestep 999 from unit noise and never clip. "ddpm" is the authors' spaced DDPM, "ddim"
and "dpmpp_2m" are deterministic and meant for few steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import torch
from torch import Tensor

from .errors import ConfigError
from .models.config import PredictionType, ScheduleConfig
from .models.libraries import import_diffusers

Predict = Callable[[Tensor, Tensor], Tensor]
"""Noisy latent [B,4,h,w] and timestep [] to the model's prediction [B,4,h,w]."""

SAMPLERS = ("ddim", "dpmpp_2m", "ddpm")


@dataclass(frozen=True)
class SamplerConfig:
    """A named sampler, its number of steps and the guidance scale (1: none).

    Raises:
        ConfigError: an unknown name, or an impossible number.
    """

    name: str = "ddim"
    steps: int = 4
    guidance_scale: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in SAMPLERS:
            raise ConfigError(f"There is no sampler {self.name!r}. Use {', '.join(SAMPLERS)}.")
        fewest = 2 if self.name == "ddpm" else 1  # one step of "ddpm" would start at timestep 0
        if not fewest <= self.steps <= 1000:
            raise ConfigError(
                f"The sampler {self.name!r} cannot take {self.steps} steps. Use {fewest} to 1000."
            )
        if not isfinite(self.guidance_scale):
            raise ConfigError("The guidance scale must be a finite number. 1 means no guidance.")


def sample(
    predict: Predict,
    noise: Callable[[int], Tensor],
    sampler: SamplerConfig,
    schedule: ScheduleConfig,
    prediction_type: PredictionType,
) -> Tensor:
    """The latent that a sampler ends with, float32.

    Args:
        predict: The model, guidance included.
        noise: k -> unit noise [B,4,h,w]; k = 0 is the latent to start from, k >= 1 the noise of the
            k-th step, asked for by "ddpm" alone, and not for its last step.
        sampler: Which sampler, and how many steps.
        schedule: The noise schedule the model was trained with.
        prediction_type: What the model predicts.
    """
    latent = noise(0).float()
    if sampler.name == "ddpm":
        return _ddpm(predict, noise, latent, _ddpm_scheduler(sampler, schedule), prediction_type)
    scheduler = _solver(sampler, schedule, prediction_type)
    for timestep in scheduler.timesteps.to(latent.device):
        prediction = predict(latent, timestep).float()
        latent = scheduler.step(prediction, timestep, latent, return_dict=False)[0]
    return latent


def timesteps(sampler: SamplerConfig, schedule: ScheduleConfig) -> list[int]:
    """The timesteps at which the model is asked, highest first."""
    if sampler.name == "ddpm":
        return [int(t) for t in _ddpm_scheduler(sampler, schedule).timesteps]
    return [int(t) for t in _solver(sampler, schedule, "epsilon").timesteps]


def guided(predict: Predict, predict_without_text: Predict, scale: float) -> Predict:
    """Classifier-free guidance by the text; at scale 1 the model is asked once, not twice."""
    if scale == 1.0:
        return predict

    def guided_predict(latent: Tensor, timestep: Tensor) -> Tensor:
        without = predict_without_text(latent, timestep)
        return without + scale * (predict(latent, timestep) - without)

    return guided_predict


def _solver(
    sampler: SamplerConfig, schedule: ScheduleConfig, prediction_type: PredictionType
) -> Any:
    """DPM-Solver++; its first order is DDIM with eta 0.

    diffusers' own DDIM finds the step before by subtracting 1000 // steps, which misses the end of
    the schedule when steps do not divide 1000.
    """
    scheduler = import_diffusers().DPMSolverMultistepScheduler(
        num_train_timesteps=schedule.timesteps,
        beta_schedule="scaled_linear",
        beta_start=schedule.beta_start,
        beta_end=schedule.beta_end,
        prediction_type=prediction_type,
        solver_order=1 if sampler.name == "ddim" else 2,
        algorithm_type="dpmsolver++",
        timestep_spacing="trailing",
        final_sigmas_type="zero",
    )
    scheduler.set_timesteps(sampler.steps)
    return scheduler


def _ddpm_scheduler(sampler: SamplerConfig, schedule: ScheduleConfig) -> Any:
    scheduler = import_diffusers().DDPMScheduler(
        num_train_timesteps=schedule.timesteps,
        beta_schedule="scaled_linear",
        beta_start=schedule.beta_start,
        beta_end=schedule.beta_end,
        timestep_spacing="linspace",
    )
    scheduler.set_timesteps(sampler.steps)
    return scheduler


def _ddpm(
    predict: Predict,
    noise: Callable[[int], Tensor],
    latent: Tensor,
    scheduler: Any,
    prediction_type: PredictionType,
) -> Tensor:
    """The authors' spaced DDPM with "fixed small" variance.

    diffusers' step draws its noise from a generator, while ours is cut from a noise field of the
    whole world; so the step is written out here, on diffusers' timesteps and schedule.
    """
    products = scheduler.alphas_cumprod.double()
    times = [int(t) for t in scheduler.timesteps]
    for k, time in enumerate(times, start=1):
        product = float(products[time])
        before = float(products[times[k]]) if k < len(times) else 1.0
        beta = 1 - product / before
        prediction = predict(latent, torch.tensor(time, device=latent.device)).float()
        clean = _clean_latent(prediction, latent, product, prediction_type)
        mean = (
            sqrt(before) * beta / (1 - product) * clean
            + sqrt(1 - beta) * (1 - before) / (1 - product) * latent
        )
        deviation = sqrt(beta * (1 - before) / (1 - product))
        latent = mean + deviation * noise(k).float() if k < len(times) else mean
    return latent


def _clean_latent(
    prediction: Tensor, latent: Tensor, product: float, prediction_type: PredictionType
) -> Tensor:
    if prediction_type == "sample":
        return prediction
    if prediction_type == "v_prediction":
        return sqrt(product) * latent - sqrt(1 - product) * prediction
    return (latent - sqrt(1 - product) * prediction) / sqrt(product)
