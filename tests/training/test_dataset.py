"""Building, checking and reading data sets on a small made-up county."""

import json
import shutil

import mercantile
import numpy as np
import pytest
import rasterio
from box_raster import write_raster
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mercantile import Tile

from c2gm.cartography.render import MapDrawing
from c2gm.cartography.vectors import read_vectors
from c2gm.errors import ConfigError, TrainingError
from c2gm.grid import PixelBox, tile_box
from c2gm.legend import CLASS_ID, LEGEND
from c2gm.references import enlarge_reference
from c2gm.training.dataset_build import DatasetConfig, Source, build_dataset
from c2gm.training.dataset_layout import (
    CLASSES,
    IMAGERY,
    MAP,
    DatasetPart,
    parse_tile_name,
    tile_name,
)
from c2gm.training.dataset_records import (
    AUTHORS_LEGEND,
    Dataset,
    classes_of_map,
    dataset_records,
    pack_records,
)
from c2gm.training.dataset_shift import measure_shift
from c2gm.training.dataset_split import (
    SplitConfig,
    home_block,
    part_of_tile,
    split_blocks,
    thinned,
)
from c2gm.training.label_sets import LABEL_ID
from c2gm.training.records import RecordPool

WEST_TILE = Tile(17282, 11477, 15)  # the north-western of 2 x 2 tiles of zoom 15
COUNTY = PixelBox(17, 17282 * 1024, 11477 * 1024, 17282 * 1024 + 2048, 11477 * 1024 + 2048)


def square(west, south, width, height):
    return [
        [
            [west, south],
            [west + width, south],
            [west + width, south + height],
            [west, south + height],
            [west, south],
        ]
    ]


def feature(kind, coordinates, **tags):
    return {
        "type": "Feature",
        "properties": tags,
        "geometry": {"type": kind, "coordinates": coordinates},
    }


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """Vectors of a grid of streets with houses, and imagery that shows them in other colours."""
    folder = tmp_path_factory.mktemp("county")
    west, south, east, north = box_degrees(COUNTY)
    rng = np.random.default_rng(4)
    features = []
    for share in np.linspace(0.02, 0.98, 13):
        x, y = west + share * (east - west), south + share * (north - south)
        road = "secondary" if 0.4 < share < 0.6 else "residential"
        features.append(feature("LineString", [[x, south], [x, north]], highway=road))
        features.append(feature("LineString", [[west, y], [east, y]], highway="residential"))
    for x, y in rng.uniform((west, south), (east - 5e-4, north - 3e-4), (250, 2)):
        features.append(feature("Polygon", square(x, y, 3e-4, 2e-4), building="yes"))
    wood = square(west, south, (east - west) * 0.3, (north - south) * 0.2)
    features.append(feature("Polygon", wood, landuse="forest"))
    vectors = folder / "county.geojson"
    vectors.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    drawn = MapDrawing(read_vectors(vectors), 17).classes(COUNTY)
    colours = rng.integers(40, 220, (len(LEGEND), 3))
    pixels = colours[drawn] + rng.integers(-12, 13, (*drawn.shape, 3))
    write_raster(folder / "county.tif", COUNTY, pixels.astype(np.uint8))
    return folder


def box_degrees(box):
    left, bottom, right, top = box.mercator_bounds()
    return *mercantile.lnglat(left, bottom), *mercantile.lnglat(right, top)


SMALL = DatasetConfig(
    zooms=(15, 16, 17),
    split=SplitConfig(block_zoom=16, gap=0, shares=(0.5, 0.25, 0.25)),
)


def build(county, root, config=SMALL, **options):
    return build_dataset(
        Source(str(county / "county.tif")), county / "county.geojson", root, config, **options
    )


@pytest.fixture(scope="module")
def dataset(county, tmp_path_factory):
    root = tmp_path_factory.mktemp("sets") / "county"
    build(county, root)
    return root


def test_a_data_set_lies_in_the_layout_of_the_authors(dataset):
    for part in ("train", "val", "test"):
        lists = list((dataset / part).glob("*.csv"))
        assert len(lists) == 1
        names = lists[0].read_text().split()
        assert names[0] == "tilename" and len(names) > 1
        zooms = [int(name.split("_")[0]) for name in names[1:]]
        assert lists[0].name == f"tilelist_{max(zooms)}_{min(zooms)}.csv"
        for kind in (IMAGERY, MAP):
            assert {path.stem for path in (dataset / part / kind).iterdir()} == set(names[1:])
        # The lowest zoom has nothing to be drawn from.
        prepared = {path.stem for path in (dataset / part / "ref_scale_2_256").iterdir()}
        assert prepared == {name for name in names[1:] if not name.startswith("15_")}
    scale = json.loads((dataset / "scale.json").read_text())
    assert scale["levels"]["17"]["scale"] == "1:4000"


