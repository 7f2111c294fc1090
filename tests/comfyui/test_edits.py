"""Edits from the mask and paint editor, and maps in other colours, without ComfyUI."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from mercantile import Tile
from pack_modules import node_module
from PIL import Image

from c2gm.grid import TileRange
from c2gm.legend import CLASS_ID, LEGEND, palette
from c2gm.painting.window_inputs import read_mosaic
from c2gm.recolour import PALETTES, recolour
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tracing.vector_files import write_traced

edits = node_module("edits")
vector_files = importlib.import_module(
    edits.__name__.replace("nodes.edits", "c2gm.tracing.vector_files")
)
files = node_module("files")
payloads = node_module("payloads")
recolouring = node_module("recolouring")
vectors = node_module("vectors")
Error = files.ConfigError.__mro__[1]

TILES = TileRange(16, 31008, 32768, 31009, 32768)  # two tiles side by side
WATER, WOOD, FARMLAND = (
    np.array(LEGEND[CLASS_ID[name]].colour, dtype=np.uint8)
    for name in ("water", "wood", "farmland")
)


def drawn(width: int = 512) -> np.ndarray:
    """Farmland with a wood whose edge is smooth and crosses the border of two tiles."""
    rows, columns = np.indices((256, width))
    share = np.clip(80 - np.hypot(rows - 128, columns - 250), 0, 1)[..., None]
    return (FARMLAND * (1 - share) + WOOD * share + 0.5).astype(np.uint8)


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A map in the output folder; the right half of its second tile has no imagery."""
    for module in (files, edits, recolouring, vectors):
        for name in ("input", "output"):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            monkeypatch.setattr(module, f"{name}_folder", lambda f=folder: f, raising=False)
    path = tmp_path / "output" / "town.mbtiles"
    picture = drawn()
    with create_tileset(path, {"name": "Town", "c2gm_job": "{}"}) as tileset:
        tileset.put(Tile(31008, 32768, 16), picture[:, :256])
        opacity = np.full((256, 256, 1), 255, dtype=np.uint8)
        opacity[:, 128:] = 0
        tileset.put(Tile(31009, 32768, 16), np.concatenate([picture[:, 256:], opacity], -1))
    return path


def save_layers(folder: Path, shown: np.ndarray, number: int = 7) -> str:
    """What the editor saves: a mask in the upper left, a bluish stroke with a soft rim below it."""
    masked = np.full(shown.shape[:2], 255, dtype=np.uint8)
    masked[10:20, 10:30] = 0
    strokes = np.zeros((*shown.shape[:2], 4), dtype=np.uint8)
    strokes[40:60, 300:330] = (100, 180, 250, 255)
    strokes[60:64, 300:330] = (100, 180, 250, 90)
    place = folder / "clipspace"
    place.mkdir(exist_ok=True)
    whole = np.concatenate([shown, masked[..., None]], axis=-1)
    name = f"clipspace-painted-masked-{number}.png"
    Image.fromarray(whole).save(place / name)
    Image.fromarray(strokes).save(place / f"clipspace-paint-{number}.png")
    return f"clipspace/{name} [input]"


def test_strokes_become_legend_colours_and_the_mask_a_class(town: Path, tmp_path: Path) -> None:
    before = edits.read_edit(town, 16, None, image="", fill="wood")
    assert before.edit.tiles == {} and before.shown.shape == (256, 512, 3)
    image = save_layers(tmp_path / "input", before.shown)
    found = edits.read_edit(town, 16, None, image=image, fill="wood")
    assert set(found.edit.tiles) == {Tile(31008, 32768, 16), Tile(31009, 32768, 16)}
    left, right = (found.edit.tiles[tile] for tile in sorted(found.edit.tiles))
    assert (left[10:20, 10:30] == WOOD).all()
    assert (right[40:60, 300 - 256 : 330 - 256, :3] == WATER).all()
    changed = (right[..., :3] != before.shown[:, 256:]).any(-1)
    changed[:, 128:] = False
    assert changed.sum() == 20 * 30, "the soft rim of a brush does not count"
    assert (right[:, 128:, 3] == 0).all(), "where there is no imagery there stays none"


def test_another_picture_counts_where_it_differs(town: Path, tmp_path: Path) -> None:
    shown = edits.read_edit(town, 16, None, image="", fill="wood").shown
    edited = np.clip(shown.astype(int) + 3, 0, 255).astype(np.uint8)  # stored with losses
    edited[100:120, 5:25] = WATER
    Image.fromarray(edited).save(tmp_path / "input" / "mine.png")
    by_name = edits.read_edit(town, 16, None, image="mine.png", fill="wood").edit
    by_socket = edits.read_edit(town, 16, None, image="", fill="wood", edited=edited).edit
    assert by_name.fingerprint == by_socket.fingerprint
    ((tile, pixels),) = by_name.tiles.items()
    assert tile == Tile(31008, 32768, 16)
    assert (pixels != shown[:, :256]).any(-1).sum() == 20 * 20


