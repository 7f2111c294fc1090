"""The graphs of the shipped workflows, written once and turned into both of ComfyUI's forms.

A graph is a table: name of a node -> its class, its place, and its inputs; an input is a widget's
value or a `Link` to another node's output. `build_workflows.py` writes the files.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
Definitions = Mapping[str, Any]


@dataclass(frozen=True)
class Link:
    """Output number `slot` of the node called `node`."""

    node: str
    slot: int = 0


@dataclass(frozen=True)
class Node:
    """One node: class, column and row on the canvas, inputs, and a title of its own."""

    kind: str
    place: tuple[int, int]
    inputs: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    size: tuple[int, int] = (300, 120)


@dataclass(frozen=True)
class Graph:
    """A workflow: its nodes in an order in which they can run, and titled groups of them."""

    nodes: dict[str, Node]
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


def api_prompt(graph: Graph) -> dict[str, Any]:
    """The form in which the server takes a prompt."""
    numbers = {name: str(number) for number, name in enumerate(graph.nodes, 1)}
    return {
        numbers[name]: {
            "class_type": node.kind,
            "inputs": {
                key: [numbers[value.node], value.slot] if isinstance(value, Link) else value
                for key, value in node.inputs.items()
            },
        }
        for name, node in graph.nodes.items()
    }


def input_types(definition: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Inputs of a node class in the page's order, required first: name -> type and options."""
    inputs = {}
    for group in ("required", "optional"):
        for name, entry in definition["input"].get(group, {}).items():
            kind, options = entry[0], entry[1] if len(entry) > 1 else {}
            inputs[name] = ("COMBO" if isinstance(kind, list) else kind, options)
    return inputs


def is_widget(kind: str, options: Mapping[str, Any]) -> bool:
    """Whether the page shows an input as a field in the node."""
    return kind in WIDGETS and not options.get("forceInput")


def has_control(name: str, kind: str, options: Mapping[str, Any]) -> bool:
    """Whether the page puts a field "after generate" below an input."""
    chosen = options.get("control_after_generate")
    return kind == "INT" and (name in ("seed", "noise_seed") if chosen is None else chosen)


def page_workflow(graph: Graph, definitions: Definitions) -> dict[str, Any]:
    """The form in which the page loads and saves a graph."""
    numbers = {name: number for number, name in enumerate(graph.nodes, 1)}
    links: list[list[Any]] = []
    nodes = []
    for name, node in graph.nodes.items():
        sockets, values = [], []
        for key, (kind, options) in input_types(definitions[node.kind]).items():
            if is_widget(kind, options):
                values.append(node.inputs[key])
                if has_control(key, kind, options):
                    values.append("fixed")
                continue
            value = node.inputs.get(key)
            number = None
            if isinstance(value, Link):
                number = len(links) + 1
                source = numbers[value.node]
                links.append([number, source, value.slot, numbers[name], len(sockets), kind])
            sockets.append({"name": key, "type": kind, "link": number})
        nodes.append(_page_node(numbers[name], node, sockets, values, definitions))
    for entry in nodes:
        for slot, output in enumerate(entry["outputs"]):
            output["links"] = [
                link[0] for link in links if link[1] == entry["id"] and link[2] == slot
            ]
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(graph.nodes))),
        "revision": 0,
        "last_node_id": len(nodes),
        "last_link_id": len(links),
        "nodes": nodes,
        "links": links,
        "groups": [
            _page_group(number, title, [graph.nodes[name] for name in names])
            for number, (title, names) in enumerate(graph.groups.items(), 1)
        ],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


COLUMN, ROW = 360, 40  # canvas units
LEFT, TOP = 100, 140  # clear of the page's side and top bars


def _position(node: Node) -> list[int]:
    column, row = node.place
    return [LEFT + column * COLUMN, TOP + row * ROW]


