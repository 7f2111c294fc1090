"""Copies with other pictures, joined copies, and copies that a full disk stops."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mercantile import Tile
from PIL import Image

from c2gm.errors import DiskFull, TilesetError
from c2gm.legend import GROUND, LEGEND
from c2gm.tilesets import storing
from c2gm.tilesets.export import export_tileset
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tilesets.recode import (
    TRANSPARENT,
    Recoding,
    palette_indices,
    quietened,
    tileset_palette,
)
from c2gm.tilesets.verify import verify_tileset

KINDS = ("copy.mbtiles", "copy.pmtiles", "copy")


def noisy(tile: Tile) -> np.ndarray:
    """Water and ground with the noise of painting, a smooth border, and one hole."""
    rng = np.random.default_rng(tile.x * 100 + tile.y)
    share = np.clip((np.arange(256) - 120) / 16, 0, 1)[None, :, None]
    plain = share * GROUND + (1 - share) * np.array(LEGEND[1].colour)
    rgb = np.clip(plain + rng.normal(0, 1, (256, 256, 3)), 0, 255).astype(np.uint8)
    opacity = np.full((256, 256, 1), 255, np.uint8)
    opacity[:20, :20] = 0
    return np.concatenate([rgb, opacity], axis=-1)


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory, pyramid_tiles: tuple[Tile, ...]) -> Path:
    path = tmp_path_factory.mktemp("painted") / "town.mbtiles"
    told = {"model": "abc", "attribution": "us", "job_key": "k", "c2gm_job": "{}"}
    with create_tileset(path, told) as tileset:
        for tile in pyramid_tiles:
            tileset.put(tile, noisy(tile))
    return path


@pytest.fixture(scope="module")
def pyramid_tiles() -> tuple[Tile, ...]:
    return (Tile(4, 2, 3), *(Tile(x, y, 4) for x in (8, 9) for y in (4, 5)))


@pytest.mark.parametrize("name", KINDS)
def test_lossless_webp_keeps_every_pixel_and_saves_bytes(
    painted: Path, tmp_path: Path, name: str, pyramid_tiles: tuple[Tile, ...]
) -> None:
    out = tmp_path / name
    assert export_tileset(painted, out, recoding=Recoding(coding="webp")) == 5
    with open_tileset(painted) as old, open_tileset(out) as new:
        assert new.metadata["format"] == "webp"
        assert new.metadata["job_key"] == "k"
        for tile in pyramid_tiles:
            assert np.array_equal(new.get(tile), old.get(tile))
            assert len(new.get_bytes(tile)) < len(old.get_bytes(tile))
    assert verify_tileset(out) == []


def test_quiet_colours_move_pixels_by_three_levels_at_most(
    painted: Path, tmp_path: Path, pyramid_tiles: tuple[Tile, ...]
) -> None:
    out = tmp_path / "quiet.mbtiles"
    export_tileset(painted, out, recoding=Recoding(quiet_colours=True))
    with open_tileset(painted) as old, open_tileset(out) as new:
        assert new.metadata["quiet_colours"] == "3 levels"
        assert "job_key" not in new.metadata
        assert "c2gm_job" not in new.metadata
        for tile in pyramid_tiles:
            before, after = old.get(tile), new.get(tile)
            assert np.abs(before.astype(int) - after).max() <= 3
            plain = after[100:200, :100, :3].reshape(-1, 3)
            assert (plain == LEGEND[1].colour).all(1).mean() > 0.95
    assert out.stat().st_size < 0.6 * painted.stat().st_size


def test_quiet_colours_leave_the_rest_as_it_is() -> None:
    pixels = np.zeros((256, 256, 3), np.uint8)
    pixels[0, 0] = np.array(GROUND) + 3
    pixels[0, 1] = np.array(GROUND) - 4
    quiet = quietened(pixels)
    assert tuple(quiet[0, 0]) == GROUND
    assert np.array_equal(quiet[0, 1], pixels[0, 1])
    assert quiet[1:].max() == 0


def test_all_tiles_have_one_palette_and_a_colour_is_the_same_in_all(
    painted: Path, tmp_path: Path, pyramid_tiles: tuple[Tile, ...]
) -> None:
    out = tmp_path / "palette.mbtiles"
    export_tileset(painted, out, recoding=Recoding(palette=True))
    palettes = set()
    became: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    with open_tileset(painted) as old, open_tileset(out) as new:
        for tile in pyramid_tiles:
            image = Image.open(io.BytesIO(new.get_bytes(tile)))
            assert image.mode == "P"
            palettes.add(bytes(image.getpalette()))
            before, after = old.get(tile), new.get(tile)
            assert np.array_equal(after[..., 3], before[..., 3])
            shown = before[..., 3] > 0
            difference = np.abs(before[shown].astype(int) - after[shown])
            assert difference.mean() < 1.5
            for first, second in zip(
                before[30:60:7, ::9, :3].reshape(-1, 3),
                after[30:60:7, ::9, :3].reshape(-1, 3),
                strict=True,
            ):
                became.setdefault(tuple(first), set()).add(tuple(second))
    assert len(palettes) == 1
    assert all(len(colours) == 1 for colours in became.values())
    assert out.stat().st_size < 0.6 * painted.stat().st_size
    assert verify_tileset(out) == []


def test_the_legend_is_in_the_palette_and_is_met_exactly(painted: Path) -> None:
    with open_tileset(painted) as tileset:
        palette = tileset_palette(tileset, Recoding(palette=True))
        assert np.array_equal(palette, tileset_palette(tileset, Recoding(palette=True)))
    assert palette.shape == (255, 3)
    pixels = np.zeros((256, 256, 4), np.uint8)
    pixels[0, : len(LEGEND)] = [(*entry.colour, 255) for entry in LEGEND]
    indices = palette_indices(pixels, palette)
    assert indices[0, : len(LEGEND)].tolist() == list(range(len(LEGEND)))
    assert (indices[1:] == TRANSPARENT).all()


def test_a_palette_and_webp_do_not_go_together(painted: Path, tmp_path: Path) -> None:
    with pytest.raises(TilesetError, match="either WebP or the palette"):
        export_tileset(painted, tmp_path / "a", recoding=Recoding(coding="webp", palette=True))
    assert not (tmp_path / "a").exists()


def test_equal_pictures_of_mbtiles_are_stored_once_when_asked(
    tmp_path: Path, make_picture: object
) -> None:
    sea = np.full((256, 256, 3), LEGEND[1].colour, np.uint8)
    tiles = [Tile(x, y, 4) for x in range(8) for y in range(8)]
    with create_tileset(tmp_path / "sea.mbtiles", {"model": "abc"}) as tileset:
        for tile in tiles:
            tileset.put(tile, sea if tile != tiles[9] else noisy(tile)[..., :3])
    export_tileset(tmp_path / "sea.mbtiles", tmp_path / "once.mbtiles", deduplicate=True)
    with (
        open_tileset(tmp_path / "sea.mbtiles") as one,
        open_tileset(tmp_path / "once.mbtiles") as two,
    ):
        assert list(two.tiles(4)) == list(one.tiles(4))
        assert all(one.get_bytes(tile) == two.get_bytes(tile) for tile in tiles)
    assert verify_tileset(tmp_path / "once.mbtiles") == []
    db = sqlite3.connect(tmp_path / "once.mbtiles")
    assert db.execute("SELECT count(*) FROM images").fetchone() == (2,)
    assert db.execute("SELECT count(*) FROM tiles").fetchone() == (64,)
    db.close()
    with rasterio.open(tmp_path / "once.mbtiles") as raster:
        assert raster.crs.to_epsg() == 3857
        assert tuple(raster.read((1, 2, 3))[:, 1, 1]) == LEGEND[1].colour


def test_a_picture_that_was_replaced_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "once.mbtiles"
    with create_tileset(path, {"model": "abc"}, deduplicate=True) as tileset:
        for number in (1, 2, 3):
            tileset.put(Tile(0, 0, 0), np.full((256, 256, 3), number, np.uint8))
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM images").fetchone() == (1,)
    db.close()


@pytest.mark.parametrize("name", KINDS)
def test_appending_joins_maps_and_the_new_tile_wins(
    painted: Path, tmp_path: Path, name: str
) -> None:
    out, more = tmp_path / name, tmp_path / "more.mbtiles"
    export_tileset(painted, out)
    with create_tileset(more, {"model": "abc", "attribution": "them"}) as tileset:
        tileset.put(Tile(9, 5, 4), np.full((256, 256, 3), 7, np.uint8))
        tileset.put(Tile(10, 5, 4), np.full((256, 256, 3), 8, np.uint8))
    assert export_tileset(more, out, append=True) == 6
    with open_tileset(out) as joined, open_tileset(painted) as old:
        assert joined.get(Tile(9, 5, 4))[0, 0, 0] == 7
        assert joined.get(Tile(10, 5, 4))[0, 0, 0] == 8
        assert joined.get_bytes(Tile(8, 4, 4)) == old.get_bytes(Tile(8, 4, 4))
        told = joined.metadata
    assert told["attribution"] == "us · them"
    assert json.loads(told["tile_counts"]) == {"3": 1, "4": 5}
    assert float(told["bounds"].split(",")[2]) == pytest.approx(67.5)
    assert "job_key" not in told
    assert {fault.code for fault in verify_tileset(out)} == {"parent-missing"}


def test_appending_to_nothing_is_a_copy(painted: Path, tmp_path: Path) -> None:
    assert export_tileset(painted, tmp_path / "new.mbtiles", append=True) == 5


def test_appending_another_kind_of_picture_is_refused_and_nothing_changes(
    painted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "webp.mbtiles"
    export_tileset(painted, out, recoding=Recoding(coding="webp"))
    before = out.read_bytes()
    with pytest.raises(TilesetError, match="one kind of picture"):
        export_tileset(painted, out, append=True)
    assert out.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["webp.mbtiles"]


@pytest.mark.parametrize("name", KINDS)
def test_a_disk_that_is_too_small_is_told_with_what_is_missing_before_the_start(
    painted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = tmp_path / name
    export_tileset(painted, out)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    usage = shutil.disk_usage(tmp_path)._replace(free=10_000)
    monkeypatch.setattr(storing.shutil, "disk_usage", lambda _place: usage)
    with pytest.raises(DiskFull, match=r"needs about .* MB are missing\. Nothing was"):
        export_tileset(painted, out, overwrite=True)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("name", KINDS)
def test_a_copy_that_fills_the_disk_leaves_what_was_there(
    painted: Path, small_disk: Path, name: str
) -> None:
    out = small_disk / name
    with create_tileset(out, {"model": "abc"}) as tileset:
        tileset.put(Tile(0, 0, 0), np.full((256, 256, 3), 7, np.uint8))
    with pytest.raises(DiskFull):
        with create_tileset(out, {"model": "abc"}, overwrite=True) as tileset:
            rng = np.random.default_rng(0)
            for x in range(16):
                pixels = rng.integers(0, 255, (256, 256, 3), dtype=np.uint8)
                tileset.put(Tile(x, 0, 5), pixels)
    with open_tileset(out) as tileset:
        assert tileset.get(Tile(0, 0, 0))[0, 0, 0] == 7
    assert [entry.name for entry in small_disk.iterdir()] == [name]


def test_several_maps_become_one_and_the_last_wins(tmp_path: Path) -> None:
    for number, columns in enumerate((range(2), range(1, 3), range(3, 5))):
        told = {"model": "abc", "attribution": f"part {number // 2}"}
        with create_tileset(tmp_path / f"{number}.mbtiles", told) as tileset:
            for x in columns:
                tileset.put(Tile(x, 0, 5), np.full((256, 256, 3), number, np.uint8))
    parts = [tmp_path / f"{number}.mbtiles" for number in range(3)]
    assert export_tileset(parts, tmp_path / "all.pmtiles") == 5
    with open_tileset(tmp_path / "all.pmtiles") as tileset:
        shown = [int(tileset.get(Tile(x, 0, 5))[0, 0, 0]) for x in range(5)]
        assert tileset.metadata["attribution"] == "part 0 · part 1"
    assert shown == [0, 1, 1, 2, 2]
    assert verify_tileset(tmp_path / "all.pmtiles") == []
    with pytest.raises(TilesetError, match="Join the maps first"):
        export_tileset(parts, tmp_path / "b", recoding=Recoding(palette=True))
