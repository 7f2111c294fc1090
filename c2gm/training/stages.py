"""The stages of training: what each trains and its loss of one batch.

Of c2gm-mini: A VAE on maps (its decoder may be sharpened later); B encoder and class head on
imagery; C joint: the U-Net learns to draw from what the encoder reads, D with references that it
drew itself, E at the few timesteps of its sampler. The order and the reasons are in
docs/training.md. Of the paper: one stage on top of Stable Diffusion.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from ..map_scale import NO_SCALE_TEXT, map_scale, scale_text
from ..models.config import PredictionType, ScheduleConfig
from ..models.sgdm import SGDM, Features, trainable_parameters
from ..models.sgdm_map_model import SGDMMapModel
from ..sampling import SamplerConfig, timesteps
from .batches import Batch
from .chance import Chance
from .completed_truth import completed_maps
from .label_sets import LABEL_ID
from .losses import diffusion_loss
from .map_losses import class_loss, map_autoencoder_loss
from .own_references import DrawWindows, drawn_by, read_by
from .run_config import RunConfig

_TIMESTEP_POWER = 0.4  # t = 999 u^0.4: most of what few steps need is learnt at high noise
_THAWED_RATE = 0.1
_CLASS_WEIGHT = 0.2
_LARGEST_NOISE, _LARGEST_BLUR = 0.6, 0.5  # of the latents that the decoder learns from


class Stage(nn.Module, ABC):
    """One stage: its parameters, and its loss when it is called."""

    def __init__(self, model: SGDM, config: RunConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups: `params` and `scale`, their share of the run's rate."""

    @abstractmethod
    def forward(self, batch: Batch, share: float, chance: Chance) -> Tensor:
        """Loss of one batch; `share` is how much of the run has passed, 0 to 1."""

    def draw_with(self, painter: SGDMMapModel) -> DrawWindows:
        """How references of the run's own are drawn: by the whole model."""
        return drawn_by(painter)

    def _class_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Class loss; of the coupled crops alone where the class head is not told the look, which
        imagery does not tell either.
        """
        labels = batch.labels
        if not self.model.config.mf_encoder.looks:
            coupled = [a == b for a, b in zip(batch.zooms, batch.imagery_zooms, strict=True)]
            readable = torch.tensor(coupled, device=labels.device)[:, None, None]
            labels = torch.where(readable, labels, LABEL_ID["unknown"])
        return class_loss(logits, batch.classes, labels)

    def trained(self) -> dict[str, nn.Parameter]:
        """Parameters that the stage trains, by their name in the model."""
        ids = {id(p) for group in self.parameter_groups() for p in group["params"]}
        return {name: p for name, p in self.model.named_parameters() if id(p) in ids}


class VAEStage(Stage):
    """A: the VAE learns to keep maps."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The whole VAE."""
        return [{"params": list(self.model.vae.parameters()), "scale": 1.0}]

    def forward(self, batch: Batch, share: float, chance: Chance) -> Tensor:
        """Mix loss; its legend term comes in over the first tenth of the run."""
        mean, logvar = self.model.vae.encode(batch.map)
        decoded = self.model.vae.decode(mean + torch.exp(0.5 * logvar) * chance.normal(mean.shape))
        return map_autoencoder_loss(
            decoded.float(), batch.map, batch.classes, mean, logvar, min(1.0, share * 10)
        )


