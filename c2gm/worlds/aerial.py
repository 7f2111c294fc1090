"""The aerial picture of a town: drawn at a box's own zoom, textured by noise of the place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..grid import PixelBox, mercator_resolution
from .canvas import Canvas
from .noise import PixelGrid, WorldNoise, grain
from .scene import SPACING_STEPS, Scene

FINE_PERIODS = (0.75, 1.6, 3.1)
MOTTLE_PERIODS = (5.0, 13.0, 37.0, 110.0)
CONTRAST_PIVOT = 110
LOWEST_DRAWN_ZOOM = 16  # below, pictures are averages of this zoom's
BLUR_MARGIN = 4


@dataclass(frozen=True)
class Sensor:
    """How the camera and the air change colours.

    Attributes:
        gain: per channel.
        haze: share of haze.
        haze_colour: its colour.
        contrast: about `CONTRAST_PIVOT`.
        saturation: 1 keeps the colours, 0 is grey.
        blur: metres.
        noise: grey levels.
    """

    gain: np.ndarray
    haze: float
    haze_colour: np.ndarray
    contrast: float
    saturation: float
    blur: float
    noise: float


def sensor(seed: int) -> Sensor:
    """The sensor of a seed."""
    rng = np.random.default_rng([seed, 4])
    return Sensor(
        gain=(rng.uniform(0.88, 1.16) * rng.uniform(0.95, 1.05, 3)).astype(np.float32),
        haze=float(rng.uniform(0.0, 0.18)),
        haze_colour=np.array([150, 166, 192], dtype=np.float32),
        contrast=float(rng.uniform(0.9, 1.35)),
        saturation=float(rng.uniform(0.55, 1.15)),
        blur=float(rng.uniform(0.2, 0.9)),
        noise=float(rng.uniform(1.0, 4.5)),
    )


class AerialPainter:
    """Paints boxes of one scene; the same pixel has the same value in any box."""

    def __init__(
        self, scene: Scene, *, seed: int, centre: tuple[int, int], metre: float = 1.0
    ) -> None:
        """Take a scene whose origin is the world pixel corner `centre` (column, row) of zoom 14.

        `metre` tells how many metres of EPSG:3857 one metre of the scene takes (1 / cos latitude).
        """
        self._metre = metre
        self._scene = scene
        self._noise = WorldNoise(seed)
        self._sensor = sensor(seed)
        self._centre = centre

    def paint(self, box: PixelBox) -> np.ndarray:
        """The picture of a box at zoom 14 or higher, uint8 [H,W,3]."""
        if box.zoom >= LOWEST_DRAWN_ZOOM:
            return (self._developed(box) + 0.5).astype(np.uint8)
        step = LOWEST_DRAWN_ZOOM - box.zoom
        factor = 1 << step
        fine = PixelBox(
            LOWEST_DRAWN_ZOOM,
            box.left << step,
            box.top << step,
            box.right << step,
            box.bottom << step,
        )
        picture = self._developed(fine)
        shape = (box.height, factor, box.width, factor, 3)
        average: np.ndarray = picture.reshape(shape).mean((1, 3)) + 0.5
        return average.astype(np.uint8)

    def _developed(self, box: PixelBox) -> np.ndarray:
        """Light of the scene through air and lens, float32 [H,W,3]."""
        sensor = self._sensor
        outer = box.grown(BLUR_MARGIN)
        grid = self._grid(outer)
        light = self._lit(outer, grid)
        light = _blurred(light, sensor.blur / self._resolution(box.zoom))
        grey = light.mean(-1, keepdims=True)
        light = grey + (light - grey) * np.float32(sensor.saturation)
        light = (light - CONTRAST_PIVOT) * np.float32(sensor.contrast) + CONTRAST_PIVOT
        light = light * sensor.gain
        light += np.float32(sensor.haze) * (sensor.haze_colour - light)
        inner = self._grid(box)
        speckle = self._noise.octave(inner, period=inner.resolution, salt=91)
        light += (speckle * np.float32(1.7 * sensor.noise))[..., None]
        clipped: np.ndarray = np.clip(light, 0, 255)
        return clipped

    def _grid(self, box: PixelBox) -> PixelGrid:
        resolution = self._resolution(box.zoom)
        column, row = self._centre_at(box.zoom)
        return PixelGrid(
            (np.arange(box.left, box.right) - column + 0.5) * resolution,
            (row - np.arange(box.top, box.bottom) - 0.5) * resolution,
            resolution,
        )

    def _resolution(self, zoom: int) -> float:
        return mercator_resolution(zoom) / self._metre

    def _canvas(
        self, box: PixelBox, background: tuple[int, int, int], *, antialiased: bool = True
    ) -> Canvas:
        centre = self._centre_at(box.zoom)
        return Canvas(box, centre, background, metre=self._metre, antialiased=antialiased)

    def _centre_at(self, zoom: int) -> tuple[int, int]:
        return self._centre[0] << (zoom - 14), self._centre[1] << (zoom - 14)

    def _lit(self, box: PixelBox, grid: PixelGrid) -> np.ndarray:
        scene = self._scene
        picture = self._colours(box).astype(np.float32)
        codes = self._codes(box).astype(np.float32) / 255
        fine = grain(self._noise, grid, periods=FINE_PERIODS, salt=1)
        mottle = grain(self._noise, grid, periods=MOTTLE_PERIODS, salt=11)
        change = fine * codes[..., 0] * np.float32(0.2) + mottle * codes[..., 1] * np.float32(0.16)
        change += self._furrows(box, grid)
        picture *= (1 + np.clip(change, -0.6, 0.8))[..., None]
        # dry and lush patches differ in hue, not only in light
        hue = self._noise.octave(grid, period=60.0, salt=23) * codes[..., 1]
        picture[..., 0] += hue * 9
        picture[..., 2] -= hue * 4
        shade = np.array(scene.palette.shadow, dtype=np.float32)
        dark = codes[..., 2:3]
        lit: np.ndarray = picture * (1 - dark * (1 - shade))
        return lit

    def _colours(self, box: PixelBox) -> np.ndarray:
        scene = self._scene
        canvas = self._canvas(box, scene.background)
        for layer in scene.ground:
            canvas.fill(layer)
        if box.zoom >= 17:
            for layer in scene.markings:
                canvas.fill(layer)
        if box.zoom >= 16:
            canvas.fill(scene.cars)
        self._crowns(canvas, box.zoom)
        for layer in scene.roofs:
            canvas.fill(layer)
        return canvas.pixels()

    def _crowns(self, canvas: Canvas, zoom: int) -> None:
        sun = self._scene.sun.towards
        step = 2 if zoom <= 16 else 1  # fewer points where a crown is a few pixels
        passes = ((0.0, 1.0, 0.7), (0.26, 0.74, 1.0), (0.42, 0.38, 1.2))
        for shift, size, light in passes if zoom >= 17 else passes[:2]:
            for crowns in self._scene.crowns:
                places = crowns.places + sun * (shift * crowns.radii)[:, None]
                colour = _scaled(crowns.colour, light)
                canvas.fill_copies(crowns.outline[::step], places, crowns.radii * size, colour)

    def _codes(self, box: PixelBox) -> np.ndarray:
        """Fine grain, mottling and shadow of each pixel."""
        scene = self._scene
        canvas = self._canvas(box, (60, 80, 0))
        for layer in scene.texture:
            canvas.fill(layer)
        away = -scene.sun.towards * scene.sun.reach
        outline = _circle(7)
        shaded = canvas
        for crowns in scene.crowns:
            cast = crowns.places + away * (1.3 * crowns.radii)[:, None]
            shaded.fill_copies(outline, cast, crowns.radii, (60, 80, 255))
        shaded.fill(scene.shadows)
        if box.zoom >= 17:
            shaded.fill(scene.car_shadows)
        for crowns in scene.crowns:
            canvas.fill_copies(outline, crowns.places, crowns.radii, (165, 120, 0))
        canvas.fill(scene.footprints)
        return canvas.pixels()

    def _furrows(self, box: PixelBox, grid: PixelGrid) -> np.ndarray:
        """Stripes of fields as relative change of light; none where they are thinner than 2 px."""
        canvas = self._canvas(box, (0, 0, 0), antialiased=False)
        canvas.fill(self._scene.fields)
        codes = canvas.pixels()
        if grid.resolution > 2.5 or not codes.any():
            return np.zeros(codes.shape[:2], dtype=np.float32)
        spacing = np.maximum(codes[..., 1], 1) / np.float32(SPACING_STEPS)
        stripes = np.zeros(codes.shape[:2], dtype=np.float32)
        for heading in np.unique(codes[..., 0]).tolist():
            turn = np.radians(heading)
            own = codes[..., 0] == heading
            across = (grid.y * np.cos(turn))[:, None] - (grid.x * np.sin(turn))[None]
            waves = across[own].astype(np.float32) / spacing[own]
            stripes[own] = np.abs(waves - np.floor(waves) - np.float32(0.5)) * 4 - 1
        strength = codes[..., 2].astype(np.float32) / 255
        fading = np.clip((spacing - 2 * grid.resolution) / spacing * 2, 0, 1)
        change: np.ndarray = stripes * strength * np.float32(0.3) * fading
        return change


def _blurred(light: np.ndarray, sigma: float) -> np.ndarray:
    """Light blurred by a kernel of `BLUR_MARGIN` px on each side, and cut by as much."""
    steps = np.arange(-BLUR_MARGIN, BLUR_MARGIN + 1)
    weights = np.exp(-0.5 * (steps / max(sigma, 0.3)) ** 2)
    kept = np.flatnonzero(weights > 0.003)
    weights = (weights / weights[kept].sum()).astype(np.float32)
    height, width = (side - 2 * BLUR_MARGIN for side in light.shape[:2])
    rows = np.zeros((height, *light.shape[1:]), dtype=np.float32)
    for tap in kept:
        rows += weights[tap] * light[tap : tap + height]
    both = np.zeros((height, width, *light.shape[2:]), dtype=np.float32)
    for tap in kept:
        both += weights[tap] * rows[:, tap : tap + width]
    return both


def _circle(sides: int) -> np.ndarray:
    turns = np.linspace(0, 2 * np.pi, sides + 1)
    outline: np.ndarray = np.stack([np.cos(turns), np.sin(turns)], 1)
    outline[-1] = outline[0]
    return outline


def _scaled(colour: tuple[float, float, float], factor: float) -> tuple[int, int, int]:
    red, green, blue = (min(255, int(value * factor)) for value in colour)
    return red, green, blue
