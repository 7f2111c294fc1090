"""Symbols: how each kind of object is generalised and drawn at a zoom.

Widths, lengths and areas are pixels of the zoom; `_metres` are metres on the ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class AreaSymbol:
    """How areas of one kind are generalised and drawn.

    Attributes:
        kind: one of `AREA_KINDS`.
        map_class: its name in the legend.
        least_area: smaller areas are dropped, px2.
        least_hole: smaller holes are filled, px2.
        closing: gaps up to twice this are closed, px.
        closing_metres: the same for buildings that grow into a built-up area, metres; parks of at
            least `least_hole` are left out of it.
        opening: parts thinner than twice this are dropped, px.
        opening_metres: the same, metres.
        simplify: tolerance, px.
        smoothing: rounds of Chaikin's corner cutting.
        casing: width of the rim, px.
    """

    kind: str
    map_class: str
    least_area: float
    least_hole: float
    closing: float = 0.0
    closing_metres: float = 0.0
    opening: float = 0.0
    opening_metres: float = 0.0
    simplify: float = 0.4
    smoothing: int = 0
    casing: float = 0.0


@dataclass(frozen=True)
class LineSymbol:
    """How lines of one kind are generalised and drawn.

    Attributes:
        kind: one of `LINE_KINDS`.
        map_class: its name in the legend.
        width: px, without casing.
        casing: px on each side.
        dash: (drawn, left out) px, or None for a whole line.
        twin_distance: carriageways nearer than this to each other become one, px.
        thinning: of lines side by side nearer than this only the longest stays, px.
        narrow_gap: slits between such lines that are narrower are painted over, px.
        dead_end: dead ends shorter than this are dropped, px.
        orphan: lines of a piece of the network that is shorter than this are dropped, px.
        simplify: tolerance, px.
    """

    kind: str
    map_class: str
    width: float
    casing: float = 0.0
    dash: tuple[float, float] | None = None
    twin_distance: float = 0.0
    thinning: float = 0.0
    narrow_gap: float = 0.0
    dead_end: float = 0.0
    orphan: float = 0.0
    simplify: float = 0.3


@dataclass(frozen=True)
class MapStyle:
    """Symbols of one zoom; kinds without a symbol are not drawn.

    Attributes:
        zoom: zoom of 256 px tiles.
        areas: symbols of areas.
        lines: symbols of lines.
        tree_diameter: px, 0 for no trees.
        order: kinds (and `trees`) from the ground up, in groups. The casings of a group lie under
            all its cores.
    """

    zoom: int
    areas: tuple[AreaSymbol, ...]
    lines: tuple[LineSymbol, ...]
    tree_diameter: float = 0.0
    order: tuple[tuple[str, ...], ...] = ()

    def area(self, kind: str) -> AreaSymbol | None:
        """The symbol of an area kind."""
        return next((symbol for symbol in self.areas if symbol.kind == kind), None)

    def line(self, kind: str) -> LineSymbol | None:
        """The symbol of a line kind."""
        return next((symbol for symbol in self.lines if symbol.kind == kind), None)


@dataclass(frozen=True)
class Style:
    """A style: the colours of the legend's classes, and the symbols zoom by zoom.

    Attributes:
        name: what to call it.
        colours: RGB 0 to 255 of every class of the legend.
        zooms: symbols by zoom, ascending without gaps.
    """

    name: str
    colours: Mapping[str, Colour]
    zooms: tuple[MapStyle, ...]

    def at(self, zoom: int) -> MapStyle:
        """The symbols of a zoom; beyond the first and the last these are theirs."""
        first, last = self.zooms[0].zoom, self.zooms[-1].zoom
        return self.zooms[min(max(zoom, first), last) - first]
