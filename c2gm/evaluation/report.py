"""Scores as JSON values and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .measures import BY_NAME
from .protocols import Protocol
from .scoring import ZoomScores

Rows = dict[str, dict[int, ZoomScores]]
"""Scores by row (the map and its controls) and zoom."""

HEADLINE = (
    "miou",
    "edge_f1",
    "road_correctness",
    "road_completeness",
    "main_road_completeness",
    "apls",
    "psnr_y",
    "psnr_rgb",
    "ssim_y",
    "seam_ratio",
    "seam_spread",
    "seam_beside",
    "band_ratio",
    "tile_border_edge_ratio",
    "cross_scale_ratio",
    "building_share_ratio",
    "detail_ratio",
    "invented_share",
    "off_palette",
)


def as_json(rows: Rows, protocol: Protocol, **about: Any) -> dict[str, Any]:
    """Everything as JSON values, not rounded; what could not be measured is null."""
    return {
        "schema": 1,
        "protocol": {"name": protocol.name, "given": protocol.given},
        **about,
        "rows": {
            name: {
                f"z{zoom}": {
                    "tiles": score.tiles,
                    "missing_tiles": score.missing,
                    **score.measures,
                    "groups": score.groups,
                    "classes": score.classes,
                }
                for zoom, score in scores.items()
            }
            for name, scores in rows.items()
        },
    }


def measure_table(rows: Rows, zoom: int, names: Sequence[str] = HEADLINE) -> list[list[str]]:
    """One zoom: a line a measure, a column a row of scores; what nobody has is left out."""
    scored = {name: scores[zoom] for name, scores in rows.items() if zoom in scores}
    table = [[f"zoom {zoom}", *scored]]
    table.append(["tiles", *[str(score.tiles) for score in scored.values()]])
    for name in names:
        values = [score.measures.get(name) for score in scored.values()]
        if any(value is not None for value in values):
            table.append([BY_NAME[name].title, *map(_number, values)])
    return table


def group_table(scores: dict[int, ZoomScores], *, classes: bool = False) -> list[list[str]]:
    """IoU by zoom of each group (or class) of one row, with its share of the truth."""
    parts = {zoom: s.classes if classes else s.groups for zoom, s in scores.items()}
    names = list(dict.fromkeys(name for part in parts.values() for name in part))
    heading = "class" if classes else "group"
    table = [[heading, *[f"z{zoom} IoU (share)" for zoom in parts]]]
    for name in names:
        cells = []
        for part in parts.values():
            share = part[name]["true_share"]
            cells.append(f"{_number(part[name]['iou'])} ({100 * (share or 0):.1f} %)")
        table.append([name, *cells])
    return table


def markdown(table: list[list[str]]) -> str:
    """A table as Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in table]
    lines.insert(1, "|---" * len(table[0]) + "|")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
