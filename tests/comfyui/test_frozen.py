"""What saved graphs rely on: ids, the order of widgets, defaults; and every word translated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from build_workflows import LOCALES, OBJECT_INFO, english
from install_server import HERE, REPOSITORY
from workflow_graphs import input_types, is_widget

KNOWN: dict[str, Any] = json.loads(OBJECT_INFO.read_text(encoding="utf-8"))
SAVED = sorted((HERE / "saved_graphs").glob("*.json"))

# As first published. Never change a line: append widgets, and add nodes below.
WIDGETS = {
    "C2GMLoadSGDM": "file base dtype",
    "C2GMScaleTextEncode": "zoom cascade_factor resolution map_scale examples free_text",
    "C2GMLoadImagery": "file picture_bounds attribution crs nodata",
    "C2GMPickArea": "west south east north zoom_min zoom_max",
    "C2GMWindows": "zoom seed",
    "C2GMCascadeReferenceEncode": "zoom cascade_factor interpolation",
    "C2GMApplyFeatures": "strength start end zoom",
    "C2GMCascadeSampler": (
        "sampler_name scheduler steps cfg seed cascade_factor edges strength start end batch "
        "max_tiles denoise"
    ),
    "C2GMTileStitch": "zoom overlap file legend scale_bar credit",
    "C2GMLoadTileset": "file",
    "C2GMSaveTileset": "zoom name format pictures quiet_colours",
    "C2GMPreviewMap": "",
    "C2GMCompareZooms": "zooms captions panel",
    "C2GMRecolourMap": "palette colours",
    "C2GMJobs": "job",
    "C2GMRepaint": "zoom image fill",
    "C2GMVectorize": "zoom name format",
}
DEFAULTS = {
    "C2GMLoadSGDM.base": "none",
    "C2GMLoadSGDM.dtype": "auto",
    "C2GMScaleTextEncode.resolution": "",
    "C2GMPickArea.west": 0.0,
    "C2GMPickArea.zoom_min": 14,
    "C2GMPickArea.zoom_max": 18,
    "C2GMWindows.seed": 1,
    "C2GMApplyFeatures.strength": 1.0,
    "C2GMApplyFeatures.start": 0.0,
    "C2GMApplyFeatures.end": 1.0,
    "C2GMApplyFeatures.zoom": 0,
    "C2GMCascadeSampler.sampler_name": "euler",
    "C2GMCascadeSampler.scheduler": "simple",
    "C2GMCascadeSampler.steps": 4,
    "C2GMCascadeSampler.cfg": 1.0,
    "C2GMCascadeSampler.seed": 1,
    "C2GMCascadeSampler.batch": 0,
    "C2GMCascadeSampler.denoise": 0.0,
    "C2GMTileStitch.overlap": 64,
    "C2GMTileStitch.file": "",
    "C2GMJobs.job": "none",
    "C2GMRepaint.image": "",
    "C2GMRepaint.fill": "water",
}


def widgets(node: str) -> list[str]:
    return [name for name, entry in input_types(KNOWN[node]).items() if is_widget(*entry)]


@pytest.mark.parametrize("node", WIDGETS)
def test_widgets_keep_their_order(node: str) -> None:
    published = WIDGETS[node].split()
    assert widgets(node)[: len(published)] == published


def test_every_node_is_listed_above() -> None:
    assert set(KNOWN) == set(WIDGETS)


@pytest.mark.parametrize("widget", DEFAULTS)
def test_defaults_stay(widget: str) -> None:
    node, name = widget.split(".")
    assert input_types(KNOWN[node])[name][1]["default"] == DEFAULTS[widget]


def test_widgets_that_came_later_are_optional() -> None:
    """A prompt that was saved without them is still valid."""
    for widget in ("LoadImagery.crs", "CascadeSampler.batch", "TileStitch.legend"):
        node, name = widget.split(".")
        assert name in KNOWN[f"C2GM{node}"]["input"]["optional"]


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_a_saved_graph_still_loads(path: Path) -> None:
    """Its nodes are there, and its widgets' values are still what those places hold."""
    graph = json.loads(path.read_text(encoding="utf-8"))
    ours = [node for node in graph["nodes"] if node["type"].startswith("C2GM")]
    assert ours
    for node in ours:
        names = widgets(node["type"])
        for name, value in zip(names, node["widgets_values"], strict=False):
            kind, options = input_types(KNOWN[node["type"]])[name]
            if kind == "COMBO" and options.get("options"):
                assert value in options["options"], f"{node['type']}.{name}"
            if kind in ("INT", "FLOAT"):
                assert options["min"] <= value <= options["max"], f"{node['type']}.{name}"


def test_english_words_are_those_of_the_nodes() -> None:
    known = json.loads((LOCALES / "en" / "nodeDefs.json").read_text(encoding="utf-8"))
    assert known == english(KNOWN)


def test_every_word_is_translated_to_chinese() -> None:
    words = json.loads((LOCALES / "zh" / "nodeDefs.json").read_text(encoding="utf-8"))
    expected = english(KNOWN)
    assert set(words) == set(expected)
    for node, entry in expected.items():
        chinese = words[node]
        for part in ("inputs", "outputs"):
            assert set(chinese.get(part, {})) == set(entry.get(part, {})), node
            for name, item in entry.get(part, {}).items():
                assert set(chinese[part][name]) == set(item), f"{node}.{name}"
        told = [chinese["display_name"], chinese["description"]]
        told += [item["tooltip"] for item in chinese["inputs"].values()]
        assert all(any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in told), node


def test_every_node_is_found_by_other_words_too() -> None:
    """ComfyUI 0.3.75 does not know the field, so it is read off the source."""
    for path in sorted((REPOSITORY / "nodes").glob("*_nodes.py")):
        source = path.read_text(encoding="utf-8")
        assert source.count("search_aliases=") == source.count('node_id="C2GM'), path.name
