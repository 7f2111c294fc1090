import multiprocessing
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from mercantile import Tile

from c2gm.cascade import ledger as ledger_module
from c2gm.cascade.ledger import FILE_NAME, Ledger
from c2gm.cascade.work import Work, pack, unpack
from c2gm.errors import DiskFull, JobError, JobLocked
from c2gm.grid import Window

GENERATOR = np.random.default_rng(0)
PICTURE = GENERATOR.integers(0, 256, (320, 320, 3), dtype=np.uint8)
VALID = GENERATOR.random((256, 256)) > 0.5
RGB = GENERATOR.integers(0, 256, (256, 256, 3), dtype=np.uint8)
RGBA = GENERATOR.integers(0, 256, (256, 256, 4), dtype=np.uint8)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "map.c2gm-job") as opened:
        yield opened


def test_a_window_picture_comes_back_without_loss(ledger):
    window = Window(3, -1, 5)
    ledger.store(Work(windows={window: (PICTURE, VALID)}))
    picture, valid = ledger.window(window)
    np.testing.assert_array_equal(picture, PICTURE)
    np.testing.assert_array_equal(valid, VALID)
    np.testing.assert_array_equal(ledger.window(Window(3 + 32, -1, 5))[0], PICTURE)


@pytest.mark.parametrize("pixels", [RGB, RGBA])
def test_a_tile_comes_back_without_loss(ledger, pixels):
    ledger.store(Work(tiles={Tile(3, 2, 5): pixels, Tile(4, 2, 5): None}))
    np.testing.assert_array_equal(ledger.tile(Tile(3, 2, 5)), pixels)
    assert ledger.tile(Tile(4, 2, 5)) is None and ledger.tile(Tile(9, 9, 5)) is None


def test_work_survives_closing(tmp_path):
    with Ledger(tmp_path) as first:
        first.write_key({"seed": 1})
        first.store(
            Work({Window(3, 2, 5): (PICTURE, VALID)}, [Window(4, 2, 5)], {Tile(3, 2, 5): RGB})
        )
    with Ledger(tmp_path) as second:
        assert second.read_key() == {"seed": 1}
        assert list(second.window_states(5)) == [(3, 2, 1), (4, 2, 2)]
        assert list(second.tile_states(5)) == [(3, 2, 1)]
        np.testing.assert_array_equal(second.window(Window(3, 2, 5))[0], PICTURE)


def test_a_dropped_picture_is_gone_but_its_window_stays_done(ledger):
    first, second = Window(3, 2, 5), Window(4, 2, 5)
    ledger.store(Work(windows={first: (PICTURE, VALID)}))
    ledger.store(Work(windows={second: (PICTURE, VALID)}, dropped=[first, second]))
    assert [state for *_, state in ledger.window_states(5)] == [1, 1]
    for window in (first, second):
        with pytest.raises(JobError, match=f"lacks window 5/{window.x}/2"):
            ledger.window(window)


def test_tiles_come_by_column_then_row_however_many(ledger, monkeypatch):
    monkeypatch.setattr(ledger_module, "TILES_A_PAGE", 3)
    places = [(x, y) for x in range(4) for y in range(5)]
    for x, y in sorted(places, key=lambda place: hash(place) % 7):
        ledger.store(Work(tiles={Tile(x, y, 5): RGB if (x + y) % 3 else None}))
    found = [(tile.x, tile.y) for tile, _ in ledger.tiles(5)]
    assert found == [place for place in places if sum(place) % 3]


def test_a_unit_of_work_is_stored_whole_or_not_at_all(ledger):
    ledger.store(Work(tiles={Tile(1, 1, 5): RGB}))
    with pytest.raises(JobError, match="UNIQUE constraint"):
        ledger.store(Work({Window(3, 2, 5): (PICTURE, VALID)}, tiles={Tile(1, 1, 5): RGB}))
    assert list(ledger.window_states(5)) == []
    ledger.store(Work({Window(3, 2, 5): (PICTURE, VALID)}))


def test_a_damaged_tile_is_named(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.store(Work(tiles={Tile(3, 2, 5): RGB}))
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        file.execute("UPDATE tiles SET pixels = ?", (pack(RGB[::-1]),))
    file.close()
    with Ledger(tmp_path) as ledger, pytest.raises(JobError, match="Tile 5/3/2 .* is damaged"):
        ledger.tile(Tile(3, 2, 5))


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"not a database, and longer than a header" * 100)
    with pytest.raises(JobError, match="is no job or is damaged"):
        Ledger(tmp_path)


def test_a_second_user_is_refused_with_the_firsts_process(tmp_path):
    with Ledger(tmp_path):
        with pytest.raises(JobLocked, match=f"Process {multiprocessing.current_process().pid} "):
            Ledger(tmp_path)
    Ledger(tmp_path).close()


def test_another_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from c2gm.cascade.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1])); print('open', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "open\n"
        with pytest.raises(JobLocked, match=f"Process {process.pid} works on the job"):
            Ledger(tmp_path)
    finally:
        process.kill()
        process.communicate()
    Ledger(tmp_path).close()


def test_a_full_disk_says_so_and_keeps_what_was_stored(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.store(Work(tiles={Tile(3, 2, 5): RGB}))
        pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
        ledger._db.execute(f"PRAGMA max_page_count={pages + 2}")
        with pytest.raises(DiskFull, match="the job goes on where it stopped"):
            ledger.store(Work(tiles={Tile(4, 2, 5): RGB}))
    with Ledger(tmp_path) as ledger:
        assert list(ledger.tile_states(5)) == [(3, 2, 1)]
        ledger.store(Work(tiles={Tile(4, 2, 5): RGB}))


def test_clearing_forgets_everything(ledger):
    ledger.write_key({"seed": 1})
    ledger.store(Work({Window(3, 2, 5): (PICTURE, VALID)}, tiles={Tile(3, 2, 5): RGB}))
    ledger.clear()
    assert ledger.read_key() == {}
    assert list(ledger.window_states(5)) == list(ledger.tile_states(5)) == []


def test_deleting_leaves_files_of_others_alone(tmp_path):
    alone, shared = Ledger(tmp_path / "alone"), Ledger(tmp_path / "shared")
    (tmp_path / "shared" / "notes.txt").write_text("mine")
    alone.delete()
    shared.delete()
    assert [path.name for path in tmp_path.iterdir()] == ["shared"]
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["notes.txt"]


def test_packed_pixels_come_back():
    np.testing.assert_array_equal(unpack(pack(PICTURE), 3), PICTURE)
    np.testing.assert_array_equal(unpack(pack(PICTURE[..., 0]), 1), PICTURE[..., 0].ravel())
