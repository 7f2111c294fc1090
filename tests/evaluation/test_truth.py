import json

import numpy as np
import pytest
from made_up_maps import write_masks
from mercantile import Tile

from c2gm.cartography.map_objects import MapObjects
from c2gm.errors import C2GMError, TilesetError
from c2gm.evaluation.groups import FIVE_CLASSES, UNLABELLED
from c2gm.evaluation.truth import DrawnTruth, RasterTruth, open_truth, shows
from c2gm.legend import GROUND
from c2gm.tilesets.open import create_tileset

TILE = Tile(67000, 44000, 17)


@pytest.fixture
def masks(tmp_path):
    """The north-west quarter water, the north-east road, the south unlabelled."""
    numbers = np.zeros((256, 256), dtype=np.uint8)
    numbers[:128, :128], numbers[:128, 128:] = 1, 3
    return write_masks(tmp_path / "masks.tif", numbers, TILE)


def test_a_class_raster_is_read_on_the_grid_of_the_tiles(masks):
    with open_truth(masks) as truth:
        assert isinstance(truth, RasterTruth)
        read = truth.classes(TILE)
    assert (read[:128, :128] == FIVE_CLASSES.index("water")).all()
    assert (read[:128, 128:] == FIVE_CLASSES.index("road")).all()
    assert (read[128:] == UNLABELLED).all()


def test_a_lower_zoom_shows_the_most_frequent_labelled_class(masks):
    with open_truth(masks) as truth:
        parent = Tile(TILE.x >> 1, TILE.y >> 1, 16)
        part = truth.classes(parent)[:128, :128]
    assert (part[:64, :64] == FIVE_CLASSES.index("water")).all()
    assert (part[66:, :64] == UNLABELLED).all()


def test_tiles_beyond_a_raster_are_unlabelled(masks):
    with open_truth(masks) as truth:
        assert shows(truth, TILE)
        assert not shows(truth, Tile(TILE.x + 1, TILE.y, 17))


def test_a_raster_without_place_is_refused(tmp_path):
    path = write_masks(tmp_path / "nowhere.tif", np.ones((8, 8), np.uint8), TILE, crs=None)
    with pytest.raises(TilesetError, match="does not say its coordinate system"):
        RasterTruth(path)
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"no raster")
    with pytest.raises(TilesetError, match="cannot be read as a class raster"):
        RasterTruth(broken)


def test_vectors_are_drawn_in_the_house_style_where_they_reach(tmp_path):
    west, south, east, north = 4.02, 51.0, 4.03, 51.01
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    feature = {
        "type": "Feature",
        "properties": {"natural": "water"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path = tmp_path / "lake.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    import mercantile

    inside = mercantile.tile(4.025, 51.005, 17)
    with open_truth(path) as truth:
        assert isinstance(truth, DrawnTruth)
        tile = truth.get(inside)
        assert tile.shape == (256, 256, 3) and (tile[128, 128] != GROUND).any()
        assert truth.get(Tile(inside.x + 40, inside.y, 17)) is None


def test_empty_vectors_reach_nowhere():
    assert DrawnTruth(MapObjects()).get(TILE) is None


def test_a_true_tile_set_is_opened_as_one(tmp_path):
    path = tmp_path / "true.mbtiles"
    with create_tileset(path, {"name": "true"}) as tileset:
        tileset.put(TILE, np.full((256, 256, 3), 9, np.uint8))
    with open_truth(path) as truth:
        assert shows(truth, TILE) and truth.get(TILE)[0, 0, 0] == 9


def test_what_is_no_truth_is_refused_in_one_sentence(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("hello")
    with pytest.raises(C2GMError, match="no truth to compare with"), open_truth(words):
        pass
    with pytest.raises(TilesetError, match="does not exist"), open_truth(tmp_path / "none.mbtiles"):
        pass
