"""A workflow as a table, turned into both of ComfyUI's forms.

A graph is a table: name of a node -> its class, its place, and its inputs; an input is a widget's
value or a `Link` to another node's output. `shipped_workflows.py` has the
shipped ones, `build_workflows.py` writes their files.
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


COLUMN, ROW = 410, 48  # canvas units
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
