"""MFEncoder: imagery and enlarged reference become F_cond, at an eighth of their size.

Three arms: `origin` reads imagery alone, `ref` joins a reference branch at the end, and
`ref_dual_spade` modulates the reference branch after every stage by SPADE of both. Attribute names
are those of the authors' checkpoints below `adapter.merge_encoder.`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from ..legend import CLASS_ID
from .config import PLAINLY, HowToRead, MFEncoderConfig
from .mf_encoder_blocks import (
    FACTOR,
    SLOPE,
    SPADE,
    Context,
    ConvIn,
    Down,
    FineHead,
    LookModulation,
    Residual,
)

ORIGIN_SLOPE = 0.01
_GROUND, _BUILT_UP = CLASS_ID["ground"], CLASS_ID["built-up area"]
_MAIN_ROADS = [CLASS_ID["motorway"], CLASS_ID["main road"]]
_STREET = CLASS_ID["street"]
_LEAST_DEVIATION = 0.05  # so that flat water does not become noise


@dataclass(frozen=True)
class Reading:
    """What MFEncoder reads of a batch.

    Attributes:
        f_cond: F_cond, [B,out,H/8,W/8].
        stems: Features of both stems, [B,2 x stem,H/unshuffle,W/unshuffle]; None without a fine
            head.
    """

    f_cond: Tensor
    stems: Tensor | None = None


class MFEncoder(nn.Module):
    """Imagery and reference, float [-1,1] [B,3,H,W], to F_cond [B,out,H/8,W/8].

    With norm "group" a missing reference has learnt stem features, so one model draws with and
    without; the authors' cascade arms always need one.

    Raises:
        ConfigError: the widths, the arm and the norm do not fit together.
    """

    def __init__(self, config: MFEncoderConfig) -> None:
        super().__init__()
        _check(config)
        self.config = config
        self.branches = {"origin": ("source",), "ref": ("source", "ref")}.get(
            config.arm, ("source", "ref_scale")
        )
        if config.arm == "origin":
            self._add_origin_branch()
        else:
            self._add_branches()
        if config.class_head:
            self.class_head = nn.Sequential(
                nn.Conv2d(config.out_channels, config.class_head_width, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(config.class_head_width, FACTOR**2 * config.class_head, 1),
            )
        if config.looks:
            self.class_look = LookModulation(config.looks, config.class_head_width)
        if config.fine_head:
            self.fine_head = FineHead(config)
        if config.norm == "group":
            self.no_reference = nn.Parameter(torch.randn(1, config.stem, 1, 1))
            self._initialise()

    def _add_origin_branch(self) -> None:
        config = self.config
        self.first_layer_source = nn.Conv2d(3, config.stem, 3, padding=1)
        for k, (before, width) in enumerate(_pairs(config), start=1):
            stage = nn.Sequential(
                nn.Conv2d(before, width, 3, padding=1),
                nn.LeakyReLU(ORIGIN_SLOPE),
                nn.Conv2d(width, width, 3, stride=2, padding=1),
                nn.LeakyReLU(ORIGIN_SLOPE),
            )
            self.add_module(f"layer{k}_source", stage)
        self.last_linear = nn.Conv2d(
            config.widths[-1], config.out_channels, 3, padding=1, bias=False
        )

    def _add_branches(self) -> None:
        config = self.config
        normed = config.norm == "group"
        reference = self.branches[1]
        for branch in self.branches:
            channels = 6 if config.standardise and branch == "source" else 3
            self.add_module(
                f"first_layer_{branch}", ConvIn(channels, config.stem, config.unshuffle)
            )
        stages = zip(_pairs(config), config.downsample, strict=True)
        for k, ((before, width), down) in enumerate(stages, start=1):
            source: list[nn.Module] = [ConvIn(before, width), Residual(width, normed=normed)]
            ref: list[nn.Module] = [nn.Conv2d(before, width, 3, padding=1), nn.LeakyReLU(SLOPE)]
            if down:
                source.append(Down(width))
                ref.append(Down(width))
            if k == len(config.widths):
                extra = range(config.extra_residual_blocks)
                source.extend(Residual(width, normed=normed) for _ in extra)
                if config.context_width:
                    source.append(Context(width, config.context_width))
            self.add_module(f"layer{k}_source", nn.Sequential(*source))
            self.add_module(f"layer{k}_{reference}", nn.Sequential(*ref))
            if config.arm == "ref_dual_spade":
                self.add_module(
                    f"spade{k}", SPADE(width, 2 * width, config.spade_hidden, config.norm)
                )
        self.last_linear = nn.Conv2d(2 * config.widths[-1], config.out_channels, 1, bias=False)

    @torch.no_grad()
    def _initialise(self) -> None:
        """He initialisation; residual blocks, context and SPADE begin as the identity."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=SLOPE)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, Residual):
                nn.init.zeros_(cast(nn.Conv2d, module.res_block[2]).weight)
            elif isinstance(module, Context):
                nn.init.zeros_(module.outward.weight)
            elif isinstance(module, SPADE):
                nn.init.zeros_(module.mlp_gamma.weight)
                nn.init.zeros_(module.mlp_beta.weight)
            elif isinstance(module, FineHead):
                nn.init.zeros_(module.outward.weight)

    def forward(
        self,
        imagery: Tensor,
        reference: Tensor | None = None,
        has_reference: Tensor | None = None,
    ) -> Tensor:
        """F_cond of a batch; arguments of `read`."""
        return self.read(imagery, reference, has_reference).f_cond

    def read(
        self,
        imagery: Tensor,
        reference: Tensor | None = None,
        has_reference: Tensor | None = None,
    ) -> Reading:
        """F_cond of a batch, and what the class head needs beside it.

        Args:
            imagery: float [-1,1], [B,3,H,W], sides multiples of 8.
            reference: The same of the enlarged reference; None where no picture has one.
            has_reference: bool [B]; False where the picture has none after all. None: all have.

        Raises:
            ConfigError: this arm needs a reference for every picture, and one is missing.
        """
        if self.config.standardise:
            imagery = torch.cat([_standardised(imagery), imagery], dim=1)
        source = self._layer("first_layer_source")(imagery)
        if self.config.arm == "origin":
            for k in range(1, len(self.config.widths) + 1):
                source = self._layer(f"layer{k}_source")(source)
            return Reading(self.last_linear(source))
        branch = self.branches[1]
        ref = self._reference_stem(source, reference, has_reference)
        stems = torch.cat([source, ref], dim=1) if self.config.fine_head else None
        for k in range(1, len(self.config.widths) + 1):
            source = self._layer(f"layer{k}_source")(source)
            ref = self._layer(f"layer{k}_{branch}")(ref)
            if self.config.arm == "ref_dual_spade":
                ref = self._layer(f"spade{k}")(ref, torch.cat([ref, source], dim=1))
        return Reading(self.last_linear(torch.cat([ref, source], dim=1)), stems)

    def class_logits(self, reading: Reading, looks: Sequence[int | None] | None = None) -> Tensor:
        """Logits of the legend's classes [B,classes,H,W].

        Args:
            reading: Of `read`.
            looks: The zooms whose maps the rows of the batch shall look like, which a class head
                with `looks` is told; None where nobody knows.

        Raises:
            ConfigError: the model has no class head.
        """
        if not self.config.class_head:
            raise ConfigError("This model has no class head, so it has no classes and no draft.")
        looks = [None] * len(reading.f_cond) if looks is None else looks
        inward, nonlinear, outward = self.class_head
        hidden = inward(reading.f_cond)
        if self.config.looks:
            hidden = self.class_look(hidden, looks)
        logits = F.pixel_shuffle(outward(nonlinear(hidden)), FACTOR)
        if reading.stems is not None:
            logits = logits + self.fine_head(reading.stems, reading.f_cond, looks)
        return logits

    @torch.no_grad()
    def draft(self, reading: Reading) -> Tensor:
        """Class probabilities on the latent grid [B,classes x cells,h,w]; carries no gradient.

        With several `draft_cells` a side, a class has one channel for each cell of a latent pixel,
        row by row: the drawing shall know where in its 8 px a road lies.

        Raises:
            ConfigError: the model has no class head.
        """
        return self.draft_and_classes(self.class_logits(reading))[0]

    @torch.no_grad()
    def draft_and_classes(self, logits: Tensor, how: HowToRead = PLAINLY) -> tuple[Tensor, Tensor]:
        """The draft of logits, and the best class of each pixel, uint8 [B,H,W].

        Where maps have no built-up areas, what is read as one is ground with houses on it.
        """
        probabilities = logits.float().softmax(dim=1)
        classes = logits.argmax(dim=1).to(torch.uint8)
        if not how.built_up:
            probabilities[:, _GROUND] += probabilities[:, _BUILT_UP]
            probabilities[:, _BUILT_UP] = 0
            classes[classes == _BUILT_UP] = _GROUND
        return self.draft_of(probabilities).to(logits.dtype), classes

    @torch.no_grad()
    def logits_as_drawn(
        self,
        how: HowToRead,
        reading: Reading,
        imagery: Tensor,
        reference: Tensor | None = None,
        has_reference: Tensor | None = None,
    ) -> Tensor:
        """Logits that a drawing is made of; carry no gradient.

        Args:
            how: In four views the mean of the four quarter turns counts: what is read wrongly by
                chance is rarely read so when the window is turned. Where it says `unreferenced`,
                the first and third turn do not see the reference: it may be a drawn one, and wrong.
                Its look is that of all windows.
            reading: Of the windows as they lie.
            imagery, reference, has_reference: Arguments of `read`.

        Raises:
            ConfigError: the model has no class head, or this arm needs a reference for every
                picture and `how` asks for views without one.
        """
        looks = [how.look] * len(reading.f_cond)
        logits = self.class_logits(reading, looks).float()
        if how.four_views:
            for turns in (1, 2, 3):
                turned = torch.rot90(imagery, turns, (2, 3))
                if reference is None or (how.unreferenced and turns != 2):
                    seen = self.read(turned)
                else:
                    seen = self.read(turned, torch.rot90(reference, turns, (2, 3)), has_reference)
                logits += torch.rot90(self.class_logits(seen, looks), -turns, (2, 3))
            logits /= 4
        if how.road_shift:
            logits[:, _MAIN_ROADS] += how.road_shift
        if how.street_shift:
            logits[:, _STREET] += how.street_shift
        return logits.to(imagery.dtype)

    def draft_of(self, probabilities: Tensor) -> Tensor:
        """Class probabilities [B,classes,H,W], averaged and laid out as `draft` tells."""
        cells = self.config.draft_cells
        return F.pixel_unshuffle(F.avg_pool2d(probabilities, FACTOR // cells), cells)

    def _layer(self, name: str) -> nn.Module:
        return cast(nn.Module, getattr(self, name))

    def _reference_stem(
        self, source: Tensor, reference: Tensor | None, has_reference: Tensor | None
    ) -> Tensor:
        missing = reference is None or (has_reference is not None and not bool(has_reference.all()))
        if missing and self.config.norm != "group":
            raise ConfigError(
                f"The arm {self.config.arm!r} needs a reference for every picture. "
                "Start from a tile set, or use a model of the arm 'origin'."
            )
        if reference is None:
            return self.no_reference.to(source.dtype).expand_as(source)
        ref = self._layer(f"first_layer_{self.branches[1]}")(reference)
        if missing and has_reference is not None:
            present = has_reference.to(ref.device)[:, None, None, None]
            ref = torch.where(present, ref, self.no_reference.to(ref.dtype))
        return cast(Tensor, ref)


def _standardised(imagery: Tensor) -> Tensor:
    """Every picture at mean 0 and deviation 1: hazy and dark ones read like clear ones."""
    deviation, mean = torch.std_mean(imagery, dim=(1, 2, 3), keepdim=True)
    return (imagery - mean) / (deviation + _LEAST_DEVIATION)


def _pairs(config: MFEncoderConfig) -> Iterator[tuple[int, int]]:
    return zip((config.stem, *config.widths[:-1]), config.widths, strict=True)


def _check(config: MFEncoderConfig) -> None:
    if len(config.downsample) != len(config.widths):
        raise ConfigError(
            f"MFEncoder has {len(config.widths)} widths but {len(config.downsample)} entries "
            "in 'downsample'. Give one for each stage."
        )
    if config.unshuffle * 2 ** sum(config.downsample) != FACTOR:
        raise ConfigError(
            f"MFEncoder must divide by {FACTOR}: 'unshuffle' {config.unshuffle} and "
            f"{sum(config.downsample)} halving stages do not."
        )
    if FACTOR % config.draft_cells:
        raise ConfigError(
            f"A latent pixel cannot be cut into {config.draft_cells} draft cells a side. "
            "Take 1, 2, 4 or 8."
        )
    if config.looks and not config.class_head:
        raise ConfigError("Only a class head can be told a look: 'looks' needs 'class_head'.")
    if config.fine_head and not (config.class_head and config.norm == "group"):
        raise ConfigError("A fine head needs a class head to correct, and the norm 'group'.")
    if config.arm == "origin" and (
        config.unshuffle > 1 or config.norm != "batch" or config.standardise
    ):
        raise ConfigError("The arm 'origin' exists only as the authors have it: unshuffle 1.")
