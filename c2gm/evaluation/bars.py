"""Bars: values that a score must reach, as the command line writes them."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigError
from .measures import BY_NAME
from .scoring import ZoomScores


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        measure: A name of `measures.MEASURES`.
        zoom: At which zoom; None is every zoom that has the measure.
        least: The lowest value that passes.
        most: The highest.
    """

    measure: str
    zoom: int | None
    least: float
    most: float

    def __str__(self) -> str:
        """As it was written."""
        name = self.measure if self.zoom is None else f"z{self.zoom}.{self.measure}"
        if self.most == float("inf"):
            return f"{name}={self.least:g}"
        return f"{name}={'' if self.least == float('-inf') else f'{self.least:g}'}..{self.most:g}"


@dataclass(frozen=True)
class Missed:
    """A bar that a zoom misses; `value` is None where there was nothing to measure."""

    bar: Bar
    zoom: int
    value: float | None

    def __str__(self) -> str:
        """What was asked and what is there."""
        there = "was not measured" if self.value is None else f"is {self.value:.4g}"
        return f"Bar {self.bar} is missed: {self.bar.measure} at zoom {self.zoom} {there}."


def parse_bar(text: str) -> Bar:
    """Read a bar like `z17.miou=0.7`, `seam_ratio=0.95..1.05` or `off_palette=..0.03`.

    Raises:
        ConfigError: another form, or no such measure.
    """
    name, equals, value = text.partition("=")
    prefix, dot, measure = name.strip().rpartition(".")
    if not equals or (dot and not (prefix[:1] == "z" and prefix[1:].isdecimal())):
        raise ConfigError(
            f"{text!r} is no bar. Write z17.miou=0.7 (at least), seam_ratio=0.95..1.05 (between) "
            "or off_palette=..0.03 (at most)."
        )
    if measure not in BY_NAME:
        raise ConfigError(f"There is no measure {measure!r}. There are {', '.join(BY_NAME)}.")
    low, dots, high = value.strip().partition("..")
    try:
        least = float(low) if low else float("-inf")
        most = float(high) if high else float("inf")
    except ValueError:
        raise ConfigError(f"{value!r} is no number in the bar {text!r}.") from None
    if not (low or high) or least > most:
        raise ConfigError(f"The bar {text!r} lets nothing pass, or everything.")
    return Bar(measure, int(prefix[1:]) if prefix else None, least, most)


def missed_bars(bars: list[Bar], scores: dict[int, ZoomScores]) -> list[Missed]:
    """The bars that scores by zoom miss; a bar of a zoom that was not scored is missed too."""
    missed = []
    for bar in bars:
        zooms = [bar.zoom] if bar.zoom is not None else sorted(scores)
        found = {zoom: scores[zoom].measures.get(bar.measure) for zoom in zooms if zoom in scores}
        if bar.zoom is None:
            # The lowest zoom has no zoom below it, and one tile has no borders.
            found = {zoom: value for zoom, value in found.items() if value is not None}
        if not found:
            missed.append(Missed(bar, bar.zoom or min(scores, default=0), None))
        for zoom, value in found.items():
            if value is None or not bar.least <= value <= bar.most:
                missed.append(Missed(bar, zoom, value))
    return missed
