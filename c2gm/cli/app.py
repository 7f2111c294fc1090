"""The program `c2gm`, put together of its commands; they import what they need when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from . import (
    convert,
    dataset,
    demo,
    evaluate,
    export,
    generate,
    info,
    preview,
    render,
    repaint,
    shards,
    stitch,
    train,
    vectorize,
    verify,
    world,
)
from .exits import one_line_errors

HELP = """Draw web map pyramids from aerial and satellite imagery.

Begin with: c2gm demo

Then with imagery of your own: c2gm generate my.tif --out my-map.mbtiles
"""


def build_app() -> typer.Typer:
    """The program with its commands."""
    app = typer.Typer(
        name="c2gm",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    modules = (
        demo,
        generate,
        shards,
        repaint,
        render,
        preview,
        stitch,
        export,
        vectorize,
        verify,
        info,
        convert,
        train,
        evaluate,
        world,
    )
    for module in modules:
        name = module.__name__.rpartition(".")[2]
        app.command(name)(one_line_errors(module.command))
    app.add_typer(dataset.group(), name="dataset")

    @app.callback(invoke_without_command=True)
    def program(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version and leave.")
        ] = False,
    ) -> None:
        if version:
            print(__version__)
            raise typer.Exit

    return app
