import json
import shutil
from collections import namedtuple

import numpy as np
import pytest
from imaginary import GROUND, ZOOMS, TextureModel, imagery_of, read_map
from mercantile import Tile

from c2gm.cascade.generate import generate, plan_for
from c2gm.cascade.ledger import Ledger
from c2gm.cascade.ledger import disk_full as ledger_disk_full
from c2gm.cascade.settings import GenerateSettings
from c2gm.errors import (
    AreaError,
    ConfigError,
    DiskFull,
    JobError,
    JobKeyChanged,
    Stopped,
    TilesetError,
)
from c2gm.grid import TileRange, bounds_of
from c2gm.map_scale import map_scale, scale_text
from c2gm.tilesets.open import create_tileset, open_tileset


def stop_soon(after: int = 3):
    answers = iter([False] * after + [True])
    return lambda: next(answers, False)


def test_the_map_says_what_it_is_and_how_it_was_made(whole_map):
    with open_tileset(whole_map) as tileset:
        metadata = tileset.metadata
    assert "not surveyed" in metadata["description"].lower()
    assert metadata["attribution"] == "nobody" and metadata["name"] == "Map of imaginary.tif"
    assert metadata["generator"].startswith("c2gm ")
    assert (metadata["model"], metadata["seed"]) == ("texture", "1")
    assert metadata["stages"] == "14,15:2,16:2"
    assert json.loads(metadata["scale_texts"]) == {
        "14": scale_text(map_scale(14), None),
        "15": scale_text(map_scale(15), 2),
        "16": scale_text(map_scale(16), 2),
    }
    assert (metadata["minzoom"], metadata["maxzoom"]) == ("14", "16")
    bounds = [float(value) for value in metadata["bounds"].split(",")]
    assert bounds == pytest.approx(bounds_of(GROUND), abs=1e-11)
    assert json.loads(metadata["c2gm_job"])["imagery"] == "imaginary-1"


def test_the_result_counts_what_was_done(paint, whole_map, tmp_path):
    result = paint()
    assert (result.path, result.tiles) == (tmp_path / "map.mbtiles", len(read_map(whole_map)))
    assert not result.nothing_to_do and result.reused_tiles == 0 and result.seconds > 0


def test_the_job_folder_goes_with_the_end_unless_it_is_kept(paint, tmp_path):
    paint(zooms=(14,))
    assert [path.name for path in tmp_path.iterdir()] == ["map.mbtiles"]
    paint("kept.mbtiles", zooms=(14,), keep_job=True)
    assert (tmp_path / "kept.mbtiles.c2gm-job" / "job.sqlite").exists()
    before = (tmp_path / "kept.mbtiles").read_bytes()
    (tmp_path / "kept.mbtiles").unlink()
    again = paint("kept.mbtiles", zooms=(14,))
    assert again.painted_windows == 0 and read_map(again.path)
    assert (tmp_path / "kept.mbtiles").read_bytes() == before


def test_a_job_may_lie_elsewhere(paint, tmp_path):
    elsewhere = tmp_path / "jobs" / "one"
    with pytest.raises(Stopped, match="one"):
        paint(job_folder=elsewhere, should_stop=stop_soon())
    assert [path.name for path in tmp_path.iterdir()] == ["jobs"]
    assert paint(job_folder=elsewhere).reused_tiles > 0
    assert not elsewhere.exists()


def test_a_map_may_be_a_folder(paint, whole_map):
    folder = paint("folder").path
    assert set(read_map(folder)) == set(read_map(whole_map))


def test_the_same_call_on_a_finished_map_has_nothing_to_do(paint, model):
    paint(zooms=(14,))
    before = dict(model.calls)
    again = paint(zooms=(14,))
    assert again.nothing_to_do and model.calls == before


def test_another_map_of_that_name_is_not_touched(paint):
    path = paint(zooms=(14,)).path
    before = path.read_bytes()
    with pytest.raises(JobError, match="made with other settings: seed was 1, is 2.*--force"):
        paint(zooms=(14,), seed=2)
    assert path.read_bytes() == before
    assert paint(zooms=(14,), seed=2, force=True).tiles == 1
    assert path.read_bytes() != before


