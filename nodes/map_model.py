"""ComfyUI's MODEL, CLIP and VAE as the painter sees them: windows in, windows out.

LoRA, offload, stock samplers and cancel work by themselves, because every step is ComfyUI's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

import comfy.model_management
import comfy.sample
import comfy.samplers
import numpy as np
import torch

from ..c2gm import __version__
from ..c2gm.errors import ConfigError
from .features import (
    Features,
    apply_features,
    encode_classes,
    encode_features,
    reading_image,
)
from .memory import memory_told, smaller_batch
from .model_files import LoadedSGDM
from .pictures import from_image, to_image
from .texts import encode_text

CPU_BATCH = 4
GPU_BATCH = 8


@dataclass(frozen=True)
class SamplerChoice:
    """The widgets of a sampler, with ComfyUI's names."""

    sampler_name: str
    scheduler: str
    steps: int
    cfg: float
    strength: float
    start: float
    end: float
    denoise: float = 1.0

    def __post_init__(self) -> None:
        if self.sampler_name not in comfy.samplers.SAMPLER_NAMES:
            raise ConfigError(f"ComfyUI has no sampler {self.sampler_name!r}. Choose another.")
        if self.scheduler not in comfy.samplers.SCHEDULER_NAMES:
            raise ConfigError(f"ComfyUI has no scheduler {self.scheduler!r}. Choose another.")
        if not self.steps / 1000 <= self.denoise <= 1:  # the schedule has 1000 timesteps
            raise ConfigError(
                f"denoise {self.denoise:g} with {self.steps} steps is impossible: give a share of "
                "the noise up to 1, which draws from noise alone, or fewer steps."
            )

    def told(self) -> dict[str, Any]:
        """The widgets by name; denoise only where it changes what is drawn."""
        values = asdict(self)
        if self.denoise == 1:  # maps that were drawn before it existed keep their keys
            del values["denoise"]
        return values


class ComfyMapModel:
    """Implements the library's `MapModel`.

    Args:
        model: MODEL, with or without LoRA.
        clip: CLIP.
        vae: VAE.
        sgdm: Where the features come from.
        choice: How to sample.
        graph: Names what MODEL, CLIP and VAE were made by.
        batch: Windows a call; 0 takes four on the processor and eight on a graphics card.
    """

    def __init__(
        self,
        model: Any,
        clip: Any,
        vae: Any,
        sgdm: LoadedSGDM,
        *,
        choice: SamplerChoice,
        graph: str,
        batch: int = 0,
    ) -> None:
        self.model, self.clip, self.vae, self.sgdm = model, clip, vae, sgdm
        self.choice = choice
        self._texts: dict[str, Any] = {}
        cpu = comfy.model_management.is_device_cpu(model.load_device)
        self.batch = batch or (CPU_BATCH if cpu else GPU_BATCH)
        self.latent_channels = sgdm.config.vae.latent_channels
        self.reads_classes = bool(sgdm.config.unet.draft_channels)
        self.identity: dict[str, Any] = {
            "model": sgdm.hash,
            "graph": graph,
            **choice.told(),
            "dtype": str(model.model.get_dtype()),
            "device": comfy.model_management.get_torch_device_name(model.load_device),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "version": __version__,
        }
        if self.reads_classes:
            self.identity["reading"] = "corners"

    def embed(self, text: str) -> Any:
        """CONDITIONING of a scale text; each text is encoded once."""
        if text not in self._texts:
            self._texts[text] = encode_text(self.clip, text)
        return self._texts[text]

    def features(
        self,
        imagery: np.ndarray,
        reference: np.ndarray | None,
        zoom: int | None = None,
        look: int | None = None,
        probabilities: np.ndarray | None = None,
        *,
        trusts: bool = False,
    ) -> Features:
        """Features of a batch of windows, uint8 [B,H,W,3], on the grid of a zoom, read as maps of
        the zoom `look` show them, or drawn from class probabilities float32 [B,classes,H,W].
        """
        with self._memory_told():
            return encode_features(
                self.sgdm,
                to_image(imagery),
                None if reference is None else to_image(reference),
                zoom,
                look,
                probabilities,
                trusts=trusts,
            )

    def read_classes(
        self,
        imagery: np.ndarray,
        reference: np.ndarray | None,
        zoom: int | None = None,
        look: int | None = None,
        *,
        trusts: bool = False,
    ) -> np.ndarray:
        """Class probabilities in 255ths, uint8 [B,classes,H,W], read as for drawing."""
        with self._memory_told():
            return encode_classes(
                self.sgdm,
                to_image(imagery),
                None if reference is None else to_image(reference),
                zoom,
                look,
                trusts=trusts,
            )

    def sample(
        self, noise: Callable[[int], np.ndarray], features: Features, text: Any
    ) -> torch.Tensor:
        """LATENT samples of a batch of windows, as ComfyUI's VAE takes them."""
        choice = self.choice
        model = apply_features(
            self.model,
            self.sgdm.config,
            features,
            strength=choice.strength,
            start=choice.start,
            end=choice.end,
        )
        initial = torch.from_numpy(noise(0))
        sigmas = comfy.samplers.calculate_sigmas(
            model.get_model_object("model_sampling"),
            choice.scheduler,
            int(choice.steps / choice.denoise),
        )
        with self._memory_told():
            return comfy.sample.sample_custom(
                model,
                initial,
                choice.cfg,
                world_sampler(choice.sampler_name, noise),
                sigmas[-(choice.steps + 1) :],
                text,
                text if choice.cfg == 1.0 else self.embed(""),
                torch.zeros_like(initial) if choice.denoise == 1 else self._read(features),
                disable_pbar=True,
                seed=0,
            )

    def _read(self, features: Features) -> torch.Tensor:
        """LATENT samples of what the class head reads, in the legend's flat colours.

        Raises:
            ConfigError: the model reads no classes.
        """
        if features.classes is None:
            raise ConfigError(
                "This model reads no classes that drawing could start from. Set denoise to 1."
            )
        latent: torch.Tensor = self.vae.encode(reading_image(features.classes))
        return latent

    def decode(self, latent: torch.Tensor) -> np.ndarray:
        """Window pictures, uint8 [B,H,W,3]."""
        with self._memory_told():
            return from_image(self.vae.decode(latent))

    def _memory_told(self) -> AbstractContextManager[None]:
        """Around what fills memory: names the next smaller batch where it does not fit."""
        return memory_told(lambda: smaller_batch(self.batch, self.model.load_device))


def world_sampler(name: str, noise: Callable[[int], np.ndarray]) -> Any:
    """ComfyUI's sampler of a name; a stochastic one draws its steps' noise from the world field."""
    sampler = comfy.samplers.sampler_object(name)
    function = getattr(sampler, "sampler_function", None)
    if function is None or "noise_sampler" not in inspect.signature(function).parameters:
        return sampler
    step = 0

    def draw(sigma: Any, sigma_next: Any) -> torch.Tensor:
        nonlocal step
        step += 1
        return torch.from_numpy(noise(step)).to(sigma.device)

    return comfy.samplers.KSAMPLER(
        function, {**sampler.extra_options, "noise_sampler": draw}, sampler.inpaint_options
    )
