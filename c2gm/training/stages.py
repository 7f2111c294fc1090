"""The stages of training c2gm-mini: what each trains and its loss of one batch.

A VAE on maps (its decoder may be sharpened later); B encoder and class head on imagery; C joint:
the U-Net learns to draw from what the encoder reads. The order and the reasons are in
docs/training.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from ..map_scale import NO_SCALE_TEXT, map_scale, scale_text
from ..models.config import SGDMConfig
from ..models.sgdm import SGDM
from .batches import Batch
from .losses import diffusion_loss
from .map_losses import class_loss, map_autoencoder_loss
from .run_config import RunConfig

_TIMESTEP_POWER = 0.4  # t = 999 u^0.4: most of what few steps need is learnt at high noise
_THAWED_RATE = 0.1
_CLASS_WEIGHT = 0.2


class Stage(ABC):
    """One stage: its parameters and its loss."""

    def __init__(self, model: SGDM, config: RunConfig) -> None:
        self.model = model
        self.config = config

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, object]]:
        """Optimiser groups: `params` and `scale`, their share of the run's rate."""

    @abstractmethod
    def loss(self, batch: Batch, share: float, generator: torch.Generator) -> Tensor:
        """Loss of one batch; `share` is how much of the run has passed, 0 to 1."""

    def trained(self) -> dict[str, nn.Parameter]:
        """Parameters that the stage trains, by their name in the model."""
        ids = {id(p) for group in self.parameter_groups() for p in group["params"]}  # type: ignore[attr-defined]
        return {name: p for name, p in self.model.named_parameters() if id(p) in ids}


class VAEStage(Stage):
    """A: the VAE learns to keep maps."""

    def parameter_groups(self) -> list[dict[str, object]]:
        """The whole VAE."""
        return [{"params": list(self.model.vae.parameters()), "scale": 1.0}]

    def loss(self, batch: Batch, share: float, generator: torch.Generator) -> Tensor:
        """Mix loss; its legend term comes in over the first tenth of the run."""
        mean, logvar = self.model.vae.encode(batch.map)
        noise = torch.randn(mean.shape, generator=generator)
        decoded = self.model.vae.decode(mean + torch.exp(0.5 * logvar) * noise)
        return map_autoencoder_loss(
            decoded.float(), batch.map, batch.classes, mean, logvar, min(1.0, share * 10)
        )


class DecoderStage(Stage):
    """The VAE's decoder alone sharpens its pictures while its latents stay as they are.

    It may run beside or after the joint stage, which depends on the latents only.
    """

    def parameter_groups(self) -> list[dict[str, object]]:
        """The decoder."""
        vae = self.model.vae
        parameters = [
            parameter
            for name, parameter in vae.named_parameters()
            if name.startswith(("decoder.", "post_quant_conv."))
        ]
        return [{"params": parameters, "scale": 1.0}]

    def loss(self, batch: Batch, share: float, generator: torch.Generator) -> Tensor:
        """Mix loss without its KL term, whose latents are fixed."""
        with torch.no_grad():
            mean, _ = self.model.vae.encode(batch.map)
        decoded = self.model.vae.decode(mean)
        still = torch.zeros_like(mean)
        return map_autoencoder_loss(decoded.float(), batch.map, batch.classes, still, still, 1.0)


class EncoderStage(Stage):
    """B: MFEncoder and its class head learn to read imagery and reference."""

    def parameter_groups(self) -> list[dict[str, object]]:
        """MFEncoder with its class head."""
        return [{"params": list(self.model.mf_encoder.parameters()), "scale": 1.0}]

    def loss(self, batch: Batch, share: float, generator: torch.Generator) -> Tensor:
        """Class loss."""
        encoder = self.model.mf_encoder
        f_cond = encoder(batch.imagery, batch.reference, batch.has_reference)
        logits = encoder.class_logits(f_cond)
        return class_loss(logits, batch.classes, batch.complete, batch.ranked_roads)


class JointStage(Stage):
    """C: SFAdapter, U-Net and text tower learn to draw; the encoder thaws late."""

    def parameter_groups(self) -> list[dict[str, object]]:
        """The drawing parts at the full rate, the encoder at a tenth once it thaws."""
        drawing = [self.model.sf_adapter, self.model.unet, self.model.text]
        return [
            {"params": [p for part in drawing for p in part.parameters()], "scale": 1.0},
            {"params": list(self.model.mf_encoder.parameters()), "scale": _THAWED_RATE},
        ]

    def loss(self, batch: Batch, share: float, generator: torch.Generator) -> Tensor:
        """L1 (or the configured kind) on the prediction, at timesteps biased to high noise."""
        model = self.model
        thawed = share >= self.config.freeze
        with torch.set_grad_enabled(thawed):
            f_cond = model.mf_encoder(batch.imagery, batch.reference, batch.has_reference)
        features = model.features_from(f_cond, batch.reference, batch.has_reference)
        with torch.no_grad():
            latent = model.encode(batch.map).float()
        noise = torch.randn(latent.shape, generator=generator)
        uniform = torch.rand(len(latent), generator=generator)
        timestep = (999 * uniform**_TIMESTEP_POWER).round().long()
        noisy, target = noised(latent, noise, timestep, model.config)
        embedding = self._text(batch, generator)
        predicted = model.predict(noisy, timestep, embedding, features)
        loss = diffusion_loss(predicted.float(), target, "l1")
        if thawed:
            logits = model.mf_encoder.class_logits(f_cond)
            loss = loss + _CLASS_WEIGHT * class_loss(
                logits, batch.classes, batch.complete, batch.ranked_roads
            )
        return loss

    def _text(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Embeddings of the batch's scale texts, a share of them empty or without a scale."""
        draws = torch.rand(len(batch.zooms), generator=generator)
        texts = [
            scale_text(map_scale(zoom), factor)
            if draw >= self.config.no_text
            else ("" if draw < 0.7 * self.config.no_text else NO_SCALE_TEXT)
            for zoom, factor, draw in zip(
                batch.zooms, batch.cascade_factors, draws.tolist(), strict=True
            )
        ]
        distinct = sorted(set(texts))
        embeddings = self.model.embed(distinct)
        return embeddings[[distinct.index(text) for text in texts]]


STAGES: dict[str, type[Stage]] = {
    "vae": VAEStage,
    "decoder": DecoderStage,
    "encoder": EncoderStage,
    "joint": JointStage,
}


def noised(
    latent: Tensor, noise: Tensor, timestep: Tensor, config: SGDMConfig
) -> tuple[Tensor, Tensor]:
    """The noisy latent at `timestep` [B] and what the U-Net shall predict of it."""
    schedule = config.schedule
    betas = (
        torch.linspace(
            schedule.beta_start**0.5,
            schedule.beta_end**0.5,
            schedule.timesteps,
            dtype=torch.float64,
        )
        ** 2
    )
    product = torch.cumprod(1 - betas, 0)[timestep].float().view(-1, 1, 1, 1)
    noisy = product.sqrt() * latent + (1 - product).sqrt() * noise
    if config.prediction_type == "epsilon":
        return noisy, noise
    if config.prediction_type == "v_prediction":
        return noisy, product.sqrt() * noise - (1 - product).sqrt() * latent
    return noisy, latent
