import mercantile
import numpy as np
import pytest
import shapely

from c2gm.cartography.map_objects import MapObjects
from c2gm.grid import PixelBox
from c2gm.legend import CLASS_ID, GROUND
from c2gm.references import enlarge_reference
from c2gm.training.build_records import ground_records, other_looks, window_record
from c2gm.training.drawings import Drawings
from c2gm.training.ground import Ground, UnlabelledGround
from c2gm.training.label_sets import LABEL_ID
from c2gm.training.records import RecordPool, write_shard

WEST, SOUTH, EAST, NORTH = BOUNDS = (10.0, 47.0, 10.02, 47.015)


class FlatImagery:
    """One colour everywhere."""

    bounds = BOUNDS

    def read(self, box):
        shape = (box.height, box.width)
        return np.full((*shape, 3), 90, np.uint8), np.ones(shape, bool)


def village():
    """Two crossing roads, a row of houses, a wood."""
    left, bottom = mercantile.xy(WEST, SOUTH)
    right, top = mercantile.xy(EAST, NORTH)
    x, y = (left + right) / 2, (bottom + top) / 2
    houses = [shapely.box(x + 40 * i, y + 30, x + 40 * i + 20, y + 50) for i in range(1, 12)]
    return MapObjects(
        areas={
            "building": np.array(houses, dtype=object),
            "wood": np.array([shapely.box(left, bottom, x - 100, y - 100)], dtype=object),
        },
        lines={
            "main_road": np.array([shapely.linestrings([[left, y], [right, y]])], dtype=object),
            "street": np.array([shapely.linestrings([[x, bottom], [x, top]])], dtype=object),
        },
    )


def ground(**changes):
    values = {
        "place": "village-1",
        "imagery": FlatImagery(),
        "objects": village(),
        "bounds": BOUNDS,
        "zooms": (15, 16, 17),
        **changes,
    }
    return Ground(**values)


def middle_box(zoom):
    x, y = mercantile.xy((WEST + EAST) / 2, (SOUTH + NORTH) / 2)
    tile = mercantile.tile((WEST + EAST) / 2, (SOUTH + NORTH) / 2, zoom)
    return PixelBox(zoom, tile.x * 256, tile.y * 256, tile.x * 256 + 320, tile.y * 256 + 320)


def test_a_ground_gives_as_many_windows_a_zoom_as_asked():
    records = ground_records(ground(), {15: 2, 17: 3}, np.random.default_rng(0))
    assert sorted(record.zoom for record in records) == [15, 15, 17, 17, 17]
    assert all(record.text_zoom == record.zoom for record in records)


def test_decoupled_records_show_another_look_on_the_same_grid():
    here = ground()
    drawings = Drawings(here.objects)
    own = window_record(here, drawings, middle_box(16))
    other = window_record(here, drawings, middle_box(16), look=14)
    assert np.array_equal(own.imagery, other.imagery)
    assert (other.zoom, other.text_zoom) == (16, 14)
    street, building = CLASS_ID["street"], CLASS_ID["building"]
    assert (own.classes == street).any() and (own.classes == building).any()
    assert not (other.classes == street).any() and not (other.classes == building).any()
    assert (other.classes == CLASS_ID["main road"]).any()


def test_references_of_a_decoupled_record_have_the_look_below_its_own():
    here = ground()
    drawings, box = Drawings(here.objects), middle_box(16)
    look17 = window_record(here, drawings, box, look=17)
    assert look17.parent2 is not None and look17.parent4 is not None
    # One zoom lower than look 17, on the grid of 15: streets are wider than at 15 itself.
    own15 = window_record(here, drawings, box).parent2
    white = lambda picture: (picture == 255).all(-1).sum()  # noqa: E731
    assert white(look17.parent2) > white(own15)
    assert window_record(here, drawings, box, look=14).parent2 is None
    assert enlarge_reference(look17.parent4, 4).shape == (320, 320, 3)


def test_a_decoupled_record_tells_as_much_of_its_classes_as_one_of_its_own_look():
    here = ground(rule="mapped")
    record = window_record(here, Drawings(here.objects), middle_box(16), look=15)
    open_ground = record.classes == CLASS_ID["ground"]
    assert open_ground.any() and not open_ground.all()
    assert (record.labels[open_ground] == LABEL_ID["unmapped"]).all()
    assert (record.labels[~open_ground] == LABEL_ID["as drawn"]).all()


@pytest.mark.parametrize("zoom", range(14, 19))
def test_looks_are_other_zooms_of_the_style_at_most_one_above(zoom):
    looks = other_looks(zoom)
    assert looks and zoom not in looks
    assert min(looks) >= 14 and max(looks) <= min(18, zoom + 1)


