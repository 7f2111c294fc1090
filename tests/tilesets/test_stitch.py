import sys
import tracemalloc

import numpy as np
import pytest
from mercantile import Tile
from PIL import Image

from c2gm.errors import AreaError, DiskFull, TilesetError
from c2gm.grid import PixelBox, TileRange, bounds_of
from c2gm.legend import GROUND
from c2gm.tilesets import stitch as module
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tilesets.stitch import picture_box, stitch, stitch_to_file

MIDDLE = bounds_of(TileRange(4, 9, 5, 10, 6))


def test_all_tiles_lie_at_their_places(town, make_picture):
    with open_tileset(town) as tileset:
        picture = stitch(tileset, 4)
    assert picture.shape == (1024, 1024, 3)
    for x in range(4):
        for y in range(4):
            part = picture[y * 256 : (y + 1) * 256, x * 256 : (x + 1) * 256]
            assert np.array_equal(part, make_picture(Tile(8 + x, 4 + y, 4)))


def test_bounds_cut_to_the_pixel(town_mbtiles):
    with open_tileset(town_mbtiles) as tileset:
        whole = stitch(tileset, 4)
        assert np.array_equal(stitch(tileset, 4, bounds=MIDDLE), whole[256:768, 256:768])
        # Half a degree is 5.69 px at zoom 4: 6 px on each side.
        west, south, east, north = MIDDLE
        narrow = stitch(tileset, 4, bounds=(west + 0.5, south, east - 0.5, north))
        assert np.array_equal(narrow, whole[256:768, 262:762])


def test_background_shows_where_there_is_no_tile_and_under_transparency(tmp_path):
    pixels = np.full((256, 256, 4), 200, dtype=np.uint8)
    pixels[:128, :, 3] = 0
    pixels[128:192, :, 3] = 51  # a fifth
    pixels[192:, :, 3] = 255
    with create_tileset(tmp_path / "map", {}) as tileset:
        tileset.put(Tile(8, 4, 4), pixels)
    bounds = bounds_of(TileRange(4, 8, 4, 9, 4))
    with open_tileset(tmp_path / "map") as tileset:
        picture = stitch(tileset, 4, bounds=bounds, background=(100, 0, 255))
        assert (stitch(tileset, 4, bounds=bounds)[0, 400] == GROUND).all()
    assert picture.shape == (256, 512, 3)
    assert (picture[:, 256:] == (100, 0, 255)).all()
    assert (picture[:128, :256] == (100, 0, 255)).all()
    assert (picture[128:192, :256] == (120, 40, 244)).all()
    assert (picture[192:, :256] == 200).all()


def test_an_area_across_the_antimeridian_is_one_picture(tmp_path, make_picture):
    with create_tileset(tmp_path / "map", {}) as tileset:
        for tile in (Tile(15, 5, 4), Tile(0, 5, 4)):
            tileset.put(tile, make_picture(tile))
    with open_tileset(tmp_path / "map") as tileset:
        picture = stitch(tileset, 4, bounds=bounds_of(TileRange(4, 15, 5, 16, 5)))
    assert picture.shape == (256, 512, 3)
    assert np.array_equal(picture[:, :256], make_picture(Tile(15, 5, 4)))
    assert np.array_equal(picture[:, 256:], make_picture(Tile(0, 5, 4)))


def test_bounds_beyond_the_world_of_web_maps_are_cut(town_folder):
    with open_tileset(town_folder) as tileset:
        box = picture_box(tileset, 4, (0, -90, 90, 90))
    assert box == PixelBox(4, 2048, 0, 3072, 4096)


def test_a_png_holds_the_same_pixels(town, tmp_path):
    out = tmp_path / "new folder" / "map.png"
    with open_tileset(town) as tileset:
        expected = stitch(tileset, 4, bounds=(1, 1, 77, 63))
        box = stitch_to_file(tileset, 4, out=out, bounds=(1, 1, 77, 63))
    with Image.open(out) as image:
        image.verify()
    with Image.open(out) as image:
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), expected)
    assert expected.shape == (box.height, box.width, 3)
    assert [entry.name for entry in out.parent.iterdir()] == ["map.png"]


