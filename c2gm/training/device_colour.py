"""Imagery and references of whole batches, weathered on the device itself.

The same ideas as `recolour.py` and `corrupt_reference`, drawn for all pictures of a batch at once;
what needs a library of the host (JPEG) is left out. Pictures are float [B,3,H,W], 0 to 255.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..legend import GROUND
from .chance import Chance

_BLUR_REACH = 4  # px on each side
_PATCH = 16  # px, sides of the wrong patches of a reference
_AXIS = ((0.0, -1.0, 1.0), (1.0, 0.0, -1.0), (-1.0, 1.0, 0.0))


def between(chance: Chance, low: float, high: float, count: int) -> Tensor:
    """Even numbers of a range for each picture, [count,1,1,1]."""
    return (low + (high - low) * chance.uniform(count)).view(-1, 1, 1, 1)


def some(chance: Chance, share: float, count: int) -> Tensor:
    """Which pictures are chosen, bool [count,1,1,1]."""
    return (chance.uniform(count) < share).view(-1, 1, 1, 1)


def recolour_batch(imagery: Tensor, chance: Chance) -> Tensor:
    """Imagery as other sensors might have seen it on other days."""
    count = len(imagery)
    channels = 0.9 + 0.2 * chance.uniform(3 * count).view(count, 3, 1, 1)
    gain = between(chance, 0.7, 1.3, count) * channels
    levels = imagery / 255 * gain + between(chance, -0.08, 0.08, count)
    pixels = levels.clamp(1e-4, 1) ** between(chance, 0.7, 1.4, count)
    pixels = torch.einsum("bij,bjhw->bihw", _colour_matrices(count, chance), pixels)
    haze = between(chance, 0, 0.35, count) * some(chance, 0.3, count)
    pixels = pixels * (1 - haze) + haze * between(chance, 0.68, 0.92, count)
    shade = between(chance, 0.2, 0.6, count) * some(chance, 0.1, count)
    softness = between(chance, 1, 8, count)
    pixels = pixels * (1 - shade * _ramps(pixels, chance, 0.4, softness))
    pixels = torch.where(
        some(chance, 0.2, count), blurred(pixels, between(chance, 0.3, 1.2, count)), pixels
    )
    strength = between(chance, 1, 7, count) * some(chance, 0.3, count)
    return 255 * pixels + strength * chance.normal(pixels.shape)


def _colour_matrices(count: int, chance: Chance) -> Tensor:
    """Hue turned and saturation changed in half of the pictures each, [count,3,3]."""
    device = chance.device
    grey = torch.full((3, 3), 1 / 3, device=device)
    axis = torch.tensor(_AXIS, device=device) / 3**0.5
    angle = torch.deg2rad(between(chance, -20, 20, count)) * some(chance, 0.5, count)
    angle, one = angle[..., 0], torch.eye(3, device=device)
    turned = grey + torch.cos(angle) * (one - grey) + torch.sin(angle) * axis
    vivid = torch.where(some(chance, 0.5, count), between(chance, 0.35, 1.4, count), 1.0)[..., 0]
    return grey + vivid * (turned - grey)


def _ramps(pictures: Tensor, chance: Chance, reach: float, softness: Tensor) -> Tensor:
    """0 on one side of a straight line, 1 on the other, [B,1,H,W]; `softness` in px."""
    count, side = len(pictures), pictures.shape[-1]
    along = torch.arange(side, device=pictures.device) - side / 2
    angle = between(chance, 0, 2 * torch.pi, count)
    across = along.view(1, 1, -1, 1) * torch.sin(angle) + along * torch.cos(angle)
    return (0.5 + (across - between(chance, -reach, reach, count) * side) / softness).clamp(0, 1)


def hidden_sides(pictures: Tensor, share: float, chance: Chance) -> Tensor:
    """Where imagery ends in a share of the pictures, bool [B,1,H,W]."""
    hard = torch.full((len(pictures), 1, 1, 1), 1e-3, device=pictures.device)
    beyond = _ramps(pictures, chance, 0.5, hard) > 0.5
    return beyond & some(chance, share, len(pictures))


def damage_references(references: Tensor, which: Tensor, chance: Chance) -> Tensor:
    """Some references as a drawn parent would be: blurred, moved, partly wrong, noisy.

    Args:
        references: Enlarged ones.
        which: Those to damage, bool [B,1,1,1].
        chance: Of the step.
    """
    count = len(references)
    damaged = torch.where(
        some(chance, 0.5, count), blurred(references, between(chance, 0.5, 3, count)), references
    )
    damaged = _moved(damaged, some(chance, 0.4, count), chance)
    damaged = torch.where(_patches(references, chance), _elsewhere(damaged, chance), damaged)
    strength = between(chance, 1, 10, count) * some(chance, 0.5, count)
    damaged = damaged + strength * chance.normal(damaged.shape)
    return torch.where(which, damaged.clamp(0, 255), references)


def _moved(pictures: Tensor, which: Tensor, chance: Chance) -> Tensor:
    """Some pictures moved by up to 6 px, what leaves on one side coming in on the other."""
    count, _, height, width = pictures.shape
    by = (chance.uniform(2 * count).view(2, count, 1) * 13 - 6).floor().long()
    by = by * which.view(1, count, 1)
    device = pictures.device
    rows = (torch.arange(height, device=device) + by[0]) % height
    columns = (torch.arange(width, device=device) + by[1]) % width
    batch = torch.arange(count, device=device).view(-1, 1, 1)
    picked = pictures.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)


def _patches(pictures: Tensor, chance: Chance) -> Tensor:
    """Squares that are wrong, in two of five pictures, bool [B,1,H,W]."""
    count, side = len(pictures), pictures.shape[-1] // _PATCH
    drawn = chance.uniform(count * side * side).view(count, 1, side, side)
    share = between(chance, 0.05, 0.4, count) * some(chance, 0.4, count)
    return F.interpolate((drawn < share).float(), scale_factor=_PATCH) > 0.5


def _elsewhere(pictures: Tensor, chance: Chance) -> Tensor:
    """What stands in wrong squares: another place, or nothing."""
    other = pictures.flip(0).roll(pictures.shape[-1] // 3, -1)
    nothing = torch.tensor(GROUND, dtype=pictures.dtype, device=pictures.device).view(1, 3, 1, 1)
    return torch.where(some(chance, 0.5, len(pictures)), other, nothing)


def blurred(pictures: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur, each picture by its own sigma [B,1,1,1] in px; borders are repeated."""
    count, channels, height, width = pictures.shape
    steps = torch.arange(-_BLUR_REACH, _BLUR_REACH + 1, device=pictures.device)
    kernel = torch.exp(-0.5 * (steps / sigma.view(-1, 1)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = pictures.reshape(1, count * channels, height, width)
    reach = _BLUR_REACH
    flat = F.pad(flat, (reach, reach, reach, reach), mode="replicate")
    groups = count * channels
    flat = F.conv2d(flat, kernel.view(groups, 1, -1, 1), groups=groups)
    flat = F.conv2d(flat, kernel.view(groups, 1, 1, -1), groups=groups)
    return flat.view(count, channels, height, width)
