"""Workflow 8 on a real server: an edit as the mask editor saves it, and the vectors of a map."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_client import PromptRefused, Run
from comfyui_server import Server
from mercantile import Tile
from PIL import Image
from test_edits import save_layers
from workflow_runs import REPAINTED, node_of, prompt_of, told

from c2gm.legend import CLASS_ID, LEGEND, palette
from c2gm.recolour import PALETTES
from c2gm.tilesets.open import create_tileset, open_tileset

Prompt = dict[str, Any]
WATER = LEGEND[CLASS_ID["water"]].colour
STROKE = 4  # px of zoom 16 in the north-west corner: 16 px of zoom 18


def small_prompt(image: str = "", **changes: Any) -> Prompt:
    """Zooms 16 to 18 with open edges: 21 tiles. At 4X an edit reaches fewer of so small a map."""
    prompt = prompt_of(REPAINTED)
    sampler = prompt[node_of(prompt, "C2GMCascadeSampler")]["inputs"]
    sampler |= {"edges": "open", "cascade_factor": "4X"}
    prompt[node_of(prompt, "C2GMRepaint")]["inputs"] |= {"image": image, **changes}
    return prompt


def on_a_map(server: Server, map_path: Path, **changes: Any) -> Prompt:
    """Repaint alone, on a map that is there."""
    prompt = small_prompt(**changes)
    name = map_path.relative_to(server.base / "output" / "c2gm").as_posix()
    prompt["100"] = {"class_type": "C2GMLoadTileset", "inputs": {"file": name}}
    repaint = prompt[node_of(prompt, "C2GMRepaint")]
    repaint["inputs"]["tileset"] = ["100", 0]
    kept = ("C2GMRepaint", "C2GMLoadTileset", "C2GMLoadSGDM", "C2GMLoadImagery")
    return {number: node for number, node in prompt.items() if node["class_type"] in kept}


def tileset(server: Server, prompt: Prompt, run: Run, kind: str) -> Path:
    (entry,) = run.outputs[node_of(prompt, kind)]["c2gm_map"]
    return server.base / "output" / "c2gm" / entry["tileset"]


def alone(server: Server, map_path: Path, kind: str, **inputs: Any) -> Prompt:
    """One node on a map that is there."""
    name = map_path.relative_to(server.base / "output" / "c2gm").as_posix()
    return {
        "1": {"class_type": "C2GMLoadTileset", "inputs": {"file": name}},
        "2": {"class_type": kind, "inputs": {"tileset": ["1", 0], **inputs}},
    }


@pytest.fixture(scope="module")
def shown(server: Server) -> tuple[Path, np.ndarray]:
    """The map of the first run, and the picture of it that is there to paint on."""
    prompt = small_prompt()
    run = server.run(prompt, timeout=900)
    assert run.status == "success", run.error
    assert told(prompt, run, "C2GMRepaint")[0].startswith("Nothing is edited yet: press Paint on")
    (entry,) = run.outputs[node_of(prompt, "C2GMRepaint")]["images"]
    picture = np.array(Image.open(io.BytesIO(server.picture(entry))).convert("RGB"))
    path = tileset(server, prompt, run, "C2GMCascadeSampler")
    assert tileset(server, prompt, run, "C2GMRepaint") == path, "the map passes through"
    return path, picture


@pytest.fixture(scope="module")
def repainted(server: Server, shown: tuple[Path, np.ndarray]) -> tuple[Run, Path]:
    """The second run, with a stroke of water in a corner of the map."""
    picture = shown[1]
    image = save_layers(server.base / "input", picture, number=1)
    place = server.base / "input" / "clipspace"
    strokes = np.zeros((*picture.shape[:2], 4), dtype=np.uint8)
    strokes[:STROKE, :STROKE] = (120, 190, 250, 255)
    Image.fromarray(strokes).save(place / "clipspace-paint-1.png")
    whole = np.full((*picture.shape[:2], 4), 255, dtype=np.uint8)
    whole[..., :3] = picture
    Image.fromarray(whole).save(place / "clipspace-painted-masked-1.png")
    prompt = small_prompt(image)
    run = server.run(prompt, timeout=900)
    assert run.status == "success", run.error
    return run, tileset(server, prompt, run, "C2GMRepaint")


def test_the_zoom_is_shown_pixel_by_pixel_to_paint_on(shown: tuple[Path, np.ndarray]) -> None:
    with open_tileset(shown[0]) as map_:
        (tile,) = map_.tiles(16)
        assert np.array_equal(map_.get(tile), shown[1])


def test_the_edit_is_in_the_map_and_only_what_depends_on_it_is_new(
    shown: tuple[Path, np.ndarray], repainted: tuple[Run, Path]
) -> None:
    with open_tileset(shown[0]) as old, open_tileset(repainted[1]) as new:
        (tile,) = new.tiles(16)
        expected = shown[1].copy()
        expected[:STROKE, :STROKE] = WATER
        assert np.array_equal(new.get(tile), expected)
        changed = {
            zoom: {tile for tile in old.tiles(zoom) if old.get_bytes(tile) != new.get_bytes(tile)}
            for zoom in (17, 18)
        }
        north_west = min(new.tiles(18))
    assert north_west in changed[18]
    assert len(changed[18]) <= 4, "of 16; the others are the same to the byte"
    assert changed[17]


def test_reused_tiles_are_told_and_the_editors_picture_stays_on_the_node(
    repainted: tuple[Run, Path],
) -> None:
    prompt = small_prompt()
    line = told(prompt, repainted[0], "C2GMRepaint")[0]
    reused, of = line.removesuffix(" tiles reused").split(" of ")
    assert int(of) == 21 and 12 <= int(reused) < 21
    (entry,) = repainted[0].outputs[node_of(prompt, "C2GMRepaint")]["images"]
    assert entry == {
        "filename": "clipspace-painted-masked-1.png",
        "subfolder": "clipspace",
        "type": "input",
    }
    assert repainted[0].steps, "one bar over the windows"


def test_the_same_edit_needs_no_work(server: Server, repainted: tuple[Run, Path]) -> None:
    # Another class for masks, of which there are none: the node runs again, the edit is the same.
    prompt = small_prompt("clipspace/clipspace-painted-masked-1.png [input]", fill="wood")
    again = server.run(prompt, timeout=900)
    assert again.status == "success" and again.steps == []
    assert tileset(server, prompt, again, "C2GMRepaint") == repainted[1]
    assert told(prompt, again, "C2GMRepaint")[0] == "21 of 21 tiles reused"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image": "../secret.png"}, "is not a name inside input/"),
        ({"image": "gone.png"}, "is not in"),
        ({"fill": "lake"}, "no class 'lake'"),
        ({"zoom": 12}, "has no zoom 12"),
    ],
)
def test_edits_that_do_not_fit_are_told_in_one_sentence(
    server: Server, shown: tuple[Path, np.ndarray], changes: Prompt, sentence: str
) -> None:
    prompt = on_a_map(server, shown[0], **changes)
    try:
        run = server.run(prompt, timeout=900)
        assert run.error_node == "C2GMRepaint"
        message = run.error
    except PromptRefused as refused:
        errors = refused.errors["node_errors"].values()
        message = " ".join(error["details"] for entry in errors for error in entry["errors"])
    assert sentence in message and "\n" not in message


def test_a_map_of_another_maker_cannot_be_repainted(
    server: Server, shown: tuple[Path, np.ndarray]
) -> None:
    foreign = server.base / "output" / "c2gm" / "foreign.mbtiles"
    with create_tileset(foreign, {"name": "foreign"}) as map_:
        map_.put(Tile(32766, 32744, 16), shown[1])
    mask = {
        "200": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 256, "height": 256}}
    }
    run = server.run(on_a_map(server, foreign, mask=["200", 0]) | mask)
    assert "foreign.mbtiles was not drawn by the Cascade Sampler" in run.error


# Vectors ----------------------------------------------------------------------------------------


def test_vectors_of_the_map_are_written_without_shapely(
    server: Server, repainted: tuple[Run, Path]
) -> None:
    lines = told(small_prompt(), repainted[0], "C2GMVectorize")
    assert lines[1] == "written to output/c2gm/town corrected.geojson"
    path = server.base / "output" / "c2gm" / "town corrected.geojson"
    collection = json.loads(path.read_text(encoding="utf-8"))
    assert collection["notice"] == "Generated map, not surveyed"
    kinds = [feature["properties"]["kind"] for feature in collection["features"]]
    assert lines[0] == (
        f"{kinds.count('area'):,} areas and {kinds.count('line'):,} lines of zoom 18"
    )
    with open_tileset(repainted[1]) as map_:
        west, south, east, north = map(float, map_.metadata["bounds"].split(","))
    for feature in collection["features"]:
        geometry = feature["geometry"]
        rings = (
            geometry["coordinates"] if geometry["type"] == "Polygon" else [geometry["coordinates"]]
        )
        points = np.array([point for ring in rings for point in ring])
        assert (points >= (west - 1e-6, south - 1e-6)).all()
        assert (points <= (east + 1e-6, north + 1e-6)).all()


def test_a_foreign_file_is_not_replaced_by_vectors(
    server: Server, shown: tuple[Path, np.ndarray]
) -> None:
    foreign = server.base / "output" / "c2gm" / "mine.geojson"
    foreign.write_text('{"type":"FeatureCollection","features":[]}')
    prompt = alone(server, shown[0], "C2GMVectorize", zoom=16, name="mine", format="GeoJSON")
    with pytest.raises(PromptRefused, match="was not made by C2GM"):
        server.run(prompt)


def test_a_geopackage_says_what_it_needs(server: Server, shown: tuple[Path, np.ndarray]) -> None:
    prompt = alone(server, shown[0], "C2GMVectorize", zoom=16, name="v", format="GeoPackage")
    with pytest.raises(PromptRefused, match="needs the package pyogrio"):
        server.run(prompt)


# Palettes, and maps as imagery ------------------------------------------------------------------


def test_a_whole_map_in_another_palette_is_previewed_and_cannot_be_traced(
    server: Server, shown: tuple[Path, np.ndarray]
) -> None:
    prompt = alone(server, shown[0], "C2GMRecolourMap", palette="night", colours="")
    prompt["3"] = {"class_type": "C2GMPreviewMap", "inputs": {"tileset": ["2", 1]}}
    run = server.run(prompt, timeout=900)
    assert run.status == "success", run.error
    (entry,) = run.outputs["3"]["c2gm_map"]
    assert entry["zooms"] == [16, 17, 18] and entry["title"].endswith(", night")
    night = "#{:02x}{:02x}{:02x}".format(*PALETTES["night"]["water"])
    assert ["water", night] in entry["legend"]
    path = server.base / "output" / "c2gm" / entry["tileset"]
    with open_tileset(path) as map_:
        (tile,) = map_.tiles(16)
        pixels = map_.get(tile)
    assert pixels is not None and pixels.mean() < 90 < shown[1].mean()
    traced = alone(server, path, "C2GMVectorize", zoom=16, name="night", format="GeoJSON")
    assert "in another palette already, so it cannot be traced" in server.run(traced).error


def test_a_tile_set_is_imagery(server: Server, shown: tuple[Path, np.ndarray]) -> None:
    shutil.copy(shown[0], server.base / "input" / "as imagery.mbtiles")
    prompt = {
        "1": {
            "class_type": "C2GMLoadImagery",
            "inputs": {"file": "as imagery.mbtiles", "picture_bounds": "", "attribution": ""},
        },
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 1]}},
    }
    run = server.run(prompt)
    assert run.status == "success", run.error
    picture = np.array(
        Image.open(io.BytesIO(server.picture(run.outputs["2"]["images"][0]))).convert("RGB")
    )
    distance = np.abs(picture[..., None, :].astype(int) - palette().astype(int)).max(-1).min(-1)
    assert picture.shape == (1024, 1024, 3) and np.median(distance) < 8, "the map itself"
