"""The entry of the program `c2gm`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the program with the arguments of the process."""
    keep_traces_of_logging_quiet()
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


def keep_traces_of_logging_quiet() -> None:
    """Print no trace where GDAL's words on a damaged file are no text.

    rasterio logs these words, and Python prints a trace of what it cannot decode there, though the
    error itself is told in one line.
    """
    before = sys.unraisablehook

    def tell(what: sys.UnraisableHookArgs) -> None:
        if not (isinstance(what.exc_value, UnicodeDecodeError) and "rasterio" in str(what.object)):
            before(what)

    sys.unraisablehook = tell