class DecoderStage(Stage):
    """The VAE's decoder alone sharpens its pictures while its latents stay as they are.

    It learns from latents that are as imprecise as drawn ones, so that what is nearly a legend
    colour or nearly an edge becomes one. It may run beside or after the joint stage, which depends
    on the latents only.
    """

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The decoder."""
        vae = self.model.vae
        parameters = [
            parameter
            for name, parameter in vae.named_parameters()
            if name.startswith(("decoder.", "post_quant_conv.", "finish."))
        ]
        return [{"params": parameters, "scale": 1.0}]

    def forward(self, batch: Batch, share: float, chance: Chance) -> Tensor:
        """Mix loss without its KL term, whose latents are fixed."""
        with torch.no_grad():
            mean, _ = self.model.vae.encode(batch.map)
            latent = imprecise(mean.float(), chance)
        decoded = self.model.vae.decode(latent)
        still = torch.zeros_like(mean)
        return map_autoencoder_loss(decoded.float(), batch.map, batch.classes, still, still, 1.0)


class EncoderStage(Stage):
    """B: MFEncoder and its class head learn to read imagery and reference."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """MFEncoder with its class head, or the latter alone."""
        encoder = self.model.mf_encoder
        parts = ("class_", "fine_") if self.config.heads_only else ""
        parameters = [p for name, p in encoder.named_parameters() if name.startswith(parts)]
        return [{"params": parameters, "scale": 1.0}]

    def draw_with(self, painter: SGDMMapModel) -> DrawWindows:
        """What is read is drawn plainly, for no U-Net fits an encoder in training."""
        return read_by(painter)

    def forward(self, batch: Batch, share: float, chance: Chance) -> Tensor:
        """Class loss."""
        encoder = self.model.mf_encoder
        with torch.set_grad_enabled(not self.config.heads_only and torch.is_grad_enabled()):
            reading = encoder.read(batch.imagery, batch.reference, batch.has_reference)
        logits = encoder.class_logits(reading, self._looks(batch, chance))
        return self._class_loss(logits, batch)

    def _looks(self, batch: Batch, chance: Chance) -> list[int | None] | None:
        """What the class head is told; not in a share of the crops that look like their grid."""
        if not self.model.config.mf_encoder.looks:
            return None
        draws = chance.host_uniform(len(batch.zooms))
        return [
            None if draw < self.config.no_text and zoom == grid else zoom
            for zoom, grid, draw in zip(batch.zooms, batch.imagery_zooms, draws, strict=True)
        ]


class DiffusionStage(Stage):
    """What the stages that train the U-Net share."""

    def __init__(self, model: SGDM, config: RunConfig) -> None:
        super().__init__(model, config)
        self.register_buffer("products", noise_products(model.config.schedule), persistent=False)
        few = torch.tensor(config.timesteps, dtype=torch.long)
        self.register_buffer("few_timesteps", few, persistent=False)

    def _prediction_loss(
        self,
        batch: Batch,
        features: Features,
        latent: Tensor,
        timestep: Tensor,
        chance: Chance,
        seen: Tensor | None = None,
    ) -> Tensor:
        """L1 (or L2) of what the U-Net predicts of the noisy latent.

        Another latent may be noised and seen in its place, where clean latents are predicted.
        """
        noise = chance.normal(latent.shape)
        product = cast(Tensor, self.products)[timestep]
        noisy, target = noised(latent, noise, product, self.model.config.prediction_type)
        if seen is not None:
            noisy = noised(seen, noise, product, "sample")[0]
        predicted = self.model.predict(noisy, timestep, self._text(batch, chance), features)
        return diffusion_loss(predicted.float(), target, self.config.loss)

    def _few_timesteps(self, count: int, chance: Chance) -> Tensor:
        """Each of the run's few timesteps as often as the others, int64 [count]."""
        few = cast(Tensor, self.few_timesteps)
        return few[(chance.uniform(count) * len(few)).long().clamp_(max=len(few) - 1)]

    def _text(self, batch: Batch, chance: Chance) -> Tensor:
        """Embeddings of the batch's scale texts, a share of them empty or without a scale."""
        draws = chance.host_uniform(len(batch.zooms))
        texts = [
            scale_text(map_scale(zoom), factor)
            if draw >= self.config.no_text
            else ("" if draw < 0.7 * self.config.no_text else NO_SCALE_TEXT)
            for zoom, factor, draw in zip(batch.zooms, batch.cascade_factors, draws, strict=True)
        ]
        distinct = sorted(set(texts))
        return self.model.embed(distinct)[[distinct.index(text) for text in texts]]


