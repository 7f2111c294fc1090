from pathlib import Path

import mercantile
import numpy as np
import pytest
import shapely

from c2gm.cartography.map_objects import MapObjects
from c2gm.legend import CLASS_ID
from c2gm.training.painted_places import (
    PaintedPlace,
    build_painted_shards,
    built_up_blocks,
    built_up_core,
    painted_records,
)
from c2gm.training.records import Shard
from c2gm.worlds.osm_parts import Look

TOWN = mercantile.Tile(8602, 5700, 14)
BLOCK = mercantile.bounds(TOWN)


@pytest.fixture(scope="module")
def objects() -> MapObjects:
    """Forty houses in one corner of a tile on both sides of a street, three houses far away."""
    corner = mercantile.xy_bounds(TOWN)
    west, north = corner.left, corner.top
    houses = [
        shapely.box(west + 300 + 50 * i, north - y - 14, west + 318 + 50 * i, north - y)
        for i in range(20)
        for y in (300, 340)
    ]
    far = [shapely.box(west + 9000 + k, north, west + 9010 + k, north + 10) for k in (0, 30, 60)]
    street = shapely.LineString([(west + 200, north - 327), (west + 1400, north - 327)])
    return MapObjects(
        areas={"building": np.array(houses + far, dtype=object)},
        lines={"street": np.array([street])},
    )


def test_the_block_with_most_buildings_comes_first(objects: MapObjects) -> None:
    blocks = list(built_up_blocks(objects, 5, side=1))
    assert len(blocks) == 2
    assert blocks[0] == pytest.approx(tuple(BLOCK))
    wide = next(built_up_blocks(objects, 1, side=2))
    assert wide[2] - wide[0] == pytest.approx(2 * (BLOCK.east - BLOCK.west))


def test_the_core_is_where_the_houses_stand(objects: MapObjects) -> None:
    west, south, east, north = built_up_core(objects, tuple(BLOCK))
    assert BLOCK.west <= west and BLOCK.south < south and east < BLOCK.east
    assert north <= BLOCK.north
    assert north - south < 0.5 * (BLOCK.north - BLOCK.south)


def test_records_of_a_painted_place_show_its_houses(objects: MapObjects) -> None:
    place = PaintedPlace("osm-1", tuple(BLOCK), Look("temperate", 5), (17,))
    (record,) = painted_records(objects, place, {17: 1})
    assert (record.place, record.zoom, record.complete) == ("osm-1", 17, True)
    assert record.imagery.shape == record.map.shape == (320, 320, 3)
    assert (record.classes == CLASS_ID["street"]).any()
    roofs = record.classes == CLASS_ID["building"]
    grey = record.imagery.mean(-1)
    assert roofs.mean() > 0.01
    assert grey[roofs].std() > 8  # roofs have slopes in light and in shade


def test_a_shard_that_is_there_is_kept(objects: MapObjects, tmp_path: Path) -> None:
    place = PaintedPlace("osm-2", tuple(BLOCK), Look("dry", 6), (16,))
    build_painted_shards(tmp_path, objects, [place], {16: 1})
    before = (tmp_path / "osm-2" / "imagery.npy").stat().st_mtime_ns
    build_painted_shards(tmp_path, objects, [place], {16: 5})
    assert (tmp_path / "osm-2" / "imagery.npy").stat().st_mtime_ns == before
    assert len(Shard(tmp_path / "osm-2")) == 1