def test_the_maps_of_a_data_set_are_those_of_its_vectors(county, dataset):
    part = DatasetPart(dataset / "train")
    objects = read_vectors(county / "county.geojson")
    for tile in [t for t in part.tiles() if t.z == 17][:3]:
        drawing = MapDrawing(objects, 17)
        assert np.array_equal(part.read(MAP, tile), drawing.picture(tile_box(tile)))
        assert np.array_equal(part.read(CLASSES, tile), drawing.classes(tile_box(tile)))


def test_no_ground_is_in_two_parts(dataset):
    blocks = {}
    for part in ("train", "val", "test"):
        for tile in DatasetPart(dataset / part).tiles():
            if tile.z >= 16:
                block = home_block(tile, 16)
                assert blocks.setdefault(block, part) == part
    assert set(blocks.values()) == {"train", "val", "test"}


def test_a_finished_data_set_is_left_alone_and_a_half_one_is_finished(county, tmp_path):
    config = DatasetConfig(zooms=(17,), split=SMALL.split)
    calls = []

    def stop(done, total, tiles):
        calls.append(done)
        if done == 2:
            raise KeyboardInterrupt

    root = tmp_path / "set"
    with pytest.raises(KeyboardInterrupt):
        build(county, root, config, on_block=stop)
    assert not list(root.glob("*/*.csv"))
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.png")}
    counts = build(county, root, config, on_block=lambda done, total, tiles: calls.append(done))
    assert calls[2] == 3  # the two that were whole are not built again
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert counts == build(county, root, config, on_block=lambda *_: pytest.fail("built again"))


def test_another_data_set_in_the_folder_is_refused(county, dataset, tmp_path):
    with pytest.raises(TrainingError, match="other imagery, vectors or settings"):
        build(county, dataset, DatasetConfig(zooms=(16,), split=SMALL.split))
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(TrainingError, match="not empty"):
        build(county, tmp_path)


def test_tiles_without_imagery_are_left_out(county, tmp_path):
    half = PixelBox(17, COUNTY.left, COUNTY.top, COUNTY.left + 1000, COUNTY.bottom)
    with rasterio.open(county / "county.tif") as source:
        pixels = np.moveaxis(source.read(), 0, -1)[:, :1000]
    write_raster(tmp_path / "half.tif", half, pixels)
    counts = build_dataset(
        Source(str(tmp_path / "half.tif")),
        county / "county.geojson",
        tmp_path / "set",
        DatasetConfig(zooms=(17,), split=SplitConfig(block_zoom=16, shares=(1, 0, 0))),
    )
    assert counts == {"train": {17: 3 * 8}}  # three whole columns


@pytest.mark.slow
def test_processes_do_not_change_a_data_set(county, dataset, tmp_path):
    build(county, tmp_path / "set", processes=2)
    for path in dataset.rglob("*.png"):
        twin = tmp_path / "set" / path.relative_to(dataset)
        assert twin.read_bytes() == path.read_bytes()


def test_imagery_that_fits_its_map_has_no_shift(dataset):
    part = DatasetPart(dataset / "train")
    report = measure_shift(part, part.tiles())
    assert report.zoom == 17 and report.whole.clear
    assert report.whole.length < 0.3 and report.worst.length < 0.5


class Moved(DatasetPart):
    """The part with its imagery moved by (down, right) = (4, -7) px."""

    def read(self, kind, tile):
        pixels = super().read(kind, tile)
        return np.roll(pixels, (4, -7), (0, 1)) if kind == IMAGERY else pixels


class Shuffled(DatasetPart):
    """The part with the pixels of its imagery in no order."""

    def read(self, kind, tile):
        pixels = super().read(kind, tile)
        return (
            np.random.default_rng(tile.x * 7 + tile.y)
            .permutation(pixels.reshape(-1, 3))
            .reshape(pixels.shape)
            if kind == IMAGERY
            else pixels
        )


def test_a_shift_is_measured_in_size_and_direction(dataset):
    part = Moved(dataset / "train")
    shift = measure_shift(part, part.tiles()).whole
    assert shift.clear
    assert shift.right == pytest.approx(-7, abs=0.4) and shift.down == pytest.approx(4, abs=0.4)


def test_imagery_of_something_else_is_not_clear(dataset):
    part = Shuffled(dataset / "train")
    assert not measure_shift(part, part.tiles()).whole.clear


