"""Spoilt imagery of every kind: an error of ours or an answer, soon and in little memory.

Rule 12 of the house: no hang over 2 s, never over 300 MB, never another error than ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2gm.errors import C2GMError
from c2gm.grid import PixelBox, tiles_in_bounds
from c2gm.sources import HowToRead, open_sources

KINDS = (
    *("strips", "deflate", "lzw", "jpeg", "deep", "bigtiff", "overviews", "mask", "palette"),
    *("points", "jp2", "png", "jpg", "webp", "bmp", "world file", "vrt", "mbtiles", "pmtiles"),
    *("tile", "jpg tile", "webp tile", "metadata"),
)
BOUNDS = (55.29, 25.06, 55.292, 25.0616)
UNPLACED = ("png", "jpg", "webp", "bmp")
MOST_SECONDS = 2.0
MOST_MEGABYTES = 300
EXAMPLES = 25

edits = st.lists(
    st.tuples(
        st.one_of(st.floats(0, 1), st.floats(0, 0.02)),  # place; most structure lies in front
        st.sampled_from([b"\0", b"\1", b"\x7f", b"\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f"])
        | st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=6,
)


def test_every_seed_is_named_here_and_sound(seeds: dict[str, Path]) -> None:
    assert set(seeds) == set(KINDS)
    for kind, path in seeds.items():
        assert look(kind, path), kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_file_is_refused_or_read_soon_and_in_little_memory(
    seeds: dict[str, Path], peak_megabytes: Callable[[], float], kind: str
) -> None:
    path = seeds[kind]
    sound = path.read_bytes()
    before = peak_megabytes()

    @settings(max_examples=EXAMPLES, derandomize=True, database=None)
    @given(edits, st.none() | st.floats(0, 1))
    def spoil(changes: list[tuple[float, bytes]], cut: float | None) -> None:
        data = bytearray(sound)
        for place, value in changes:
            start = int(place * (len(data) - 1))
            data[start : start + len(value)] = value
        path.write_bytes(bytes(data if cut is None else data[: int(cut * len(data))]))
        began = time.thread_time()
        try:
            look(kind, path)
        except C2GMError as error:
            assert str(error).count("\n") == 0
            assert str(error).endswith((".", "?"))
        assert time.thread_time() - began < MOST_SECONDS

    try:
        spoil()
    finally:
        path.write_bytes(sound)
    assert peak_megabytes() - before < MOST_MEGABYTES


def look(kind: str, path: Path) -> bool:
    """Read two boxes of imagery; whether anything is valid."""
    target = path
    if kind == "world file":
        target = path.with_name("photo.png")
    elif kind.endswith("tile"):
        target = path.parents[2]
    elif kind == "metadata":
        target = path.parent
    how = HowToRead(picture_bounds=BOUNDS) if kind in UNPLACED else None
    imagery = open_sources(target, how)
    seen = False
    try:
        whole = tiles_in_bounds(imagery.bounds, min(imagery.native_zoom, 18)).box
        x, y = (whole.left + whole.right) // 2, (whole.top + whole.bottom) // 2
        for shift in (0, min(3, whole.zoom)):
            left, top = (x >> shift) - 100, (y >> shift) - 100
            box = PixelBox(whole.zoom - shift, left, top, left + 200, top + 200)
            rgb, valid = imagery.read(box)
            assert rgb.shape == (200, 200, 3) and rgb.dtype == np.uint8
            assert valid.shape == (200, 200) and valid.dtype == bool
            assert not rgb[~valid].any()
            seen |= bool(valid.any())
    finally:
        imagery.close()
    return seen
