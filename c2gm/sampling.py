"""From noise to a latent: the samplers, which know latents and timesteps and nothing else.

All start at timestep 999 from unit noise, or later from a latent that is noised to that timestep
(`denoise`, as in ComfyUI), and never clip. "ddpm" is the authors' spaced DDPM, "ddim" and
"dpmpp_2m" are deterministic and meant for few steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import torch
from torch import Tensor

from .errors import ConfigError
from .models.config import PredictionType, ScheduleConfig, SGDMConfig
from .models.libraries import import_diffusers

Predict = Callable[[Tensor, Tensor], Tensor]
"""Noisy latent [B,4,h,w] and timestep [] to the model's prediction [B,4,h,w]."""

SAMPLERS = ("ddim", "dpmpp_2m", "ddpm")


@dataclass(frozen=True)
class SamplerConfig:
    """A named sampler, its number of steps and the guidance scale (1: none).

    With `denoise` below 1 the steps lie in that last part of the schedule, and sampling starts from
    a latent that is given, noised.

    Raises:
        ConfigError: an unknown name, or an impossible number.
    """

    name: str = "ddim"
    steps: int = 4
    guidance_scale: float = 1.0
    denoise: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in SAMPLERS:
            raise ConfigError(f"There is no sampler {self.name!r}. Use {', '.join(SAMPLERS)}.")
        fewest = 2 if self.name == "ddpm" else 1  # one step of "ddpm" would start at timestep 0
        if not fewest <= self.steps <= 1000:
            raise ConfigError(
                f"The sampler {self.name!r} cannot take {self.steps} steps. Use {fewest} to 1000."
            )
        if not 0 < self.denoise <= 1 or self.schedule_steps > 1000:
            raise ConfigError(
                f"denoise {self.denoise:g} with {self.steps} steps is impossible: give a share of "
                "the noise above 0 and at most 1, which draws from noise alone, or fewer steps."
            )
        if not isfinite(self.guidance_scale):
            raise ConfigError("The guidance scale must be a finite number. 1 means no guidance.")

    @classmethod
    def default_of(cls, config: SGDMConfig) -> SamplerConfig:
        """The sampler that a model is made for."""
        return cls(config.default_sampler, config.default_steps, denoise=config.default_denoise)

    @property
    def schedule_steps(self) -> int:
        """Steps of the whole schedule, the last `steps` of which are taken."""
        return int(self.steps / self.denoise) if self.denoise > 0 else self.steps


def sample(
    predict: Predict,
    noise: Callable[[int], Tensor],
    sampler: SamplerConfig,
    schedule: ScheduleConfig,
    prediction_type: PredictionType,
    start: Tensor | None = None,
) -> Tensor:
    """The latent that a sampler ends with, float32.

    Args:
        predict: The model, guidance included.
        noise: k -> unit noise [B,4,h,w]; k = 0 is the latent to start from, k >= 1 the noise of the
            k-th step, asked for by "ddpm" alone, and not for its last step.
        sampler: Which sampler, and how many steps.
        schedule: The noise schedule the model was trained with.
        prediction_type: What the model predicts.
        start: Clean latent that sampling starts from, where `denoise` is below 1.

    Raises:
        ConfigError: `denoise` is below 1 and there is nothing to start from.
    """
    if sampler.denoise < 1 and start is None:
        raise ConfigError("Sampling that starts below full noise needs a latent to start from.")
    latent = noise(0).float()
    if sampler.name == "ddpm":
        ddpm = _ddpm_scheduler(sampler, schedule)
        latent = _started(latent, start, ddpm, ddpm.timesteps[-sampler.steps], sampler)
        return _ddpm(predict, noise, latent, ddpm, sampler.steps, prediction_type)
    scheduler = _solver(sampler, schedule, prediction_type)
    skipped = sampler.schedule_steps - sampler.steps
    latent = _started(latent, start, scheduler, scheduler.timesteps[skipped], sampler)
    scheduler.set_begin_index(skipped)
    for timestep in scheduler.timesteps[skipped:].to(latent.device):
        prediction = predict(latent, timestep).float()
        latent = scheduler.step(prediction, timestep, latent, return_dict=False)[0]
    return latent


def timesteps(sampler: SamplerConfig, schedule: ScheduleConfig) -> list[int]:
    """The timesteps at which the model is asked, highest first."""
    named = (
        _ddpm_scheduler(sampler, schedule)
        if sampler.name == "ddpm"
        else _solver(sampler, schedule, "epsilon")
    )
    return [int(t) for t in named.timesteps[-sampler.steps :]]


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
    scheduler.set_timesteps(sampler.schedule_steps)
    return scheduler


def _started(
    noise: Tensor, start: Tensor | None, scheduler: Any, timestep: Tensor, sampler: SamplerConfig
) -> Tensor:
    """The latent that sampling begins with: unit noise, or the start noised to a timestep."""
    if sampler.denoise == 1 or start is None:
        return noise
    product = float(scheduler.alphas_cumprod[int(timestep)])
    return sqrt(product) * start.float() + sqrt(1 - product) * noise


def _ddpm_scheduler(sampler: SamplerConfig, schedule: ScheduleConfig) -> Any:
    scheduler = import_diffusers().DDPMScheduler(
        num_train_timesteps=schedule.timesteps,
        beta_schedule="scaled_linear",
        beta_start=schedule.beta_start,
        beta_end=schedule.beta_end,
        timestep_spacing="linspace",
    )
    scheduler.set_timesteps(sampler.schedule_steps)
    return scheduler


def _ddpm(
    predict: Predict,
    noise: Callable[[int], Tensor],
    latent: Tensor,
    scheduler: Any,
    steps: int,
    prediction_type: PredictionType,
) -> Tensor:
    """The authors' spaced DDPM with "fixed small" variance.

    diffusers' step draws its noise from a generator, while ours is cut from a noise field of the
    whole world; so the step is written out here, on diffusers' timesteps and schedule.
    """
    products = scheduler.alphas_cumprod.double()
    times = [int(t) for t in scheduler.timesteps[-steps:]]
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
