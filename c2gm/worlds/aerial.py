"""The aerial picture of a town: drawn at a box's own zoom, textured by noise of the place."""

from __future__ import annotations

import numpy as np

from ..grid import PixelBox, mercator_resolution
from .canvas import Canvas
from .furrows import field_lines
from .noise import PixelGrid, WorldNoise, grain
from .scene import SPACING_STEPS, Scene
from .sensor import BLUR_MARGIN, JPEG_BLOCK, compressed, developed, sensor, through_lens

FINE_PERIODS = (0.75, 1.6, 3.1)
MOTTLE_PERIODS = (5.0, 13.0, 37.0, 110.0)
HILL_PERIODS = (150.0, 390.0, 1000.0)
UNMARKED = (80, 105, 0)  # codes of ground without a texture of its own
PASSING_LIGHT = 0.05  # share by which light differs over hundreds of metres
LOWEST_DRAWN_ZOOM = 16  # below, pictures are averages of this zoom's


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
        """Light of the scene through air, lens and camera, float32 [H,W,3] in 0..255."""
        sensor = self._sensor
        whole = _on_blocks(box)
        outer = whole.grown(BLUR_MARGIN)
        light = self._lit(outer, self._grid(outer))
        film = developed(through_lens(light, sensor, self._resolution(box.zoom)), sensor)
        inner = self._grid(whole)
        speckle = self._noise.octave(inner, period=inner.resolution, salt=91)
        film += (speckle * np.float32(1.7 * sensor.noise))[..., None]
        film = compressed(film, sensor.quality)
        rows = slice(box.top - whole.top, box.bottom - whole.top)
        columns = slice(box.left - whole.left, box.right - whole.left)
        clipped: np.ndarray = np.clip(film[rows, columns], 0, 255)
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
        patch = self._patches(grid)
        change -= patch * codes[..., 1] * np.float32(0.19)
        change += self._furrows(box, grid)
        change += self._slopes(grid)
        picture *= (1 + np.clip(change, -0.6, 0.8))[..., None]
        # dry and lush patches differ in hue, not only in light
        hue = self._noise.octave(grid, period=60.0, salt=23) * codes[..., 1]
        hue -= patch * codes[..., 1] * np.float32(0.3)
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
        passes = ((0.0, 1.0, 0.82), (0.24, 0.76, 1.02), (0.42, 0.36, 1.14))
        for shift, size, light in passes if zoom >= 17 else passes[:2]:
            for crowns in self._scene.crowns:
                places = crowns.places + sun * (shift * crowns.radii)[:, None]
                colour = _scaled(crowns.colour, light)
                canvas.fill_copies(crowns.outline[::step], places, crowns.radii * size, colour)

    def _codes(self, box: PixelBox) -> np.ndarray:
        """Fine grain, mottling and shadow of each pixel."""
        scene = self._scene
        canvas = self._canvas(box, UNMARKED)
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
            canvas.fill_copies(outline, crowns.places, crowns.radii, (215, 190, 0))
        canvas.fill(scene.footprints)
        return canvas.pixels()

    def _patches(self, grid: PixelGrid) -> np.ndarray:
        """Where ground is overgrown, stained or damp: patches of a few metres, 0 to 1."""
        value = self._noise.octave(grid, period=23.0, salt=51)
        value += self._noise.octave(grid, period=9.0, salt=52) * np.float32(0.6)
        patches: np.ndarray = np.clip((value - np.float32(0.2)) * 3, 0, 1)
        return patches

    def _slopes(self, grid: PixelGrid) -> np.ndarray:
        """Slow change of light over the ground, and of slopes to and from the sun."""
        change = self._noise.octave(grid, period=730.0, salt=31) * np.float32(PASSING_LIGHT)
        relief = self._scene.relief
        for salt, period in enumerate(HILL_PERIODS if relief > 0 else (), start=41):
            east, north = self._scene.sun.towards * (period / 16)
            ahead = PixelGrid(grid.x + east, grid.y + north, grid.resolution)
            behind = PixelGrid(grid.x - east, grid.y - north, grid.resolution)
            rise = self._noise.octave(behind, period=period, salt=salt)
            rise -= self._noise.octave(ahead, period=period, salt=salt)
            change += rise * np.float32(1.1 * relief)
        return change

    def _furrows(self, box: PixelBox, grid: PixelGrid) -> np.ndarray:
        """Furrows, tracks and streaks of fields as relative change of light."""
        canvas = self._canvas(box, (0, 0, 0), antialiased=False)
        canvas.fill(self._scene.fields)
        codes = canvas.pixels()
        change = np.zeros(codes.shape[:2], dtype=np.float32)
        for heading, spacing in np.unique(codes[codes[..., 1] > 0][:, :2], axis=0).tolist():
            turn = np.radians(heading)
            own = (codes[..., 0] == heading) & (codes[..., 1] == spacing)
            across = (grid.y * np.cos(turn))[:, None] - (grid.x * np.sin(turn))[None]
            lines = field_lines(across[own], spacing / SPACING_STEPS, grid.resolution)
            change[own] = lines * (codes[..., 2][own].astype(np.float32) / 255)
        change *= 1 + self._noise.octave(grid, period=80.0, salt=53)  # streaks come and go
        return change


def _circle(sides: int) -> np.ndarray:
    turns = np.linspace(0, 2 * np.pi, sides + 1)
    outline: np.ndarray = np.stack([np.cos(turns), np.sin(turns)], 1)
    outline[-1] = outline[0]
    return outline


def _scaled(colour: tuple[float, float, float], factor: float) -> tuple[int, int, int]:
    red, green, blue = (min(255, int(value * factor)) for value in colour)
    return red, green, blue


def _on_blocks(box: PixelBox) -> PixelBox:
    """The smallest box of whole JPEG blocks that holds a box."""
    block = JPEG_BLOCK
    return PixelBox(
        box.zoom,
        box.left // block * block,
        box.top // block * block,
        -(-box.right // block) * block,
        -(-box.bottom // block) * block,
    )
