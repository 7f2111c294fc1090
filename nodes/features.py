"""MFEncoder and SFAdapter inside ComfyUI: features once a window, added at six places.

Where: after the first block of every level with attention, going down before the skip connection
is stored, and going up likewise (Stable Diffusion: input blocks 1, 4, 7, output blocks 3, 6, 9).
ComfyUI calls its output patches before a block, so there the next block's number counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import numpy as np
import torch
from torch import Tensor, nn

from ..c2gm.errors import ConfigError
from ..c2gm.models.config import HowToRead, SGDMConfig, UNetConfig
from ..c2gm.models.mf_encoder import MFEncoder
from ..c2gm.models.readings import in_255ths, in_legend_colours, log_probabilities
from ..c2gm.models.sf_adapter import SFAdapter
from .comfy_models import part
from .memory import memory_told, smaller_area

WRAPPER_KEY = "c2gm"


@dataclass(frozen=True)
class Features:
    """Features of a batch of windows, float32 where nothing else is said.

    Attributes:
        maps: One for each level with attention, already times the control factor.
        draft: Class probabilities on the latent grid, of models that have them.
        classes: What was read, uint8 [B,H,W], of the same models.
    """

    maps: tuple[Tensor, ...]
    draft: Tensor | None = None
    classes: Tensor | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        parts = (*self.maps, self.draft, self.classes)
        return sum(part.numel() * part.element_size() for part in parts if part is not None)

    def to_cpu(self) -> Features:
        """The same in the processor's memory."""
        draft, classes = (
            None if part is None else part.cpu() for part in (self.draft, self.classes)
        )
        return Features(tuple(feature.cpu() for feature in self.maps), draft, classes)


class FeatureEncoder(nn.Module):
    """MFEncoder and SFAdapter with the names of the checkpoints; always float32, which they need:
    the reference branch's activations leave the range of float16.
    """

    def __init__(self, config: SGDMConfig) -> None:
        super().__init__()
        self.factor = config.sf_adapter.control_factor
        self.has_draft = bool(config.unet.draft_channels)
        self.merge_encoder = MFEncoder(config.mf_encoder)
        self.adapter = SFAdapter(config.sf_adapter, config.mf_encoder.out_channels)

    def forward(
        self,
        imagery: Tensor,
        reference: Tensor | None,
        how: HowToRead,
        probabilities: np.ndarray | None = None,
    ) -> Features:
        """Features of pictures float [-1,1] [B,3,H,W]."""
        encoder = self.merge_encoder
        reading = encoder.read(imagery, reference)
        maps = tuple(feature * self.factor for feature in self.adapter(reading.f_cond))
        if not self.has_draft:
            return Features(maps)
        if probabilities is None:
            logits = encoder.logits_as_drawn(how, reading, imagery, reference)
        else:
            logits = log_probabilities(probabilities, reading.f_cond)
        return Features(maps, *encoder.draft_and_classes(logits, how))

    def classes(self, imagery: Tensor, reference: Tensor | None, how: HowToRead) -> np.ndarray:
        """Class probabilities of pictures in 255ths, uint8 [B,classes,H,W]."""
        reading = self.merge_encoder.read(imagery, reference)
        return in_255ths(self.merge_encoder.logits_as_drawn(how, reading, imagery, reference))


def build_encoder(config: SGDMConfig, tensors: Mapping[str, Tensor]) -> Any:
    """A ModelPatcher of MFEncoder and SFAdapter, so that ComfyUI counts and moves them."""
    encoder = FeatureEncoder(config)
    merge = "adapter.merge_encoder."
    encoder.merge_encoder.load_state_dict(part(tensors, merge), strict=True)
    adapter = {key: value for key, value in tensors.items() if not key.startswith(merge)}
    own = encoder.adapter.state_dict()
    encoder.adapter.load_state_dict(
        {key: value for key, value in part(adapter, "adapter.").items() if key in own}, strict=True
    )
    management = comfy.model_management
    return comfy.model_patcher.ModelPatcher(
        encoder.float().eval(),
        load_device=management.get_torch_device(),
        offload_device=management.unet_offload_device(),
    )


def encode_features(
    sgdm: Any,
    imagery: Tensor,
    reference: Tensor | None,
    zoom: int | None = None,
    look: int | None = None,
    probabilities: np.ndarray | None = None,
    *,
    trusts: bool = False,
) -> Features:
    """Features of a batch of windows.

    Args:
        sgdm: `LoadedSGDM`.
        imagery: IMAGE, float 0 to 1 [B,H,W,3].
        reference: The same of the enlarged references, or None.
        zoom: Of the grid that the windows lie on; None where nobody knows it.
        look: The zoom whose maps the reading shall look like; None where nobody knows.
        probabilities: Of the classes that are drawn, float32 [B,classes,H,W]; None reads them here.
        trusts: Whether the reference is a map that was given, not one that a model drew.

    Raises:
        ConfigError: sizes differ or do not divide by 8, or the model needs a reference.
    """
    encoder, seen = _load(sgdm, imagery, reference)
    return encoder(*seen, sgdm.config.how_to_read(zoom, look, trusts=trusts), probabilities)


