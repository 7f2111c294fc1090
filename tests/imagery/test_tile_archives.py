"""Imagery in MBTiles and PMTiles reads like the same tiles in a folder."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from mercantile import Tile
from PIL import Image

from c2gm.errors import ImageryError
from c2gm.grid import PixelBox
from c2gm.sources import HowToRead, open_sources
from c2gm.tilesets.open import create_tileset

X, Y = 36, 27  # a tile of zoom 6
TILES = [Tile(X, Y, 6)] + [Tile(2 * X + dx, 2 * Y + dy, 7) for dx in (0, 1) for dy in (0, 1)][:3]
BOXES = [
    PixelBox(6, X * 256 - 40, Y * 256 - 40, X * 256 + 300, Y * 256 + 300),
    PixelBox(7, X * 512 + 100, Y * 512 + 100, X * 512 + 600, Y * 512 + 500),
    PixelBox(5, X * 128 - 5, Y * 128 - 5, X * 128 + 140, Y * 128 + 140),  # averaged
    PixelBox(8, X * 1024 + 400, Y * 1024 + 400, X * 1024 + 700, Y * 1024 + 600),  # enlarged
]


def picture(tile: Tile, size: int = 256) -> np.ndarray:
    noise = np.random.default_rng(tile.x + 3 * tile.y + tile.z)
    return noise.integers(0, 255, (size, size, 3), np.uint8)


def file_of(pixels: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    lossless = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(pixels).save(file, kind, **lossless)
    return file.getvalue()


def write_tiles(path: Path, kind: str = "PNG", size: int = 256) -> Path:
    metadata = {"name": "ground", "attribution": "(c) Survey"}
    with create_tileset(path, metadata) as tileset:
        for tile in TILES:
            tileset.put_bytes(tile, file_of(picture(tile, size), kind))
    return path


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("name", ["ground.mbtiles", "ground.pmtiles"])
def test_an_archive_reads_like_a_folder(tmp_path: Path, name: str, kind: str) -> None:
    folder = open_sources(write_tiles(tmp_path / "folder", kind))
    archive = open_sources(write_tiles(tmp_path / name, kind))
    assert archive.name == name
    assert archive.bounds == folder.bounds
    assert archive.native_zoom == folder.native_zoom == 7
    assert archive.attribution == "(c) Survey"
    for box in BOXES:
        for pixels, expected in zip(archive.read(box), folder.read(box), strict=True):
            assert np.array_equal(pixels, expected)
    archive.close()


@pytest.mark.parametrize("name", ["ground.mbtiles", "ground.pmtiles"])
def test_tiles_are_read_as_they_are_stored(tmp_path: Path, name: str) -> None:
    archive = open_sources(write_tiles(tmp_path / name))
    rgb, valid = archive.read(PixelBox(7, X * 512, Y * 512, X * 512 + 512, Y * 512 + 512))
    assert np.array_equal(rgb[:256, :256], picture(TILES[1]))
    assert np.array_equal(rgb[256:, :256], picture(TILES[2]))
    assert np.array_equal(rgb[:256, 256:], picture(TILES[3]))
    assert not valid[256:, 256:].any()
    archive.close()


@pytest.mark.parametrize("kind", ["folder", "mbtiles"])
def test_tiles_of_512_px_are_those_of_the_next_zoom(tmp_path: Path, kind: str) -> None:
    large = picture(Tile(X, Y, 6), 512)
    path = tmp_path / "large"
    if kind == "folder":
        (path / "6" / str(X)).mkdir(parents=True)
        (path / "6" / str(X) / f"{Y}.png").write_bytes(file_of(large, "PNG"))
    else:
        path = write_bare_mbtiles(tmp_path / "large.mbtiles", [(Tile(X, Y, 6), large)])
    imagery = open_sources(path)
    assert imagery.native_zoom == 7
    assert imagery.bounds == open_sources(write_tiles(tmp_path / "small")).bounds
    rgb, valid = imagery.read(PixelBox(7, X * 512, Y * 512, X * 512 + 512, Y * 512 + 512))
    assert valid.all()
    assert np.array_equal(rgb, large)
    coarse, _ = imagery.read(PixelBox(6, X * 256, Y * 256, X * 256 + 256, Y * 256 + 256))
    assert np.abs(coarse - large.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3))).max() <= 0.5
    imagery.close()


def write_bare_mbtiles(path: Path, tiles: list[tuple[Tile, np.ndarray]], **metadata: str) -> Path:
    """MBTiles as other programs write them, with as little metadata as is told."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE metadata (name text, value text)")
    connection.execute(
        "CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, "
        "tile_data blob)"
    )
    for tile, pixels in tiles:
        row = (1 << tile.z) - 1 - tile.y
        connection.execute(
            "INSERT INTO tiles VALUES (?, ?, ?, ?)", (tile.z, tile.x, row, file_of(pixels, "PNG"))
        )
    connection.executemany("INSERT INTO metadata VALUES (?, ?)", list(metadata.items()))
    connection.commit()
    connection.close()
    return path


