"""Styles are files: classes, colours, widths by zoom, from which zoom, least areas.

The house style is `assets/styles/c2gm-carto.json`; a copy of it, edited, is a style of your own.
docs/map-style.md explains its entries. A value is one number for all zooms of the file, or a list
of one a zoom; null means that the zoom does not draw the kind.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..legend import LEGEND
from .map_objects import AREA_KINDS, LINE_KINDS
from .symbols import AreaSymbol, Colour, LineSymbol, MapStyle, Style

__all__ = ["AreaSymbol", "LineSymbol", "MapStyle", "Style", "built_in_style", "map_style"]

BUILT_IN = Path(__file__).parent.parent / "assets" / "styles" / "c2gm-carto.json"
WIDEST_HALF = 16.0  # px from a line's middle to the edge of its casing, see render.MARGIN
_LARGEST_NUMBER = 1e6
_MOST_SMOOTHING = 4
_MOST_BYTES = 1 << 20
_SECTIONS = ("name", "about", "zooms", "colours", "order", "areas", "lines", "trees")
_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_HIGHEST_ZOOM = 22

Column = list["float | None"]


def map_style(zoom: int) -> MapStyle:
    """The symbols of a zoom in the house style."""
    return built_in_style().at(zoom)


@functools.cache
def built_in_style() -> Style:
    """The house style `c2gm-carto`."""
    return read_style(BUILT_IN)


def read_style(path: str | Path) -> Style:
    """Read a style file.

    Raises:
        ConfigError: the file is missing, no JSON, or says something impossible; names the entry.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = json.loads(
                file.read(_MOST_BYTES).decode("utf-8"), object_pairs_hook=_without_repeats
            )
    except OSError as error:
        raise ConfigError(f"Style {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"Style {path} is no readable JSON: {error}.") from error
    return _StyleFile(path.name, content).style()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names are all different, else the last would win without a word."""
    content = dict(pairs)
    for name, _ in pairs:
        if sum(name == other for other, _ in pairs) > 1:
            raise ValueError(f"{name!r} stands there twice")
    return content


class _StyleFile:
    """The content of a style file on its way to a `Style`."""

    def __init__(self, name: str, content: Any) -> None:
        self._name = name
        self._content = self._object(content, "the file")
        self._check_names(self._content, _SECTIONS, "the file")
        self._zooms = self._read_zooms()

    def style(self) -> Style:
        """All of it, checked."""
        order = self._read_order()
        areas = self._rows("areas", AREA_KINDS, AreaSymbol, shown_by="least_area")
        lines = self._rows("lines", LINE_KINDS, LineSymbol, shown_by="width")
        trees = self._object(self._content.get("trees", {}), "trees")
        self._check_names(trees, ("diameter",), "trees")
        diameters = self._column(trees.get("diameter"), "trees, diameter")
        self._check_order(order, [*areas, *lines])
        return Style(
            name=str(self._content.get("name", self._name)),
            colours=self._read_colours(),
            zooms=tuple(
                MapStyle(
                    zoom=zoom,
                    areas=self._symbols(areas, AreaSymbol, column),
                    lines=self._symbols(lines, LineSymbol, column),
                    tree_diameter=diameters[column] or 0.0,
                    order=order,
                )
                for column, zoom in enumerate(self._zooms)
            ),
        )

    def _fail(self, where: str, what: str) -> ConfigError:
        return ConfigError(f"Style {self._name}, {where}: {what}")

    def _object(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._fail(where, "must be a JSON object, like {...}.")
        return value

    def _check_names(self, found: Collection[str], known: Collection[str], where: str) -> None:
        for name in found:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1) or [", ".join(known)]
                raise self._fail(where, f"{name!r} is unknown. Write {near[0]}.")

    def _read_zooms(self) -> tuple[int, ...]:
        zooms = self._content.get("zooms")
        whole = isinstance(zooms, list) and all(type(zoom) is int for zoom in zooms)
        if not whole or not zooms or zooms != list(range(zooms[0], zooms[0] + len(zooms))):
            raise self._fail("zooms", "must be whole numbers in a row, like [14, 15, 16, 17, 18].")
        if zooms[0] < 0 or zooms[-1] > _HIGHEST_ZOOM:
            raise self._fail("zooms", f"must lie between 0 and {_HIGHEST_ZOOM}.")
        return tuple(zooms)

    def _read_colours(self) -> dict[str, Colour]:
        """The legend's colours, and over them those of the file."""
        colours = {entry.name: entry.colour for entry in LEGEND}
        given = self._object(self._content.get("colours", {}), "colours")
        self._check_names(given, colours, "colours")
        for name, text in given.items():
            match = _COLOUR.fullmatch(text) if isinstance(text, str) else None
            if match is None:
                raise self._fail("colours", f"{name!r} is {text!r}. Write a colour like #86c1f0.")
            red, green, blue = (int(part, 16) for part in match.groups())
            colours[name] = (red, green, blue)
        return colours

    def _read_order(self) -> tuple[tuple[str, ...], ...]:
        order = self._content.get("order")
        if not isinstance(order, list):
            raise self._fail("order", "must list the kinds from the ground up.")
        groups = [entry if isinstance(entry, list) else [entry] for entry in order]
        kinds = [kind for group in groups for kind in group]
        if not all(isinstance(kind, str) for kind in kinds):
            raise self._fail("order", "must hold names of kinds, and lists of them.")
        self._check_names(kinds, (*AREA_KINDS, *LINE_KINDS, "trees"), "order")
        for kind in kinds:
            if kinds.count(kind) > 1:
                raise self._fail("order", f"{kind!r} stands there twice. Keep one.")
        return tuple(tuple(group) for group in groups)

    def _check_order(self, order: tuple[tuple[str, ...], ...], kinds: list[str]) -> None:
        placed = {kind for group in order for kind in group}
        for kind in kinds:
            if kind not in placed:
                raise self._fail(
                    "order", f"{kind!r} has a symbol but no place. Put it where it is painted."
                )

    def _rows(
        self,
        section: str,
        kinds: tuple[str, ...],
        symbol: type[AreaSymbol] | type[LineSymbol],
        *,
        shown_by: str,
    ) -> dict[str, dict[str, Any]]:
        """Kind -> field -> its column; `shown_by` names the field whose null leaves a kind out."""
        names = {field.name for field in dataclasses.fields(symbol)} - {"kind", "map_class"}
        rows: dict[str, dict[str, Any]] = {}
        given = self._object(self._content.get(section, {}), section)
        self._check_names(given, kinds, section)
        for kind, entries in given.items():
            where = f"{section}, {kind}"
            entries = self._object(entries, where)
            self._check_names(entries, ("class", *sorted(names)), where)
            if shown_by not in entries:
                raise self._fail(where, f"{shown_by!r} is missing. Give it for every zoom.")
            row: dict[str, Any] = {"class": self._map_class(entries, where)}
            for name in names & set(entries):
                at = f"{where}, {name}"
                read = self._dashes if name == "dash" else self._column
                row[name] = read(entries[name], at)
            self._check_row(row, where, shown_by)
            rows[kind] = {"shown": row[shown_by]} | row
        return rows

    def _map_class(self, entries: dict[str, Any], where: str) -> str:
        names = [entry.name for entry in LEGEND if entry.name not in ("ground", "road casing")]
        name = entries.get("class")
        if not isinstance(name, str):
            raise self._fail(where, f"'class' is missing. Write one of {', '.join(names)}.")
        self._check_names((name,), names, f"{where}, class")
        return name

    def _column(self, value: Any, where: str) -> Column:
        """One number or None for each zoom."""
        values = value if isinstance(value, list) else [value] * len(self._zooms)
        if len(values) != len(self._zooms):
            raise self._fail(
                where, f"has {len(values)} values for {len(self._zooms)} zooms. Give one a zoom."
            )
        for number in values:
            is_number = type(number) in (int, float) and math.isfinite(number)
            if number is not None and not (is_number and 0 <= number <= _LARGEST_NUMBER):
                raise self._fail(where, f"{number!r} is no number from 0 up.")
        return [None if number is None else float(number) for number in values]

    def _dashes(self, value: Any, where: str) -> list[tuple[float, float] | None]:
        """A pair (drawn, left out) or None for each zoom; one pair holds for all zooms."""
        values = value if isinstance(value, list) else [value] * len(self._zooms)
        if len(values) == 2 and all(type(number) in (int, float) for number in values):
            values = [values] * len(self._zooms)
        if len(values) != len(self._zooms):
            raise self._fail(where, "must be null or [drawn, left out], or a list of one a zoom.")
        for pair in values:
            right = isinstance(pair, list) and len(pair) == 2
            if pair is not None and not (
                right and all(type(n) in (int, float) and 0.5 <= n <= 1000 for n in pair)
            ):
                raise self._fail(where, f"{pair!r} is no [drawn, left out] of at least 0.5 px.")
        return [None if pair is None else (float(pair[0]), float(pair[1])) for pair in values]

    def _check_row(self, row: dict[str, Any], where: str, shown_by: str) -> None:
        """What no single value shows: lines too wide to draw, smoothing that is no count."""
        nothing = [0.0] * len(self._zooms)
        for rounds in row.get("smoothing", nothing):
            if rounds is not None and (rounds != int(rounds) or rounds > _MOST_SMOOTHING):
                raise self._fail(
                    f"{where}, smoothing", f"{rounds:g} is no whole number up to {_MOST_SMOOTHING}."
                )
        if shown_by != "width":
            return
        for width, casing in zip(row["width"], row.get("casing", nothing), strict=True):
            if width is None:
                continue
            if width == 0 or width / 2 + (casing or 0.0) > WIDEST_HALF:
                raise self._fail(
                    f"{where}, width",
                    f"{width:g} px with casing is not between 0 and {2 * WIDEST_HALF:g} px.",
                )

    def _symbols(self, rows: dict[str, dict[str, Any]], symbol: Any, column: int) -> Any:
        """The symbols of one zoom."""
        symbols = []
        for kind, row in rows.items():
            if row["shown"][column] is None:
                continue
            values = {
                name: values[column]
                for name, values in row.items()
                if name not in ("class", "shown") and values[column] is not None
            }
            if symbol is AreaSymbol:
                values.setdefault("least_hole", values["least_area"])
                values["smoothing"] = int(values.get("smoothing", 0))
            symbols.append(symbol(kind, row["class"], **values))
        return tuple(symbols)