def encode_classes(
    sgdm: Any,
    imagery: Tensor,
    reference: Tensor | None,
    zoom: int | None = None,
    look: int | None = None,
    *,
    trusts: bool = False,
) -> np.ndarray:
    """Class probabilities of a batch of windows in 255ths, uint8 [B,classes,H,W]; arguments and
    errors of `encode_features`.
    """
    encoder, seen = _load(sgdm, imagery, reference)
    return encoder.classes(*seen, sgdm.config.how_to_read(zoom, look, trusts=trusts))


def _load(
    sgdm: Any, imagery: Tensor, reference: Tensor | None
) -> tuple[Any, tuple[Tensor | None, Tensor | None]]:
    """The encoder on its device, and what it shall see."""
    if reference is not None and not len(reference):
        reference = None  # Cascade Reference Encode without a map: a stage from nothing
    _check_pictures(imagery, reference)
    management = comfy.model_management
    management.throw_exception_if_processing_interrupted()
    patcher = sgdm.encoder
    pixels = imagery.shape[0] * imagery.shape[1] * imagery.shape[2]
    width = max(sgdm.config.mf_encoder.widths)
    management.load_models_gpu([patcher], memory_required=pixels * width * 4)
    device = patcher.load_device
    return patcher.model, (_pixels(imagery, device), _pixels(reference, device))


def reading_image(classes: Tensor) -> Tensor:
    """IMAGE of what was read, in the legend's flat colours."""
    return (in_legend_colours(classes).movedim(1, -1) + 1) / 2


def _check_pictures(imagery: Tensor, reference: Tensor | None) -> None:
    height, width = imagery.shape[1:3]
    if height % 8 or width % 8:
        raise ConfigError(
            f"Imagery of {width} x {height} px does not fit the latents. Its sides must be "
            "multiples of 8; the Windows node gives 320 px."
        )
    if reference is not None and reference.shape[:3] != imagery.shape[:3]:
        raise ConfigError(
            f"References {list(reference.shape[:3])} and imagery {list(imagery.shape[:3])} "
            "(pictures, rows, columns) differ. Take both for the same area and zoom."
        )


def _pixels(image: Tensor | None, device: Any) -> Tensor | None:
    if image is None:
        return None
    return image[..., :3].movedim(-1, 1).to(device, torch.float32) * 2 - 1


# Six places -------------------------------------------------------------------------------------


def feature_blocks(config: UNetConfig) -> list[tuple[int, int]]:
    """(input block, output block) where each feature is added, as ComfyUI numbers its patches."""
    levels = len(config.widths)
    each = config.blocks + 1
    return [
        (1 + level * each, (levels - 1 - level) * each + 1)
        for level, here in enumerate(config.attention)
        if here
    ]


class _Shared:
    """Tensors that many patches share; ComfyUI copies patches when a MODEL is cloned."""

    def __init__(self, features: Features) -> None:
        self.maps = list(features.maps)
        self.draft = features.draft

    def to(self, target: Any) -> None:
        """Move to a device; the dtype stays, and is adapted where the features are added."""
        if isinstance(target, torch.device):
            self.maps = [feature.to(target) for feature in self.maps]
            self.draft = None if self.draft is None else self.draft.to(target)


@dataclass(eq=False)
class FeaturePatch:
    """Adds features where ComfyUI calls it, scaled, between two noise levels.

    Attributes:
        shared: The features.
        blocks: Block number -> index of the feature that is added there.
        strength: Their factor.
        sigmas: (highest, lowest) noise level at which they act.
    """

    shared: _Shared
    blocks: Mapping[int, int]
    strength: float
    sigmas: tuple[float, float]

    def __deepcopy__(self, memo: Any) -> FeaturePatch:
        return self  # cloning a MODEL must not copy the tensors

    def to(self, target: Any) -> FeaturePatch:
        """Called by ComfyUI before sampling, with a device or a dtype."""
        self.shared.to(target)
        return self

    def added(self, h: Tensor, options: Mapping[str, Any]) -> Tensor:
        """`h` with the feature of the current block, if it has one."""
        index = self.blocks.get(options["block"][1])
        if index is None or not acts(self.sigmas, options):
            return h
        feature = spread(self.shared.maps[index], h, options)
        return h + self.strength * feature.to(h.dtype)


class InputPatch(FeaturePatch):
    """For input blocks."""

    def __call__(self, h: Tensor, options: Mapping[str, Any]) -> Tensor:
        """Called after every input block, before its result is kept as skip connection."""
        return self.added(h, options)


