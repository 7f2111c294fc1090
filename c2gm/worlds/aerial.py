"""The aerial picture of a town: drawn at a box's own zoom, textured by noise of the place."""

from __future__ import annotations

import numpy as np

from ..grid import PixelBox, mercator_resolution
from .canopy import MARGIN, RINGS, Canopy, lit_side, ruffled, without_margin
from .canvas import Canvas
from .furrows import field_lines
from .materials import TABLE, code, lines_of
from .noise import PixelGrid, WorldNoise, coarse_span, enlarged, grain
from .scene import Scene
from .sensor import BLUR_MARGIN, JPEG_BLOCK, compressed, developed, sensor, through_lens
from .slopes import Heights, sunlit_heights, sunlit_mountains

GRAIN_PERIODS = (0.75, 1.6, 3.1)
CLUMP_PERIODS = (5.2, 10.5)
PATCH_PERIODS = (24.0, 57.0)
DRIFT_PERIODS = (170.0, 630.0)
TRAILS = ((190.0, 61), (330.0, 62))  # (period, salt)
FURROW_CONTRAST = 0.5
CROWN_CONTRAST = (0.28, 0.36)  # of the lit and the other side of crowns, coarse and fine
LOWEST_DRAWN_ZOOM = 16  # below, pictures are averages of this zoom's