@pytest.mark.parametrize("name", ["map.mbtiles", "folder"])
def test_a_foreign_file_of_that_name_is_not_touched(paint, tmp_path, name):
    foreign = tmp_path / name
    if name == "folder":
        foreign.mkdir()
        (foreign / "letter.txt").write_text("dear")
    else:
        foreign.write_text("dear")
    cure = "delete it yourself" if name == "folder" else "--force to replace it"
    with pytest.raises(JobError, match=f"was not made by this program.*{cure}"):
        paint(name, zooms=(14,))
    assert (foreign if foreign.is_file() else foreign / "letter.txt").read_text() == "dear"
    assert not foreign.with_name(f"{name}.c2gm-job").exists()


def test_force_replaces_a_foreign_file_and_no_foreign_folder(paint, tmp_path):
    (tmp_path / "map.mbtiles").write_text("dear")
    assert paint(zooms=(14,), force=True).tiles == 1
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "letter.txt").write_text("dear")
    with pytest.raises(TilesetError, match="holds more than a tile set"):
        paint("folder", zooms=(14,), force=True)
    assert (tmp_path / "folder" / "letter.txt").read_text() == "dear"


def test_a_zoom_without_scale_text_is_refused_in_the_plan(imagery):
    with pytest.raises(ConfigError, match="Zoom 21 has no map scale"):
        plan_for(imagery, GenerateSettings(zooms=(21,)))
    assert plan_for(imagery, GenerateSettings(zooms=(21,), texts={21: "a yard"})).stages


def test_a_name_that_no_map_can_have_is_refused_before_the_work(paint, tmp_path, model):
    with pytest.raises(TilesetError, match="map.png"):
        paint("map.png")
    assert model.calls["sample"] == 0 and list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(paint, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(JobError, match="job folder .*file.* cannot be written"):
        paint(job_folder=tmp_path / "file" / "job")


def test_an_empty_folder_may_become_the_map(paint, tmp_path):
    (tmp_path / "folder").mkdir()
    assert paint("folder", zooms=(14,)).tiles == 1


class OtherModel(TextureModel):
    def __init__(self) -> None:
        super().__init__()
        self.identity = {"model": "texture", "steps": 8}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 2}, "seed was 1, is 2"),
        ({"edges": "open"}, "edges was exact, is open"),
        ({"mode": "paper"}, "mode was seamless, is paper"),
        ({"interpolation": "nearest"}, "interpolation was bilinear, is nearest"),
        ({"texts": {15: "a map"}}, "text of zoom 15 was geographical map tile.*, is a map"),
        ({"zooms": (14, 15)}, r"zooms was \[14, 15, 16\], is \[14, 15\]"),
        ({"cascade_factor": 4}, "stages was 14,15:2,16:2, is 14,15:2,16:4"),
        ({"bounds": bounds_of(TileRange(16, 34000, 22400, 34000, 22400))}, "bounds was"),
        ({"model": OtherModel()}, "model.steps was 2, is 8"),
        ({"model": TextureModel(batch=3)}, "batch was 4, is 3"),
        ({"imagery": imagery_of(GROUND, fingerprint="b")}, "imagery was imaginary-1, is b"),
    ],
)
def test_a_job_of_other_settings_is_refused_and_what_changed_is_named(paint, changed, words):
    with pytest.raises(Stopped):
        paint(should_stop=stop_soon())
    with pytest.raises(JobKeyChanged, match=words):
        paint(**changed)


def test_a_refused_change_leaves_the_job_as_it_was(paint):
    with pytest.raises(Stopped):
        paint(should_stop=stop_soon())
    with pytest.raises(JobKeyChanged):
        paint(seed=2)
    assert paint().reused_tiles > 0


def test_force_begins_a_job_of_other_settings_anew(paint):
    with pytest.raises(Stopped):
        paint(should_stop=stop_soon())
    result = paint(seed=2, force=True)
    assert result.reused_tiles == 0
    assert read_map(result.path) == read_map(paint("other.mbtiles", seed=2).path)


