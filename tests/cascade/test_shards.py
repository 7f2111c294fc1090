"""Shards hold every tile of an area once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2gm.cascade.shards import SHARD_ZOOM, shards_of
from c2gm.errors import AreaError
from c2gm.grid import tiles_in_bounds, wrapped


@settings(max_examples=60, deadline=None)
@given(
    west=st.floats(-180, 179.9),
    width=st.floats(0.001, 1.2),
    south=st.floats(-84, 83),
    height=st.floats(0.001, 0.8),
    zoom=st.integers(SHARD_ZOOM, 13),
)
def test_every_tile_of_an_area_belongs_to_exactly_one_shard(west, width, south, height, zoom):
    east = west + width if west + width <= 180 else west + width - 360
    bounds = (west, south, east, south + height)
    shards = list(shards_of(bounds, (zoom,)))
    found = [tile for shard in shards for tile in tiles_in_bounds(shard.bounds, zoom)]
    assert sorted(found) == sorted(map(wrapped, tiles_in_bounds(bounds, zoom)))
    assert [s.tiles for s in shards] == [len(tiles_in_bounds(s.bounds, zoom)) for s in shards]


def test_a_whole_shard_has_the_tiles_of_its_pyramid():
    (shard,) = shards_of((9.5, 47.0, 9.51, 47.01), (10,))
    assert (shard.name, shard.tiles) == ("10-539-360", 1)
    inside = [s for s in shards_of((9, 46.5, 10.5, 47.5), (14, 15, 16, 17, 18)) if s.tiles > 87_000]
    assert {s.tiles for s in inside} == {87_296}


def test_zooms_below_a_shard_s_are_refused():
    with pytest.raises(AreaError, match="zoom 9 is lower"):
        list(shards_of((9, 46, 10, 47), (9, 14)))
