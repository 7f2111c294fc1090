"""An edit changes what depends on it and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from imaginary import GROUND, TextureModel, imagery_of, is_pond, read_map
from mercantile import Tile

from c2gm.cascade.edits import Edit, edit_of_picture, edit_of_tileset
from c2gm.cascade.generate import generate, plan_for
from c2gm.cascade.repaint import plan_repaint, repaint, settings_of_map
from c2gm.cascade.settings import GenerateSettings
from c2gm.errors import JobError, JobKeyChanged, Stopped, TilesetError
from c2gm.grid import PixelBox, TileRange, bounds_of, square_box
from c2gm.tilesets.open import create_tileset, open_tileset

WIDE = TileRange(14, 8500, 5600, 8501, 5601)
CORNER = Tile(8500, 5600, 14)  # the north-western one


@pytest.fixture(scope="session")
def wide_map(tmp_path_factory):
    """Zooms 14, 15 and 16 of 2 x 2 tiles; 15 is 2X and 16 is 4X from 14."""
    path = tmp_path_factory.mktemp("wide") / "wide.mbtiles"
    settings = GenerateSettings(zooms=(14, 15, 16), cascade_factor=4)
    generate(imagery_of(WIDE), TextureModel(), path, settings)
    return path


def edit_of(path, tile: Tile) -> Edit:
    with open_tileset(path) as map_:
        pixels = np.array(map_.get(tile))
    pixels[100:140, 100:140, :3] ^= 255
    return Edit(tile.z, {tile: pixels})


def test_only_what_depends_on_the_edit_is_painted_again(wide_map, tmp_path):
    edit, model = edit_of(wide_map, CORNER), TextureModel()
    result = repaint(imagery_of(WIDE), model, wide_map, tmp_path / "new.mbtiles", edit)
    old, new = read_map(wide_map), read_map(tmp_path / "new.mbtiles")
    assert old.keys() == new.keys()
    changed = {tile for tile in old if old[tile] != new[tile]}
    assert CORNER in changed
    for zoom, side in ((15, 2), (16, 4)):
        first = (CORNER.x * side, CORNER.y * side)
        inside = {Tile(first[0] + x, first[1] + y, zoom) for x in range(side) for y in range(side)}
        assert changed & inside
        near = {t for t in changed if t.z == zoom}
        reach = range(-1, side + 1)
        assert near <= {Tile(first[0] + x, first[1] + y, zoom) for x in reach for y in reach}
    assert result.tiles == len(old)
    assert result.painted_windows <= 25 + 36  # of 36 + 100


def test_it_is_what_painting_with_the_edited_zoom_as_start_gives(wide_map, tmp_path):
    """The whole map, painted from the edited zoom, has the same bytes."""
    edit = edit_of(wide_map, CORNER)
    repaint(imagery_of(WIDE), TextureModel(), wide_map, tmp_path / "new.mbtiles", edit)
    with open_tileset(tmp_path / "new.mbtiles") as new:
        with create_tileset(tmp_path / "start.mbtiles", {"attribution": "x"}) as start:
            for tile in new.tiles(14):
                start.put_bytes(tile, new.get_bytes(tile))
    with open_tileset(tmp_path / "start.mbtiles") as start:
        settings = GenerateSettings(zooms=(15, 16), stages=((15, 2), (16, 4)))
        generate(imagery_of(WIDE), TextureModel(), tmp_path / "b.mbtiles", settings, start=start)
    new, again = read_map(tmp_path / "new.mbtiles"), read_map(tmp_path / "b.mbtiles")
    assert {tile: new[tile] for tile in again} == again


def test_rims_and_holes_of_the_imagery_stay(whole_map, tmp_path):
    imagery = imagery_of(GROUND, is_hole=is_pond)
    edit = edit_of(whole_map, Tile(17000, 11200, 15))
    repaint(imagery, TextureModel(), whole_map, tmp_path / "new.mbtiles", edit)
    old, new = read_map(whole_map), read_map(tmp_path / "new.mbtiles")
    assert old.keys() == new.keys()
    changed = [tile for tile in old if old[tile] != new[tile]]
    children = [Tile(34000 + x, 22400 + y, 16) for x in (0, 1) for y in (0, 1)]
    assert sorted(changed) == sorted([Tile(17000, 11200, 15), *children])


def test_a_part_of_a_larger_imagery_needs_its_rim_painted_anew(tmp_path):
    """Tiles beyond the area are references of its rim, and no map holds them."""
    imagery, whole, part = imagery_of(WIDE), tmp_path / "whole.mbtiles", tmp_path / "part.mbtiles"
    inner = bounds_of(TileRange(15, 17001, 11201, 17002, 11202))
    generate(imagery, TextureModel(), whole, GenerateSettings(zooms=(15, 16)))
    generate(imagery, TextureModel(), part, GenerateSettings(zooms=(15, 16), bounds=inner))
    edit = edit_of(whole, Tile(17001, 11201, 15))
    for path in (whole, part):
        repaint(imagery, TextureModel(), path, path.with_suffix(".new.mbtiles"), edit)
    all_tiles = read_map(whole.with_suffix(".new.mbtiles"))
    some = read_map(part.with_suffix(".new.mbtiles"))
    assert len(some) == 4 + 16
    assert {tile: all_tiles[tile] for tile in some} == some


def test_stopped_it_goes_on_to_the_same_bytes(wide_map, tmp_path):
    edit, imagery = edit_of(wide_map, CORNER), imagery_of(WIDE)
    repaint(imagery, TextureModel(), wide_map, tmp_path / "once.mbtiles", edit)
    answers = iter([False, False, True])
    with pytest.raises(Stopped):
        repaint(
            imagery,
            TextureModel(),
            wide_map,
            tmp_path / "twice.mbtiles",
            edit,
            should_stop=lambda: next(answers, False),
        )
    result = repaint(imagery, TextureModel(), wide_map, tmp_path / "twice.mbtiles", edit)
    assert result.painted_windows > 0
    assert read_map(tmp_path / "once.mbtiles") == read_map(tmp_path / "twice.mbtiles")
    again = repaint(imagery, TextureModel(), wide_map, tmp_path / "twice.mbtiles", edit)
    assert again.nothing_to_do


def test_an_edit_of_an_edit_is_told_apart(wide_map, tmp_path):
    imagery = imagery_of(WIDE)
    first, second = tmp_path / "1.mbtiles", tmp_path / "2.mbtiles"
    repaint(imagery, TextureModel(), wide_map, first, edit_of(wide_map, CORNER))
    other = Tile(CORNER.x + 1, CORNER.y + 1, 14)
    repaint(imagery, TextureModel(), first, second, edit_of(first, other))
    with open_tileset(second) as map_:
        assert len(json.loads(map_.metadata["c2gm_job"])["edit"]) == 2
        assert settings_of_map(map_).zooms == (14, 15, 16)
    base, one, two = read_map(wide_map), read_map(first), read_map(second)
    assert one[CORNER] == two[CORNER] != base[CORNER]
    assert two[other] != one[other] == base[other]


def test_another_model_imagery_or_name_is_refused(wide_map, tmp_path):
    edit, out = edit_of(wide_map, CORNER), tmp_path / "new.mbtiles"
    other = TextureModel()
    other.identity = {"model": "another", "steps": 2}
    with pytest.raises(JobKeyChanged, match="model.model was texture, is another"):
        repaint(imagery_of(WIDE), other, wide_map, out, edit)
    with pytest.raises(JobKeyChanged, match="imagery was imaginary-1, is imaginary-2"):
        repaint(imagery_of(WIDE, fingerprint="imaginary-2"), TextureModel(), wide_map, out, edit)
    with pytest.raises(JobError, match="is the map itself"):
        repaint(imagery_of(WIDE), TextureModel(), wide_map, wide_map, edit)
    with create_tileset(tmp_path / "other.mbtiles", {}) as tileset:
        tileset.put(CORNER, np.zeros((256, 256, 3), np.uint8))
    with pytest.raises(JobError, match="does not tell how it was painted"):
        repaint(imagery_of(WIDE), TextureModel(), tmp_path / "other.mbtiles", out, edit)
    assert not out.exists()


def test_an_edit_of_the_highest_zoom_paints_nothing(wide_map):
    imagery = imagery_of(WIDE)
    with open_tileset(wide_map) as map_:
        plan = plan_for(imagery, settings_of_map(map_))
        tile = next(map_.tiles(16))
        work = plan_repaint(plan, map_, Edit(16, {tile: np.zeros((256, 256, 3), np.uint8)}))
    assert work.tiles == 0


def test_a_picture_lies_over_tile_borders_and_only_its_opaque_pixels_count(wide_map):
    corner = square_box(CORNER.x, CORNER.y, 14)
    box = PixelBox(14, corner.left + 250, corner.top + 10, corner.left + 262, corner.top + 20)
    picture = np.zeros((10, 12, 4), np.uint8)
    picture[..., 3] = 255
    picture[0, :, 3] = 0
    with open_tileset(wide_map) as map_:
        edit = edit_of_picture(map_, box, picture)
        old = {tile: map_.get(tile) for tile in edit.tiles}
    assert sorted(edit.tiles) == [CORNER, Tile(CORNER.x + 1, CORNER.y, 14)]
    changed = edit.tiles[CORNER] != old[CORNER]
    assert not changed[:11].any() and not changed[20:].any() and not changed[:, :250].any()
    assert (edit.tiles[CORNER][11:20, 250:] == 0).all()


def test_a_picture_of_a_map_with_holes_edits_what_was_changed_alone(whole_map):
    """A stitched picture shows the ground colour in the holes; that is no correction."""
    tile = Tile(17000, 11200, 15)
    box = square_box(tile.x, tile.y, 15)
    with open_tileset(whole_map) as map_:
        old = map_.get(tile)
        assert old.shape[-1] == 4 and (old[..., 3] == 0).any()
        picture = np.where(old[..., 3:] > 0, old[..., :3], np.uint8(230))
        assert edit_of_picture(map_, box, picture).tiles == {}
        picture[3, 4] ^= 255
        edit = edit_of_picture(map_, box, picture)
    assert (edit.tiles[tile] != old).any(-1).sum() == 1


def test_pictures_and_tile_sets_that_do_not_fit_are_refused(wide_map, tmp_path):
    with open_tileset(wide_map) as map_:
        with pytest.raises(TilesetError, match="has 12 x 10 px, the area 20 x 10 px"):
            edit_of_picture(map_, PixelBox(14, 0, 0, 20, 10), np.zeros((10, 12, 3), np.uint8))
        with pytest.raises(TilesetError, match="no tile of zoom 14 under the picture"):
            edit_of_picture(map_, PixelBox(14, 0, 0, 12, 10), np.zeros((10, 12, 3), np.uint8))
        with create_tileset(tmp_path / "far.mbtiles", {}) as far:
            far.put(Tile(0, 0, 14), np.zeros((256, 256, 3), np.uint8))
        with open_tileset(tmp_path / "far.mbtiles") as far:
            with pytest.raises(TilesetError, match="share no tile of zoom 14"):
                edit_of_tileset(map_, 14, far)
        assert edit_of_tileset(map_, 14, map_).tiles == {}
