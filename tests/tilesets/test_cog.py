"""Cloud-optimised GeoTIFFs of a map, one a zoom, read back by GDAL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from mercantile import Tile
from rasterio.enums import ColorInterp

from c2gm.errors import DiskFull, TilesetError
from c2gm.grid import TileRange, mercator_resolution
from c2gm.legend import LEGEND
from c2gm.tilesets.cog import export_cogs
from c2gm.tilesets.open import create_tileset
from c2gm.tilesets.recode import Recoding
from c2gm.tilesets.stitch import is_own_picture

HOLE = Tile(10, 6, 4)
TILES = (
    *(Tile(x, y, 3) for x in (4, 5) for y in (2, 3)),
    *(Tile(x, y, 4) for x in range(8, 12) for y in range(4, 8)),
)


def picture(tile: Tile) -> np.ndarray:
    """A legend colour with a corner in another one: no two neighbours are alike."""
    pixels = np.empty((256, 256, 3), np.uint8)
    pixels[:] = LEGEND[(tile.x + 4 * tile.y + tile.z) % 13].colour
    pixels[:40, :90] = LEGEND[(tile.x + tile.y) % 7 + 1].colour
    return pixels


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cog") / "town.mbtiles"
    told = {"model": "abc", "attribution": '<a href="https://x.org">us & co</a>'}
    with create_tileset(path, told) as tileset:
        for tile in TILES:
            if tile != HOLE:
                tileset.put(tile, picture(tile))
    return path


def whole(zoom: int) -> np.ndarray:
    """What the file must show, uint8 [H,W,4]."""
    first_x, first_y = 8 >> (4 - zoom), 4 >> (4 - zoom)
    side = 4 >> (4 - zoom)
    rgba = np.zeros((256 * side, 256 * side, 4), np.uint8)
    for tile in TILES:
        if tile.z == zoom and tile != HOLE:
            rows = slice((tile.y - first_y) * 256, (tile.y - first_y + 1) * 256)
            columns = slice((tile.x - first_x) * 256, (tile.x - first_x + 1) * 256)
            rgba[rows, columns, :3] = picture(tile)
            rgba[rows, columns, 3] = 255
    return rgba


@pytest.mark.parametrize("has_palette", [False, True])
def test_each_zoom_is_a_cog_at_its_place_with_the_pixels_of_the_tiles(
    town: Path, tmp_path: Path, has_palette: bool
) -> None:
    files = export_cogs(town, tmp_path / "out.tif", recoding=Recoding(palette=has_palette))
    assert [file.name for file in files] == ["out-z3.tif", "out-z4.tif"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out-z3.tif", "out-z4.tif"]
    for zoom, file in zip((3, 4), files, strict=True):
        with rasterio.open(file) as raster:
            assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert raster.crs.to_epsg() == 3857
            left, bottom, right, top = TileRange(4, 8, 4, 11, 7).box.mercator_bounds()
            assert tuple(raster.bounds) == pytest.approx((left, bottom, right, top))
            assert raster.res == pytest.approx((mercator_resolution(zoom),) * 2)
            assert raster.block_shapes[0] == (256, 256)
            assert raster.tags()["TIFFTAG_COPYRIGHT"] == "us & co"
            assert "not surveyed" in raster.tags()["TIFFTAG_IMAGEDESCRIPTION"]
            assert np.array_equal(shown(raster), whole(zoom))
        assert is_own_picture(file)


def shown(raster: rasterio.DatasetReader) -> np.ndarray:
    """A file's pixels as people see them, uint8 [H,W,4]."""
    if raster.count == 4:
        assert raster.colorinterp[3] == ColorInterp.alpha
        return raster.read().transpose(1, 2, 0)
    assert raster.colorinterp == (ColorInterp.palette,)
    assert raster.nodata == 255
    colours = np.array([raster.colormap(1)[index] for index in range(256)], np.uint8)
    rgba = colours[raster.read(1)]
    rgba[..., 3] = raster.dataset_mask()
    rgba[rgba[..., 3] == 0] = 0
    return rgba


@pytest.mark.parametrize("has_palette", [False, True])
def test_overviews_are_the_drawn_lower_zooms_not_shrunken_ones(
    town: Path, tmp_path: Path, has_palette: bool
) -> None:
    files = export_cogs(town, tmp_path / "out.tif", recoding=Recoding(palette=has_palette))
    with rasterio.open(files[1]) as raster:
        assert raster.overviews(1)[0] == 2
    with rasterio.open(files[1], overview_level=0) as raster:
        assert np.array_equal(shown(raster), whole(3))


def test_files_of_strangers_are_not_written_over(town: Path, tmp_path: Path) -> None:
    (tmp_path / "out-z4.tif").write_bytes(b"mine")
    with pytest.raises(TilesetError, match="exists already"):
        export_cogs(town, tmp_path / "out.tif")
    with pytest.raises(TilesetError, match="not written by c2gm"):
        export_cogs(town, tmp_path / "out.tif", overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out-z4.tif"]
    assert (tmp_path / "out-z4.tif").read_bytes() == b"mine"


def test_own_files_are_replaced_when_told_and_single_zooms_written(
    town: Path, tmp_path: Path
) -> None:
    assert len(export_cogs(town, tmp_path / "out.tif")) == 2
    assert [f.name for f in export_cogs(town, tmp_path / "out.tif", zooms=[4], overwrite=True)] == [
        "out-z4.tif"
    ]


def test_a_damaged_tile_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with create_tileset(tmp_path / "town", {}) as tileset:
        for tile in TILES:
            tileset.put(tile, picture(tile))
    (tmp_path / "town" / "4" / "9" / "5.png").write_bytes(b"no picture")
    with pytest.raises(TilesetError, match="4/9/5"):
        export_cogs(tmp_path / "town", tmp_path / "out.tif")
    assert [entry.name for entry in tmp_path.iterdir()] == ["town"]


def test_a_map_without_tiles_and_webp_are_refused(town: Path, tmp_path: Path) -> None:
    with pytest.raises(TilesetError, match="no zoom 9"):
        export_cogs(town, tmp_path / "out.tif", zooms=[9])
    with pytest.raises(TilesetError, match="no WebP"):
        export_cogs(town, tmp_path / "out.tif", recoding=Recoding(coding="webp"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tiles", [6, 12])  # full while the files are put together; before that
def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, small_disk: Path, tiles: int
) -> None:
    rng = np.random.default_rng(0)
    with create_tileset(tmp_path / "town.mbtiles", {}) as tileset:
        for x in range(tiles):
            tileset.put(Tile(x, 3, 5), rng.integers(0, 255, (256, 256, 3), dtype=np.uint8))
    with pytest.raises(DiskFull, match=r"The disk is full .* MB more are needed"):
        export_cogs(tmp_path / "town.mbtiles", small_disk / "out.tif")
    assert list(small_disk.iterdir()) == []
