"""The entry of the program `c2gm`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the program with the arguments of the process."""
    try:
        from .app import build_app
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        print(
            "Error: The command line needs packages that are not installed. Install them with: "
            'pip install "c2gm[library]"',
            file=sys.stderr,
        )
        raise SystemExit(1) from None
    build_app()()
