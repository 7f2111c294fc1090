"""SGDM as the painter sees it: windows of pixels in, windows of pixels out."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError
from ..sampling import SamplerConfig, guided, sample
from .devices import device_name
from .readings import in_255ths, log_probabilities
from .sgdm import SGDM, Features

BATCH = 4
STRONG_GUIDANCE = 3.0

logger = logging.getLogger(__name__)


class SGDMMapModel:
    """A `MapModel` (see the room `painting`) of SGDM and a sampler.

    Args:
        model: The network, on its device, in its number format.
        sampler: Sampler, steps and guidance; None takes the model's defaults.
        batch: Windows a call.
        model_hash: Names the weights; None computes it from them.
    """

    def __init__(
        self,
        model: SGDM,
        sampler: SamplerConfig | None = None,
        *,
        batch: int = BATCH,
        model_hash: str | None = None,
    ) -> None:
        config = model.config
        self.model = model.eval()
        self.sampler = sampler or SamplerConfig.default_of(config)
        self.batch = batch
        self.latent_channels = config.vae.latent_channels
        self.reads_classes = bool(config.unet.draft_channels)
        weight = next(model.parameters())
        self.device, self.dtype = weight.device, weight.dtype
        self.identity: dict[str, Any] = {
            "model": model_hash or weights_hash(model),
            "model_name": config.name,
            "sampler": self.sampler.name,
            "steps": self.sampler.steps,
            "guidance_scale": self.sampler.guidance_scale,
            "dtype": str(self.dtype).removeprefix("torch."),
            "device": device_name(self.device),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "batch": batch,
        }
        if self.sampler.denoise < 1:  # maps that were begun before it existed can go on
            self.identity["denoise"] = self.sampler.denoise
        if self.reads_classes:  # likewise
            self.identity["reading"] = "corners"
        self._embeddings: dict[str, Tensor] = {}
        if self.sampler.guidance_scale > STRONG_GUIDANCE:
            logger.warning(
                "A guidance scale above %g moves flat colours off the map's palette.",
                STRONG_GUIDANCE,
            )

    @torch.inference_mode()
    def embed(self, text: str) -> Tensor:
        """Text embedding [1,77,context]; each text is read once."""
        if text not in self._embeddings:
            self._embeddings[text] = self.model.embed([text])
        return self._embeddings[text]

    @torch.inference_mode()
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

        Raises:
            ConfigError: the model needs a reference, and there is none.
        """
        seen = self._seen(imagery, reference)
        how = self.model.config.how_to_read(zoom, look, trusts=trusts)
        if probabilities is None:
            return self.model.features(*seen, how=how)
        reading = self.model.mf_encoder.read(*seen)
        logits = log_probabilities(probabilities, reading.f_cond)
        return self.model.features_from(reading, logits, seen[1], how=how)

    @torch.inference_mode()
    def read_classes(
        self,
        imagery: np.ndarray,
        reference: np.ndarray | None,
        zoom: int | None = None,
        look: int | None = None,
        *,
        trusts: bool = False,
    ) -> np.ndarray:
        """Class probabilities in 255ths, uint8 [B,classes,H,W], read as for drawing; arguments of
        `features`.

        Raises:
            ConfigError: the model has no class head, or needs a reference, and there is none.
        """
        seen = self._seen(imagery, reference)
        how = self.model.config.how_to_read(zoom, look, trusts=trusts)
        encoder = self.model.mf_encoder
        return in_255ths(encoder.logits_as_drawn(how, encoder.read(*seen), *seen))

    @torch.inference_mode()
    def sample(
        self, noise: Callable[[int], np.ndarray], features: Features, text: Tensor
    ) -> Tensor:
        """The latent [B,4,H/8,W/8], float32, from noise by step, float32 of the same shape.

        Raises:
            ConfigError: `denoise` is below 1, and the model has no class head to start from.
        """
        scale = self.sampler.guidance_scale
        # Guidance is by the text alone: both predictions keep the features.
        predict = guided(
            self._predictor(features, text),
            self._predictor(features, text if scale == 1.0 else self.embed("")),
            scale,
        )
        config = self.model.config

        def cut(k: int) -> Tensor:
            return torch.from_numpy(noise(k)).to(self.device)

        start = self.model.reading_latent(features) if self.sampler.denoise < 1 else None
        kind = config.prediction_type
        return sample(predict, cut, self.sampler, config.schedule, kind, start)

    @torch.inference_mode()
    def decode(self, latent: Tensor) -> np.ndarray:
        """Window pictures, uint8 [B,H,W,3], rounded half to even.

        Raises:
            ConfigError: the model's numbers left the range of its number format.
        """
        pixels = self.model.decode(latent.to(self.dtype)).float()
        if not bool(torch.isfinite(pixels).all()):  # as uint8 it would be a black map
            raise ConfigError(
                f"The model's numbers leave the range of {self.identity['dtype']}. Use --dtype "
                "fp32; if it is fp32 already, the model file is damaged."
            )
        levels = ((pixels + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        pictures: np.ndarray = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return pictures

    def _predictor(self, features: Features, text: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        def predict(latent: Tensor, timestep: Tensor) -> Tensor:
            return self.model.predict(latent.to(self.dtype), timestep, text, features).float()

        return predict

    def _seen(
        self, imagery: np.ndarray, reference: np.ndarray | None
    ) -> tuple[Tensor, Tensor | None]:
        return self.to_pixels(imagery), None if reference is None else self.to_pixels(reference)

    def to_pixels(self, pictures: np.ndarray) -> Tensor:
        """Pictures uint8 [B,H,W,3] as the network reads them, float [-1,1] [B,3,H,W]."""
        pixels = torch.from_numpy(np.ascontiguousarray(pictures)).to(self.device)
        return (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1).to(self.dtype)


def weights_hash(model: SGDM) -> str:
    """SHA-256 of every tensor with its name, shape and type, as hexadecimal text."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(memoryview(values.numpy()))
    return digest.hexdigest()