def _page_node(
    number: int, node: Node, sockets: list[Any], values: list[Any], definitions: Definitions
) -> dict[str, Any]:
    definition = definitions[node.kind]
    outputs = zip(definition["output_name"], definition["output"], strict=True)
    entry = {
        "id": number,
        "type": node.kind,
        "pos": _position(node),
        "size": list(node.size),
        "flags": {},
        "order": number - 1,
        "mode": 0,
        "inputs": sockets,
        "outputs": [{"name": name, "type": kind, "links": []} for name, kind in outputs],
        "properties": {"Node name for S&R": node.kind},
        "widgets_values": values,
    }
    return {**entry, "title": node.title} if node.title else entry


def _page_group(number: int, title: str, nodes: list[Node]) -> dict[str, Any]:
    left = min(_position(node)[0] for node in nodes) - 20
    top = min(_position(node)[1] for node in nodes) - 80
    right = max(_position(node)[0] + node.size[0] for node in nodes) + 20
    bottom = max(_position(node)[1] + node.size[1] for node in nodes) + 20
    return {
        "id": number,
        "title": title,
        "bounding": [left, top, right - left, bottom - top],
        "color": "#3f789e",
        "font_size": 24,
        "flags": {},
    }


# The graphs -------------------------------------------------------------------------------------

MODEL = "c2gm-mini (bundled)"
TOWN = "procedural town (bundled)"
WHOLE = {"west": 0.0, "south": 0.0, "east": 0.0, "north": 0.0}
STEERING = {"strength": 1.0, "start": 0.0, "end": 1.0}
TEXT = {"resolution": "", "map_scale": "", "examples": "", "free_text": ""}
SAMPLING = {"sampler_name": "euler", "scheduler": "simple", "steps": 4, "cfg": 1.0, "seed": 1}


def _sources() -> dict[str, Node]:
    return {
        "sgdm": Node(
            "C2GMLoadSGDM",
            (0, 0),
            {"file": MODEL, "base": "none", "dtype": "auto"},
            size=(300, 150),
        ),
        "imagery": Node(
            "C2GMLoadImagery",
            (0, 6),
            {"file": TOWN, "picture_bounds": "", "attribution": ""},
        ),
        "area": Node(
            "C2GMPickArea",
            (0, 12),
            {"imagery": Link("imagery"), **WHOLE, "zoom_min": 14, "zoom_max": 18},
            size=(300, 200),
        ),
    }


def _cascade(place: tuple[int, int], **more: Any) -> Node:
    return Node(
        "C2GMCascadeSampler",
        place,
        {
            **{name: Link("sgdm", slot) for slot, name in enumerate(("model", "clip", "vae"))},
            "sgdm": Link("sgdm", 3),
            "imagery": Link("imagery"),
            "area": Link("area"),
            **SAMPLING,
            "cascade_factor": "4X",
            "edges": "exact",
            **STEERING,
            **more,
        },
        size=(320, 620),
    )


def whole_pyramid() -> Graph:
    """Every zoom of the bundled scene by the Cascade Sampler."""
    return Graph(
        {
            **_sources(),
            "cascade": _cascade((1, 0)),
            "preview": Node(
                "PreviewImage", (2, 0), {"images": Link("cascade", 1)}, size=(420, 440)
            ),
            "save": Node(
                "C2GMSaveTileset",
                (2, 13),
                {
                    "tileset": Link("cascade"),
                    "zoom": 18,
                    "name": "town",
                    "format": "MBTiles",
                },
                size=(420, 180),
            ),
        }
    )


