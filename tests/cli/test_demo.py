"""`c2gm demo`: a town, its map, a sheet of pictures and a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mixing_painter import MixingModel
from PIL import Image

from c2gm.cli import load_model
from c2gm.cli.demo import ZOOMS
from c2gm.cli.picture_sheet import PICTURE, picture_sheet
from c2gm.grid import TILE_SIZE, PixelBox
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tilesets.verify import verify_tileset

Run = Callable[..., Any]


@pytest.mark.usefixtures("mixing_model")
def test_the_demo_makes_a_map_a_sheet_and_a_page_and_says_where(c2gm: Run, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    ended = c2gm("demo", "--out", out, "--seed", "2")
    assert ended.status == 0, ended.err
    names = ("town-2.mbtiles", "town-2.png", "town-2.html")
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert all(str(out / name) in ended.out for name in names)
    assert verify_tileset(out / "town-2.mbtiles") == []
    with open_tileset(out / "town-2.mbtiles") as tileset:
        assert [len(list(tileset.tiles(zoom))) for zoom in ZOOMS] == [4, 16, 64]
    sheet = Image.open(out / "town-2.png")
    assert sheet.height > len(ZOOMS) * PICTURE and sheet.width > 2 * PICTURE
    assert "not surveyed" in (out / "town-2.html").read_text(encoding="utf-8")

    again = c2gm("demo", "--out", out, "--seed", "2")
    assert again.status == 0
    assert "was there already" in again.out


@pytest.mark.usefixtures("mixing_model")
def test_a_demo_of_another_model_is_drawn_anew_and_a_foreign_file_stays(
    c2gm: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert c2gm("demo", "--out", tmp_path).status == 0
    other = MixingModel()
    other.identity = {**other.identity, "model": "another"}
    loaded = load_model.LoadedModel(other, "bilinear")
    monkeypatch.setattr(load_model, "load_map_model", lambda *args, **options: loaded)
    ended = c2gm("demo", "--out", tmp_path)
    assert ended.status == 0, ended.err
    assert "took" in ended.out
    with open_tileset(tmp_path / "town-1.mbtiles") as tileset:
        assert tileset.metadata["model"] == "another"
    (tmp_path / "town-2.mbtiles").write_text("dear")
    refused = c2gm("demo", "--out", tmp_path, "--seed", "2")
    assert refused.status == 1 and "not made by this program" in refused.err
    assert (tmp_path / "town-2.mbtiles").read_text() == "dear"


class Slopes:
    """Imagery of which every pixel says where it is."""

    name, attribution, fingerprint = "slopes", "", "slopes"
    bounds = (0.0, 0.0, 10.0, 10.0)
    native_zoom = 18

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        y, x = np.mgrid[box.top : box.bottom, box.left : box.right]
        rgb = np.stack([x // 4, y // 4, x + y], -1).astype(np.uint8)
        return rgb, np.ones(x.shape, bool)

    def close(self) -> None:
        pass


def test_a_sheet_shows_the_same_ground_in_imagery_and_map(tmp_path: Path) -> None:
    from c2gm.grid import tile_box, tiles_of_box

    imagery = Slopes()
    centre = (0.52, 0.47)
    path = tmp_path / "slopes.mbtiles"
    with create_tileset(path, {"name": "slopes"}) as tileset:
        for zoom in (10, 11):
            side = TILE_SIZE << zoom
            x, y = round(centre[0] * side), round(centre[1] * side)
            for tile in tiles_of_box(PixelBox(zoom, x - 300, y - 300, x + 300, y + 300)):
                tileset.put(tile, imagery.read(tile_box(tile))[0])
    with open_tileset(path) as tileset:
        sheet = np.asarray(picture_sheet(imagery, tileset, (10, 11), centre=centre))
    for top in (44, 44 + 44 + PICTURE):
        left, right = (sheet[top : top + PICTURE, x : x + PICTURE] for x in (24, 48 + PICTURE))
        assert np.array_equal(left, right)
        assert left.std() > 20
