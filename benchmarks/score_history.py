"""Scores of model files against the processor hours that they cost: the curve of the training.

    python benchmarks/score_history.py DEV --out docs/images/score-history.png \
        --model hours=2.3 file=first.safetensors --model hours=8.5 file=mini

DEV is a folder of held-out training records. Every model draws the same windows with the same noise
and its own default sampler; the scores are six-group mIoU, the mean over kinds of ground and zooms.
Prints a table in Markdown and draws the curve.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from c2gm.models.sgdm import SGDM
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.training.records import Record, RecordPool
from c2gm.training.scores import model_rows, score_records

ROWS = ("no reference", "teacher", "segment and draw")
PAINTED = ("town", "world", "osm")


@dataclass(frozen=True)
class Point:
    """One model file: its name, the processor hours behind it, and the mean score of each row."""

    file: str
    hours: float
    painted: dict[str, float]
    real: dict[str, float]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", type=Path, nargs="+", help="folders of held-out records")
    parser.add_argument("--model", nargs=2, action="append", required=True, metavar="KEY=VALUE")
    parser.add_argument("--each", type=int, default=4, help="windows of a kind of ground and zoom")
    parser.add_argument("--out", type=Path, help="picture of the curve (.png)")
    arguments = parser.parse_args()
    records = list(chosen(arguments.records, arguments.each))
    points = []
    for pairs in arguments.model:
        values = dict(pair.split("=", 1) for pair in pairs)
        points.append(scored(values["file"], float(values["hours"]), records))
        print(table(points[-1:], head=len(points) == 1), flush=True)
    if arguments.out:
        draw(points, arguments.out)


def chosen(folders: list[Path], each: int) -> Iterator[Record]:
    """The first windows of every kind of ground and zoom that the maps of all models show."""
    counts: dict[tuple[str, int], int] = {}
    for folder in folders:
        for record in RecordPool(folder).all():
            key = record.place.split("-")[0], record.zoom
            counts[key] = counts.get(key, 0) + 1
            if counts[key] <= each and record.text_zoom == record.zoom:
                yield record


def scored(file: str, hours: float, records: list[Record]) -> Point:
    """Draw and score all records with one model."""
    rows = model_rows(SGDMMapModel(SGDM.load(file)))
    scores = score_records(records, {name: rows[name] for name in ROWS})
    means: list[dict[str, float]] = [{}, {}]
    for name in ROWS:
        for real in (False, True):
            values = [
                entry["group_miou"]
                for ground, entry in scores[name].items()
                if (ground.split()[0] not in PAINTED) == real and "group_miou" in entry
            ]
            means[real][name] = float(np.mean(values))
    return Point(Path(file).stem, hours, *means)


def table(points: list[Point], *, head: bool) -> str:
    """Lines of a Markdown table."""
    lines = []
    if head:
        titles = [f"{kind}: {name}" for kind in ("painted", "real") for name in ROWS]
        lines = [f"| model | core-hours | {' | '.join(titles)} |", "|---|" + "---|" * 7]
    for point in points:
        values = [kind[name] for kind in (point.painted, point.real) for name in ROWS]
        cells = " | ".join(f"{value:.3f}" for value in values)
        lines.append(f"| {point.file} | {point.hours:.1f} | {cells} |")
    return "\n".join(lines)


def draw(points: list[Point], out: Path) -> None:
    """The curves, painted and real ground beside each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    hours = [point.hours for point in points]
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, kind in ((left, "painted"), (right, "real")):
        for name in ROWS:
            axes.plot(hours, [getattr(point, kind)[name] for point in points], "o-", label=name)
        axes.set(title=f"{kind} ground, held out", xlabel="core-hours of training, all runs")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    left.set_ylabel("six-group mIoU")
    right.legend()
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()