def test_force_goes_on_with_a_job_of_the_same_settings(paint):
    with pytest.raises(Stopped):
        paint(should_stop=stop_soon())
    assert paint(force=True).reused_tiles > 0


def test_texts_of_the_users_reach_the_model(paint, model):
    paint(texts={15: "a map of streets"})
    assert model.embedded[1] == "a map of streets"
    assert model.embedded[0] == scale_text(map_scale(14), None)


def test_a_zoom_beyond_the_table_needs_a_text(paint):
    small = bounds_of(TileRange(21, 8500 << 7, 5600 << 7, 8500 << 7, 5600 << 7))
    with pytest.raises(ConfigError, match="Zoom 21 has no map scale"):
        paint(zooms=(21,), bounds=small)
    assert paint(zooms=(21,), bounds=small, texts={21: "a garden"}).tiles == 1


def test_an_area_in_a_hole_of_the_imagery_is_refused_and_leaves_nothing(paint, tmp_path):
    hole = TileRange(16, 34002, 22401, 34002, 22401)
    with pytest.raises(AreaError, match="imaginary.tif has no valid pixel in the area"):
        paint(zooms=(16,), bounds=bounds_of(hole))
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_reads_no_imagery(imagery):
    counts = plan_for(imagery, GenerateSettings(zooms=ZOOMS)).counts()
    assert [count.exported for count in counts] == [1, 4, 16] and imagery.reads == []


def test_a_disk_that_is_too_small_is_noticed_before_the_work(paint, monkeypatch, tmp_path, model):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1_000_000))
    with pytest.raises(DiskFull, match=r"needs about .* MB in .*, where 1\.0 MB are free"):
        paint()
    with pytest.raises(DiskFull):
        paint(job_folder=tmp_path / "elsewhere" / "job")
    assert model.calls["sample"] == 0 and list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_meanwhile_tells_what_the_rest_needs(
    paint, whole_map, monkeypatch, tmp_path
):
    store = Ledger.store
    left = iter([2**40] * 3)

    def store_until_full(ledger, work):
        if next(left, 0) == 0:
            usage = namedtuple("usage", "total used free")
            monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1_000_000))
            raise ledger_disk_full(ledger.folder)
        store(ledger, work)

    monkeypatch.setattr(Ledger, "store", store_until_full)
    told = (
        r"goes on where it stopped\. Until .* it needs about \S+ MB in .*, where 1\.0 MB are free"
    )
    with pytest.raises(DiskFull, match=told):
        paint()
    monkeypatch.undo()
    paint()
    assert (tmp_path / "map.mbtiles").read_bytes() == whole_map.read_bytes()


# From a start tile set ---------------------------------------------------------------------


@pytest.fixture
def start_map(tmp_path, whole_map):
    """The zoom-14 part of the map, as a tile set of somebody's."""
    path = tmp_path / "start.mbtiles"
    with open_tileset(whole_map) as whole, create_tileset(path, {}) as tileset:
        for tile in whole.tiles(14):
            tileset.put(tile, whole.get(tile))
    with open_tileset(path) as tileset:
        yield tileset


def test_a_cascade_from_a_start_continues_it(paint, start_map, whole_map):
    result = paint(start=start_map)
    assert result.reused_tiles == 0
    with open_tileset(result.path) as tileset, open_tileset(whole_map) as whole:
        assert tileset.zooms == ZOOMS
        for zoom in ZOOMS:
            for tile in whole.tiles(zoom):
                np.testing.assert_array_equal(tileset.get(tile), whole.get(tile))


def test_a_map_from_a_start_credits_both(paint, tmp_path):
    path = tmp_path / "start.mbtiles"
    with create_tileset(path, {"attribution": "swisstopo"}) as tileset:
        tileset.put(Tile(8500, 5600, 14), np.zeros((256, 256, 3), dtype=np.uint8))
    with (
        open_tileset(path) as start,
        open_tileset(paint(start=start, zooms=(14, 15)).path) as tileset,
    ):
        assert tileset.metadata["attribution"] == "nobody; swisstopo"


