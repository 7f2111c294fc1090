"""`c2gm train`: one stage of training."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer


def command(
    config: Annotated[Path, typer.Argument(help="The run: a JSON file.")],
) -> None:
    """Train a part of the model.

    It takes as long as the configuration says. If you stop the program, the same command goes on
    where it was.

    \b
    Example:
      c2gm train encoder.json
    """
    from ..training.run_config import read_run_config
    from ..training.train import train

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    print(f"{train(read_run_config(config))} is written.")
