"""A model that draws, as the options of a command ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..painting.map_model import MapModel
from .options import options_of_the_command


@dataclass(frozen=True)
class LoadedModel:
    """What paints, and how it was trained to see references enlarged."""

    painter: MapModel
    interpolation: str


def load_map_model(
    model: str,
    base: Path | None = None,
    *,
    sampler: str | None = None,
    steps: int | None = None,
    guidance_scale: float = 1.0,
    denoise: float | None = None,
    device: str = "auto",
    dtype: str = "auto",
    threads: int | None = None,
) -> LoadedModel:
    """Load a model file; sampler and steps that are not given are the model's own.

    Args:
        model: A model file, or mini.
        base: What a slim model file is completed with.
        sampler: Name of the sampler.
        steps: Of the sampler.
        guidance_scale: Weight of the scale text.
        denoise: Share of the noise that drawing starts with; 1 starts from noise alone.
        device: auto, cpu, cuda or mps.
        dtype: auto, fp32, bf16 or fp16.
        threads: Of the processor, from now on in this process; None leaves them.

    Raises:
        CheckpointError: the file is wrong or its base is missing.
        BadParameter: no such sampler, device or number format.
    """
    from ..models.checkpoints import model_hash
    from ..models.devices import choose_device, choose_dtype
    from ..models.sgdm import SGDM
    from ..models.sgdm_map_model import SGDMMapModel
    from ..sampling import SamplerConfig

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    with options_of_the_command():
        place = choose_device(device)
        number_format = choose_dtype(dtype, place)
    sgdm = SGDM.load(model, base, device=place, dtype=number_format)
    config = sgdm.config
    with options_of_the_command():
        how = SamplerConfig(
            sampler or config.default_sampler,
            config.default_steps if steps is None else steps,
            guidance_scale,
            config.default_denoise if denoise is None else denoise,
        )
    name = model_hash(model)
    if base is not None:
        name = f"{name}+{model_hash(base)}"
    return LoadedModel(SGDMMapModel(sgdm, how, model_hash=name), config.interpolation)