@pytest.mark.parametrize("notice", ["Surveyed in 1999", None])
def test_a_start_that_no_model_drew_is_trusted_by_the_zoom_above(imagery, tmp_path, notice):
    path, model = tmp_path / "start.mbtiles", TextureModel()
    told = {} if notice is None else {"notice": notice}
    with create_tileset(path, told) as tileset:
        tileset.put(Tile(8500, 5600, 14), np.zeros((256, 256, 3), dtype=np.uint8))
    with open_tileset(path) as start:
        settings = GenerateSettings(zooms=(15, 16), edges="open")
        generate(imagery, model, tmp_path / "map.mbtiles", settings, start=start)
    assert model.trusted == model.trusted_corners == (set() if notice is None else {15})


def test_a_start_below_the_asked_zooms_is_not_written(paint, start_map, whole_map):
    result = paint(start=start_map, zooms=(15, 16))
    whole = read_map(whole_map)
    tiles = read_map(result.path)
    assert {tile.z for tile in tiles} == {15, 16}
    assert all(whole[tile] == picture for tile, picture in tiles.items())


def test_a_start_with_opacity_is_laid_over_ground(paint, tmp_path):
    solid, clear = tmp_path / "solid.mbtiles", tmp_path / "clear.mbtiles"
    pixels = np.full((256, 256, 4), 255, dtype=np.uint8)
    pixels[:, :128] = (0xE6, 0xE0, 0xD4, 255)
    with create_tileset(solid, {}) as tileset:
        tileset.put(Tile(8500, 5600, 14), pixels[..., :3])
    pixels[:, :128] = (1, 2, 3, 0)
    with create_tileset(clear, {}) as tileset:
        tileset.put(Tile(8500, 5600, 14), pixels)
    with open_tileset(solid) as first, open_tileset(clear) as second:
        one = read_map(paint("one.mbtiles", zooms=(16,), start=first).path)
        other = read_map(paint("other.mbtiles", zooms=(16,), start=second).path)
    assert one == other


def test_another_start_is_another_key(paint, start_map, tmp_path):
    path = tmp_path / "other-start.mbtiles"
    with create_tileset(path, {}) as tileset:
        tileset.put(Tile(8500, 5600, 14), np.zeros((256, 256, 3), dtype=np.uint8))
    with pytest.raises(Stopped):
        paint(start=start_map, should_stop=stop_soon())
    with open_tileset(path) as other, pytest.raises(JobKeyChanged, match="start was "):
        paint(start=other)


def test_a_start_that_does_not_cover_the_area_is_refused_with_a_tile(paint, start_map):
    ground = imagery_of(TileRange(14, 8500, 5600, 8501, 5600))
    with pytest.raises(TilesetError, match="lacks tile 14/8501/5600.*Give a --bbox"):
        paint(imagery=ground, start=start_map)
    west = bounds_of(TileRange(16, 34000, 22400, 34003, 22403))
    assert paint(imagery=ground, start=start_map, bounds=west, zooms=(15, 16)).tiles == 20


def test_a_start_may_lack_what_the_imagery_lacks(paint, start_map, imagery):
    wide = bounds_of(TileRange(14, 8499, 5599, 8501, 5601))
    assert paint(start=start_map, bounds=wide, zooms=(14, 15)).tiles == 5


def test_a_stop_while_copying_the_start_goes_on(paint, start_map, whole_map):
    with pytest.raises(Stopped):
        paint(start=start_map, should_stop=lambda: True)
    result = paint(start=start_map)
    assert result.reused_tiles == 1
    assert set(read_map(result.path)) == set(read_map(whole_map))


def test_generate_takes_names_as_text(tmp_path, imagery, model):
    out = str(tmp_path / "map.mbtiles")
    assert generate(imagery, model, out, GenerateSettings(zooms=(14,))).path.exists()
