"""Drawing: the true map of one zoom as pictures and as class ids, by matplotlib's Agg.

A drawing never depends on the asked box. Geometry lies on a grid of 1/256 px (Agg's own), no
straight piece is longer than the margin that is drawn around the box and cut off, and dashes are
cut along whole lines beforehand, so each pixel is computed from the same numbers in every box.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import shapely
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

from ..grid import HALF_WORLD, PixelBox, mercator_resolution
from ..legend import CLASS_ID
from .generalise import generalise
from .layers import Layer, Shapes, area_layer, disc_layer, line_layer
from .map_objects import MapObjects
from .roads import narrow_gaps
from .style import LineSymbol, MapStyle, Style, built_in_style

MARGIN = 40  # px: the longest straight piece (24) and half the widest line with its casing (16)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True)
class _Step:
    """One act of painting: a layer in one class, lines and rims with a width in px."""

    layer: Layer
    map_class: str
    width: float = 0.0


class MapDrawing:
    """The map of one zoom, generalised once and drawn box by box.

    Args:
        objects: the vector world in metres of EPSG:3857, not yet generalised.
        zoom: zoom of 256 px tiles, whose grid is drawn on.
        look: zoom whose content and symbols (in px) are drawn, by default that of the grid.
        style: by default the house style.
        generalised: the objects are those of the look already, so that several grids share them.
    """

    def __init__(
        self,
        objects: MapObjects,
        zoom: int,
        *,
        look: int | None = None,
        style: Style | None = None,
        generalised: bool = False,
    ) -> None:
        self.zoom = zoom
        look = zoom if look is None else look
        style = style or built_in_style()
        self._colours = style.colours
        shown = objects if generalised else generalise(objects, look, style)
        self._steps = tuple(_steps(shown, style.at(look), zoom))

    def picture(self, box: PixelBox) -> np.ndarray:
        """The map as uint8 [H,W,3], antialiased."""
        canvas = _Canvas(self._checked(box), background=self._colours["ground"])
        for step in self._steps:
            canvas.paint(step.layer, self._colours[step.map_class], step.width)
        return canvas.pixels()

    def classes(self, box: PixelBox) -> np.ndarray:
        """Class ids of the legend, uint8 [H,W]: what covers at least half of a pixel, no casings.

        Each class is painted antialiased on an empty canvas, because Agg without antialiasing
        paints every pixel that a shape touches, which makes all shapes a pixel wider.
        """
        canvas = _Canvas(self._checked(box), background=_BLACK)
        ids = np.full((box.height, box.width), CLASS_ID["ground"], dtype=np.uint8)
        cores = (step for step in self._steps if step.map_class != "road casing")
        for map_class, steps in groupby(cores, key=lambda step: step.map_class):
            painted = [canvas.paint(step.layer, _WHITE, step.width) for step in steps]
            if any(painted):
                np.copyto(ids, np.uint8(CLASS_ID[map_class]), where=canvas.brightness() > 127)
                canvas.clear()
        return ids

    def _checked(self, box: PixelBox) -> PixelBox:
        if box.zoom != self.zoom:
            raise ValueError(f"The drawing is of zoom {self.zoom}, the box of zoom {box.zoom}.")
        return box


def _steps(objects: MapObjects, style: MapStyle, zoom: int) -> Iterable[_Step]:
    """What is painted, from the ground up."""
    layers = _layers(objects, style, zoom)
    for group in style.order:
        kinds = [kind for kind in group if kind in layers]
        for kind in kinds:
            if casing := _casing(kind, style):
                core = _core(layers[kind], kind, style)
                yield _Step(core.layer, "road casing", core.width + 2 * casing)
        for kind in kinds:
            yield _core(layers[kind], kind, style)
            if _gaps(kind) in layers:
                yield _Step(layers[_gaps(kind)], _core(layers[kind], kind, style).map_class)


def _gaps(kind: str) -> str:
    """Name of the layer with the narrow gaps of a kind of road."""
    return f"{kind} gaps"


def _layers(objects: MapObjects, style: MapStyle, zoom: int) -> dict[str, Layer]:
    resolution = mercator_resolution(zoom)

    def to_pixels(points: np.ndarray) -> np.ndarray:
        scale = np.array([1.0, -1.0]) / resolution
        pixels: np.ndarray = (points - np.array([-HALF_WORLD, HALF_WORLD])) * scale
        return pixels

    shapes = {
        kind: shapely.transform(array, to_pixels)
        for kind, array in {**objects.areas, **objects.lines}.items()
    }
    layers: dict[str, Layer] = {}
    for area in style.areas:
        if area.kind in shapes:
            layers[area.kind] = area_layer(shapes[area.kind])
    for line in style.lines:
        if line.kind not in shapes:
            continue
        layers[line.kind] = line_layer(shapes[line.kind], line.dash)
        if line.narrow_gap:
            beside = _drawn_beside(line, shapes, style)
            gaps = narrow_gaps(
                shapes[line.kind], width=line.width, gap=line.narrow_gap, beside=beside
            )
            if len(gaps):
                layers[_gaps(line.kind)] = area_layer(gaps)
    if len(objects.trees):
        layers["trees"] = disc_layer(to_pixels(objects.trees), style.tree_diameter)
    return layers


def _drawn_beside(line: LineSymbol, shapes: dict[str, Shapes], style: MapStyle) -> Shapes:
    """What else is painted in the colour of a line and in its group of the order, as polygons."""
    group = next(group for group in style.order if line.kind in group)
    drawn = [np.zeros(0, dtype=object)]
    for kind in group:
        area, other = style.area(kind), style.line(kind)
        if kind == line.kind or kind not in shapes:
            continue
        if area is not None and area.map_class == line.map_class:
            drawn.append(shapes[kind])
        if other is not None and other.map_class == line.map_class:
            drawn.append(shapely.buffer(shapes[kind], other.width / 2, quad_segs=4))
    return np.concatenate(drawn)


def _core(layer: Layer, name: str, style: MapStyle) -> _Step:
    if name == "trees":
        return _Step(layer, "wood")
    if (area := style.area(name)) is not None:
        return _Step(layer, area.map_class)
    line = style.line(name)
    if line is None:
        raise ValueError(f"The style has no symbol for {name}.")
    return _Step(layer, line.map_class, line.width)


def _casing(name: str, style: MapStyle) -> float:
    symbol = style.area(name) or style.line(name)
    return symbol.casing if symbol else 0.0


class _Canvas:
    """Agg's canvas over a box and its margin."""

    def __init__(self, box: PixelBox, *, background: tuple[int, int, int]) -> None:
        self._box = box.grown(MARGIN)
        self._renderer = RendererAgg(self._box.width, self._box.height, 72)
        self._context = self._renderer.new_gc()
        self._context.set_snap(False)
        self._context.set_capstyle("round")
        self._context.set_joinstyle("round")
        self._rgba = np.asarray(self._renderer.buffer_rgba())
        self._background = np.array((*background, 255), dtype=np.uint8).view(np.uint32)
        self.clear()

    def clear(self) -> None:
        """Take all paint off."""
        self._rgba.view(np.uint32)[:] = self._background

    def paint(self, layer: Layer, colour: tuple[int, int, int], width: float) -> bool:
        """Fill a layer of areas, or draw lines; areas with a width get a rim as well.

        Returns:
            False where nothing of the layer lies near the box.
        """
        box = self._box
        found = layer.within((box.left, box.top, box.right, box.bottom))
        if found is None:
            return False
        vertices, codes = found
        # In float64 before Agg sees it: world pixels leave float32 no room for fractions.
        vertices = np.stack([vertices[:, 0] - box.left, box.bottom - vertices[:, 1]], axis=1)
        path = Path(vertices, codes)
        path.should_simplify = False
        rgb = tuple(part / 255 for part in colour)
        self._context.set_foreground(rgb)
        self._context.set_linewidth(width)
        face = rgb if layer.filled else None
        self._renderer.draw_path(self._context, path, IdentityTransform(), face)
        return True

    def pixels(self) -> np.ndarray:
        """The box without its margin, uint8 [H,W,3]."""
        return self._rgba[MARGIN:-MARGIN, MARGIN:-MARGIN, :3].copy()

    def brightness(self) -> np.ndarray:
        """First channel of the box without its margin, uint8 [H,W]."""
        return self._rgba[MARGIN:-MARGIN, MARGIN:-MARGIN, 0]
