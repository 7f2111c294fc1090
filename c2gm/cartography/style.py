"""The house style `c2gm-carto`: how each kind of object is drawn at each zoom.

Widths, lengths and areas are pixels of the zoom; `_metres` are metres on the ground. Zooms below
14 are drawn as 14, zooms above 18 as 18.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_ZOOM, LAST_ZOOM = 14, 18


@dataclass(frozen=True)
class AreaSymbol:
    """How areas of one kind are generalised and drawn.

    Attributes:
        kind: one of `AREA_KINDS`.
        map_class: its name in the legend.
        least_area: smaller areas are dropped, px2.
        least_hole: smaller holes are filled, px2.
        closing: gaps up to twice this are closed, px.
        closing_metres: the same for buildings that grow into a built-up area, metres.
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
        narrow_gap: slits between such lines that are narrower are painted over, px.
        dead_end: dead ends shorter than this are dropped, px.
        simplify: tolerance, px.
    """

    kind: str
    map_class: str
    width: float
    casing: float = 0.0
    dash: tuple[float, float] | None = None
    twin_distance: float = 0.0
    narrow_gap: float = 0.0
    dead_end: float = 0.0
    simplify: float = 0.3


@dataclass(frozen=True)
class MapStyle:
    """Symbols of one zoom; kinds without a symbol are not drawn.

    Areas and lines stand in the order of painting. `tree_diameter` is in px, 0 for no trees.
    """

    zoom: int
    areas: tuple[AreaSymbol, ...]
    lines: tuple[LineSymbol, ...]
    tree_diameter: float = 0.0

    def area(self, kind: str) -> AreaSymbol | None:
        """The symbol of an area kind."""
        return next((symbol for symbol in self.areas if symbol.kind == kind), None)

    def line(self, kind: str) -> LineSymbol | None:
        """The symbol of a line kind."""
        return next((symbol for symbol in self.lines if symbol.kind == kind), None)


# One row a kind, one column a zoom 14 to 18; None: not drawn at that zoom.
_Row = tuple[float | None, float | None, float | None, float | None, float | None]
_LEAST_AREAS: dict[str, _Row] = {
    "farmland": (200, 100, 50, 25, 9),
    "built_up": (400, 200, 100, None, None),
    "sand": (None, 200, 100, 40, 16),
    "park": (None, 200, 100, 40, 16),
    "wood": (200, 100, 50, 25, 9),
    "water": (64, 32, 16, 9, 9),
    "building": (None, None, 64, 16, 9),
    "road_area": (None, 200, 24, 24, 24),
}
_WIDTHS: dict[str, _Row] = {
    "stream": (None, 2, 2, 3, 4),
    "footpath": (None, None, None, None, 2),
    "track": (None, None, None, 2, 2),
    "driveway": (None, None, None, 5, 7),
    "service": (None, None, 3, 5, 7),
    "street": (None, 3, 5, 10, 13),
    "main_road": (4, 6, 9, 14, 18),
    "motorway": (5, 7, 10, 15, 20),
    "rail_yard": (None, None, 2, 3, 3),
    "railway": (1.5, 2, 2, 3, 3),
}
_AREA_CLASSES = {"built_up": "built-up area", "road_area": "street"}
_LINE_CLASSES = {
    "stream": "water",
    "footpath": "path",
    "track": "path",
    "driveway": "street",
    "service": "street",
    "main_road": "main road",
    "rail_yard": "railway",
}
_ROADS = ("driveway", "service", "street", "main_road", "motorway")
_BUILDING_SIMPLIFY: _Row = (0.7, 0.7, 0.7, 0.5, 0.3)


def map_style(zoom: int) -> MapStyle:
    """The symbols of a zoom."""
    column = min(max(zoom, FIRST_ZOOM), LAST_ZOOM) - FIRST_ZOOM
    return MapStyle(
        zoom=column + FIRST_ZOOM,
        areas=tuple(
            _area_symbol(kind, float(least), column)
            for kind, row in _LEAST_AREAS.items()
            if (least := row[column]) is not None
        ),
        lines=tuple(
            _line_symbol(kind, float(width), column)
            for kind, row in _WIDTHS.items()
            if (width := row[column]) is not None
        ),
        tree_diameter=5.0 if column + FIRST_ZOOM == LAST_ZOOM else 0.0,
    )


def _area_symbol(kind: str, least_area: float, column: int) -> AreaSymbol:
    zoom = column + FIRST_ZOOM
    map_class = _AREA_CLASSES.get(kind, kind)
    if kind == "built_up":
        return AreaSymbol(
            kind,
            map_class,
            least_area,
            least_area,
            closing_metres={14: 20.0, 15: 18.0}.get(zoom, 0.0),
            opening=1.5,
            simplify=0.7,
        )
    if kind == "building":
        return AreaSymbol(
            kind,
            map_class,
            least_area,
            least_area,
            closing=1.0 if zoom <= 16 else 0.0,
            simplify=_BUILDING_SIMPLIFY[column] or 0.0,
        )
    if kind == "wood":
        return AreaSymbol(
            kind, map_class, least_area, least_area, closing=2.0, simplify=0.7, smoothing=2
        )
    if kind == "water":
        if zoom <= 15:
            return AreaSymbol(kind, map_class, least_area, least_area, simplify=1.0, smoothing=2)
        return AreaSymbol(kind, map_class, least_area, least_area, simplify=0.4)
    if kind == "road_area":
        return AreaSymbol(
            kind,
            map_class,
            least_area,
            24.0,
            opening_metres=3.5 if zoom == 15 else 0.0,
            simplify=0.5,
            smoothing=1 if zoom == 15 else 0,
            casing=1.0,
        )
    return AreaSymbol(kind, map_class, least_area, least_area, simplify=0.5)


def _line_symbol(kind: str, width: float, column: int) -> LineSymbol:
    zoom = column + FIRST_ZOOM
    map_class = _LINE_CLASSES.get(kind, kind)
    road = kind in _ROADS
    return LineSymbol(
        kind,
        map_class,
        width,
        casing=1.0 if road and zoom >= 15 else 0.0,
        dash=(6.0, 3.0) if kind in ("footpath", "track") and zoom >= 18 else None,
        twin_distance=_twin_distance(kind, width, zoom),
        narrow_gap=3.0 if kind in ("main_road", "motorway") and zoom >= 15 else 0.0,
        dead_end=12.0 if kind == "street" and zoom == 15 else 0.0,
        simplify=0.5 if zoom <= 16 else 0.3,
    )


def _twin_distance(kind: str, width: float, zoom: int) -> float:
    """Where widths are exaggerated, neighbours of the same kind would run together to blobs."""
    if zoom > 16:
        return 0.0
    return {"motorway": width + 3.0, "main_road": width + 3.0, "railway": 5.0}.get(kind, 0.0)
