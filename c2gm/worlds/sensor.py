"""Air, lens and camera: what they do to the light of a scene, by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLUR_MARGIN = 5  # px that blurring needs on each side
CONTRAST_PIVOT = 110
SHOULDER, TOE = 200, 48  # grey levels beyond which lights and shadows are compressed
JPEG_BLOCK = 16  # px: two blocks of 8, because colour is kept at half the resolution


@dataclass(frozen=True)
class Sensor:
    """How the camera and the air change colours.

    Attributes:
        gain: per channel.
        haze: share of haze.
        haze_colour: its colour.
        contrast: about `CONTRAST_PIVOT`.
        saturation: 1 keeps the colours, 0 is grey.
        toning: grey levels by which each channel gains in lights and loses in shadows.
        blur: metres.
        sharpening: share of the blurred-away detail that is put back, as makers of pictures do.
        noise: grey levels.
        quality: of the JPEG, 1 to 100.
    """

    gain: np.ndarray
    haze: float
    haze_colour: np.ndarray
    contrast: float
    saturation: float
    toning: np.ndarray
    blur: float
    sharpening: float
    noise: float
    quality: float


Range = tuple[float, float]


@dataclass(frozen=True)
class _Maker:
    """How the pictures of one kind of maker differ, each a range."""

    gain: Range
    tint: float
    haze: Range
    contrast: Range
    saturation: Range
    toning: float
    blur: Range
    sharpening: Range
    noise: Range
    quality: Range


MAKERS = {  # ranges round those of real pictures: calm, vivid and dark orthophotos, satellites
    "calm": _Maker(
        gain=(0.92, 1.14),
        tint=0.04,
        haze=(0.0, 0.12),
        contrast=(0.92, 1.15),
        saturation=(0.8, 1.2),
        toning=5,
        blur=(0.2, 0.5),
        sharpening=(0.0, 0.35),
        noise=(0.4, 1.2),
        quality=(75, 96),
    ),
    "vivid": _Maker(
        gain=(0.95, 1.2),
        tint=0.05,
        haze=(0.0, 0.05),
        contrast=(1.05, 1.4),
        saturation=(1.05, 1.4),
        toning=6,
        blur=(0.25, 0.6),
        sharpening=(0.0, 0.5),
        noise=(0.6, 1.8),
        quality=(62, 92),
    ),
    "dark": _Maker(
        gain=(0.68, 0.9),
        tint=0.05,
        haze=(0.0, 0.1),
        contrast=(1.05, 1.35),
        saturation=(0.8, 1.2),
        toning=8,
        blur=(0.2, 0.5),
        sharpening=(0.0, 0.4),
        noise=(0.5, 1.6),
        quality=(70, 95),
    ),
    "satellite": _Maker(
        gain=(0.82, 1.18),
        tint=0.07,
        haze=(0.0, 0.04),
        contrast=(1.15, 1.5),
        saturation=(0.5, 0.95),
        toning=10,
        blur=(0.35, 0.7),
        sharpening=(0.1, 0.6),
        noise=(0.8, 2.2),
        quality=(55, 86),
    ),
}
SHARES = (0.32, 0.26, 0.2, 0.22)


def sensor(seed: int) -> Sensor:
    """The sensor of a seed."""
    rng = np.random.default_rng([seed, 4])
    maker = list(MAKERS.values())[int(rng.choice(len(MAKERS), p=SHARES))]
    # light differs between warm and cool, hardly between green and purple
    warm, green = rng.uniform(-1, 1, 2) * maker.tint
    tint = np.array([1 + warm, 1 + 0.3 * green, 1 - warm])
    # shadows, lit by the sky, are blue more often than not
    cast, other = rng.uniform((-0.3, -1), (1, 1)) * maker.toning
    toning = np.array([cast, 0.35 * other, -cast])
    return Sensor(
        gain=(rng.uniform(*maker.gain) * tint / tint.mean()).astype(np.float32),
        haze=float(rng.uniform(*maker.haze)),
        haze_colour=np.array([150, 166, 192], dtype=np.float32),
        contrast=float(rng.uniform(*maker.contrast)),
        saturation=float(rng.uniform(*maker.saturation)),
        toning=(toning - toning.mean()).astype(np.float32),
        blur=float(rng.uniform(*maker.blur)),
        sharpening=float(rng.uniform(*maker.sharpening)),
        noise=float(rng.uniform(*maker.noise)),
        quality=float(rng.uniform(*maker.quality)),
    )


def through_lens(light: np.ndarray, sensor: Sensor, resolution: float) -> np.ndarray:
    """Light float32 [H,W,3] blurred, sharpened and cut by `BLUR_MARGIN` px on each side.

    Args:
        light: of the scene.
        sensor: the camera.
        resolution: metres a pixel.
    """
    sigma = sensor.blur / resolution
    sharp = _blurred(light, sigma)
    if sensor.sharpening > 0:
        soft = _blurred(light, 1.2 + sigma)
        sharp += np.float32(sensor.sharpening) * (sharp - soft)
    return sharp


def developed(light: np.ndarray, sensor: Sensor) -> np.ndarray:
    """Light through air and film, float32 [H,W,3]."""
    grey = (light[..., :1] + light[..., 1:2] + light[..., 2:]) * np.float32(1 / 3)
    film = grey + (light - grey) * np.float32(sensor.saturation)
    film = (film - CONTRAST_PIVOT) * np.float32(sensor.contrast) + CONTRAST_PIVOT
    film += (grey - CONTRAST_PIVOT) * (sensor.toning / np.float32(CONTRAST_PIVOT))
    film = film * sensor.gain
    film += np.float32(sensor.haze) * (sensor.haze_colour - film)
    # tone curves give in before they clip, and shadows keep some light
    film -= np.float32(0.5) * np.maximum(film - np.float32(SHOULDER), 0)
    film += np.float32(0.55) * np.maximum(np.float32(TOE) - film, 0)
    return np.asarray(film)


def compressed(film: np.ndarray, quality: float) -> np.ndarray:
    """A picture as JPEG of a quality gives it back, float32 [H,W,3]; sides are multiples of 16.

    Blocks begin at the first pixel, so that boxes of pixels on multiples of 16 agree.
    """
    red, green, blue = (np.clip(film[..., k], 0, 255) for k in range(3))
    luma = red * np.float32(0.299) + green * np.float32(0.587) + blue * np.float32(0.114)
    scale = (200 - 2 * quality) / 100 if quality >= 50 else 50 / quality
    steps = np.maximum(1, _LUMA_STEPS * np.float32(scale))
    luma = _quantised(luma, steps)
    blueness, redness = (
        _enlarged(_quantised(_halved((channel - level) * weight), steps))
        for channel, level, weight in (
            (blue, luma, np.float32(0.564)),
            (red, luma, np.float32(0.713)),
        )
    )
    picture = np.empty_like(film)
    picture[..., 0] = luma + redness * np.float32(1.403)
    picture[..., 1] = luma - blueness * np.float32(0.344) - redness * np.float32(0.714)
    picture[..., 2] = luma + blueness * np.float32(1.773)
    return picture


def _quantised(plane: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """A plane whose cosine coefficients in blocks of 8 px are multiples of steps [8,8]."""
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3)
    waves = _COSINES @ np.ascontiguousarray(blocks) @ _COSINES.T
    waves = np.round(waves / steps) * steps
    back: np.ndarray = (_COSINES.T @ waves @ _COSINES).transpose(0, 2, 1, 3)
    return back.reshape(height, width)


def _halved(plane: np.ndarray) -> np.ndarray:
    upper, lower = plane[::2], plane[1::2]
    halved: np.ndarray = (upper[:, ::2] + upper[:, 1::2] + lower[:, ::2] + lower[:, 1::2]) / 4
    return halved


def _enlarged(plane: np.ndarray) -> np.ndarray:
    return np.repeat(np.repeat(plane, 2, axis=0), 2, axis=1)


def _blurred(light: np.ndarray, sigma: float) -> np.ndarray:
    """Light blurred by a kernel of `BLUR_MARGIN` px on each side, and cut by as much."""
    steps = np.arange(-BLUR_MARGIN, BLUR_MARGIN + 1)
    weights = np.exp(-0.5 * (steps / max(sigma, 0.3)) ** 2)
    kept = np.flatnonzero(weights > 0.004)
    weights = (weights / weights[kept].sum()).astype(np.float32)
    height, width = (side - 2 * BLUR_MARGIN for side in light.shape[:2])
    rows = np.zeros((height, *light.shape[1:]), dtype=np.float32)
    for tap in kept:
        rows += weights[tap] * light[tap : tap + height]
    both = np.zeros((height, width, *light.shape[2:]), dtype=np.float32)
    for tap in kept:
        both += weights[tap] * rows[:, tap : tap + width]
    return both


def _cosine_waves() -> np.ndarray:
    """The orthonormal cosine transform of 8 values, float32 [8,8]."""
    place, wave = np.meshgrid(np.arange(8), np.arange(8))
    waves = np.cos((2 * place + 1) * wave * np.pi / 16) / 2
    waves[0] /= np.sqrt(2)
    return waves.astype(np.float32)


def _luma_steps() -> np.ndarray:
    """Steps that grow with frequency about as those of the JPEG standard do, float32 [8,8]."""
    across, down = np.meshgrid(np.arange(8), np.arange(8))
    return (10 + 1.2 * (across + down) ** 1.75).astype(np.float32)


_COSINES = _cosine_waves()
_LUMA_STEPS = _luma_steps()
