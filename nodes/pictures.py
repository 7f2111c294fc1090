"""ComfyUI's IMAGE (float 0 to 1, [B,H,W,3]) to and from the library's uint8 pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..c2gm.errors import ConfigError

if TYPE_CHECKING:
    import torch

LARGEST_SHOWN = 2048  # pixels a side of a picture on a node


def to_image(pictures: Sequence[np.ndarray] | np.ndarray) -> torch.Tensor:
    """IMAGE of uint8 pictures [H,W,3] of one size."""
    import torch

    return torch.from_numpy(np.stack(list(pictures))).float() / 255.0


def shown(image: torch.Tensor, cls: Any = None, largest: int = LARGEST_SHOWN) -> dict[str, Any]:
    """What shows a picture on its node: a temporary file, with the workflow inside if `cls` has it.

    The first picture of a batch, shrunk to at most `largest` pixels a side.
    """
    import torch

    from ._api import ui

    first = image[:1]
    shrink = max(first.shape[1:3]) / largest
    if shrink > 1:
        size = [max(1, round(side / shrink)) for side in first.shape[1:3]]
        moved = first.movedim(-1, 1)
        first = torch.nn.functional.interpolate(moved, size, mode="area").movedim(1, -1)
    return dict(ui.PreviewImage(first, cls=cls).as_dict())


def workflow_texts(cls: Any) -> dict[str, str]:
    """The workflow as ComfyUI puts it into its PNGs, of a node whose hidden inputs hold it."""
    from comfy.cli_args import args

    if args.disable_metadata:
        return {}
    texts = {"prompt": cls.hidden.prompt, **(cls.hidden.extra_pnginfo or {})}
    return {key: json.dumps(value) for key, value in texts.items() if value}


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


def picture_of(image: torch.Tensor) -> np.ndarray:
    """uint8 [H,W,3] of the first picture of an IMAGE."""
    first: np.ndarray = from_image(image[:1])[0]
    return first


def mask_of(mask: torch.Tensor) -> np.ndarray:
    """The first MASK as bool [H,W]; it is float 0 to 1 [B,H,W] or [H,W]."""
    first = mask if mask.ndim == 2 else mask[0]
    chosen: np.ndarray = (first > 0.5).cpu().numpy()
    return chosen
