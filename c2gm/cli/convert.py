"""`c2gm convert`: model files in another form."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Form(str, Enum):
    """Forms that a model is written in."""

    ldm = "ldm"
    diffusers = "diffusers"


def command(
    checkpoint: Annotated[
        Path, typer.Argument(help="A .ckpt, .pt or .safetensors file, or a diffusers folder.")
    ],
    out: Annotated[Path, typer.Argument(help="The new .safetensors file, or the new folder.")],
    slim: Annotated[
        bool, typer.Option("--slim", help="Keep only what SGDM trains; it needs --base then.")
    ] = False,
    to: Annotated[
        Form, typer.Option(help="ldm: one file in the authors' layout; diffusers: a folder.")
    ] = Form.ldm,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that has the name.")
    ] = False,
) -> None:
    """Write a model in another form.

    Its numbers stay as they are. Pickled checkpoints (.ckpt) are read here and nowhere else, and
    nothing in them is run.

    \b
    Examples:
      c2gm convert epoch=9.ckpt sgdm.safetensors
      c2gm convert sgdm.safetensors sgdm-slim.safetensors --slim
    """
    from ..models.checkpoints import convert_checkpoint
    from ..tilesets.storing import check_free

    check_free(out, overwrite=force)
    convert_checkpoint(checkpoint, out, slim=slim, to=to.value)
    print(f"{out} is written.")
