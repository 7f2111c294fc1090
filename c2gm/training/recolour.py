"""Another sensor, another day: imagery of a crop as other cameras, airs and archives would give it.

What costs little comes in every crop (gain, gamma, hue, saturation, haze in one table and one
matrix); blur, coarse pixels, JPEG, noise, shadow and cloud come in a share of them.
"""

from __future__ import annotations

import io

import numpy as np

_GREY = np.full((3, 3), 1 / 3, dtype=np.float32)
# Rotation about the grey axis by an angle a: G + cos a (I - G) + sin a K.
_AXIS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=np.float32) / np.float32(3**0.5)
_COARSE, _JPEG, _BLURRED, _NOISY, _SHADED, _CLOUDY = 0.12, 0.12, 0.2, 0.3, 0.1, 0.06


def recolour(imagery: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Imagery uint8 [H,W,3] as another sensor might have seen it on another day."""
    if rng.random() < _COARSE:
        imagery = _coarse(imagery, rng.uniform(1.2, 2.0))
    pixels = _toned(imagery, rng)
    if rng.random() < _SHADED:
        pixels *= 1 - rng.uniform(0.2, 0.6) * _ramp(imagery.shape[:2], rng, rng.uniform(1, 8))
    if rng.random() < _CLOUDY:
        cover = rng.uniform(0.4, 0.9) * _corner(imagery.shape[:2], rng)
        pixels += (rng.uniform(200, 255) - pixels) * cover
    if rng.random() < _NOISY:
        noise = rng.standard_normal(pixels.shape, dtype=np.float32)
        pixels += np.float32(rng.uniform(1, 7)) * noise
    result: np.ndarray = np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < _BLURRED:
        result = _blurred(result, rng.uniform(0.3, 1.2))
    if rng.random() < _JPEG:
        result = _through_jpeg(result, int(rng.integers(35, 85)))
    return result


def _toned(imagery: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gain, offset and gamma by a table a channel, hue, saturation and haze by one matrix."""
    levels = np.arange(256, dtype=np.float32) / 255
    gain = rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3)
    offset, gamma = rng.uniform(-0.08, 0.08), rng.uniform(0.7, 1.4)
    table = (255 * np.clip(levels * gain[:, None] + offset, 0, 1) ** gamma).astype(np.float32)
    pixels: np.ndarray = np.empty(imagery.shape, dtype=np.float32)
    for channel in range(3):
        pixels[..., channel] = table[channel][imagery[..., channel]]
    matrix = _colour_matrix(rng)
    haze = rng.uniform(0, 0.35) if rng.random() < 0.3 else 0.0
    air = rng.uniform((170, 175, 180), (225, 230, 240))
    pixels = pixels @ (matrix.T * np.float32(1 - haze))
    pixels += (haze * air).astype(np.float32)
    return pixels


def _colour_matrix(rng: np.random.Generator) -> np.ndarray:
    """Hue turned by up to 15 degrees in half the crops, saturation from faded to vivid."""
    angle = np.radians(rng.uniform(-15, 15)) if rng.random() < 0.5 else 0.0
    turned = _GREY + np.cos(angle) * (np.eye(3) - _GREY) + np.sin(angle) * _AXIS
    saturation = rng.uniform(0.35, 1.4) if rng.random() < 0.5 else 1.0
    matrix: np.ndarray = (_GREY + saturation * (turned - _GREY)).astype(np.float32)
    return matrix


def _ramp(shape: tuple[int, ...], rng: np.random.Generator, softness: float) -> np.ndarray:
    """0 on one side of a straight line, 1 on the other, float32 [H,W,1]; `softness` in px."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    across = (rows - shape[0] / 2) * np.sin(angle) + (columns - shape[1] / 2) * np.cos(angle)
    across = across - rng.uniform(-0.4, 0.4) * shape[0]
    ramp: np.ndarray = np.clip(0.5 + across / softness, 0, 1).astype(np.float32)[..., None]
    return ramp


def _corner(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A cloud's edge in a corner: 1 in it, 0 away from it, float32 [H,W,1]."""
    row, column = (size * rng.integers(0, 2) for size in shape)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    distance = np.hypot(rows - row, columns - column) / shape[0]
    reach = rng.uniform(0.3, 0.7)
    cover: np.ndarray = np.clip(2 * (reach - distance) / reach, 0, 1).astype(np.float32)[..., None]
    return cover


def _coarse(imagery: np.ndarray, factor: float) -> np.ndarray:
    """As if enlarged from pixels `factor` times as wide."""
    from PIL import Image

    height, width = imagery.shape[:2]
    small = (max(8, round(width / factor)), max(8, round(height / factor)))
    picture = Image.fromarray(imagery).resize(small, Image.Resampling.BOX)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def _blurred(imagery: np.ndarray, sigma: float) -> np.ndarray:
    from PIL import Image, ImageFilter

    return np.array(Image.fromarray(imagery).filter(ImageFilter.GaussianBlur(sigma)))


def _through_jpeg(imagery: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(imagery).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream).convert("RGB"))
