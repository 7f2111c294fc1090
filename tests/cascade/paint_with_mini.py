"""Paints the watched mini's ground, in a process that a test kills: OUT."""

import sys
from pathlib import Path

from watched_mini import SETTINGS, WatchedMini, ground_imagery

from c2gm.cascade.generate import generate


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    generate(
        ground_imagery(),
        WatchedMini(),
        Path(sys.argv[1]),
        SETTINGS,
        on_progress=lambda progress: tell(progress.windows_done),
    )
