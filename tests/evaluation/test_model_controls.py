import numpy as np
import pytest
import torch
from made_up_maps import pyramid, town_picture
from mercantile import Tile

from c2gm.evaluation.groups import ROADS
from c2gm.evaluation.model_controls import SegmentAndDraw, ThroughVAE, draw_classes
from c2gm.evaluation.reading import read_picture
from c2gm.legend import CLASS_ID, palette
from c2gm.models.presets import mini
from c2gm.models.sgdm import SGDM
from c2gm.models.sgdm_map_model import SGDMMapModel

TRUTH = pyramid(town_picture())
TILE = Tile(0, 0, 17)


class Halves:
    """Imagery of the western half of the first tile, one grey."""

    def read(self, box):
        valid = np.zeros((box.height, box.width), dtype=bool)
        valid[:, : max(0, 128 - box.left)] = True
        return np.where(valid[..., None], np.uint8(90), np.uint8(0)).repeat(3, 2), valid


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return SGDMMapModel(SGDM(mini()))


def test_classes_are_drawn_with_casings_round_their_roads_and_read_back():
    ids = np.full((60, 60), CLASS_ID["park"], dtype=np.uint8)
    ids[20:34] = CLASS_ID["main road"]
    picture = draw_classes(ids, 17)
    assert (picture[19] == palette()[CLASS_ID["road casing"]]).all()
    read = read_picture(picture).classes
    assert (read[19:35] == CLASS_ID["main road"]).all() and (read[18] == CLASS_ID["park"]).all()
    assert np.array_equal(draw_classes(ids, 14), palette()[ids])  # zoom 14 has no casings


def test_the_ceiling_is_a_tile_of_the_decoded_window(model):
    ceiling = ThroughVAE(model, TRUTH)
    tile = ceiling.get(TILE)
    assert tile.shape == (256, 256, 3) and tile.dtype == np.uint8
    assert np.array_equal(tile, ceiling.get(TILE))
    assert ceiling.get(Tile(9, 9, 17)) is None


def test_the_segmentation_is_in_colours_of_the_legend_and_clear_without_imagery(model):
    row = SegmentAndDraw(model, Halves())
    tile = row.get(TILE)
    assert tile.shape == (256, 256, 4)
    assert (tile[:, :128, 3] == 255).all() and (tile[:, 128:, 3] == 0).all()
    colours = np.unique(tile[..., :3].reshape(-1, 3), axis=0).tolist()
    assert all(colour in palette().tolist() for colour in colours)
    assert row.get(Tile(5, 0, 17)) is None


def test_roads_of_the_legend_are_those_with_casings():
    assert {CLASS_ID[name] for name in ("motorway", "main road", "street")} == set(ROADS)
