import json
from types import SimpleNamespace

import numpy as np
import pytest
from made_up_maps import pyramid, town_picture
from mercantile import Tile

from c2gm.errors import ConfigError
from c2gm.evaluation.controls import Enlarged, GroundColour
from c2gm.evaluation.protocols import PROTOCOLS, check_protocol, controls_of, protocol_of
from c2gm.legend import GROUND

TRUTH = pyramid(town_picture())


def begun_with(start):
    """A map of ours that says what it was begun with."""
    return SimpleNamespace(metadata={"c2gm_job": json.dumps({"start": start})})


def test_every_protocol_is_found_by_its_name_and_no_other():
    assert [protocol_of(p.name) for p in PROTOCOLS] == list(PROTOCOLS)
    with pytest.raises(ConfigError, match="honest-0, honest-14, teacher"):
        protocol_of("honest")


def test_a_map_that_was_given_more_than_its_protocol_is_refused():
    with pytest.raises(ConfigError, match="Give --protocol honest-14"):
        check_protocol(protocol_of("honest-0"), begun_with("a hash"))
    with pytest.raises(ConfigError, match="Give --protocol honest-0"):
        check_protocol(protocol_of("honest-14"), begun_with(None))
    check_protocol(protocol_of("honest-0"), begun_with(None))
    check_protocol(protocol_of("honest-14"), begun_with("a hash"))
    check_protocol(protocol_of("honest-14"), SimpleNamespace(metadata={}))  # a map of others


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("honest-0", ["truth", "own z16 enlarged", "ground colour"]),
        ("honest-14", ["truth", "copy z14", "ground colour"]),
        ("teacher", ["truth", "copy 2X", "copy 4X", "ground colour"]),
    ],
)
def test_each_protocol_is_read_against_what_it_was_given(name, rows):
    found = controls_of(protocol_of(name), truth=TRUTH, map_=TRUTH, lowest_zoom=16)
    assert list(found) == rows


def test_masks_have_no_true_map_to_copy():
    rows = controls_of(protocol_of("honest-0"), truth=None, map_=TRUTH, lowest_zoom=16)
    assert "truth" not in rows and "own z16 enlarged" in rows


def test_an_enlarged_tile_is_the_part_of_its_parent():
    enlarged = Enlarged(TRUTH, factor=2).get(Tile(1, 0, 17))
    parent = TRUTH.get(Tile(0, 0, 16))[:128, 128:].astype(float)
    shrunk = enlarged.reshape(128, 2, 128, 2, 3).mean((1, 3))
    assert np.abs(shrunk - parent).mean() < 4


def test_enlarging_from_a_zoom_leaves_that_zoom_as_it_is():
    enlarged = Enlarged(TRUTH, zoom=16)
    assert np.array_equal(enlarged.get(Tile(0, 0, 16)), TRUTH.get(Tile(0, 0, 16)))
    assert enlarged.get(Tile(0, 0, 17)).shape == (256, 256, 3)
    assert Enlarged(TRUTH, zoom=15).get(Tile(0, 0, 17)) is None
    with pytest.raises(ValueError, match="either a factor or a zoom"):
        Enlarged(TRUTH)


def test_the_empty_map_is_ground_everywhere():
    assert (GroundColour().get(Tile(5, 6, 17)) == GROUND).all()