class AerialPainter:
    """Paints boxes of one scene; the same pixel has the same value in any box."""

    def __init__(
        self,
        scene: Scene,
        *,
        seed: int,
        centre: tuple[int, int],
        metre: float = 1.0,
        heights: Heights | None = None,
    ) -> None:
        """Take a scene whose origin is the world pixel corner `centre` (column, row) of zoom 14.

        `metre` tells how many metres of EPSG:3857 one metre of the scene takes (1 / cos latitude),
        `heights` the height of the ground at points of the scene, where it is known.
        """
        self._metre = metre
        self._scene = scene
        self._noise = WorldNoise(seed)
        self._sensor = sensor(seed)
        self._centre = centre
        self._heights = heights
        self._canopy = Canopy(scene.crowns)

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
        return self._grid_at(
            np.arange(box.left, box.right), np.arange(box.top, box.bottom), box.zoom
        )

    def _grid_at(self, columns: np.ndarray, rows: np.ndarray, zoom: int) -> PixelGrid:
        resolution = self._resolution(zoom)
        column, row = self._centre_at(zoom)
        x, y = (columns - column + 0.5) * resolution, (row - rows - 0.5) * resolution
        return PixelGrid(x, y, resolution)

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
        picture = self._colours(box).astype(np.float32)
        change, hue = self._texture(box, grid)
        shadow = self._shadow(box)
        crowns = self._crowns(box)
        if crowns is not None:
            colours, facing, cover, cast = crowns
            picture += (colours - picture) * cover[..., None]
            change *= 1 - np.float32(0.4) * cover
            change += facing * cover * np.float32(CROWN_CONTRAST[box.zoom >= 17])
            shadow = np.maximum(shadow * (1 - np.float32(0.8) * cover), cast)
        picture *= (1 + np.clip(change, -0.7, 0.6))[..., None]
        hue = hue * (np.float32(0.08) * picture[..., 1])
        picture[..., 0] += hue
        picture[..., 2] -= hue * np.float32(0.6)
        shade = np.array(self._scene.palette.shadow, dtype=np.float32)
        lit: np.ndarray = picture * (1 - shadow[..., None] * (1 - shade))
        return lit

    def _colours(self, box: PixelBox) -> np.ndarray:
        scene = self._scene
        canvas = self._canvas(box, scene.background)
        for layer in scene.ground:
            canvas.fill(layer)
        if box.zoom >= 17:
            for layer in scene.markings:
                canvas.fill(layer)
        canvas.fill(scene.cars)
        for layer in scene.roofs:
            canvas.fill(layer)
        return canvas.pixels()

    def _shadow(self, box: PixelBox) -> np.ndarray:
        """How much of each pixel is in shadow, float32 [H,W]."""
        scene = self._scene
        canvas = self._canvas(box, (0, 0, 0))
        canvas.fill(scene.shadows)
        if box.zoom >= 17:
            canvas.fill(scene.car_shadows)
        canvas.fill(scene.footprints)
        shadow: np.ndarray = canvas.pixels()[..., 2].astype(np.float32) * np.float32(1 / 255)
        return shadow

    def _crowns(
        self, box: PixelBox
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
        """(colours of crowns, how much they face the sun, their share of each pixel, that of what
        they shade), or None where no tree stands.
        """
        sun, resolution = self._scene.sun, self._resolution(box.zoom)
        wide, fine = box.grown(MARGIN), box.zoom >= 17
        canvas = self._canvas(wide, (0, 0, 0))
        self._canopy.shade(canvas, -sun.towards * sun.reach)
        self._canopy.heights(canvas, sun.towards, fine=fine)
        codes = canvas.pixels()
        if not codes.any():
            return None
        canvas = self._canvas(wide, self._canopy.colour)
        self._canopy.colours(canvas, fine=fine)
        codes = ruffled(codes, box, resolution).astype(np.float32) * np.float32(1 / 255)
        colours = without_margin(ruffled(canvas.pixels(), box, resolution)).astype(np.float32)
        own = without_margin(codes)
        facing = lit_side(codes[..., 0], sun.towards, resolution)
        facing += (own[..., 0] - np.float32(0.62)) * np.float32(0.5)
        cover = np.minimum(own[..., 0] * np.float32(255 / RINGS[0][1]), 1)
        return colours, facing, cover, own[..., 2]

    def _texture(self, box: PixelBox, grid: PixelGrid) -> tuple[np.ndarray, np.ndarray]:
        """Relative change of light, and how dry (above 0) or lush places are, float32 [H,W]."""
        scene, noise = self._scene, self._noise
        canvas = self._canvas(box, code("plain"), antialiased=False)
        for layer in scene.materials:
            canvas.fill(layer)
        codes = canvas.pixels()
        shares = TABLE[np.minimum(codes[..., 0], len(TABLE) - 1)]
        coarse = self._grid_at(
            coarse_span(box.left, box.right), coarse_span(box.top, box.bottom), box.zoom
        )
        wide = np.stack(
            [
                np.clip(1.6 * grain(noise, coarse, periods=PATCH_PERIODS, salt=11), -1.5, 1.5),
                grain(noise, coarse, periods=DRIFT_PERIODS, salt=15),
                grain(noise, coarse, periods=(38.0, 290.0), salt=23),
            ]
        )
        patches, drift, hue = enlarged(wide, box)
        change = grain(noise, grid, periods=GRAIN_PERIODS, salt=1) * shares[..., 0]
        clumps = grain(noise, grid, periods=CLUMP_PERIODS, salt=5)
        change += clumps * shares[..., 1]
        change += patches * shares[..., 2]
        change += drift * shares[..., 3]
        change += self._furrows(codes, grid)
        change += self._trails(shares[..., 5], grid)
        change += self._slopes(coarse, grid, box)
        tufts = np.clip((clumps - 1) * 2, 0, 1) * np.clip(patches + np.float32(0.3), 0, 1)
        change -= tufts * shares[..., 6]
        return change, (hue + np.float32(0.4) * clumps - 2 * tufts) * shares[..., 4]

    def _slopes(self, coarse: PixelGrid, grid: PixelGrid, box: PixelBox) -> np.ndarray | float:
        """Change of light on slopes to and from the sun."""
        sun, relief = self._scene.sun, self._scene.relief
        if self._heights is not None:
            return sunlit_heights(self._heights, grid, sun.towards, sun.reach)
        if relief <= 0:
            return 0.0
        mountains = sunlit_mountains(self._noise, coarse, sun.towards) * np.float32(relief)
        return enlarged(mountains, box)

    def _furrows(self, codes: np.ndarray, grid: PixelGrid) -> np.ndarray | float:
        """Furrows, tracks and streaks of fields as relative change of light."""
        found = lines_of(codes)
        if not found:
            return 0.0
        change = np.zeros(codes.shape[:2], dtype=np.float32)
        for first, second, heading, spacing, strength in found:
            own = (codes[..., 1] == first) & (codes[..., 2] == second)
            across = (grid.y * np.cos(heading))[:, None] - (grid.x * np.sin(heading))[None]
            lines = field_lines(across[own], spacing, grid.resolution)
            change[own] = lines * np.float32(FURROW_CONTRAST * strength)
        return change

    def _trails(self, share: np.ndarray, grid: PixelGrid) -> np.ndarray | float:
        """Tracks of wheels and feet and rills of water: thin winding lines, pale and dark."""
        if not share.any():
            return 0.0
        lines: np.ndarray = np.zeros(share.shape, dtype=np.float32)
        for period, salt in TRAILS:
            # where slow noise crosses zero it draws a line that winds about as far as it is long
            wide = np.float32(max(1.1, 0.8 * grid.resolution) * 2.4 / period)
            wave = self._noise.octave(grid, period=period, salt=salt)
            lines += np.clip(1 - np.abs(wave) / wide, 0, 1) * np.float32(1 if salt % 2 else -0.8)
        lines *= share
        return lines


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
