"""How a picture from above looks in numbers, to hold painted pictures against real ones."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np

FIRST_WAVE, LAST_WAVE = 4, 100  # waves across the picture between which the slope is fitted
SMALLEST_SIDE = 2 * LAST_WAVE


@dataclass(frozen=True)
class LookStatistics:
    """Numbers of one picture or the mean or spread of several.

    Attributes:
        red: mean of the channel, 0..255.
        green: mean of the channel, 0..255.
        blue: mean of the channel, 0..255.
        spread: standard deviation of the grey picture.
        dark: grey level that 5 % of the pixels stay below.
        light: grey level that 5 % of the pixels lie above.
        saturation: mean of (max - min) / max of the channels, 0..1.
        slope: of log power over log frequency, about -2 to -3 in real pictures.
        steps: standard deviation of the difference between neighbours.
    """

    red: float
    green: float
    blue: float
    spread: float
    dark: float
    light: float
    saturation: float
    slope: float
    steps: float


NAMES = tuple(field.name for field in fields(LookStatistics))


def look_statistics(picture: np.ndarray) -> LookStatistics:
    """Statistics of a picture uint8 [H,W,3], sides at least `SMALLEST_SIDE`."""
    colours = picture.astype(np.float64)
    grey = colours.mean(-1)
    most, least = colours.max(-1), colours.min(-1)
    red, green, blue = colours.mean((0, 1)).tolist()
    dark, light = np.quantile(grey, (0.05, 0.95)).tolist()
    return LookStatistics(
        red=red,
        green=green,
        blue=blue,
        spread=float(grey.std()),
        dark=dark,
        light=light,
        saturation=float(((most - least) / np.maximum(most, 1)).mean()),
        slope=_slope(grey),
        steps=float(np.diff(grey, axis=1).std()),
    )


def mean_and_spread(pictures: list[np.ndarray]) -> tuple[LookStatistics, LookStatistics]:
    """Mean and standard deviation of the statistics of several pictures."""
    numbers = np.array([astuple(look_statistics(picture)) for picture in pictures])
    mean, spread = numbers.mean(0).tolist(), numbers.std(0).tolist()
    return LookStatistics(*mean), LookStatistics(*spread)


def class_colours(picture: np.ndarray, classes: np.ndarray) -> dict[int, np.ndarray]:
    """Mean colour and spread of the grey (red, green, blue, spread) of each class id [H,W]."""
    grey = picture.mean(-1)
    return {
        number: np.r_[picture[classes == number].mean(0), grey[classes == number].std()]
        for number in np.unique(classes).tolist()
    }


def _slope(grey: np.ndarray) -> float:
    """Slope of the power spectrum, rings of equal frequency averaged."""
    side = min(grey.shape)
    square = grey[:side, :side]
    fading = np.hanning(side)
    waves = np.fft.fft2((square - square.mean()) * fading[:, None] * fading[None])
    frequency = np.fft.fftfreq(side) * side
    rings = np.hypot(frequency[:, None], frequency[None]).astype(int).ravel()
    power = np.bincount(rings, (np.abs(waves) ** 2).ravel()) / np.bincount(rings)
    numbers = np.arange(FIRST_WAVE, LAST_WAVE)
    slope, _ = np.polyfit(np.log(numbers), np.log(power[FIRST_WAVE:LAST_WAVE] + 1e-9), 1)
    return float(slope)