def test_files_are_told_by_what_they_hold_not_by_their_name(tmp_path: Path) -> None:
    named = write_tiles(tmp_path / "ground.pmtiles")
    plain = named.rename(tmp_path / "ground.dat")
    assert open_sources(plain).native_zoom == 7
    other = write_tiles(tmp_path / "other.mbtiles").rename(tmp_path / "photo.tif")
    assert open_sources(other).native_zoom == 7


def test_vector_tiles_are_no_imagery(tmp_path: Path) -> None:
    path = write_bare_mbtiles(
        tmp_path / "streets.mbtiles", [(Tile(X, Y, 6), picture(Tile(X, Y, 6)))], format="pbf"
    )
    with pytest.raises(ImageryError, match=r"streets\.mbtiles holds vector tiles"):
        open_sources(path)


def test_an_archive_without_tiles_or_with_odd_ones_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageryError, match=r"empty\.mbtiles holds no tiles"):
        open_sources(write_bare_mbtiles(tmp_path / "empty.mbtiles", []))
    odd = write_bare_mbtiles(
        tmp_path / "odd.mbtiles", [(Tile(X, Y, 6), np.zeros((300, 300, 3), np.uint8))]
    )
    with pytest.raises(ImageryError, match=r"6/36/27 of odd\.mbtiles measures 300x300"):
        open_sources(odd)


def test_other_sqlite_files_are_no_imagery(tmp_path: Path) -> None:
    path = tmp_path / "places.gpkg"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE places (name text)")
    connection.commit()
    connection.close()
    with pytest.raises(ImageryError, match="without a table of tiles"):
        open_sources(path)


def test_a_damaged_tile_is_named(tmp_path: Path) -> None:
    path = write_bare_mbtiles(tmp_path / "g.mbtiles", [(t, picture(t)) for t in TILES])
    connection = sqlite3.connect(path)
    connection.execute(
        "UPDATE tiles SET tile_data = substr(tile_data, 1, 900) WHERE zoom_level = 6"
    )
    connection.commit()
    connection.close()
    imagery = open_sources(path)
    with pytest.raises(ImageryError, match=r"Tile 6/36/27 of g\.mbtiles cannot be read"):
        imagery.read(BOXES[0])
    imagery.close()


def test_what_describes_rasters_is_refused_for_tiles(tmp_path: Path) -> None:
    path = write_tiles(tmp_path / "ground.mbtiles")
    for how in (HowToRead(crs="EPSG:3857"), HowToRead(nodata=0), HowToRead(stretch=(0, 9))):
        with pytest.raises(ImageryError, match=r"ground\.mbtiles holds map tiles.* Leave --crs"):
            open_sources(path, how)


def test_the_fingerprint_is_that_of_the_tiles(tmp_path: Path) -> None:
    first = open_sources(write_tiles(tmp_path / "a.mbtiles"))
    again = open_sources((tmp_path / "a.mbtiles").rename(tmp_path / "b.mbtiles"))
    other = open_sources(
        write_bare_mbtiles(tmp_path / "c.mbtiles", [(TILES[0], picture(TILES[0]))])
    )
    assert first.fingerprint == again.fingerprint != other.fingerprint