class JointStage(DiffusionStage):
    """C, D, E: SFAdapter, U-Net and text tower learn to draw; the encoder thaws late.

    Raises:
        ConfigError: `from_reading` for a model that does not predict clean latents of a reading.
    """

    def __init__(self, model: SGDM, config: RunConfig) -> None:
        super().__init__(model, config)
        reads = model.config.unet.draft_channels and model.config.prediction_type == "sample"
        if config.from_reading and not reads:
            raise ConfigError(
                "from_reading needs a model with a class head that predicts clean latents; "
                f"{model.config.name} is none. Leave it out."
            )

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The drawing parts at the full rate, the encoder at a tenth once it thaws."""
        drawing = [self.model.sf_adapter, self.model.unet, self.model.text]
        return [
            {"params": [p for part in drawing for p in part.parameters()], "scale": 1.0},
            {"params": list(self.model.mf_encoder.parameters()), "scale": _THAWED_RATE},
        ]

    def forward(self, batch: Batch, share: float, chance: Chance) -> Tensor:
        """Loss at timesteps biased to high noise, or at the few ones of the run."""
        model = self.model
        thawed = share >= self.config.freeze
        with torch.set_grad_enabled(thawed and torch.is_grad_enabled()):
            reading = model.mf_encoder.read(batch.imagery, batch.reference, batch.has_reference)
            logits = model.mf_encoder.class_logits(reading, batch.zooms)
        features = model.features_from(reading, logits, batch.reference, batch.has_reference)
        if self.config.true_drafts and features.draft is not None:
            draft = self._told_draft(batch, logits, chance).to(features.draft.dtype)
            features = replace(features, draft=draft)
        with torch.no_grad():
            latent = model.encode(completed_maps(batch.map, batch.labels, logits)).float()
        timestep, seen = self._timesteps(len(latent), chance), None
        if self.config.from_reading:
            timestep, seen = self._from_reading(features, latent, timestep, chance)
        loss = self._prediction_loss(batch, features, latent, timestep, chance, seen)
        if thawed:
            loss = loss + _CLASS_WEIGHT * self._class_loss(logits, batch)
        return loss

    @torch.no_grad()
    def _told_draft(self, batch: Batch, logits: Tensor, chance: Chance) -> Tensor:
        """The draft, in a share of the crops drawn towards the true classes by any degree.

        A drawing that only ever meets readings with faults learns to doubt the sure ones as well.
        """
        degree = (1 - chance.uniform(len(logits)) / self.config.true_drafts).clamp_min(0)
        read = logits.float().softmax(dim=1)
        true = F.one_hot(batch.classes, read.shape[1]).movedim(-1, 1).to(read)
        known = (batch.labels == LABEL_ID["as drawn"])[:, None]
        told = torch.lerp(read, true, degree.view(-1, 1, 1, 1) * known)
        return self.model.mf_encoder.draft_of(told)

    @torch.no_grad()
    def _from_reading(
        self, features: Features, latent: Tensor, timestep: Tensor, chance: Chance
    ) -> tuple[Tensor, Tensor]:
        """Timesteps and latents to be noised, a share of them as the default sampler meets them.

        At its first timestep that is the latent of what was read, at later ones something between
        that and the truth.
        """
        config = self.model.config
        read = self.model.reading_latent(features).float()
        steps = torch.tensor(timesteps(SamplerConfig.default_of(config), config.schedule)).to(
            timestep
        )
        chosen = chance.uniform(len(latent)) < self.config.from_reading
        which = (chance.uniform(len(latent)) * len(steps)).long().clamp_(max=len(steps) - 1)
        known = chance.uniform(len(latent)) * (which > 0)
        between = torch.lerp(read, latent, known.view(-1, 1, 1, 1))
        seen = torch.where(chosen.view(-1, 1, 1, 1), between, latent)
        return torch.where(chosen, steps[which], timestep), seen

    def _timesteps(self, count: int, chance: Chance) -> Tensor:
        if self.config.timesteps:
            return self._few_timesteps(count, chance)
        highest = self.model.config.schedule.timesteps - 1
        return (highest * chance.uniform(count) ** _TIMESTEP_POWER).round().long()


class PaperStage(DiffusionStage):
    """The authors' training: the adapter and the U-Net's attention on top of Stable Diffusion."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What the paper trains, all at one rate."""
        return [{"params": list(trainable_parameters(self.model).values()), "scale": 1.0}]

    def forward(self, batch: Batch, share: float, chance: Chance) -> Tensor:
        """Loss at even timesteps, on a draw of the latent."""
        model = self.model
        features = model.features(batch.imagery, batch.reference, batch.has_reference)
        side = [edge // 8 for edge in batch.map.shape[2:]]
        shape = (len(batch.map), model.config.vae.latent_channels, *side)
        with torch.no_grad():
            latent = model.encode(batch.map, chance.normal(shape)).float()
        count, known = len(latent), model.config.schedule.timesteps
        timestep = (
            self._few_timesteps(count, chance)
            if self.config.timesteps
            else (chance.uniform(count) * known).long().clamp_(max=known - 1)
        )
        return self._prediction_loss(batch, features, latent, timestep, chance)


STAGES: dict[str, type[Stage]] = {
    "vae": VAEStage,
    "decoder": DecoderStage,
    "encoder": EncoderStage,
    "joint": JointStage,
    "paper": PaperStage,
}


def imprecise(latent: Tensor, chance: Chance) -> Tensor:
    """Latents [B,C,h,w] as a drawing might have them: each noisy and blurred to its own degree."""
    count = len(latent)
    noise, blur = (chance.uniform(count).view(-1, 1, 1, 1) for _ in range(2))
    smooth = F.avg_pool2d(latent, 3, stride=1, padding=1, count_include_pad=False)
    blurred = torch.lerp(latent, smooth, _LARGEST_BLUR * blur.square())
    return blurred + _LARGEST_NOISE * noise.square() * chance.normal(latent.shape)


def noise_products(schedule: ScheduleConfig) -> Tensor:
    """Share of the clean latent that is left at each timestep, float32 [timesteps]."""
    first, last = schedule.beta_start**0.5, schedule.beta_end**0.5
    betas = torch.linspace(first, last, schedule.timesteps, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


def noised(
    latent: Tensor, noise: Tensor, product: Tensor, prediction_type: PredictionType
) -> tuple[Tensor, Tensor]:
    """The noisy latent and what the U-Net shall predict of it.

    Args:
        latent: Clean, [B,C,h,w].
        noise: Of the same shape.
        product: Of `noise_products`, at the timesteps of the batch, [B].
        prediction_type: What the model predicts.
    """
    product = product.view(-1, 1, 1, 1)
    noisy = product.sqrt() * latent + (1 - product).sqrt() * noise
    if prediction_type == "epsilon":
        return noisy, noise
    if prediction_type == "v_prediction":
        return noisy, product.sqrt() * noise - (1 - product).sqrt() * latent
    return noisy, latent
