"""Configuration of SGDM: every width and switch, stored in the model file, never guessed."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from ..errors import ConfigError

Arm = Literal["ref_dual_spade", "ref", "origin"]
PredictionType = Literal["epsilon", "sample", "v_prediction"]
Interpolation = Literal["nearest", "bilinear", "bicubic"]


@dataclass(frozen=True)
class MFEncoderConfig:
    """MFEncoder. The authors': stem 32, widths 64, 128, 256, SPADE hidden 128, out 384.

    `unshuffle` 1 is the authors' stem (a 3x3 convolution); 4 is PixelUnshuffle(4) before it. Each
    stage in `downsample` halves the size; stem and stages together divide by 8.
    `norm` is the SPADE normalisation; with "group", the modulation input and the source's residual
    blocks are normalised too, and `extra_residual_blocks` follow the last source stage.
    `context_width` > 0 adds blocks of that width at a sixteenth, where ground is read from further
    away.
    `standardise` shows the source stem its imagery a second time, at mean 0 and deviation 1.
    `class_head` keeps the class head whose probabilities are the draft (0 classes: none), each
    averaged over `draft_cells` x `draft_cells` cells of a latent pixel: 1, 2, 4 or 8 a side.
    `fine_head` > 0 adds corrections of that width to it, read from the stems at a quarter of the
    size. `looks` > 0 tells the class head which of so many zooms, from 14 on, the map shall look
    like.
    """

    arm: Arm = "ref_dual_spade"
    unshuffle: int = 1
    stem: int = 32
    widths: tuple[int, ...] = (64, 128, 256)
    downsample: tuple[bool, ...] = (True, True, True)
    spade_hidden: int = 128
    out_channels: int = 384
    norm: Literal["batch", "group"] = "batch"
    extra_residual_blocks: int = 0
    context_width: int = 0
    standardise: bool = False
    class_head: int = 0
    class_head_width: int = 128
    fine_head: int = 0
    looks: int = 0
    draft_cells: int = 1

    @property
    def needs_reference(self) -> bool:
        """Whether nothing is read without a reference (the authors' cascade arms)."""
        return self.norm == "batch" and self.arm != "origin"


@dataclass(frozen=True)
class SFAdapterConfig:
    """SFAdapter: feature widths, blocks a level, and the factor its features are added with."""

    channels: tuple[int, ...] = (320, 640, 1280)
    blocks: int = 2
    control_factor: float = 0.18215


@dataclass(frozen=True)
class UNetConfig:
    """U-Net. `draft_channels` > 0: class probabilities join the noisy latent.

    `only_cross_attention` by level replaces self-attention by a second cross-attention (LDM's
    `disable_self_attentions`). `attention` by level tells where transformer blocks stand.
    """

    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    blocks: int = 2
    head_channels: int = 64
    context: int = 1024
    attention: tuple[bool, ...] = (True, True, True, False)
    only_cross_attention: tuple[bool, ...] = (False, False, False, False)
    draft_channels: int = 0
    concat_reference: bool = False  # Eq. 8
    scale_in_time: bool = False  # Eq. 11


@dataclass(frozen=True)
class VAEConfig:
    """VAE. `kind` "ldm" is Stable Diffusion's AutoencoderKL, "unshuffle" that of c2gm-mini.

    `finish` is the width of convolutions at full size that end the decoder of an "unshuffle" VAE; 0
    has none.
    """

    kind: Literal["ldm", "unshuffle"] = "ldm"
    widths: tuple[int, ...] = (128, 256, 512, 512)
    blocks: int = 2
    latent_channels: int = 4
    scaling_factor: float = 0.18215
    finish: int = 0


@dataclass(frozen=True)
class TextConfig:
    """Text tower of open_clip's kind, read at the penultimate layer.

    `vocabulary` 49408 is CLIP's; a smaller one is a cut table: ids in `known_tokens` have rows of
    their own (in this order), all others share the remaining rows by `id modulo rows`.
    """

    width: int = 1024
    heads: int = 16
    layers: int = 24
    context_length: int = 77
    vocabulary: int = 49408
    projection: int = 1024
    known_tokens: tuple[int, ...] = ()


@dataclass(frozen=True)
class ScheduleConfig:
    """Noise schedule of Stable Diffusion: "scaled_linear" betas."""

    beta_start: float = 0.00085
    beta_end: float = 0.012
    timesteps: int = 1000


@dataclass(frozen=True)
class HowToRead:
    """How the class head reads a window: in four quarter turns, of which two may go without the
    reference, how ready to see main roads and streets, as maps of which zoom show it (None: nobody
    knows), and whether those maps have built-up areas.
    """

    four_views: bool = False
    unreferenced: bool = False
    road_shift: float = 0.0
    street_shift: float = 0.0
    look: int | None = None
    built_up: bool = True


PLAINLY = HowToRead()  # as it was trained


@dataclass(frozen=True)
class SGDMConfig:
    """The whole model, and how it wants to be used.

    With `default_denoise` below 1 drawing starts from what the class head reads. Above zoom
    `built_up_until` (0: no limit) its maps show no built-up areas: what is read as one is ground.
    Up to zoom `four_views_until` (0: at none) the class head reads each window in all four
    quarter turns, and the mean counts; with `unreferenced_views` two of the four do not see a
    reference that was drawn, so that what the zoom below got wrong is not believed twice.
    `road_shifts` are added to the logits of motorways and main roads, `street_shifts` to those of
    streets, at zoom 14 and those above it, one number a zoom: where a road is a pixel wide, it must
    be found rather than be right to the pixel.
    """

    name: str = "sgdm"
    mf_encoder: MFEncoderConfig = field(default_factory=MFEncoderConfig)
    sf_adapter: SFAdapterConfig = field(default_factory=SFAdapterConfig)
    unet: UNetConfig = field(default_factory=UNetConfig)
    vae: VAEConfig = field(default_factory=VAEConfig)
    text: TextConfig = field(default_factory=TextConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    prediction_type: PredictionType = "epsilon"
    interpolation: Interpolation = "bilinear"
    cascade_factors: tuple[int, ...] = (2, 4)
    default_sampler: str = "ddpm"
    default_steps: int = 50
    default_denoise: float = 1.0
    built_up_until: int = 0
    four_views_until: int = 0
    unreferenced_views: bool = False
    road_shifts: tuple[float, ...] = ()
    street_shifts: tuple[float, ...] = ()

    def how_to_read(
        self, zoom: int | None, look: int | None = None, *, trusts: bool = False
    ) -> HowToRead:
        """How windows on the grid of a zoom are read, as maps of the zoom `look` show them.

        Where nobody knows the zoom, in four views if there are zooms at which they are. A reference
        that is no drawing of a model `trusts` in all of them.
        """
        four_views = self.four_views_until > 0 and (zoom is None or zoom <= self.four_views_until)
        return HowToRead(
            four_views,
            unreferenced=four_views and self.unreferenced_views and not trusts,
            road_shift=_shift_at(zoom, self.road_shifts),
            street_shift=_shift_at(zoom, self.street_shifts),
            look=look,
            built_up=not self.built_up_until or look is None or look <= self.built_up_until,
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dataclasses.asdict(self)


def _shift_at(zoom: int | None, shifts: tuple[float, ...]) -> float:
    above = -1 if zoom is None else zoom - _FIRST_SHIFTED_ZOOM
    return shifts[above] if 0 <= above < len(shifts) else 0.0


T = TypeVar("T")


def from_dict(values: dict[str, Any]) -> SGDMConfig:
    """The configuration stored in a model file.

    Raises:
        ConfigError: an unknown key, an impossible value, or a part that is no table.
    """
    return _build(SGDMConfig, values, "model configuration")


def _build(kind: type[T], values: Any, where: str) -> T:
    if not isinstance(values, dict):
        raise ConfigError(f"The {where} is not a table of names and values.")
    fields = {entry.name: entry for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ConfigError(f"The {where} has the unknown key {unknown[0]!r}. Is the file newer?")
    hints = get_type_hints(kind)
    arguments = {}
    for name, value in values.items():
        part = _PARTS.get(name)
        if part is not None:
            arguments[name] = _build(part, value, f"{where}, {name}")
            continue
        if not _fits(name, value, hints[name]):
            raise ConfigError(f"The {where} has the impossible value {name} = {str(value)[:60]}.")
        arguments[name] = tuple(value) if isinstance(value, list) else value
    return kind(**arguments)


_FIRST_SHIFTED_ZOOM = 14
# A model file comes from anywhere, so its numbers are bounded before anything is built of them.
_LARGEST = 2**17
_LARGEST_COUNT = 64
_LARGEST_TOKEN = 49407
_COUNTS = {"blocks", "layers", "extra_residual_blocks"}
_MAY_BE_ZERO = {
    "draft_channels",
    "class_head",
    "fine_head",
    "looks",
    "extra_residual_blocks",
    "context_width",
    "finish",
    "known_tokens",
    "built_up_until",
    "four_views_until",
    "road_shifts",
    "street_shifts",
}


def _fits(name: str, value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        longest = _LARGEST if name == "known_tokens" else _LARGEST_COUNT
        element = get_args(hint)[0]
        return (
            isinstance(value, (list, tuple))
            and len(value) <= longest
            and all(_fits(name, entry, element) for entry in value)
        )
    if hint is int:
        largest = _LARGEST_COUNT if name in _COUNTS else _LARGEST
        largest = _LARGEST_TOKEN if name == "known_tokens" else largest
        smallest = 0 if name in _MAY_BE_ZERO else 1
        return type(value) is int and smallest <= value <= largest
    if hint is float:
        is_number = type(value) in (int, float) and math.isfinite(value)
        return is_number and (value > 0 or (value == 0 and name in _MAY_BE_ZERO))
    return isinstance(value, hint)


_PARTS: dict[str, type[Any]] = {
    "mf_encoder": MFEncoderConfig,
    "sf_adapter": SFAdapterConfig,
    "unet": UNetConfig,
    "vae": VAEConfig,
    "text": TextConfig,
    "schedule": ScheduleConfig,
}
