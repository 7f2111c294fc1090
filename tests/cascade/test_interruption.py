"""`kill -9` at random moments, then the same call: nothing of the map differs."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from imaginary import TextureModel, read_map

from c2gm.errors import JobLocked

SCRIPT = Path(__file__).with_name("paint_slowly.py")


def start(path: Path, seconds_a_batch: float) -> subprocess.Popen:
    command = [sys.executable, str(SCRIPT), str(path), str(seconds_a_batch)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_map_killed_five_times_at_random_moments_is_the_uninterrupted_one(tmp_path, whole_map):
    chance = random.Random(1)
    path = tmp_path / "map.mbtiles"
    reached = []
    for _ in range(5):
        process = start(path, 0.05)
        try:
            # Between two and four more units of work, then somewhere within the next one.
            for _ in range(chance.randint(2, 4)):
                line = process.stdout.readline()
            time.sleep(chance.random() * 0.06)
        finally:
            process.kill()
            process.communicate()
        reached.append(line.strip())
        assert not path.exists()
        assert (tmp_path / "map.mbtiles.c2gm-job" / "job.sqlite").exists()
    counted = [int(line) for line in reached if line != "begun"]
    assert counted == sorted(counted) and len(set(counted)) > 1  # each run went on from the last
    process = start(path, 0.0)
    output, _ = process.communicate()
    assert process.returncode == 0
    assert int(output.split()[-1]) > counted[-1]
    assert read_map(path) == read_map(whole_map)
    assert [file.name for file in tmp_path.iterdir()] == ["map.mbtiles"]


def test_a_second_process_is_refused_while_the_first_works(tmp_path, paint):
    process, alike = start(tmp_path / "map.mbtiles", 0.2), TextureModel(batch=1)
    try:
        process.stdout.readline()
        process.stdout.readline()
        with pytest.raises(JobLocked, match=f"Process {process.pid} works on the job"):
            paint("map.mbtiles", model=alike)
    finally:
        process.kill()
        process.communicate()
    assert paint("map.mbtiles", model=alike).painted_windows > 0
