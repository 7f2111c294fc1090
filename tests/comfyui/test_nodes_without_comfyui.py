"""Areas, texts, stitching and references of the nodes, which need no ComfyUI to be tested."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mercantile import Tile
from pack_modules import node_module

from c2gm.grid import PixelBox, TileRange, bounds_of
from c2gm.legend import GROUND
from c2gm.map_scale import map_scale, scale_text
from c2gm.tilesets.open import open_tileset

areas = node_module("areas")
texts = node_module("texts")
stitching = node_module("stitching")
references = node_module("references")
graph = node_module("graph")
errors = node_module("areas").AreaError.__mro__[1]

PLACE = bounds_of(TileRange(16, 31009, 32769, 31010, 32769))  # two tiles, side by side


class PartlyValid:
    """Imagery that fills some tiles of zoom 18."""

    attribution = "me"

    def __init__(self, tiles: TileRange) -> None:
        self.tiles, self.bounds = tiles, bounds_of(tiles)

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        factor, there = 1 << (18 - box.zoom), self.tiles.box
        columns = np.arange(box.left, box.right) * factor
        rows = np.arange(box.top, box.bottom) * factor
        valid = ((rows >= there.top) & (rows < there.bottom))[:, None] & (
            (columns >= there.left) & (columns < there.right)
        )
        return np.zeros((*valid.shape, 3), dtype=np.uint8), valid


def area(imagery: object = None) -> object:
    return areas.PickedArea(PLACE, (14, 15, 16), imagery)


# Areas ------------------------------------------------------------------------------------------


def test_windows_are_the_tiles_and_a_ring_of_neighbours() -> None:
    windows = area().windows(16)
    assert len(windows) == 4 * 3
    assert (windows[0].x, windows[0].y) == (31008, 32768)
    assert (windows[1].x, windows[1].y) == (31009, 32768)


def test_windows_end_where_the_imagery_ends() -> None:
    part = TileRange(18, 4 * 31009 + 1, 4 * 32769 + 1, 4 * 31009 + 2, 4 * 32769 + 2)
    windows = area(PartlyValid(part)).windows(16)
    assert [(window.x, window.y) for window in windows] == [(31009, 32769)]


def test_a_batch_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(areas.AreaError, match="more than the 256 of one batch"):
        area().windows(20)


def test_windows_wrap_around_the_world() -> None:
    edge = areas.PickedArea((-180.0, 0.0, -179.99, 0.005), (16,))
    assert {window.x for window in edge.windows(16)} >= {0, (1 << 16) - 1}


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "1;2;3;4"])
def test_bounds_that_are_no_four_numbers_are_refused(text: str) -> None:
    with pytest.raises(areas.AreaError, match="west,south,east,north"):
        areas.parse_bounds(text)


def test_empty_bounds_mean_none() -> None:
    assert areas.parse_bounds("  ") is None
    assert areas.parse_bounds("1, 2,3,4.5") == (1, 2, 3, 4.5)


# Texts ------------------------------------------------------------------------------------------


def test_empty_fields_give_the_authors_sentence() -> None:
    assert texts.compose_text(17, 4) == scale_text(map_scale(17), 4)
    assert texts.compose_text(14, None) == scale_text(map_scale(14), None)


def test_fields_replace_parts_and_free_text_all_of_it() -> None:
    edited = texts.compose_text(17, 2, resolution="0.9", denominator="1:3000", examples="harbour")
    assert "map resolution 0.9m/pixel, map scale 1:3000" in edited
    assert edited.endswith("represent: harbour")
    assert texts.compose_text(17, 2, examples="harbour", free_text=" a map ") == "a map"


@pytest.mark.parametrize(("field", "value"), [("resolution", "wide"), ("denominator", "1:2k")])
def test_a_field_that_is_no_number_is_refused(field: str, value: str) -> None:
    with pytest.raises(errors, match="Leave it empty"):
        texts.compose_text(17, 2, **{field: value})


def test_factors_are_named_choices() -> None:
    assert [texts.factor_of(choice) for choice in ("4X", "2X", "none")] == [4, 2, None]
    with pytest.raises(errors, match="not one of 2X, 4X"):
        texts.factor_of("8X")


# Stitching --------------------------------------------------------------------------------------


def noise(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_windows_cut_from_one_picture_are_stitched_back_to_it() -> None:
    whole = noise(1, 4 * 256 + 64)[0]
    windows = [
        whole[row * 256 : row * 256 + 320, column * 256 : column * 256 + 320]
        for row in range(3)
        for column in range(4)
    ]
    stitched = stitching.stitch_windows(np.stack(windows), area(), 16)
    assert np.array_equal(stitched, whole[288 : 288 + 256, 288 : 288 + 512])


def test_plain_tiles_are_laid_side_by_side() -> None:
    tiles = noise(2, 256)
    stitched = stitching.stitch_tiles(tiles, area(), 16)
    assert np.array_equal(stitched, np.concatenate(list(tiles), axis=1))


def test_a_wrong_number_of_windows_is_refused_with_both_numbers() -> None:
    with pytest.raises(errors, match=r"12 windows of 320 x 320 px .* but 2 pictures of 256 x 256"):
        stitching.stitch_windows(noise(2, 256), area(), 16)


def test_a_saved_picture_comes_back_from_its_tile_set(tmp_path: Path) -> None:
    picture = np.concatenate(list(noise(2, 256)), axis=1)
    path = tmp_path / "maps" / "map.mbtiles"
    assert stitching.save_picture(picture, area(), 16, path) == 2
    assert np.array_equal(stitching.stitch_tileset(path, area(), 16), picture)
    with pytest.raises(errors, match="no tile of this area at zoom 15; its zooms are 16"):
        stitching.stitch_tileset(path, area(), 15)


def test_what_has_no_imagery_is_ground_in_pictures_and_transparent_in_tile_sets(
    tmp_path: Path,
) -> None:
    half = area(PartlyValid(TileRange(18, 4 * 31009, 4 * 32769, 4 * 31009 + 1, 4 * 32769 + 3)))
    windows = half.windows(16)
    stitched = stitching.stitch_windows(noise(len(windows), 320), half, 16)
    assert stitched.shape == (256, 256, 3)
    assert (stitched[:, 128:] == GROUND).all() and not (stitched[:, :128] == GROUND).all()
    path = tmp_path / "half.mbtiles"
    assert stitching.save_picture(stitched, half, 16, path) == 1
    with open_tileset(path) as tileset:
        pixels = tileset.get(Tile(31009, 32769, 16))
        assert tileset.metadata["attribution"] == "me"
    assert pixels is not None and pixels.shape == (256, 256, 4)
    assert (pixels[:, :128, 3] == 255).all() and (pixels[:, 128:, 3] == 0).all()


def test_a_picture_of_another_area_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(errors, match=r"256 x 256 px, but zoom 16 of the area is 512 x 256"):
        stitching.save_picture(noise(1, 256)[0], area(), 16, tmp_path / "map.mbtiles")


# References -------------------------------------------------------------------------------------


def test_references_agree_where_windows_overlap_and_are_ground_beyond_the_parent() -> None:
    parent = noise(1, 256)[0]
    cut = references.window_references(parent, area(), 16, factor=4, interpolation="bilinear")
    assert len(cut) == 12
    assert np.array_equal(cut[5][:, 256:], cut[6][:, :64])
    column, row = (31009 % 4) * 64, (32769 % 4) * 64
    nearest = references.window_references(parent, area(), 16, factor=4, interpolation="nearest")
    inside = parent[row : row + 64, column : column + 64].repeat(4, axis=0).repeat(4, axis=1)
    assert np.array_equal(nearest[5][32:288, 32:288], inside)


def test_a_tile_set_without_the_parent_zoom_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.mbtiles"
    stitching.save_picture(np.concatenate(list(noise(2, 256)), axis=1), area(), 16, path)
    with pytest.raises(errors, match="has zooms 16, but zoom 16 at 4X needs 14"):
        references.window_references(path, area(), 16, factor=4, interpolation="bilinear")
    found = references.window_references(path, area(), 17, factor=2, interpolation="bilinear")
    assert len(found) == 6 * 4


# Graph ------------------------------------------------------------------------------------------


def prompt(loader: str = "1", **changes: object) -> dict[str, object]:
    return {
        loader: {"class_type": "C2GMLoadSGDM", "inputs": {"file": "a", **changes}},
        "9": {
            "class_type": "C2GMCascadeSampler",
            "inputs": {"model": [loader, 0], "clip": [loader, 1], "seed": 1},
        },
    }


@pytest.fixture
def no_model_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """ComfyUI's folders with nothing in them."""
    monkeypatch.setattr(graph, "_file_stamps", lambda name: [])


@pytest.mark.usefixtures("no_model_files")
def test_a_graph_is_known_by_what_its_models_are_made_of_not_by_numbers() -> None:
    known = graph.graph_hash(prompt(), "9")
    assert graph.graph_hash(prompt(loader="7"), "9") == known
    assert graph.graph_hash(prompt(file="b"), "9") != known
    assert graph.graph_hash(prompt(dtype="float16"), "9") != known


@pytest.mark.usefixtures("no_model_files")
def test_the_samplers_own_fields_are_no_part_of_its_graph() -> None:
    changed = prompt()
    changed["9"]["inputs"]["seed"] = 2  # type: ignore[index]
    assert graph.graph_hash(changed, "9") == graph.graph_hash(prompt(), "9")


def test_another_file_of_the_same_name_is_another_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_file_stamps", lambda name: [(1, 1)])
    known = graph.graph_hash(prompt(), "9")
    monkeypatch.setattr(graph, "_file_stamps", lambda name: [(1, 2)])
    assert graph.graph_hash(prompt(), "9") != known
