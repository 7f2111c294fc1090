"""Faults that only the pictures show: each is made in a sound map, and must be found alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mercantile import Tile

from c2gm.grid import PixelBox, TileRange, bounds_of
from c2gm.legend import GROUND, LEGEND
from c2gm.tilesets.compare import compare_tilesets
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tilesets.verify import verify_tileset

ZOOM, FIRST, SIDE = 5, 8, 4
EXTENT = TileRange(ZOOM, FIRST, FIRST, FIRST + SIDE - 1, FIRST + SIDE - 1)
INNER = Tile(FIRST + 1, FIRST + 2, ZOOM)


def drawing() -> np.ndarray:
    """A made-up town of the whole extent at the finest zoom, uint8 [H,W,3]."""
    rng = np.random.default_rng(3)
    size = SIDE * 256
    ground = np.empty((size, size, 3), dtype=np.uint8)
    ground[:] = GROUND
    for _ in range(400):
        top, left = rng.integers(0, size, 2)
        height, width = rng.integers(6, 70, 2)
        ground[top : top + height, left : left + width] = LEGEND[rng.integers(1, 12)].colour
    return ground


def halved(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    mean = pixels.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))
    return (mean + 0.5).astype(np.uint8)


def tiles_of(picture: np.ndarray, zoom: int) -> dict[Tile, np.ndarray]:
    first = FIRST >> (ZOOM - zoom)
    return {
        Tile(first + x, first + y, zoom): picture[y * 256 : y * 256 + 256, x * 256 : x * 256 + 256]
        for x in range(picture.shape[1] // 256)
        for y in range(picture.shape[0] // 256)
    }


@pytest.fixture(scope="session")
def town_picture() -> np.ndarray:
    return drawing()


class Photos:
    """The town seen from above: other colours, noise; nothing west and north of a place."""

    name = "photos"
    bounds = bounds_of(EXTENT)
    native_zoom = ZOOM
    attribution = ""
    fingerprint = "photos"

    def __init__(self, town: np.ndarray, *, moved: int = 0, empty: tuple[int, int] = (0, 0)):
        self._pictures = {ZOOM: town, ZOOM - 1: halved(town)}
        self._moved, self._empty = moved, empty

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        picture = self._pictures[box.zoom]
        origin = (FIRST * 256) >> (ZOOM - box.zoom)
        rows = np.arange(box.top, box.bottom) - origin
        columns = np.arange(box.left, box.right) - origin
        seen = picture[np.ix_(rows % len(picture), (columns + self._moved) % picture.shape[1])]
        noise = np.random.default_rng(box.left * 7919 + box.top).normal(0, 20, seen.shape)
        rgb = np.clip(255 - 0.8 * seen + noise, 0, 255).astype(np.uint8)
        valid = np.ones(rgb.shape[:2], bool)
        valid[rows < self._empty[1]] = False
        valid[:, columns < self._empty[0]] = False
        rgb[~valid] = 0
        return rgb, valid

    def close(self) -> None:
        pass


Change = Callable[[dict[Tile, np.ndarray]], None]


@pytest.fixture
def write(tmp_path: Path, town_picture: np.ndarray) -> Callable[..., Path]:
    """Write the sound map, with something changed in it."""

    def make(change: Change = lambda tiles: None, name: str = "town.mbtiles") -> Path:
        tiles = {**tiles_of(halved(town_picture), ZOOM - 1), **tiles_of(town_picture, ZOOM)}
        tiles = {tile: pixels.copy() for tile, pixels in tiles.items()}
        change(tiles)
        with create_tileset(tmp_path / name, {"model": "abc", "attribution": "me"}) as tileset:
            for tile, pixels in tiles.items():
                tileset.put(tile, pixels)
        return tmp_path / name

    return make


def looked(path: Path, **options: object) -> list[tuple[str, Tile | None, int | None]]:
    faults = verify_tileset(path, **options)  # type: ignore[arg-type]
    assert all(fault.cure and fault.sentence.endswith(".") for fault in faults)
    return [(fault.code, fault.tile, fault.zoom) for fault in faults]


def test_a_sound_map_looks_sound_by_itself_and_over_its_imagery(
    write: Callable[..., Path], town_picture: np.ndarray
) -> None:
    path = write()
    assert verify_tileset(path, look=True, imagery=Photos(town_picture)) == []


def test_faults_of_the_looks_are_told_only_when_asked_for(write: Callable[..., Path]) -> None:
    path = write(lambda tiles: tiles[INNER].__setitem__(slice(None), (255, 0, 255)))
    assert verify_tileset(path) == []
    assert verify_tileset(path, look=True) != []


def test_16_a_tile_of_one_colour_over_detailed_imagery_is_found(
    write: Callable[..., Path], town_picture: np.ndarray
) -> None:
    path = write(lambda tiles: tiles[INNER].__setitem__(slice(None), GROUND))
    photos = Photos(town_picture)
    assert looked(path, imagery=photos) == [("blank-over-imagery", INNER, ZOOM)]


def test_17_transparency_over_imagery_and_drawing_outside_it_are_found(
    write: Callable[..., Path], town_picture: np.ndarray
) -> None:
    def pierce(tiles: dict[Tile, np.ndarray]) -> None:
        opacity = np.full((256, 256, 1), 255, np.uint8)
        opacity[40:120, 40:120] = 0
        tiles[INNER] = np.concatenate([tiles[INNER], opacity], axis=-1)

    photos = Photos(town_picture)
    path = write(pierce)
    assert looked(path, imagery=photos) == [("transparent-over-imagery", INNER, ZOOM)]
    narrow = Photos(town_picture, empty=(0, 60))
    found = {
        (code, tile.y) for code, tile, _ in looked(write(name="whole"), imagery=narrow) if tile
    }
    assert found == {("opaque-outside-imagery", FIRST), ("opaque-outside-imagery", FIRST // 2)}


def test_18_the_same_picture_at_two_places_is_found(write: Callable[..., Path]) -> None:
    def stick(tiles: dict[Tile, np.ndarray]) -> None:
        tiles[Tile(INNER.x, INNER.y + 1, ZOOM)] = tiles[INNER]

    found = looked(write(stick), look=True)
    assert ("repeated-picture", Tile(INNER.x, INNER.y + 1, ZOOM), ZOOM) in found
    assert {code for code, _, _ in found} <= {"repeated-picture", "parent-differs", "seam"}


def test_18_equal_tiles_of_one_colour_are_no_fault(tmp_path: Path) -> None:
    with create_tileset(tmp_path / "sea", {"model": "abc"}) as tileset:
        for tile in TileRange(4, 3, 3, 7, 7):
            tileset.put(tile, np.full((256, 256, 3), LEGEND[1].colour, np.uint8))
    assert verify_tileset(tmp_path / "sea", look=True) == []


def test_19_a_parent_of_another_place_is_found(write: Callable[..., Path]) -> None:
    def swap(tiles: dict[Tile, np.ndarray]) -> None:
        tiles[INNER] = 255 - tiles[INNER]

    assert ("parent-differs", INNER, ZOOM) in looked(write(swap), look=True)


def test_20_borders_that_show_as_lines_are_found(write: Callable[..., Path]) -> None:
    def darken(tiles: dict[Tile, np.ndarray]) -> None:
        for tile, pixels in tiles.items():
            if tile.z == ZOOM and (tile.x + tile.y) % 2:
                tiles[tile] = np.clip(pixels.astype(int) - 6, 0, 255).astype(np.uint8)

    path = write(darken)
    assert looked(path, look=True) == [("seam", None, ZOOM)]
    (fault,) = verify_tileset(path, look=True)
    assert "show as lines" in fault.sentence


def test_20_borders_that_are_smeared_are_found(write: Callable[..., Path]) -> None:
    def smear(tiles: dict[Tile, np.ndarray]) -> None:
        for tile in [tile for tile in tiles if tile.z == ZOOM]:
            right, below = Tile(tile.x + 1, tile.y, ZOOM), Tile(tile.x, tile.y + 1, ZOOM)
            if right in tiles:
                tiles[right][:, 0] = tiles[tile][:, -1]
            if below in tiles:
                tiles[below][0] = tiles[tile][-1]

    path = write(smear)
    assert looked(path, look=True) == [("seam", None, ZOOM)]
    (fault,) = verify_tileset(path, look=True)
    assert "are smeared" in fault.sentence


@pytest.mark.parametrize("moved", [-9, 5])
def test_21_a_map_beside_its_imagery_is_found(
    write: Callable[..., Path], town_picture: np.ndarray, moved: int
) -> None:
    path = write()
    found = verify_tileset(path, imagery=Photos(town_picture, moved=moved))
    assert {(fault.code, fault.zoom) for fault in found} == {("shifted", 4), ("shifted", 5)}
    assert f"lies {moved} px to the right and 0 px below the imagery" in found[-1].sentence


def test_21_two_pixels_beside_the_imagery_are_no_fault(
    write: Callable[..., Path], town_picture: np.ndarray
) -> None:
    assert verify_tileset(write(), imagery=Photos(town_picture, moved=2)) == []


def test_21_a_zoom_beside_its_parent_is_found(
    write: Callable[..., Path], town_picture: np.ndarray
) -> None:
    def move(tiles: dict[Tile, np.ndarray]) -> None:
        tiles.update(tiles_of(np.roll(town_picture, (0, 12), (0, 1)), ZOOM))

    found = looked(write(move), look=True)
    assert ("shifted", None, ZOOM) in found
    assert {code for code, _, _ in found} <= {"shifted", "parent-differs"}


def test_21_a_tile_moved_against_another_map_is_told_with_the_pixels(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    sound = write()

    def move(tiles: dict[Tile, np.ndarray]) -> None:
        tiles[INNER] = np.roll(tiles[INNER], (3, -11), (0, 1))

    (fault,) = compare_tilesets(write(move, "moved.mbtiles"), sound)
    assert (fault.code, fault.tile, fault.zoom) == ("shifted", INNER, ZOOM)
    assert "-11 px further to the right and 3 px further down" in fault.sentence


def test_22_colours_off_the_legend_are_found(write: Callable[..., Path]) -> None:
    def tint(tiles: dict[Tile, np.ndarray]) -> None:
        tiles[INNER] = (tiles[INNER] * [0.85, 1.0, 0.8]).astype(np.uint8)

    assert looked(write(tint), look=True)[0] == ("colours-off", INNER, ZOOM)


def test_a_damaged_tile_does_not_keep_the_others_from_being_looked_at(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    def tint(tiles: dict[Tile, np.ndarray]) -> None:
        tiles[INNER] = (tiles[INNER] * [0.85, 1.0, 0.8]).astype(np.uint8)

    path = write(tint, "town")
    (path / str(ZOOM) / str(FIRST) / f"{FIRST}.png").write_bytes(b"nothing")
    assert {code for code, _, _ in looked(path, look=True)} == {"not-a-picture", "colours-off"}


def test_a_damaged_tile_does_not_keep_the_others_from_their_imagery(
    write: Callable[..., Path], town_picture: np.ndarray
) -> None:
    path = write(lambda tiles: tiles[INNER].__setitem__(slice(None), GROUND), "town")
    (path / str(ZOOM) / str(FIRST) / f"{FIRST}.png").write_bytes(b"nothing")
    codes = {code for code, _, _ in looked(path, imagery=Photos(town_picture))}
    assert codes == {"not-a-picture", "blank-over-imagery"}


def test_a_map_of_any_kind_is_looked_at(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(lambda tiles: tiles[INNER].__setitem__(slice(None), (255, 0, 255)), "a.pmtiles")
    codes = {code for code, _, _ in looked(path, look=True)}
    assert "colours-off" in codes
    with open_tileset(path) as tileset:
        assert tileset.zooms == (ZOOM - 1, ZOOM)
    shutil.rmtree(tmp_path, ignore_errors=True)
