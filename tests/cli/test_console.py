"""Words for numbers, and options that are more than a word."""

from __future__ import annotations

import pytest
import typer

from c2gm.cascade.progress import Progress
from c2gm.cli.console import progress_text
from c2gm.cli.dry_run import size_text
from c2gm.cli.options import (
    duration_text,
    parse_bounds,
    parse_nodata,
    parse_zooms,
    zooms_text,
)


@pytest.mark.parametrize(
    ("text", "zooms"),
    [
        ("14-18", (14, 15, 16, 17, 18)),
        ("16", (16,)),
        ("18,14, 16", (14, 16, 18)),
        ("3,3-4", (3, 4)),
    ],
)
def test_zooms_are_read_and_sorted(text: str, zooms: tuple[int, ...]) -> None:
    assert parse_zooms(text) == zooms


@pytest.mark.parametrize("zooms", [(14, 15, 16), (14, 16), (3,), (1, 2)])
def test_zooms_are_written_as_they_are_read(zooms: tuple[int, ...]) -> None:
    assert parse_zooms(zooms_text(zooms)) == zooms


@pytest.mark.parametrize("text", ["", "18-14", "-3", "23", "1.5", "a"])
def test_other_texts_are_no_zooms(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="Write 14-18"):
        parse_zooms(text)


def test_bounds_and_nodata_are_read() -> None:
    assert parse_bounds("-1.5, 2,3e0,4") == (-1.5, 2, 3, 4)
    assert parse_bounds(None) is None
    assert parse_nodata("none") == "none"
    assert parse_nodata("-9999") == -9999
    assert parse_nodata(None) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (8.2, "9 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_progress_promises_no_time_before_it_knows_a_rate() -> None:
    numbers = {
        "zoom": 16,
        "stage_tiles_done": 1,
        "stage_tiles": 4,
        "tiles_done": 3,
        "tiles": 20,
        "windows_done": 4,
        "windows": 40,
        "reused_tiles": 0,
        "seconds": 2.0,
    }
    unknown = Progress(**numbers, rate=None, seconds_left=None)
    assert progress_text(unknown) == "3 of 20 tiles"
    known = Progress(**numbers, rate=2.0, seconds_left=70.0)
    assert progress_text(known) == "3 of 20 tiles, 2.0 windows a second, at most 1 min 10 s left"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9960, "10 kB"),
        (999_600, "1.0 MB"),
        (1_340_000_000, "1.3 GB"),
        (70_000_000_000_000, "70 TB"),
        (7_000_000_000_000_000, "7,000 TB"),
    ],
)
def test_sizes_are_said_as_people_say_them(count: int, text: str) -> None:
    assert size_text(count) == text
