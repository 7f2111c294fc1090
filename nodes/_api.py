"""ComfyUI's node interface, imported here and nowhere else.

Schemas differ between ComfyUI's versions: `node_schema` drops fields that an older one does not
know, which would otherwise keep the whole pack from loading.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from comfy_api.latest import ComfyExtension, io, ui

__all__ = ["Area", "ComfyExtension", "Imagery", "SGDM", "Tileset", "io", "node_schema", "ui"]

SGDM = io.Custom("C2GM_SGDM")
Imagery = io.Custom("C2GM_IMAGERY")
Area = io.Custom("C2GM_AREA")
Tileset = io.Custom("C2GM_TILESET")


def node_schema(**fields: Any) -> io.Schema:
    """A schema of the fields that this ComfyUI knows."""
    known = {field.name for field in dataclasses.fields(io.Schema)}
    return io.Schema(**{name: value for name, value in fields.items() if name in known})
