"""A name for what a node's inputs were made by: a hash of its upstream part of the prompt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .files import stamp

MODEL_INPUTS = ("model", "clip", "vae", "sgdm")


def graph_hash(prompt: Mapping[str, Any] | None, node_id: str | None) -> str:
    """SHA-256 of the nodes and widgets that lead to a node's model inputs.

    Node numbers do not count, nor where nodes stand. A text that names a file of ComfyUI's model
    folders counts with the file's size and time, so that another file of the same name is seen.
    """
    prompt = prompt or {}
    node = prompt.get(str(node_id), {"inputs": prompt})
    inputs = {name: node["inputs"].get(name) for name in MODEL_INPUTS if name in node["inputs"]}
    made: dict[str, str] = {}
    text = json.dumps(_described(inputs or node["inputs"], prompt, made), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _described(inputs: Mapping[str, Any], prompt: Mapping[str, Any], made: dict[str, str]) -> Any:
    return {name: _value(value, prompt, made) for name, value in inputs.items()}


def _value(value: Any, prompt: Mapping[str, Any], made: dict[str, str]) -> Any:
    """A widget's value, or the hash of the node that a link comes from."""
    if isinstance(value, list) and len(value) == 2 and str(value[0]) in prompt:
        return [_node(str(value[0]), prompt, made), value[1]]
    if isinstance(value, str):
        return [value, *_file_stamps(value)]
    return value


def _node(node_id: str, prompt: Mapping[str, Any], made: dict[str, str]) -> str:
    if node_id not in made:
        node = prompt[node_id]
        inputs = _described(node["inputs"], prompt, made)
        text = json.dumps([node["class_type"], inputs], sort_keys=True, default=str)
        made[node_id] = hashlib.sha256(text.encode()).hexdigest()
    return made[node_id]


def _file_stamps(name: str) -> list[tuple[int, int]]:
    """Size and time of the model files of a name."""
    import folder_paths

    found = []
    for kind in sorted(folder_paths.folder_names_and_paths):
        path = folder_paths.get_full_path(kind, name.removeprefix(f"{kind}/")) if name else None
        if path is not None:
            found.append(stamp(path))
    return found