class OutputPatch(FeaturePatch):
    """For output blocks, whose skip connection stays as it is."""

    def __call__(
        self, h: Tensor, skip: Tensor, options: Mapping[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """Called before every output block, with what the block before it made."""
        return self.added(h, options), skip


def acts(sigmas: tuple[float, float], options: Mapping[str, Any]) -> bool:
    """Whether the sampler is between two noise levels."""
    now = float(options["sigmas"][0])
    return sigmas[1] <= now <= sigmas[0]


def spread(feature: Tensor, h: Tensor, options: Mapping[str, Any]) -> Tensor:
    """A feature for every item of `h`: the same for cond and uncond, repeated over the batch.

    Raises:
        ConfigError: the latents have another size than the windows of the features.
    """
    if feature.shape[2:] != h.shape[2:]:
        raise ConfigError(
            f"Features are for latents of another size: {list(feature.shape[2:])} against "
            f"{list(h.shape[2:])} at this level. Use latents an eighth of the imagery's size, "
            "and no area conditioning."
        )
    parts = len(options.get("cond_or_uncond") or [0])
    each = h.shape[0] // parts
    if each % len(feature):
        raise ConfigError(
            f"{len(feature)} windows have features, but the batch has {each} latents. "
            "Take imagery and latents from the same Windows node."
        )
    return feature.to(h.device).repeat(h.shape[0] // len(feature), 1, 1, 1)


def apply_features(
    model: Any,
    config: SGDMConfig,
    features: Features,
    *,
    strength: float = 1.0,
    start: float = 0.0,
    end: float = 1.0,
) -> Any:
    """A clone of MODEL that is steered by features; several in a row add up.

    Args:
        model: MODEL.
        config: Of the features' model.
        features: Of the windows that will be sampled, in their order.
        strength: Factor; at 0 the MODEL is as before.
        start: Part of the sampling after which they act, 0 to 1.
        end: Part after which they do not act any more.

    Raises:
        ConfigError: MODEL is another architecture than the features are for.
    """
    patched = model.clone()
    if strength == 0 or start >= end:
        return patched
    _check_model(patched, config)
    sampling = patched.get_model_object("model_sampling")
    sigmas = (sampling.percent_to_sigma(start), sampling.percent_to_sigma(end))
    places = list(enumerate(feature_blocks(config.unet)))
    shared = _Shared(features)
    down = {into: index for index, (into, _) in places}
    up = {out: index for index, (_, out) in places}
    patched.set_model_input_block_patch(InputPatch(shared, down, strength, sigmas))
    patched.set_model_output_block_patch(OutputPatch(shared, up, strength, sigmas))
    patched.add_wrapper_with_key(
        comfy.patcher_extension.WrappersMP.OUTER_SAMPLE, WRAPPER_KEY, _tell_memory
    )
    if features.draft is not None:
        patched.add_wrapper_with_key(
            comfy.patcher_extension.WrappersMP.APPLY_MODEL,
            WRAPPER_KEY,
            _draft_wrapper(shared, strength, sigmas),
        )
    return patched


def _tell_memory(executor: Any, noise: Tensor, *args: Any, **options: Any) -> Any:
    """Around a whole sampling: says how many windows would fit where these do not."""
    device = executor.class_obj.model_patcher.load_device
    with memory_told(lambda: smaller_area(len(noise), device)):
        return executor(noise, *args, **options)


def _draft_wrapper(shared: _Shared, strength: float, sigmas: tuple[float, float]) -> Any:
    """Lets the draft join the noisy latent; the drafts of several Apply nodes add up."""

    def wrapper(
        executor: Any,
        x: Any,
        t: Any,
        c_concat: Any,
        cross: Any,
        control: Any,
        options: Any,
        **more: Any,
    ) -> Any:
        if acts(sigmas, options):
            draft = strength * spread(shared.draft, x, options).to(x.dtype)
            c_concat = draft if c_concat is None else c_concat + draft
        return executor(x, t, c_concat, cross, control, options, **more)

    return wrapper


def _check_model(model: Any, config: SGDMConfig) -> None:
    """Refuse a MODEL whose blocks the features do not fit.

    Raises:
        ConfigError: it is another architecture.
    """
    have = model.model.model_config.unet_config
    want = config.unet
    widths = tuple(have.get("model_channels", 0) * m for m in have.get("channel_mult", ()))
    if widths != want.widths or have.get("context_dim") != want.context:
        raise ConfigError(
            f"The features are for a U-Net of widths {list(want.widths)}, but MODEL has "
            f"{list(widths)}. Connect the MODEL of the same Load SGDM, or one built on its base."
        )
    inputs = have.get("in_channels", 4)
    if inputs != 4 + want.draft_channels:
        raise ConfigError(
            f"MODEL has {inputs} input channels, but the features bring {4 + want.draft_channels}."
            " Connect the MODEL of the same Load SGDM."
        )
