"""Rules against strangers' imagery files: what a file cannot make the library do."""

from __future__ import annotations

import io
import json
import socket
import sqlite3
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image, PngImagePlugin
from rasterio.enums import ColorInterp

from c2gm.errors import ImageryError
from c2gm.grid import PixelBox, tiles_in_bounds
from c2gm.sources import open_sources
from c2gm.tilesets import mbtiles

BOX = PixelBox(6, 36 * 256, 27 * 256, 36 * 256 + 256, 27 * 256 + 256)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any socket is a failure."""

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a file opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
def test_sound_files_of_every_kind_open_no_socket_and_write_nothing(
    seeds: dict[str, Path],
) -> None:
    folder = seeds["deflate"].parent
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for kind in ("deflate", "overviews", "mask", "deep", "vrt", "mbtiles", "pmtiles"):
        imagery = open_sources(seeds[kind])
        imagery.read(tiles_in_bounds(imagery.bounds, min(17, imagery.native_zoom)).box)
        imagery.close()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize(
    "name",
    [
        "/vsicurl/https://example.org/a.tif",
        "/vsis3/bucket/a.tif",
        "/vsizip/a.zip/a.tif",
        "/vsimem/a.tif",
        "GTIFF_DIR:1:/etc/passwd",
        "HDF5:a.h5://x",
        "WMS:https://example.org",
        "https://example.org/a.tif",
        "file:///etc/passwd",
        "ftp://example.org/{z}/{x}/{y}.png",
        "<VRTDataset rasterXSize='1' rasterYSize='1'/>",
        "<GDAL_WMS/>",
        "a.tif\0.png",
        "",
    ],
)
@pytest.mark.usefixtures("no_network")
def test_a_name_that_is_no_file_here_is_refused_before_anything_is_opened(name: str) -> None:
    with pytest.raises(ImageryError):
        open_sources(name)


def test_twelve_terabytes_declared_by_a_small_file_take_no_memory(
    tmp_path: Path, peak_megabytes: Callable[[], float]
) -> None:
    path = tmp_path / "vast.tif"
    side = 2_000_000
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=3, dtype="uint8",
        crs="EPSG:3857", transform=Affine(0.3, 0, 0, 0, -0.3, 6e5), tiled=True, blockxsize=4096,
        blockysize=4096, compress="deflate", sparse_ok=True, bigtiff="YES",
    ):  # fmt: skip
        pass
    assert path.stat().st_size < 10_000_000
    before = peak_megabytes()
    imagery = open_sources(path)
    box = tiles_in_bounds(imagery.bounds, 18).box
    middle = PixelBox(18, box.left + 99_000, box.top + 99_000, box.left + 99_320, box.top + 99_320)
    rgb, valid = imagery.read(middle)
    assert valid.all() and not rgb.any()
    for zoom in (0, 5):
        with pytest.raises(ImageryError, match=rf"too fine for zoom {zoom}.*rio overview"):
            x = y = 128 << zoom  # where the equator meets Greenwich, the raster's lower left
            imagery.read(PixelBox(zoom, x, y - 9, x + 9, y))
    imagery.close()
    assert peak_megabytes() - before < 200


def png_of(width: int, height: int, chunks: bytes = b"") -> bytes:
    """A PNG that declares a size and holds next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(width * 3 + 1) * min(height, 4))
    end = chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunks + end


def huge_text() -> bytes:
    file = io.BytesIO()
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "x" * (80 << 20), zip=True)
    Image.fromarray(np.zeros((256, 256, 3), np.uint8)).save(file, "PNG", pnginfo=told)
    return file.getvalue()


def animated() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (256, 256), (shade, 0, 0)) for shade in range(40)]
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    return file.getvalue()


@pytest.mark.parametrize(
    ("tile", "message"),
    [
        (lambda: png_of(60_000, 60_000), "bomb|measures"),
        (lambda: png_of(9_000, 9_000), "measures 9000x9000"),
        (lambda: png_of(256, 256)[:60], "cannot be read"),
        (huge_text, "cannot be read"),
        (lambda: b"GIF89a" + bytes(900), "it is no PNG, JPEG or WebP picture"),
        (lambda: b"\x89PNG\r\n\x1a\n" + bytes(20 << 20), "bytes are too many for a tile"),
        (lambda: b"", "it is no PNG, JPEG or WebP picture"),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "mbtiles"])
def test_a_bomb_of_a_tile_is_refused_in_little_memory(
    tmp_path: Path,
    peak_megabytes: Callable[[], float],
    kind: str,
    tile: Callable[[], bytes],
    message: str,
) -> None:
    before = peak_megabytes()
    data = tile()
    path = tmp_path / "tiles"
    if kind == "folder":
        (path / "6" / "36").mkdir(parents=True)
        (path / "6" / "36" / "27.png").write_bytes(data)
    else:
        path = mbtiles_with(tmp_path / "t.mbtiles", [data])
        message += "|too many for"
    with pytest.raises(ImageryError, match=message):
        open_sources(path).read(BOX)
    assert peak_megabytes() - before < 300