def _stage(
    zoom: int, row: int, factor: str, reference: Node | None = None
) -> tuple[dict[str, Node], str]:
    """The nodes of one stage by hand, named after its zoom; and the name of its stitched map."""
    more = {} if reference is None else {f"reference {zoom}": reference}
    windows, text, apply = f"windows {zoom}", f"text {zoom}", f"apply {zoom}"
    guider, sample, decode = f"guider {zoom}", f"sample {zoom}", f"decode {zoom}"
    stitch = f"stitch {zoom}"
    steering: dict[str, Any] = {
        "model": Link("sgdm", 0),
        "sgdm": Link("sgdm", 3),
        "imagery": Link(windows, 0),
        **STEERING,
    }
    if reference is not None:
        steering["reference"] = Link(f"reference {zoom}")
    nodes = {
        windows: Node(
            "C2GMWindows",
            (1, row),
            {"imagery": Link("imagery"), "area": Link("area"), "zoom": zoom, "seed": 1},
            size=(300, 150),
        ),
        **more,
        text: Node(
            "C2GMScaleTextEncode",
            (2, row),
            {"clip": Link("sgdm", 1), "zoom": zoom, "cascade_factor": factor, **TEXT},
            size=(300, 280),
        ),
        apply: Node("C2GMApplyFeatures", (2, row + 9), steering, size=(300, 170)),
        guider: Node(
            "BasicGuider",
            (3, row),
            {"model": Link(apply), "conditioning": Link(text)},
            size=(300, 60),
        ),
        sample: Node(
            "SamplerCustomAdvanced",
            (3, row + 4),
            {
                "noise": Link(windows, 2),
                "guider": Link(guider),
                "sampler": Link("sampler"),
                "sigmas": Link("sigmas"),
                "latent_image": Link(windows, 1),
            },
            size=(300, 120),
        ),
        decode: Node(
            "VAEDecode",
            (3, row + 9),
            {"samples": Link(sample), "vae": Link("sgdm", 2)},
            size=(300, 60),
        ),
        stitch: Node(
            "C2GMTileStitch",
            (4, row),
            {"images": Link(decode), "area": Link("area"), "zoom": zoom, "overlap": 64},
            size=(300, 150),
        ),
        f"preview {zoom}": Node(
            "PreviewImage", (4, row + 5), {"images": Link(stitch)}, size=(300, 300)
        ),
    }
    return nodes, stitch


def two_stages_by_hand() -> Graph:
    """Zooms 14 and 16 with every component visible; the Cascade Sampler goes on from there."""
    first, map_14 = _stage(14, 0, "none")
    reference = Node(
        "C2GMCascadeReferenceEncode",
        (1, 21),
        {
            "map_image": Link(map_14),
            "area": Link("area"),
            "zoom": 16,
            "cascade_factor": "4X",
            "interpolation": "bilinear",
        },
        size=(300, 170),
    )
    second, map_16 = _stage(16, 16, "4X", reference)
    text_18 = Node(
        "C2GMScaleTextEncode",
        (5, 6),
        {"clip": Link("sgdm", 1), "zoom": 18, "cascade_factor": "4X", **TEXT},
        size=(320, 280),
    )
    save = Node(
        "C2GMSaveTileset",
        (5, 0),
        {
            "map_image": Link(map_16),
            "area": Link("area"),
            "zoom": 16,
            "name": "town by hand",
            "format": "MBTiles",
        },
        size=(320, 180),
    )
    shared = {
        "sampler": Node("KSamplerSelect", (0, 19), {"sampler_name": "euler"}, size=(300, 60)),
        "sigmas": Node(
            "BasicScheduler",
            (0, 22),
            {"model": Link("sgdm", 0), "scheduler": "simple", "steps": 4, "denoise": 1.0},
        ),
    }
    return Graph(
        {
            **_sources(),
            **shared,
            **first,
            **second,
            "save": save,
            "text 18": text_18,
            "cascade": _cascade((6, 0), start_tileset=Link("save"), text_18=Link("text 18", 1)),
            "preview 18": Node(
                "PreviewImage", (7, 0), {"images": Link("cascade", 1)}, size=(420, 440)
            ),
        },
        {
            "Model, imagery, area": ("sgdm", "imagery", "area", "sampler", "sigmas"),
            "Zoom 14, from nothing": tuple(first),
            "Zoom 16, from zoom 14": tuple(second),
            "Zooms 17 and 18, by the Cascade Sampler": (
                "save",
                "text 18",
                "cascade",
                "preview 18",
            ),
        },
    )


WORKFLOWS = {
    "Map pyramid of a town": whole_pyramid,
    "Two stages by hand, then the cascade": two_stages_by_hand,
}