def test_records_of_a_data_set_hold_what_its_pictures_show(dataset):
    part = DatasetPart(dataset / "train")
    for record in dataset_records(Dataset.at(dataset), "train"):
        assert record.imagery.shape == (256, 256, 3)
        assert record.place.startswith("county-12_")
        assert record.labels[record.classes == 0].max(initial=0) == LABEL_ID["unmapped"]
    tile = next(tile for tile in part.tiles() if tile.z == 17)
    record = next(dataset_records(Dataset.at(dataset), "train", [tile]))
    reference = part.read("ref_scale_2_256", tile)
    # The map of zoom 16 is in the set too, or the prepared picture stands for it.
    assert np.array_equal(record.parent2[4:-4, 4:-4], reference[::2, ::2])
    assert enlarge_reference(record.parent2, 2).shape == (256, 256, 3)


def test_a_packed_data_set_is_drawn_from_like_any_records(dataset, tmp_path):
    counts = pack_records(Dataset.at(dataset), tmp_path)
    pool = RecordPool(tmp_path / "train")
    assert len(pool) == counts["train"]
    assert pool.draw(np.random.default_rng(0), {"county": 1.0}).map.shape == (256, 256, 3)
    before = sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy"))
    pack_records(Dataset.at(dataset), tmp_path)
    assert before == sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy"))


def test_a_map_that_a_model_drew_gives_references_to_the_train_part(dataset, tmp_path):
    water = np.full((256, 256, 3), (170, 211, 223), np.uint8)
    pack_records(Dataset.at(dataset), tmp_path)
    counts = pack_records(
        Dataset.at(dataset), tmp_path, own_map=lambda tile: water if tile.z == 16 else None
    )
    assert list(counts) == ["train"] and {path.name for path in tmp_path.iterdir()} >= {"val"}
    drawn = [record for record in RecordPool(tmp_path / "train").all() if record.drawn_parents]
    assert drawn and all(
        record.zoom == 17 and (record.parent2 == water[0, 0]).all()
        for record in drawn
        if record.parent2 is not None
    )
    assert len(RecordPool(tmp_path / "train")) == 2 * counts["train"]


@pytest.fixture
def authors_set(dataset, tmp_path):
    """A set as the authors have it: no scale.json, no classes, colours of their maps."""
    root = tmp_path / "TMGN_1814"
    shutil.copytree(dataset, root, ignore=shutil.ignore_patterns("scale.json", CLASSES, ".build"))
    names = {number: name for name, number in CLASS_ID.items()}
    colours = dict(reversed(AUTHORS_LEGEND))
    for path in (root / "val" / MAP).iterdir():
        ids = DatasetPart(dataset / "val").read(CLASSES, parse_tile_name(path.stem))
        table = np.array([colours.get(names[i], (190, 60, 190)) for i in range(len(LEGEND))])
        DatasetPart(root / "val").write(
            MAP, parse_tile_name(path.stem), table[ids].astype(np.uint8)
        )
    return root


def test_the_authors_maps_are_read_by_their_colours(authors_set, dataset):
    tiles = [t for t in DatasetPart(dataset / "val").tiles() if t.z == 17]
    told = [CLASS_ID[name] for name, _ in AUTHORS_LEGEND]
    right, ground = [], []
    for record, own in zip(
        dataset_records(Dataset.at(authors_set), "val", tiles),
        dataset_records(Dataset.at(dataset), "val", tiles),
        strict=True,
    ):
        assert record.place.startswith("TMGN_1814-")
        known = record.labels != LABEL_ID["unknown"]
        right.append((record.classes == own.classes)[known & np.isin(own.classes, told)])
        ground.append(known[own.classes == 0])
    assert np.concatenate(right).mean() > 0.9
    assert np.concatenate(ground).mean() < 0.5  # it has no colour of its own there


def test_a_list_chooses_the_tiles_of_a_part(dataset, tmp_path):
    part = DatasetPart(dataset / "train")
    chosen = part.tiles()[:2]
    path = tmp_path / "tilelist_17_15_few.csv"
    path.write_text("tilename\n" + "\n".join(tile_name(tile) for tile in chosen))
    assert part.tiles(path) == chosen
    path.write_text("name\n17_1_1\n")
    with pytest.raises(TrainingError, match="no column tilename"):
        part.tiles(path)


def test_a_missing_or_wrong_picture_is_named(dataset, tmp_path):
    part = DatasetPart(tmp_path)
    with pytest.raises(TrainingError, match="17_1_2.png is missing"):
        part.read(MAP, Tile(1, 2, 17))
    (tmp_path / MAP).mkdir()
    from PIL import Image

    Image.new("RGB", (512, 512)).save(part.path(MAP, Tile(1, 2, 17)))
    with pytest.raises(TrainingError, match="512 x 512 px"):
        part.read(MAP, Tile(1, 2, 17))
    part.path(MAP, Tile(1, 2, 17)).write_bytes(b"no picture")
    with pytest.raises(TrainingError, match="cannot be read"):
        part.read(MAP, Tile(1, 2, 17))