def test_a_pool_draws_decoupled_records_only_when_asked(tmp_path):
    records = ground_records(ground(), {16: 6}, np.random.default_rng(1), decoupled=1.0)
    assert len(records) == 12
    write_shard(tmp_path / "a", records)
    rng = np.random.default_rng(2)

    def share(pool):
        drawn = [pool.draw(rng, {"village": 1.0}) for _ in range(200)]
        return np.mean([record.text_zoom != record.zoom for record in drawn])

    assert share(RecordPool(tmp_path)) == 0
    assert 0.15 < share(RecordPool(tmp_path, decoupled=0.25)) < 0.35


def test_a_window_past_the_bounds_has_no_imagery_there():
    here = ground(bounds=(WEST, SOUTH, (WEST + EAST) / 2, NORTH), least_valid=0.1)
    box = middle_box(16)
    record = window_record(here, Drawings(here.objects), box)
    hidden = (record.imagery == 127).all(-1)
    assert 0.1 < hidden.mean() < 0.9
    assert (record.map[hidden] == GROUND).all() and (record.classes[hidden] == 0).all()
    assert (np.diff(hidden.astype(int), axis=1) >= 0).all()  # hidden to the east only
    strict = ground(bounds=(WEST, SOUTH, WEST + 0.0005, NORTH))
    assert window_record(strict, Drawings(strict.objects), box) is None


def test_labels_follow_the_rule_of_the_source():
    here = ground(rule="mapped")
    record = window_record(here, Drawings(here.objects), middle_box(16))
    background = record.classes == 0
    assert (record.labels[background] == LABEL_ID["unmapped"]).all()
    assert (record.labels[~background] == LABEL_ID["as drawn"]).all()
    assert not record.complete and record.ranked_roads


def class_raster(path, box, classes):
    import rasterio
    from rasterio.transform import from_bounds

    height, width = classes.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=1,
        dtype="uint8",
        crs="EPSG:3857",
        transform=from_bounds(*box.mercator_bounds(), width, height),
    ) as file:
        file.write(classes, 1)
    return path


def test_unlabelled_ground_and_roads_without_rank_at_low_zooms_are_unknown(tmp_path):
    box = middle_box(16)
    classes = np.full((320, 320), 2, dtype=np.uint8)
    classes[:100] = 0
    classes[200:260] = 3
    mask = UnlabelledGround(class_raster(tmp_path / "c.tif", box, classes))
    assert np.array_equal(mask.read(box), classes == 0)
    low = PixelBox(14, box.left // 4, box.top // 4, box.right // 4, box.bottom // 4)
    assert np.array_equal(
        mask.read(low)[:, 40], np.repeat([True, False, True, False], [25, 25, 15, 15])
    )
    beyond = PixelBox(16, box.right + 50, box.top, box.right + 90, box.bottom)
    assert not mask.read(beyond).any()


class WaterMap:
    """A map that somebody drew: nothing but water, at some zooms."""

    def __init__(self, *zooms):
        self.zooms = zooms

    def get(self, tile):
        return np.full((256, 256, 3), LAKE, np.uint8) if tile.z in self.zooms else None


LAKE = (170, 211, 223)


def test_references_can_be_cut_out_of_a_map_that_was_drawn():
    chance = np.random.default_rng
    true = ground_records(ground(), {16: 2, 17: 2}, chance(0))
    drawn = ground_records(ground(), {16: 2, 17: 2}, chance(0), own_map=WaterMap(14, 15, 16).get)
    for before, after in zip(true, drawn, strict=True):
        assert after.drawn_parents and not before.drawn_parents
        assert np.array_equal(after.map, before.map)
        for factor in (2, 4):
            was, now = (getattr(record, f"parent{factor}") for record in (before, after))
            assert now.shape == was.shape and not np.array_equal(now, was)
            assert (now == LAKE).all()


def test_a_zoom_that_the_drawn_map_lacks_gives_no_reference():
    (record,) = ground_records(
        ground(), {17: 1}, np.random.default_rng(0), own_map=WaterMap(16).get
    )
    assert record.parent2 is not None and record.parent4 is None
    (record,) = ground_records(ground(), {17: 1}, np.random.default_rng(0), own_map=WaterMap().get)
    assert record.parent2 is not None and not record.drawn_parents  # the true ones stay


def test_a_shard_tells_whose_parents_its_records_have(tmp_path):
    own = WaterMap(14, 15, 16).get
    write_shard(
        tmp_path / "own", ground_records(ground(), {17: 1}, np.random.default_rng(0), own_map=own)
    )
    write_shard(tmp_path / "true", ground_records(ground(), {17: 1}, np.random.default_rng(0)))
    assert [record.drawn_parents for record in RecordPool(tmp_path).all()] == [True, False]