def test_a_geotiff_holds_the_same_pixels_and_its_place(town_mbtiles, tmp_path):
    import rasterio

    with open_tileset(town_mbtiles) as tileset:
        expected = stitch(tileset, 4, bounds=(1, 1, 77, 63))
        box = stitch_to_file(tileset, 4, out=tmp_path / "map.tif", bounds=(1, 1, 77, 63))
    with rasterio.open(tmp_path / "map.tif") as data:
        assert data.crs.to_epsg() == 3857
        assert data.bounds == pytest.approx(box.mercator_bounds(), abs=1e-6)
        assert np.array_equal(data.read().transpose(1, 2, 0), expected)


def test_a_taken_name_is_refused_unless_told(town_folder, tmp_path):
    out = tmp_path / "map.png"
    out.write_bytes(b"mine")
    with open_tileset(town_folder) as tileset:
        with pytest.raises(TilesetError, match="exists already"):
            stitch_to_file(tileset, 3, out=out)
        assert out.read_bytes() == b"mine"
        stitch_to_file(tileset, 3, out=out, overwrite=True)
    assert out.read_bytes().startswith(b"\x89PNG")


def test_absurd_sizes_are_refused_with_the_number(tmp_path, make_picture):
    with create_tileset(tmp_path / "map", {}) as tileset:
        for tile in (Tile(0, 0, 12), Tile(4095, 4095, 12)):
            tileset.put(tile, make_picture(tile))
    with open_tileset(tmp_path / "map") as tileset:
        with pytest.raises(TilesetError, match="1048576 x 1048576 px .* 100 million"):
            stitch(tileset, 12)
        with pytest.raises(TilesetError, match="1048576 x 1048576 px .* 2000 million"):
            stitch_to_file(tileset, 12, out=tmp_path / "map.png")
    assert not (tmp_path / "map.png").exists()


def test_wrong_use_is_told(town_folder, tmp_path):
    with open_tileset(town_folder) as tileset:
        with pytest.raises(TilesetError, match="no zoom 9. Its zooms are 3, 4"):
            stitch(tileset, 9)
        with pytest.raises(AreaError):
            stitch(tileset, 4, bounds=(0, 10, 10, 5))
        with pytest.raises(TilesetError, match=r"a \.png or a \.tif"):
            stitch_to_file(tileset, 4, out=tmp_path / "map.bmp")


def test_a_full_disk_leaves_the_old_picture(town_folder, tmp_path, monkeypatch):
    def no_room(descriptor):
        raise OSError(28, "No space left on device")

    out = tmp_path / "map.png"
    out.write_bytes(b"mine")
    monkeypatch.setattr(module.os, "fsync", no_room)
    with open_tileset(town_folder) as tileset, pytest.raises(DiskFull):
        stitch_to_file(tileset, 3, out=out, overwrite=True)
    assert out.read_bytes() == b"mine"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["map.png", "town"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a small file system of its own")
@pytest.mark.parametrize("name", ["map.png", "map.tif"])
def test_a_really_full_disk_is_told(name, small_disk):
    class Noise:
        metadata: dict[str, str] = {}
        zooms = (10,)
        random = np.random.default_rng(0)

        def get(self, tile):
            return self.random.integers(0, 255, (256, 256, 3), dtype=np.uint8)

    bounds = bounds_of(TileRange(10, 500, 500, 503, 509))
    with pytest.raises(DiskFull, match=f"before {name} was complete"):
        stitch_to_file(Noise(), 10, out=small_disk / name, bounds=bounds)
    assert list(small_disk.iterdir()) == []


def test_memory_holds_one_row_of_tiles(tmp_path, make_picture):
    class Endless:
        metadata: dict[str, str] = {}
        zooms = (10,)
        picture = make_picture(Tile(0, 0, 0))

        def get(self, tile):
            return self.picture

    bounds = bounds_of(TileRange(10, 500, 500, 507, 539))
    tracemalloc.start()
    box = stitch_to_file(Endless(), 10, out=tmp_path / "map.png", bounds=bounds)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert box.height == 40 * 256
    assert peak < 20 * box.width * 256
