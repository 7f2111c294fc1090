"""SGDM: MFEncoder, SFAdapter, U-Net, VAE and text tower as one model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..legend import FLAT_CLASSES
from .config import PLAINLY, HowToRead, SGDMConfig
from .mf_encoder import MFEncoder, Reading
from .readings import in_legend_colours
from .sf_adapter import SFAdapter
from .text import TextTower, tokenize
from .unet import UNet
from .vae import build_vae, sample_latent

PARTS = ("mf_encoder", "sf_adapter", "unet", "vae", "text")


@dataclass(frozen=True)
class Features:
    """What steers the U-Net besides the text: computed once a window, whatever the timestep.

    Attributes:
        maps: A map for each feature level, already times the control factor.
        draft: Class probabilities on the latent grid, where the model has a class head.
        reference_latent: Scaled latent of the reference (Eq. 8), where the model takes it.
        classes: What the class head reads, uint8 [B,H,W], of models with a draft.
    """

    maps: tuple[Tensor, ...]
    draft: Tensor | None = None
    reference_latent: Tensor | None = None
    classes: Tensor | None = None


class SGDM(nn.Module):
    """The whole model, built from its configuration with untrained weights.

    Pictures are float [-1,1] [B,3,H,W]; latents [B,4,H/8,W/8] are scaled, as the U-Net sees them.

    Raises:
        ConfigError: the parts do not fit together.
        MissingExtra: diffusers or open_clip is not installed.
    """

    def __init__(self, config: SGDMConfig) -> None:
        super().__init__()
        _check_draft(config)
        self.config = config
        self.mf_encoder = MFEncoder(config.mf_encoder)
        self.sf_adapter = SFAdapter(config.sf_adapter, config.mf_encoder.out_channels)
        self.unet = UNet(config.unet)
        self.vae = build_vae(config.vae)
        self.text = TextTower(config.text)

    @classmethod
    def load(
        cls,
        source: str | Path,
        base: str | Path | None = None,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> SGDM:
        """A trained model, ready to draw.

        Args:
            source: A model file, or "mini" for the bundled c2gm-mini.
            base: Stable Diffusion 2.1-base, where the model file is a slim one.
            device: Where it shall run.
            dtype: Of its weights.

        Raises:
            CheckpointError: a file is wrong, truncated or does not fit.
        """
        from .checkpoints import load_sgdm

        return load_sgdm(source, base).to(device=device, dtype=dtype).eval()

    def features(
        self,
        imagery: Tensor,
        reference: Tensor | None = None,
        has_reference: Tensor | None = None,
        *,
        how: HowToRead = PLAINLY,
    ) -> Features:
        """What the imagery and the enlarged reference say of a window; arguments of MFEncoder.

        `how` is of `SGDMConfig.how_to_read`; by default the class head reads as it was trained.

        Raises:
            ConfigError: the model needs a reference, and one is missing.
        """
        seen = (imagery, reference, has_reference)
        reading = self.mf_encoder.read(*seen)
        logits = None
        if self.config.unet.draft_channels:
            logits = self.mf_encoder.logits_as_drawn(how, reading, *seen)
        return self.features_from(reading, logits, reference, has_reference, how=how)

    def features_from(
        self,
        reading: Reading,
        logits: Tensor | None,
        reference: Tensor | None = None,
        has_reference: Tensor | None = None,
        *,
        how: HowToRead = PLAINLY,
    ) -> Features:
        """The same from a reading and its logits, which training keeps (None: no class head)."""
        factor = self.config.sf_adapter.control_factor
        draft = classes = None
        if self.config.unet.draft_channels and logits is not None:
            draft, classes = self.mf_encoder.draft_and_classes(logits, how)
        return Features(
            maps=tuple(feature * factor for feature in self.sf_adapter(reading.f_cond)),
            draft=draft,
            reference_latent=self._reference_latent(reference, has_reference),
            classes=classes,
        )

    @torch.no_grad()
    def reading_latent(self, features: Features) -> Tensor:
        """Scaled latent of what the class head reads, drawn in the legend's flat colours.

        Raises:
            ConfigError: the model has no class head.
        """
        if features.classes is None:
            raise ConfigError(
                "This model has no class head, so drawing starts from noise alone: denoise 1."
            )
        weight = next(self.parameters())
        return self.encode(in_legend_colours(features.classes).to(weight.dtype))

    def _reference_latent(
        self, reference: Tensor | None, has_reference: Tensor | None
    ) -> Tensor | None:
        if reference is None or not self.config.unet.concat_reference:
            return None
        with torch.no_grad():
            latent = self.encode(reference)
        if has_reference is None:
            return latent
        return latent * has_reference.to(latent)[:, None, None, None]

    def embed(self, texts: list[str]) -> Tensor:
        """Text embeddings [B,77,context] of scale texts."""
        tokens = tokenize(texts, self.config.text.context_length)
        embedding: Tensor = self.text(tokens.to(self.text.positional_embedding.device))
        return embedding

    def predict(
        self, latent: Tensor, timestep: Tensor, text_embedding: Tensor, features: Features
    ) -> Tensor:
        """The U-Net's prediction [B,4,h,w], of the kind that `prediction_type` names.

        Args:
            latent: Noisy latent.
            timestep: [B] or [], 0 to 999.
            text_embedding: [B,77,context], or [1,77,context] for the whole batch.
            features: Of `features`, with B windows.
        """
        prediction: Tensor = self.unet(
            latent,
            timestep,
            text_embedding.expand(len(latent), -1, -1),
            features.maps,
            features.draft,
            features.reference_latent,
        )
        return prediction

    def encode(self, pixels: Tensor, noise: Tensor | None = None) -> Tensor:
        """The scaled latent of pictures: its mean, or with noise [B,4,H/8,W/8] a draw."""
        mean, logvar = self.vae.encode(pixels)
        latent = mean if noise is None else sample_latent(mean, logvar, noise)
        return latent * self.config.vae.scaling_factor

    def decode(self, latent: Tensor) -> Tensor:
        """Pictures, not clamped, of scaled latents."""
        return self.vae.decode(latent / self.config.vae.scaling_factor)


def _check_draft(config: SGDMConfig) -> None:
    encoder, wanted = config.mf_encoder, config.unet.draft_channels
    given = encoder.class_head * encoder.draft_cells**2
    if wanted and wanted != given:
        raise ConfigError(
            f"The U-Net reads {wanted} draft channels, but MFEncoder gives {given}: "
            "'draft_channels' must be 'class_head' times the square of 'draft_cells'."
        )
    if (config.road_shifts or config.street_shifts) and encoder.class_head != FLAT_CLASSES:
        raise ConfigError(
            "'road_shifts' and 'street_shifts' are of a class head of "
            f"{FLAT_CLASSES} classes; this one has {encoder.class_head}."
        )
    if config.unreferenced_views and encoder.needs_reference:
        raise ConfigError(
            f"'unreferenced_views' need a model that can read without a reference; the arm "
            f"{encoder.arm!r} with norm {encoder.norm!r} cannot. Leave it out, or use norm 'group'."
        )


def trainable_parameters(model: SGDM) -> dict[str, nn.Parameter]:
    """What the paper trains, by name: the adapter and the U-Net's attention projections.

    Where the input convolution reads more than the noisy latent (Eq. 8, the draft), and where the
    scale joins the time embedding (Eq. 11), their weights train as well. The result says what to
    train; freezing the rest is the trainer's.
    """
    config = model.config.unet
    widened = config.concat_reference or config.draft_channels > 0
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if name.startswith(("mf_encoder.", "sf_adapter.", "unet.scale_in_time."))
        or (name.startswith("unet.") and "attn" in name)
        or (widened and name.startswith("unet.net.conv_in."))
    }


def count_parameters(config: SGDMConfig) -> dict[str, dict[str, int]]:
    """Parameters by part and, as "all", of the whole: {"unet": {"trainable": ..., "total": ...}}.

    Builds the model on the meta device, so nothing is allocated.
    """
    with torch.device("meta"):
        model = SGDM(config)
    trainable = trainable_parameters(model)
    counts = {part: {"trainable": 0, "total": 0} for part in (*PARTS, "all")}
    for name, parameter in model.named_parameters():
        for key in (name.partition(".")[0], "all"):
            counts[key]["total"] += parameter.numel()
            counts[key]["trainable"] += parameter.numel() if name in trainable else 0
    return counts