def test_of_an_animated_tile_the_first_picture_counts(tmp_path: Path) -> None:
    path = mbtiles_with(tmp_path / "t.mbtiles", [animated()])
    rgb, valid = open_sources(path).read(BOX)
    assert valid.all() and not rgb.any()


def mbtiles_with(path: Path, pictures: list[bytes], *statements: str) -> Path:
    """MBTiles with pictures at tiles of zoom 6, changed by some SQL."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE metadata (name text, value text)")
    connection.execute(
        "CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, "
        "tile_data blob)"
    )
    for number, data in enumerate(pictures):
        connection.execute("INSERT INTO tiles VALUES (6, ?, 36, ?)", (36 + number, data))
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


ENDLESS = (
    "CREATE VIEW tiles AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) "
    "SELECT 6 AS zoom_level, 36 AS tile_column, 36 AS tile_row, x'00' AS tile_data FROM n "
    "WHERE i < 0"
)


def test_an_endless_view_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mbtiles_with(tmp_path / "t.mbtiles", [], "DROP TABLE tiles", ENDLESS)
    monkeypatch.setattr(mbtiles, "QUERY_SECONDS", 0.3)
    with pytest.raises(ImageryError, match=r"t\.mbtiles gave no tile"):
        open_sources(path).read(BOX)


def test_a_blob_of_hundreds_of_megabytes_is_refused_unread(
    tmp_path: Path, peak_megabytes: Callable[[], float]
) -> None:
    before = peak_megabytes()
    path = mbtiles_with(
        tmp_path / "t.mbtiles", [], "INSERT INTO tiles VALUES (6, 36, 36, zeroblob(400000000))"
    )
    with pytest.raises(ImageryError, match="too many for a 256 px picture|too big"):
        open_sources(path).read(BOX)
    assert peak_megabytes() - before < 300


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.9])
def test_a_corrupt_page_is_told(tmp_path: Path, place: float) -> None:
    path = mbtiles_with(tmp_path / "t.mbtiles", [png_file()] * 20)
    data = bytearray(path.read_bytes())
    start = max(100, int(place * len(data)))
    data[start : start + 3000] = b"\xff" * 3000
    path.write_bytes(bytes(data))
    try:
        open_sources(path).read(BOX)
    except ImageryError as error:
        assert "t.mbtiles" in str(error)  # noqa: PT017  (a page may also lie where nobody looks)


def test_a_vrt_of_thousands_of_parts_is_looked_through_without_being_followed(
    tmp_path: Path,
) -> None:
    part = (
        '<SimpleSource><SourceFilename relativeToVRT="1">gone.tif</SourceFilename></SimpleSource>'
    )
    path = tmp_path / "many.vrt"
    path.write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1">'
        + part * 100_000
        + "</VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(ImageryError, match=r"names 'gone\.tif'"):
        open_sources(path)


def test_words_of_strangers_are_shown_without_commands_to_the_terminal(
    tmp_path: Path, seeds: dict[str, Path]
) -> None:
    wild = "(c)\x1b]0;owned\x07 Survey\r\n\x9b31m " + "x" * 5000
    path = tmp_path / "credited.tif"
    path.write_bytes(seeds["strips"].read_bytes())
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(TIFFTAG_COPYRIGHT=wild)
    archive = mbtiles_with(tmp_path / "t.mbtiles", [png_file()])
    connection = sqlite3.connect(archive)
    connection.execute("INSERT INTO metadata VALUES ('attribution', ?)", (wild,))
    connection.commit()
    connection.close()
    folder = tmp_path / "tiles"
    (folder / "6" / "36").mkdir(parents=True)
    (folder / "6" / "36" / "27.png").write_bytes(png_file())
    (folder / "metadata.json").write_text(json.dumps({"attribution": wild}))
    for source in (path, archive, folder):
        credit = open_sources(source).attribution
        assert credit.startswith("(c)") and "Survey" in credit
        assert credit.isprintable() and len(credit) <= 500


def png_file() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((256, 256, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_alpha_and_infrared_are_told_apart_by_little_reading(tmp_path: Path) -> None:
    path = tmp_path / "four.tif"
    bands = np.full((4, 96, 96), 255, np.uint8)
    bands[3, :40] = 0
    with rasterio.open(
        path, "w", driver="GTiff", width=96, height=96, count=4, dtype="uint8", crs="EPSG:32640",
        transform=Affine(1, 0, 327000, 0, -1, 2773000), photometric="minisblack",
    ) as dataset:  # fmt: skip
        dataset.write(bands)
        assert dataset.colorinterp[3] != ColorInterp.alpha
    imagery = open_sources(path)
    _, valid = imagery.read(tiles_in_bounds(imagery.bounds, 17).box)
    assert 0 < valid.sum() < 96 * 70
