"""A run that is cut off at any of its writes ends with the same bytes once it is given again."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from imaginary import GROUND, ZOOMS, TextureModel, imagery_of, is_pond, read_map

from c2gm.cascade.generate import generate
from c2gm.cascade.ledger import Ledger
from c2gm.cascade.settings import GenerateSettings
from c2gm.tilesets.mbtiles import MBTilesWriter

SETTINGS = GenerateSettings(zooms=(14, 15))  # 1 + 4 windows and tiles
SCRIPT = Path(__file__).with_name("die_writing.py")
WRITES = (
    *((Ledger, name) for name in ("write_key", "store", "delete")),
    *((MBTilesWriter, name) for name in ("_begin", "_store", "_finish")),
)


class Cut(BaseException):
    """The machine lost its power."""


@contextmanager
def cut_off(after: int, *, done: bool) -> Iterator[Counter]:
    """Everything ends at the n-th write, when it is done or instead of it; counts the writes."""
    count: Counter = Counter()

    def cut(write: Callable) -> Callable:
        def written(*args, **keywords):
            count[write.__name__] += 1
            if count.total() == after and not done:
                raise Cut
            result = write(*args, **keywords)
            if count.total() == after:
                raise Cut
            return result

        return written

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in WRITES:
            patch.setattr(owner, name, cut(getattr(owner, name)))
        yield count


def paint(path: Path, zooms: tuple[int, ...] = SETTINGS.zooms) -> None:
    ground = imagery_of(GROUND, is_hole=is_pond)
    generate(ground, TextureModel(batch=1), path, GenerateSettings(zooms=zooms))


@pytest.fixture(scope="module")
def uncut(tmp_path_factory) -> tuple[dict, Counter]:
    """The map of an uninterrupted run, and its writes by name."""
    path = tmp_path_factory.mktemp("uncut") / "map.mbtiles"
    with cut_off(0, done=True) as count:
        paint(path)
    return read_map(path), count


def test_a_run_cut_off_after_every_single_unit_of_work_ends_with_the_same_bytes(tmp_path, uncut):
    path = tmp_path / "map.mbtiles"
    units = uncut[1]["write_key"] + uncut[1]["store"]
    assert units > 5
    for _ in range(units):
        # The first write of a run tries the map's name; the second is its first unit of work.
        with cut_off(2, done=True), pytest.raises(Cut):
            paint(path)
    with cut_off(0, done=True) as count:
        paint(path)
    assert count["store"] == 0  # all was there
    assert read_map(path) == uncut[0]


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(cuts=st.lists(st.tuples(st.integers(0, 99), st.booleans()), min_size=1, max_size=4))
@example(cuts=[(-1, False)])  # instead of deleting the job: the map is there
@example(cuts=[(-2, False), (-2, True)])  # while the map gets its name
@example(cuts=[(-3, True), (-5, False), (-8, True)])
@example(cuts=[(0, False), (0, True), (1, False), (1, True)])
def test_wherever_runs_are_cut_off_the_last_one_ends_with_the_same_bytes(
    tmp_path_factory, uncut, cuts
):
    path = tmp_path_factory.mktemp("cut") / "map.mbtiles"
    for place, done in cuts:
        with cut_off(1 + place % uncut[1].total(), done=done), suppress(Cut):
            paint(path)
    paint(path)
    assert read_map(path) == uncut[0]
    assert [file.name for file in path.parent.iterdir()] == ["map.mbtiles"]


@pytest.mark.parametrize("suffix", [".mbtiles", ".pmtiles", ""])
def test_a_machine_that_dies_while_the_map_is_written_leaves_no_litter(tmp_path, suffix):
    path = tmp_path / f"map{suffix}"
    died = subprocess.run([sys.executable, str(SCRIPT), str(path)], check=False)
    assert died.returncode == 9
    assert any(file.name.endswith(".tmp") for file in tmp_path.iterdir())
    (tmp_path / f"map{suffix}.0123abcd.tmp").write_text("somebody else's")
    paint(path, ZOOMS)
    (tmp_path / f"map{suffix}.0123abcd.tmp").unlink()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
