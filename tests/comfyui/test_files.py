"""No name in a workflow reaches a file outside ComfyUI's own folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bad_names import BAD_NAMES
from pack_modules import node_module

files = node_module("files")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a picture, beside a secret that links lead to."""
    inside = tmp_path / "input"
    (inside / "a").mkdir(parents=True)
    (inside / "a" / "scene.tif").write_bytes(b"")
    (inside / "a scene, 2026.tif").write_bytes(b"")
    (tmp_path / "secret.tif").write_bytes(b"")
    try:
        (inside / "out").symlink_to(tmp_path, target_is_directory=True)
        (inside / "secret_link.tif").symlink_to(tmp_path / "secret.tif")
    except OSError:  # Windows lets only some users make links
        pass
    return inside


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_lead_out_of_the_folder_are_refused(folder: Path, name: str) -> None:
    if name in ("out", "out/secret.tif", "secret_link.tif") and not (folder / "out").is_symlink():
        pytest.skip("this system lets nobody make links")
    with pytest.raises(files.ConfigError, match="input/") as refused:
        files.safe_path(name, folder)
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize("name", ["a/scene.tif", "a scene, 2026.tif", "a", "new.tif", "été/ö.tif"])
def test_plain_names_stay_inside(folder: Path, name: str) -> None:
    path = files.safe_path(name, folder)
    assert path == Path(os.path.realpath(folder)) / name


def test_a_file_that_is_not_there_is_said_so(folder: Path) -> None:
    with pytest.raises(files.ConfigError, match=r"'b.tif' is not in .*input. Put it there"):
        files.existing_path("b.tif", folder)


def test_tile_folders_are_listed_as_one_and_jobs_are_not(tmp_path: Path) -> None:
    for name in ("maps/14/8627", "maps/15/17254", "photos", "half.mbtiles.c2gm-job/a"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("town.mbtiles", "photos/scene.TIF", "photos/notes.txt", ".hidden.tif"):
        (tmp_path / name).write_bytes(b"")
    assert sorted(files._names(tmp_path, (".tif", ".mbtiles"))) == [
        "maps",
        "photos/scene.TIF",
        "town.mbtiles",
    ]


def test_a_stamp_changes_with_the_file_or_with_any_tile_of_a_folder(tmp_path: Path) -> None:
    tile = tmp_path / "map" / "3" / "4" / "5.png"
    tile.parent.mkdir(parents=True)
    tile.write_bytes(b"one")
    known = {files.stamp(tile): files.stamp(tmp_path / "map")}
    tile.write_bytes(b"three")
    known[files.stamp(tile)] = files.stamp(tmp_path / "map")
    os.utime(tile, ns=(1, 2**62))
    known[files.stamp(tile)] = files.stamp(tmp_path / "map")
    (tile.parent / "6.png").write_bytes(b"four")
    assert len(known) == 3
    assert len({*known.values(), files.stamp(tmp_path / "map")}) == 4
