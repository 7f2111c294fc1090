"""ComfyUI's node interface, imported here and nowhere else.

Schemas differ between ComfyUI's versions: `node_schema` drops fields that an older one does not
know, which would otherwise keep the whole pack from loading.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from comfy_api.latest import ComfyExtension, io, ui

from .wording import told_on_node

__all__ = [
    "Area",
    "ComfyExtension",
    "Imagery",
    "Node",
    "SGDM",
    "Tileset",
    "io",
    "map_outputs",
    "node_schema",
    "ui",
]

SGDM = io.Custom("C2GM_SGDM")
Imagery = io.Custom("C2GM_IMAGERY")
Area = io.Custom("C2GM_AREA")
Tileset = io.Custom("C2GM_TILESET")


class Node(io.ComfyNode):
    """Base of our nodes: what `execute` raises names inputs, never command line flags."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        execute = cls.__dict__.get("execute")
        # ComfyUI clones a class for every run, by its attributes: those are wrapped already.
        if execute is not None and not hasattr(execute.__func__, "__wrapped__"):
            cls.execute = classmethod(told_on_node(execute.__func__))


def node_schema(**fields: Any) -> io.Schema:
    """A schema of the fields that this ComfyUI knows."""
    known = {field.name for field in dataclasses.fields(io.Schema)}
    return io.Schema(**{name: value for name, value in fields.items() if name in known})


def map_outputs() -> list[Any]:
    """Outputs of a node that draws a map: its tile set, and a picture of it."""
    picture = io.Image.Output(
        display_name="map",
        tooltip="The finest zoom, or the finest that makes no more than 64 megapixels.",
    )
    return [Tileset.Output(display_name="tileset"), picture]