def test_a_mask_becomes_the_chosen_class(town: Path) -> None:
    mask = np.zeros((256, 512), dtype=bool)
    mask[5:9, 5:9] = True
    ((_, pixels),) = edits.read_edit(
        town, 16, None, image="", fill="water", mask=mask
    ).edit.tiles.items()
    assert (pixels[5:9, 5:9] == WATER).all()


@pytest.mark.parametrize(
    ("image", "fill", "sentence"),
    [
        ("../secret.png", "water", "not a name inside input/"),
        ("gone.png [input]", "water", "is not in"),
        ("notes.txt", "water", "is no picture"),
        ("small.png", "water", "has 8 x 8 px, but the map has 512 x 256"),
        ("broken.png", "water", "cannot be read as a picture"),
        ("", "lake", "no class 'lake'"),
    ],
)
def test_edits_that_do_not_fit_are_told(
    town: Path, tmp_path: Path, image: str, fill: str, sentence: str
) -> None:
    folder = tmp_path / "input"
    (folder / "notes.txt").write_text("no picture")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.new("RGB", (8, 8)).save(folder / "small.png")
    mask = np.ones((256, 512), dtype=bool)
    with pytest.raises(Error, match=sentence):
        edits.read_edit(town, 16, None, image=image, fill=fill, mask=mask)


def test_an_area_too_large_to_paint_on_is_told(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "MAX_SIDE", 300)
    with pytest.raises(Error, match="512 x 256 px, too large to paint on"):
        edits.read_edit(town, 16, None, image="", fill="water")


# Recoloured tile sets ---------------------------------------------------------------------------


def recoloured(town: Path, palette_name: str = "night") -> Path:
    path: Path = recolouring.recolour_tileset(
        town, PALETTES[palette_name], palette_name, lambda done, of: None
    )
    return path


def test_a_whole_map_is_recoloured_without_seams(town: Path) -> None:
    path = recoloured(town)
    with open_tileset(town) as old, open_tileset(path) as new:
        whole = recolour(read_mosaic(old.get, TILES.box), PALETTES["night"])
        left, right = (new.get(tile) for tile in new.tiles(16))
        assert left is not None and right is not None
        assert np.array_equal(left, whole[:, :256])
        assert np.array_equal(right[:, :128, :3], whole[:, 256:384])
        assert (right[:, 128:, 3] == 0).all() and (right[:, :128, 3] == 255).all()
        assert new.metadata["name"] == "Town, night"
        assert "c2gm_job" not in new.metadata, "it is no map that a job goes on with"
        written = json.loads(new.metadata["palette"])
    assert written["water"] == payloads.hex_colour(PALETTES["night"]["water"])
    assert dict(payloads.map_payload(path, None)["legend"])["water"] == written["water"]


def test_the_same_colours_need_no_work_and_other_maps_are_other_files(town: Path) -> None:
    calls: list[int] = []
    colours = PALETTES["paper"]
    first = recolouring.recolour_tileset(
        town, colours, "paper", lambda done, of: calls.append(done)
    )
    again = recolouring.recolour_tileset(
        town, colours, "paper", lambda done, of: calls.append(done)
    )
    assert again == first and calls == [2]
    assert recoloured(town) != first


def test_a_cancelled_recolouring_leaves_nothing(town: Path) -> None:
    def cancel(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recolouring.recolour_tileset(town, PALETTES["night"], "night", cancel)
    assert list((town.parent / "jobs").iterdir()) == []


def test_a_recoloured_map_is_not_recoloured_again(town: Path) -> None:
    with pytest.raises(Error, match="in another palette already, so it cannot be recoloured"):
        recoloured(recoloured(town), "paper")


def test_the_picture_of_a_map_is_its_finest_zoom_that_fits(
    town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recolouring.finest_picture(town).shape == (256, 512, 3)
    assert (recolouring.finest_picture(town)[:, 384:] == palette()[0]).all()


# Vectors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), [("GeoJSON", "v.geojson"), ("GeoPackage", "v.gpkg")])
def test_vectors_of_ours_are_replaced_and_others_are_not(town: Path, kind: str, name: str) -> None:
    path = vectors.vector_path("v", kind)
    assert path == (town.parent / name).resolve()
    lines = {"street": [np.array([[0.0, 0.0], [10.0, 5.0]])]}
    write_traced(path, {}, lines, {"generator": vectors.GENERATOR, "notice": "generated"})
    assert vectors.vector_path(name, kind) == path
    write_traced(path, {}, lines, {"notice": "mine"})
    with pytest.raises(Error, match="was not made by C2GM, so it is not replaced"):
        vectors.vector_path("v", kind)
    path.write_bytes(b"mine")
    with pytest.raises(Error, match="was not made by C2GM, so it is not replaced"):
        vectors.vector_path("v", kind)


def test_a_geopackage_needs_pyogrio_and_says_so(
    town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "find_spec", lambda name: None)
    with pytest.raises(Error, match="needs the package pyogrio"):
        vectors.vector_path("v", "GeoPackage")
    assert vectors.vector_path("v", "GeoJSON").suffix == ".geojson"
