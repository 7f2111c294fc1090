"""ComfyUI's IMAGE (float 0 to 1, [B,H,W,3]) to and from the library's uint8 pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..c2gm.errors import ConfigError

if TYPE_CHECKING:
    import torch


def to_image(pictures: Sequence[np.ndarray] | np.ndarray) -> torch.Tensor:
    """IMAGE of uint8 pictures [H,W,3] of one size."""
    import torch

    return torch.from_numpy(np.stack(list(pictures))).float() / 255.0


def from_image(image: torch.Tensor) -> np.ndarray:
    """uint8 [B,H,W,3] of an IMAGE; opacity is left out.

    Raises:
        ConfigError: it is no batch of colour pictures.
    """
    if image.ndim != 4 or image.shape[-1] not in (3, 4):
        raise ConfigError(f"An IMAGE of shape {list(image.shape)} is no batch of colour pictures.")
    pixels = image[..., :3].float().clamp(0, 1).mul(255).round().byte()
    array: np.ndarray = pixels.cpu().numpy()
    return array
