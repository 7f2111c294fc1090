"""Light of slopes to and from the sun."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .noise import PixelGrid, WorldNoise

STEP = 24.0  # metres between the points at which the height of a world is asked
MOUNTAIN_WAVES = ((1900.0, 1.0), (760.0, 0.62), (330.0, 0.42), (140.0, 0.2), (60.0, 0.1))
STEEPNESS = 2.3  # change of light by the slopes of mountains
Heights = Callable[[np.ndarray, np.ndarray], np.ndarray]


def sunlit_heights(
    heights: Heights, grid: PixelGrid, towards: np.ndarray, reach: float
) -> np.ndarray:
    """Relative change of light on ground of known height, float32 [H,W].

    A flat ground gets 1 and a slope 1 + (rise away from the sun) x (metres of shadow per metre of
    height): Lambert's law over the same on level ground.

    Args:
        heights: metres at points.
        grid: centres of pixels.
        towards: unit vector to the sun.
        reach: metres of shadow per metre of height.
    """
    columns = np.arange(np.floor(grid.x[0] / STEP), np.floor(grid.x[-1] / STEP) + 2)
    rows = np.arange(np.floor(grid.y[-1] / STEP), np.floor(grid.y[0] / STEP) + 2)
    x, y = np.meshgrid(columns * STEP, rows * STEP)
    ahead, behind = (
        heights(x + side * towards[0] * STEP / 2, y + side * towards[1] * STEP / 2)
        for side in (1, -1)
    )
    change = ((behind - ahead) * (reach / STEP)).astype(np.float32)
    across, down = grid.x / STEP - columns[0], grid.y / STEP - rows[0]
    column, row = np.floor(across).astype(int), np.floor(down).astype(int)
    s = (across - column).astype(np.float32)[None]
    t = (down - row).astype(np.float32)[:, None]
    wide = change[:, column] + (change[:, column + 1] - change[:, column]) * s
    lit: np.ndarray = wide[row] + (wide[row + 1] - wide[row]) * t
    return lit


def sunlit_mountains(noise: WorldNoise, grid: PixelGrid, towards: np.ndarray) -> np.ndarray:
    """Relative change of light on made-up ridges and slopes, float32 [H,W]."""
    change = np.zeros((len(grid.y), len(grid.x)), dtype=np.float32)
    for salt, (period, height) in enumerate(MOUNTAIN_WAVES, start=41):
        if period < 6 * grid.resolution:
            break
        east, north = towards * (period / 24)
        ahead = PixelGrid(grid.x + east, grid.y + north, grid.resolution)
        behind = PixelGrid(grid.x - east, grid.y - north, grid.resolution)
        rise = _ridged(noise.octave(behind, period=period, salt=salt))
        rise -= _ridged(noise.octave(ahead, period=period, salt=salt))
        change += rise * np.float32(STEEPNESS * height)
    return np.clip(change, -0.75, 0.6)


def _ridged(wave: np.ndarray) -> np.ndarray:
    """Waves with a rounded ridge where they cross zero."""
    ridged: np.ndarray = -np.sqrt(wave * wave + np.float32(0.01))
    return ridged
