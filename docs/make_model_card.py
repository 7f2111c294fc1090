"""Write docs/model-card.md from the card inside the bundled model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open

from c2gm.models.checkpoints import BUNDLED

PAGE = Path(__file__).parent / "model-card.md"

HEAD = """# c2gm-mini: model card

The model that C2GM ships: SGDM at small widths, {parameters:,} parameters, {size:.1f} MiB
(float16 and float32). It draws the house style `c2gm-carto` at zooms 14 to 18 from RGB imagery,
with or without a reference at 2X or 4X. What it draws is a **generated map, not surveyed**.

It was trained on two CPU cores beside other work, for the minutes below. On made-up ground it
draws streets, water, woods, fields and blocks of houses from imagery alone; on real imagery it
reads water, woods, large roads and houses better than minor streets. It has seen a desert city,
one Breton town, the edge of a Swedish one, three places in Maryland, a little of the Aosta valley,
painted towns and worlds, and painted street patterns of Andorra, Helsinki and Monaco; its encoder
has also read Banepa. Elsewhere expect less.

## Training

| run | minutes | crops |
|---|---|---|
"""


def page() -> str:
    """The model card as Markdown."""
    with safe_open(BUNDLED, "np") as file:
        card: dict[str, Any] = json.loads(file.metadata()["c2gm.card"])
        parameters = sum(
            int(file.get_tensor(key).size)
            for key in file.keys()  # noqa: SIM118
        )
    text = HEAD.format(parameters=parameters, size=BUNDLED.stat().st_size / 2**20)
    text += "".join(
        f"| {run['run']} | {run['minutes']:.0f} | {run['crops']:,} |\n" for run in card["runs"]
    )
    text += (
        "\nThese are the runs whose weights are in the file; what they started from is in the\n"
        "[training log](training-log.md).\n"
    )
    if "mean_of" in card:
        groups = " and of ".join(", ".join(group) for group in card["mean_of"])
        text += f"\nIts weights are the mean of two models: of {groups}.\n"
    text += "\nTrained on, with credit:\n\n" + "".join(f"- {line}\n" for line in card["credits"])
    text += (
        "\n## Scores on held-out ground\n\n"
        "Windows of 320 px that no run has seen: towns and worlds of other seeds, Dubai scene 2,\n"
        "the eastern parts of Châteaugiron and Kvarnbyn, Maryland's rows. The default\n"
        "sampler, two steps from the reading, read in one view; [whole maps](scores.md) are read\n"
        "in four up to zoom 17. *teacher*:\n"
        "with the true reference, 4X where there is one; *segment and draw*: the class head's\n"
        "classes in flat colours; *copy*: the reference enlarged; *constant*: ground colour;\n"
        "*ceiling*: the truth through the VAE. Cells: mIoU in six groups (open ground, water,\n"
        "green, built-up, minor and main road), mIoU over the legend's classes that the truth\n"
        "holds, and edge F1 within 2 px. Ground that the truth does not tell is left out.\n\n"
    )
    return text + _table(card["scores"])


def _table(scores: dict[str, dict[str, dict[str, float]]]) -> str:
    rows = list(scores)
    lines = ["| ground | windows | " + " | ".join(rows) + " |", "|---" * (len(rows) + 2) + "|"]
    for ground, first in scores[rows[0]].items():
        cells = [
            "{group_miou:.2f} / {miou:.2f} / {edge_f1:.2f}".format(**scores[row][ground])
            for row in rows
        ]
        lines.append(f"| {ground} | {first['windows']:.0f} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
