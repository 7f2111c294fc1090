"""Workflows of strangers: values that no list has end with one sentence, and nothing is done."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from comfyui_client import PromptRefused
from comfyui_server import Server
from install_server import HERE
from PIL import Image

from c2gm.tilesets.open import open_tileset

Prompt = dict[str, Any]


def whole_pyramid() -> Prompt:
    prompt: Prompt = json.loads(
        (HERE / "api" / "1_map_pyramid_of_a_town.json").read_text(encoding="utf-8")
    )
    return prompt


def changed(kind: str, **values: Any) -> Prompt:
    """The first workflow with other values on one node."""
    prompt = whole_pyramid()
    (node,) = [node for node in prompt.values() if node["class_type"] == kind]
    node["inputs"] |= values
    return prompt


def alone(kind: str, **inputs: Any) -> Prompt:
    """A picture through one node."""
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0xE6E0D4},
        },
        "2": {"class_type": kind, "inputs": inputs},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }


def stitched(file: str) -> Prompt:
    """The imagery of a zoom, also written to a file; its one output is a picture."""
    prompt = whole_pyramid()
    return {
        "2": prompt["2"],
        "3": prompt["3"],
        "4": {
            "class_type": "C2GMWindows",
            "inputs": {"imagery": ["2", 0], "area": ["3", 0], "zoom": 14, "seed": 1},
        },
        "5": {
            "class_type": "C2GMTileStitch",
            "inputs": {
                "images": ["4", 0],
                "area": ["3", 0],
                "zoom": 14,
                "overlap": 64,
                "file": file,
            },
        },
        "6": {"class_type": "PreviewImage", "inputs": {"images": ["5", 0]}},
    }


def saved(name: str = "map", format: str = "MBTiles") -> Prompt:
    """The same as a tile set; its one output is the file."""
    prompt = stitched("")
    del prompt["6"]
    prompt["7"] = {
        "class_type": "C2GMSaveTileset",
        "inputs": {
            "map_image": ["5", 0],
            "area": ["3", 0],
            "zoom": 14,
            "name": name,
            "format": format,
        },
    }
    return prompt


def answer(server: Server, prompt: Prompt) -> str:
    """What the user reads, before the run or in it."""
    try:
        run = server.run(prompt)
    except PromptRefused as refused:
        errors = refused.errors["node_errors"].values()
        return " ".join(error["details"] for entry in errors for error in entry["errors"])
    assert run.status == "error"
    return run.error


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        (changed("C2GMLoadSGDM", dtype="float8"), "dtype 'float8' is not one of auto"),
        (changed("C2GMCascadeSampler", sampler_name="best"), "ComfyUI has no sampler 'best'"),
        (changed("C2GMCascadeSampler", scheduler="best"), "ComfyUI has no scheduler 'best'"),
        (changed("C2GMCascadeSampler", edges="soft"), "Edges 'soft' are not one of exact, open"),
        (changed("C2GMCascadeSampler", cascade_factor="8X"), "'8X' is not one of 2X, 4X"),
        (changed("C2GMCascadeSampler", max_tiles=20), "allow it by max_tiles 23"),
        (saved(format="zip"), "Format 'zip' is not one of MBTiles"),
        (saved(format="GeoTIFF a zoom"), "by the field file of Tile Stitch"),
        (saved(name="../map"), "is not a name inside c2gm/"),
        (stitched("town.jpg"), "a stitched map is a .png or a .tif"),
        (stitched("town"), "a stitched map is a .png or a .tif"),
        (stitched("a/../../town.tif"), "is not a name inside c2gm/"),
        (changed("C2GMLoadImagery", crs="EPSG:0"), "crs EPSG:0 is no known coordinate system"),
        (changed("C2GMLoadImagery", nodata="black"), "nodata 'black' is no number"),
        (alone("C2GMRecolourMap", images=["1", 0], palette="neon", colours=""), "'neon' is not"),
        (
            alone("C2GMRecolourMap", images=["1", 0], palette="night", colours="lake = #123"),
            "no class 'lake'",
        ),
        (
            alone("C2GMCompareZooms", zooms="", captions="", panel=64),
            "Nothing to compare: connect a tileset",
        ),
        ({"1": {"class_type": "C2GMJobs", "inputs": {"job": "../town.mbtiles"}}}, "inside jobs/"),
        ({"1": {"class_type": "C2GMJobs", "inputs": {"job": "gone.mbtiles"}}}, "is not in"),
    ],
)
def test_unknown_values_are_named(server: Server, prompt: Prompt, sentence: str) -> None:
    told = answer(server, prompt)
    assert sentence in told
    assert "\n" not in told and "--" not in told


def test_a_picture_without_position_asks_for_bounds_and_takes_them(server: Server) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(server.base / "input" / "plain.png")
    prompt = {
        "1": {
            "class_type": "C2GMLoadImagery",
            "inputs": {"file": "plain.png", "picture_bounds": "", "attribution": "me"},
        },
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 1]}},
    }
    told = answer(server, prompt)
    assert "Give picture_bounds, like west,south,east,north, in degrees." in told
    prompt["1"]["inputs"]["picture_bounds"] = "8,47,8.004,47.002"
    run = server.run(prompt)
    assert run.status == "success", run.error
    (imagery,) = run.outputs["1"]["c2gm_imagery"]
    assert imagery["bounds"] == pytest.approx([8, 47, 8.004, 47.002])
    assert imagery["attribution"] == "me"
    shown = Image.open(io.BytesIO(server.picture(run.outputs["2"]["images"][0])))
    assert shown.size[0] > 64


def test_a_foreign_picture_is_not_replaced_by_a_sheet(server: Server) -> None:
    foreign: Path = server.base / "output" / "c2gm" / "mine.png"
    foreign.parent.mkdir(exist_ok=True)
    Image.new("RGB", (4, 4)).save(foreign)
    kept = foreign.read_bytes()
    told = answer(server, stitched("mine.png"))
    assert "mine.png is in output/c2gm and was not made by C2GM" in told
    assert foreign.read_bytes() == kept


@pytest.mark.parametrize("format", ["MBTiles", "PMTiles", "XYZ folder"])
def test_a_map_is_saved_in_every_format_and_read_back(server: Server, format: str) -> None:
    run = server.run(saved(f"one of {format}", format))
    assert run.status == "success", run.error
    (line,) = run.outputs["7"]["text"]
    name = line.removeprefix("1 tile in output/c2gm/")
    prompt = {
        "1": {"class_type": "C2GMLoadTileset", "inputs": {"file": name}},
        "2": {"class_type": "C2GMPreviewMap", "inputs": {"tileset": ["1", 0]}},
    }
    shown = server.run(prompt)
    assert shown.status == "success", shown.error
    assert shown.outputs["2"]["c2gm_map"][0]["zooms"] == [14]
    files = server.get_json("/object_info/C2GMLoadTileset")["C2GMLoadTileset"]["input"]
    assert name in files["required"]["file"][1]["options"]


@pytest.mark.parametrize("source", ["picture", "tile set"])
def test_a_map_is_saved_with_smaller_pictures(server: Server, source: str) -> None:
    plain = saved("plain")
    assert server.run(plain).status == "success"
    prompt = saved("small")
    if source == "tile set":
        prompt["7"]["inputs"] |= {"map_image": None, "area": None, "tileset": ["8", 0]}
        prompt["7"]["inputs"] = {k: v for k, v in prompt["7"]["inputs"].items() if v is not None}
        load = {"class_type": "C2GMLoadTileset", "inputs": {"file": "plain.mbtiles"}}
        prompt = {"7": prompt["7"], "8": load}
    sizes = {}
    for pictures, kind in (("lossless WebP", b"RIFF"), ("one palette", b"\x89PNG")):
        prompt["7"]["inputs"] |= {"pictures": pictures, "quiet_colours": True}
        run = server.run(prompt)
        assert run.status == "success", run.error
        with open_tileset(server.base / "output" / "c2gm" / "small.mbtiles") as tileset:
            (tile,) = tileset.tiles(14)
            picture = tileset.get_bytes(tile)
            assert picture is not None and picture.startswith(kind)
            sizes[pictures] = len(picture)
    with open_tileset(server.base / "output" / "c2gm" / "plain.mbtiles") as tileset:
        assert max(sizes.values()) < len(tileset.get_bytes(tile) or b"")
    assert not list((server.base / "output" / "c2gm").glob("*.c2gm-export"))


def test_a_geotiff_has_no_webp_pictures(server: Server) -> None:
    assert server.run(saved("plain")).status == "success"
    load = {"class_type": "C2GMLoadTileset", "inputs": {"file": "plain.mbtiles"}}
    inputs = {"tileset": ["1", 0], "zoom": 14, "name": "geo", "format": "GeoTIFF a zoom"}
    save = {"class_type": "C2GMSaveTileset", "inputs": inputs | {"pictures": "lossless WebP"}}
    assert "A GeoTIFF has no WebP pictures" in answer(server, {"1": load, "2": save})


def test_a_map_becomes_a_geotiff_for_each_zoom(server: Server) -> None:
    assert server.run(saved("to become a geotiff")).status == "success"
    prompt = {
        "1": {"class_type": "C2GMLoadTileset", "inputs": {"file": "to become a geotiff.mbtiles"}},
        "2": {
            "class_type": "C2GMSaveTileset",
            "inputs": {"tileset": ["1", 0], "zoom": 14, "name": "geo", "format": "GeoTIFF a zoom"},
        },
    }
    for _ in range(2):  # the second replaces the first
        run = server.run(prompt)
        assert run.status == "success", run.error
        assert run.outputs["2"]["text"] == ["geo-z14.tif in output/c2gm"]
        prompt["2"]["inputs"]["zoom"] = 15
    with rasterio.open(server.base / "output" / "c2gm" / "geo-z14.tif") as raster:
        assert (raster.width, raster.height, str(raster.crs)) == (256, 256, "EPSG:3857")


def test_an_area_is_told_with_its_tiles_and_work(server: Server) -> None:
    prompt = stitched("")
    prompt["3"]["inputs"] |= {"zoom_min": 13, "zoom_max": 17}  # no other test's: nothing is cached
    run = server.run(prompt)
    assert run.status == "success", run.error
    (area,) = run.outputs["3"]["c2gm_area"]
    assert [count["zoom"] for count in area["counts"]] == [13, 14, 15, 16, 17]
    assert area["tiles"] == 1 + 1 + 1 + 1 + 4
    assert area["imagery"]["name"] == "sample.tif"
    assert run.outputs["3"]["text"][1].startswith(f"8 tiles, {area['windows']} windows to draw")
