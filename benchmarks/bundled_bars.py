"""The bars of the bundled model: what a run of evaluate_bundled.py is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from c2gm.evaluation.report import markdown
from c2gm.evaluation.scoring import ZoomScores


@dataclass(frozen=True)
class Result:
    """One line of the table of bars; `spread` is what chance alone gives."""

    bar: str
    value: float | None
    least: float | None
    most: float | None
    spread: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the value lies between the two."""
        if self.value is None or not np.isfinite(self.value):
            return False
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )


def mean_measure(scores: list[dict[int, ZoomScores]], zoom: int, name: str) -> float | None:
    """Unweighted mean over places of a measure; None where no place has it."""
    values = [s[zoom].measures.get(name) for s in scores if zoom in s]
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None


def procedural_bars(scores: list[dict[int, ZoomScores]]) -> list[Result]:
    """The bars on procedural ground: means over the places."""
    least_miou = {14: 0.55, 15: 0.55, 16: 0.70, 17: 0.70, 18: 0.65}
    bars: list[tuple[str, int, float | None, float | None]] = []
    bars += [("miou", zoom, least, None) for zoom, least in least_miou.items()]
    bars += [("main_road_completeness", zoom, 0.7, None) for zoom in (14, 15)]
    bars += [("road_correctness", 17, 0.85, None), ("road_completeness", 17, 0.75, None)]
    for zoom in least_miou:
        bars.append(("building_share_ratio", zoom, 0.75, 1.33))
    for zoom in (15, 16, 17, 18):
        bars += [("seam_ratio", zoom, 0.95, 1.05), ("band_ratio", zoom, 0.95, 1.05)]
        bars.append(("tile_border_edge_ratio", zoom, 0.95, None))
    bars += [("off_palette", zoom, None, 0.03) for zoom in least_miou]
    return [
        Result(
            f"procedural z{zoom} {name}",
            mean_measure(scores, zoom, name),
            least,
            most,
            _mean_spread(scores, zoom) if name == "seam_ratio" else None,
        )
        for name, zoom, least, most in bars
        if any(zoom in found for found in scores)
    ]


def _mean_spread(scores: list[dict[int, ZoomScores]], zoom: int) -> float | None:
    """Spread of the mean of independent places."""
    found = [s[zoom].measures.get("seam_spread") for s in scores if zoom in s]
    spreads = [spread for spread in found if spread is not None]
    return float(np.linalg.norm(spreads) / len(spreads)) if spreads else None


def real_bars(name: str, scores: dict[int, ZoomScores]) -> list[Result]:
    """The bars on one real place."""
    measures = scores[17].measures
    return [
        Result(
            f"{name} z17 {measure}",
            measures.get(measure),
            least,
            most,
            measures.get("seam_spread") if measure == "seam_ratio" else None,
        )
        for measure, least, most in (
            ("miou", 0.5, None),
            ("road_correctness", 0.6, None),
            ("road_completeness", 0.5, None),
            ("seam_ratio", None, 1.10),
            ("off_palette", None, 0.03),
        )
    ]


def bars_markdown(results: list[Result]) -> str:
    """The table of bars."""
    table = [["bar", "value", "at least", "at most", ""]]
    for result in results:
        cells = [result.value, result.least, result.most]
        numbers = ["-" if cell is None else f"{cell:.3f}" for cell in cells]
        if result.spread is not None:
            numbers[0] += f" +- {result.spread:.3f}"
        table.append([result.bar, *numbers, "ok" if result.passed else "**missed**"])
    return markdown(table)