def test_a_folder_without_maps_is_no_data_set(tmp_path):
    with pytest.raises(TrainingError, match="is no data set"):
        Dataset.at(tmp_path)


def tiles(lowest=8, highest=20):
    return st.integers(lowest, highest).flatmap(
        lambda z: st.builds(Tile, st.integers(0, 2**z - 1), st.integers(0, 2**z - 1), st.just(z))
    )


@given(tile=tiles(0, 30))
def test_names_of_tiles_are_read_back(tile):
    assert parse_tile_name(tile_name(tile)) == tile


@pytest.mark.parametrize("name", ["", "17_1", "17_1_1.png", "3_8_0", "a_b_c", "17_-1_2"])
def test_other_names_are_refused(name):
    with pytest.raises(TrainingError, match="no tile name"):
        parse_tile_name(name)


@given(seed=st.integers(0, 1000), side=st.integers(2, 9), gap=st.floats(0, 2000))
@settings(max_examples=40, deadline=None)
def test_windows_and_references_of_train_never_touch_the_other_parts(seed, side, gap):
    config = SplitConfig(block_zoom=13, gap=gap, shares=(0.6, 0.2, 0.2), seed=seed)
    corner = Tile(4320, 2870, 13)
    blocks = {Tile(corner.x + i, corner.y + j, 13): 10 for i in range(side) for j in range(side)}
    parts = split_blocks(blocks, config)
    assert set(parts.values()) == {"train", "val", "test"}
    rng = np.random.default_rng(seed)
    for _ in range(20):
        z = int(rng.integers(13, 18))
        x, y = rng.integers(0, side << (z - 13), 2)
        tile = Tile((corner.x << (z - 13)) + int(x), (corner.y << (z - 13)) + int(y), z)
        part = part_of_tile(tile, parts, config)
        own = parts[home_block(tile, 13)]
        assert part in (own, None)
        if part != "train":
            continue
        window = tile_box(tile).grown(48)
        size = 256 << (z - 13)
        for px in (window.left, window.right - 1):
            for py in (window.top, window.bottom - 1):
                block = Tile(px // size, py // size, 13)
                assert parts.get(block, "train") == "train"


@given(
    weights=st.lists(st.integers(1, 50), min_size=3, max_size=60),
    seed=st.integers(0, 100),
)
@example(weights=[1, 13, 1], seed=0)
@settings(max_examples=60, deadline=None)
def test_shares_are_met_as_nearly_as_whole_blocks_can(weights, seed):
    blocks = {Tile(i, 5, 13): weight for i, weight in enumerate(weights)}
    parts = split_blocks(blocks, SplitConfig(shares=(0.7, 0.2, 0.1), seed=seed))
    held = {part: sum(w for b, w in blocks.items() if parts[b] == part) for part in parts.values()}
    assert set(held) == {"train", "val", "test"}
    total, largest = sum(weights), max(weights)
    for part, share in (("val", 0.2), ("test", 0.1)):
        assert held[part] <= share * total + largest


def test_too_few_blocks_for_the_parts_are_refused():
    with pytest.raises(ConfigError, match="higher --block-zoom"):
        split_blocks({Tile(1, 1, 13): 5, Tile(2, 1, 13): 5}, SplitConfig())
    assert split_blocks({Tile(1, 1, 13): 5}, SplitConfig(shares=(1, 0, 0))) == {
        Tile(1, 1, 13): "train"
    }


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="sum to 1"):
        SplitConfig(shares=(0.5, 0.1, 0.1))
    with pytest.raises(ConfigError, match="factor 2 or 4"):
        DatasetConfig(references=(3,))


def test_thinning_keeps_the_same_tiles_whatever_their_order():
    members = [Tile(x, 3, 17) for x in range(40)]
    kept = thinned(members, 10, seed=1)
    assert len(kept) == 10 and kept == thinned(members[::-1], 10, seed=1)
    assert thinned(members, None, seed=1) == members


def test_colours_that_the_legend_does_not_have_are_unknown():
    picture = np.full((40, 40, 3), (190, 60, 190), dtype=np.uint8)
    picture[10:20] = (133, 203, 249)
    classes, labels = classes_of_map(picture, AUTHORS_LEGEND, "mapped")
    assert (classes[10:20] == CLASS_ID["water"]).all()
    assert (labels[30:] == LABEL_ID["unknown"]).all() and (classes[30:] == 0).all()
    assert (classes[8:10] == CLASS_ID["water"]).all()  # rims go to the class beside them
