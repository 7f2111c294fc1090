"""Reading of option values that are more than a word or a number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..imagery.blocks import BlockImagery

Bounds = tuple[float, float, float, float]
HIGHEST_ZOOM = 20  # the last that has a map scale
MOST_DIGITS = 40  # in a zoom or two; Python turns no endless text into a number

# Arguments and options that several commands have.
MapFile = Annotated[
    Path, typer.Argument(help="A map: an .mbtiles or .pmtiles file, or an XYZ folder.")
]
NumberFormat = Annotated[
    str, typer.Option(help="auto (bf16 where the device computes in it), fp32, bf16 or fp16.")
]
PictureBounds = Annotated[
    "str | None",
    typer.Option(metavar="W,S,E,N", help="Where a picture without position lies, in degrees."),
]
Crs = Annotated[
    "str | None",
    typer.Option(metavar="EPSG:...", help="Coordinate system of the imagery; replaces its own."),
]
NodataValue = Annotated[
    "str | None",
    typer.Option(metavar="VALUE", help="Value of invalid pixels; none ignores the file's own."),
]
StretchValues = Annotated[
    "str | None",
    typer.Option(
        metavar="LOW,HIGH",
        help="Values of the imagery that become black and white.",
        show_default="8 bits as they are, others by percentiles 2 and 98",
    ),
]
IMAGERY_KINDS = (
    "Rasters (GeoTIFF, VRT, picture), a folder of them, a folder {z}/{x}/{y}.png|jpg|webp, "
    ".mbtiles or .pmtiles; several are read as one mosaic."
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@contextmanager
def options_of_the_command() -> Iterator[None]:
    """Impossible settings that are read from options here are wrong use, exit status 2."""
    try:
        yield
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


def parse_zooms(text: str) -> tuple[int, ...]:
    """Zooms like `14-18` or `14,16,18`, ascending.

    Raises:
        BadParameter: the text has another form.
    """
    zooms: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > MOST_DIGITS:
            raise typer.BadParameter(f"{text[:40]!r} are no zooms. Write 14-18 or 14,16,18.")
        if int(last or first) > HIGHEST_ZOOM:
            raise typer.BadParameter(
                f"{text!r} goes beyond zoom {HIGHEST_ZOOM}, the last that has a map scale. "
                "Write 14-18 or 14,16,18."
            )
        zooms.update(range(int(first), int(last or first) + 1))
    if not zooms:
        raise typer.BadParameter(f"{text!r} are no zooms. Write 14-18 or 14,16,18.")
    return tuple(sorted(zooms))


def parse_cascade_factor(factor: int) -> int:
    """The cascade factor, 2 or 4.

    Raises:
        BadParameter: it is another number.
    """
    if factor not in (2, 4):
        raise typer.BadParameter(f"Cascade factor {factor} is not 2 or 4.")
    return factor


def parse_bounds(text: str | None) -> Bounds | None:
    """Bounds `W,S,E,N` in degrees; None stays None.

    Raises:
        BadParameter: these are not four numbers.
    """
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} are not four numbers. Write west,south,east,north in degrees, "
            "like 9.58,46.965,9.602,46.98."
        ) from None
    return west, south, east, north


def parse_nodata(text: str | None) -> float | Literal["none"] | None:
    """A nodata value: a number, `nan`, or `none` to ignore the file's own.

    Raises:
        BadParameter: it is neither.
    """
    if text is None or text == "none":
        return "none" if text else None
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number nor none.") from None


def parse_stretch(text: str | None) -> tuple[float, float] | None:
    """A stretch `LOW,HIGH`; None stays None.

    Raises:
        BadParameter: these are not two different numbers.
    """
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low != high):
        raise typer.BadParameter(f"{text!r} are not two different numbers. Write LOW,HIGH.")
    return low, high


def open_named_imagery(
    names: Sequence[str | Path],
    *,
    crs: str | None = None,
    nodata: str | None = None,
    picture_bounds: str | None = None,
    stretch: str | None = None,
) -> BlockImagery:
    """Imagery by the arguments and options of a command; the one place where commands open it.

    Raises:
        BadParameter: an option cannot be read.
        ImageryError: the imagery cannot be read or placed.
    """
    from ..sources import HowToRead, open_sources

    how = HowToRead(
        crs=crs,
        nodata=parse_nodata(nodata),
        picture_bounds=parse_bounds(picture_bounds),
        stretch=parse_stretch(stretch),
    )
    return open_sources(names, how)


def zooms_text(zooms: tuple[int, ...]) -> str:
    """Zooms as `parse_zooms` reads them, runs with a dash."""
    if len(zooms) > 2 and zooms[-1] - zooms[0] == len(zooms) - 1:
        return f"{zooms[0]}-{zooms[-1]}"
    return ",".join(str(zoom) for zoom in zooms)


def duration_text(seconds: float) -> str:
    """A duration as people say it: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = max(0, math.ceil(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
