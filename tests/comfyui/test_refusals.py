"""What a user reads when something does not fit, and names that no node follows."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from bad_names import BAD_NAMES
from comfyui_client import PromptRefused, Run
from comfyui_server import Server
from install_server import REPOSITORY
from PIL import Image

Prompt = dict[str, Any]
TOWN = "procedural town (bundled)"
MINI = "c2gm-mini (bundled)"


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def windows_prompt(imagery: str = TOWN, bounds: str = "", zoom: int = 16, **area: Any) -> Prompt:
    """Windows of the bundled town as a picture."""
    whole = {"west": 0.0, "south": 0.0, "east": 0.0, "north": 0.0}
    wanted = {**whole, "zoom_min": 14, "zoom_max": 18, **area}
    return {
        "1": node("C2GMLoadImagery", file=imagery, picture_bounds=bounds, attribution=""),
        "2": node("C2GMPickArea", imagery=["1", 0], **wanted),
        "3": node("C2GMWindows", imagery=["1", 0], area=["2", 0], zoom=zoom, seed=1),
        "4": node("PreviewImage", images=["3", 0]),
    }


def model_prompt(file: str = MINI, base: str = "none", dtype: str = "auto") -> Prompt:
    """A text through the text tower of a model."""
    return {
        "1": node("C2GMLoadSGDM", file=file, base=base, dtype=dtype),
        "2": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "3": node("VAEDecode", samples=["2", 0], vae=["1", 2]),
        "4": node("PreviewImage", images=["3", 0]),
    }


def tileset_prompt(file: str = "town.mbtiles", name: Any = "copy") -> Prompt:
    """A tile set, saved under another name."""
    return {
        "1": node("C2GMLoadTileset", file=file),
        "2": node("C2GMSaveTileset", tileset=["1", 0], zoom=16, name=name, format="MBTiles"),
    }


def refusal(server: Server, prompt: Prompt) -> str:
    """The messages with which a prompt is refused before it runs."""
    with pytest.raises(PromptRefused) as refused:
        server.queue(prompt)
    errors = refused.value.errors["node_errors"].values()
    return " ".join(error["details"] for entry in errors for error in entry["errors"])


@pytest.mark.parametrize(
    "make",
    [
        lambda name: windows_prompt(imagery=name),
        lambda name: model_prompt(file=name),
        lambda name: model_prompt(base=name),
        lambda name: tileset_prompt(file=name),
        lambda name: tileset_prompt(file=f"input/{name}"),
    ],
    ids=["imagery", "model", "base", "tileset", "tileset of input"],
)
def test_unsafe_names_to_read_are_refused_before_anything_runs(
    server: Server, make: Callable[[str], Prompt]
) -> None:
    (server.base / "secret.tif").write_bytes(b"")
    for name in BAD_NAMES:
        message = refusal(server, make(name))
        assert "not a name inside" in message or "is not in" in message or "leads out" in message


def test_unsafe_names_to_write_are_refused_before_anything_runs(server: Server) -> None:
    (server.base / "output" / "c2gm" / "there.mbtiles").parent.mkdir(exist_ok=True)
    (server.base / "output" / "c2gm" / "there.mbtiles").write_bytes(b"SQLite format 3\0")
    for name in BAD_NAMES:
        if name not in ("out", "out/secret.tif", "secret_link.tif"):  # plain where no link is
            message = refusal(server, tileset_prompt("there.mbtiles", name))
            assert "not a name inside" in message or "leads out" in message, name


@pytest.mark.parametrize("name", ["../secret", "/etc/secret", "a/../../secret", "C:/secret"])
def test_a_linked_name_is_checked_when_it_runs(server: Server, name: str) -> None:
    prompt = {
        "9": node("PrimitiveString", value=name),
        **windows_prompt(),
        "5": node(
            "C2GMSaveTileset",
            map_image=["3", 0],
            area=["2", 0],
            zoom=16,
            name=["9", 0],
            format="MBTiles",
        ),
    }
    run = server.run(prompt)
    assert (run.status, run.error_node) == ("error", "C2GMSaveTileset")
    assert "is not a name inside c2gm/" in run.error
    assert not list(server.base.rglob("secret*.mbtiles"))


def failure(server: Server, prompt: Prompt) -> Run:
    """A run that ends with an error of one line."""
    run = server.run(prompt)
    assert run.status == "error"
    assert "\n" not in run.error
    return run


@pytest.mark.parametrize(
    ("prompt", "where", "message"),
    [
        (
            windows_prompt(west=50.0, east=50.1),
            "C2GMPickArea",
            "South 0.0 is not below north 0.0.",
        ),
        (
            windows_prompt(west=50.0, south=10.0, east=50.1, north=10.1),
            "C2GMWindows",
            "does not reach the area",
        ),
        (windows_prompt(zoom_min=18, zoom_max=14), "C2GMPickArea", "Swap them."),
        (
            windows_prompt(bounds="8,47,9,48"),
            "C2GMLoadImagery",
            "has a position of its own",
        ),
        (model_prompt(dtype="float8"), "C2GMLoadSGDM", "dtype 'float8' is not one of auto"),
    ],
    ids=["no extent", "outside", "zooms", "position", "dtype"],
)
def test_what_does_not_fit_is_named_on_its_node(
    server: Server, prompt: Prompt, where: str, message: str
) -> None:
    run = failure(server, prompt)
    assert run.error_node == where
    assert message in run.error


def test_more_windows_than_a_batch_holds_are_refused(server: Server) -> None:
    Image.new("RGB", (64, 64), "tan").save(server.base / "input" / "wide.png")
    run = failure(server, windows_prompt("wide.png", bounds="8,47,9,48"))
    assert run.error_node == "C2GMWindows"
    assert "more than the 256 of one batch" in run.error


def test_the_whole_imagery_needs_imagery(server: Server) -> None:
    prompt = windows_prompt()
    del prompt["2"]["inputs"]["imagery"]
    assert failure(server, prompt).error.startswith("Four zeros mean the whole imagery")


def test_a_node_with_two_sources_wants_one(server: Server) -> None:
    prompt = windows_prompt()
    prompt["5"] = node("C2GMTileStitch", area=["2", 0], zoom=16, overlap=64)
    prompt["4"]["inputs"]["images"] = ["5", 0]
    assert failure(server, prompt).error == "Connect one of images and tileset, not none."


def test_windows_of_another_zoom_are_not_stitched(server: Server) -> None:
    prompt = windows_prompt()
    prompt["5"] = node("C2GMTileStitch", images=["3", 0], area=["2", 0], zoom=17, overlap=64)
    prompt["4"]["inputs"]["images"] = ["5", 0]
    assert "The area has 4 windows of 320 x 320 px" in failure(server, prompt).error


def test_latents_of_another_size_than_the_windows_are_refused(server: Server) -> None:
    prompt = {
        **windows_prompt(),
        "5": node("C2GMLoadSGDM", file=MINI, base="none", dtype="auto"),
        "6": node(
            "C2GMApplyFeatures",
            model=["5", 0],
            sgdm=["5", 3],
            imagery=["3", 0],
            strength=1.0,
            start=0.0,
            end=1.0,
        ),
        "7": node("CLIPTextEncode", clip=["5", 1], text="map"),
        "8": node("EmptyLatentImage", width=256, height=256, batch_size=9),
        "9": node(
            "KSampler",
            model=["6", 0],
            positive=["7", 0],
            negative=["7", 0],
            latent_image=["8", 0],
            seed=1,
            steps=1,
            cfg=1.0,
            sampler_name="euler",
            scheduler="simple",
            denoise=1.0,
        ),
        "10": node("VAEDecode", samples=["9", 0], vae=["5", 2]),
    }
    prompt["4"]["inputs"]["images"] = ["10", 0]
    run = failure(server, prompt)
    assert run.error_node == "KSampler"
    assert run.error.startswith("Features are for latents of another size")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\x80\x04\x95 a pickle", "safetensors"),
        (b"\x10\0\0\0\0\0\0\0{", "cut short"),
    ],
    ids=["empty", "pickle", "truncated"],
)
def test_a_file_that_is_no_model_is_named(server: Server, content: bytes, message: str) -> None:
    name = f"broken {message}.safetensors"
    (server.base / "models" / "sgdm" / name).write_bytes(content)
    run = failure(server, model_prompt(file=name))
    assert run.error_node == "C2GMLoadSGDM"
    assert name in run.error
    assert message in run.error


def test_a_foreign_file_is_not_replaced(server: Server) -> None:
    foreign = server.base / "output" / "c2gm" / "mine.mbtiles"
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_bytes(b"not a map")
    prompt = windows_prompt()
    prompt["5"] = node("C2GMTileStitch", images=["3", 0], area=["2", 0], zoom=16, overlap=64)
    prompt["6"] = node(
        "C2GMSaveTileset",
        map_image=["5", 0],
        area=["2", 0],
        zoom=16,
        name="mine",
        format="MBTiles",
    )
    assert "mine.mbtiles" in failure(server, prompt).error
    assert foreign.read_bytes() == b"not a map"


def test_imagery_windows_are_read_where_they_lie(server: Server) -> None:
    """Stitched, the windows of the imagery are the imagery."""
    prompt = windows_prompt(zoom=18)
    stitching = {"zoom": 18, "overlap": 64, "file": "imagery.png"}
    prompt["5"] = node("C2GMTileStitch", images=["3", 0], area=["2", 0], **stitching)
    prompt["4"]["inputs"]["images"] = ["5", 0]
    run = server.run(prompt)
    assert run.status == "success", run.error
    shown = _picture(server, run, "4")
    with rasterio.open(REPOSITORY / "c2gm" / "assets" / "sample.tif") as raster:
        expected = raster.read().transpose(1, 2, 0)
    # The rim is feathered with windows that are mostly beyond the imagery, but agree within it.
    assert np.abs(shown.astype(int) - expected).max() <= 1
    written = Image.open(server.base / "output" / "c2gm" / "imagery.png")
    assert np.array_equal(np.array(written), shown)
    inside = json.loads(written.info["prompt"])
    assert {number: entry["class_type"] for number, entry in inside.items()} == {
        number: entry["class_type"] for number, entry in prompt.items()
    }, "the workflow is inside"


def _picture(server: Server, run: Run, number: str) -> np.ndarray:
    file = io.BytesIO(server.picture(run.outputs[number]["images"][0]))
    return np.array(Image.open(file).convert("RGB"))


def test_nothing_was_written_outside_the_servers_folders(server: Server) -> None:
    inside = {"models", "input", "output", "temp", "user", "custom_nodes"}
    left = {path.name for path in server.base.iterdir()}
    assert left - inside <= {"server.log", "secret.tif"}
    assert not list(Path(server.base / "output").rglob("*.tmp"))
