"""Write the shipped workflows: the page's form to `workflows/`, the API form beside this file.

Needs the server (`install_server.py`), whose node definitions tell the order of widgets. It also
writes `object_info.json`, the frozen definitions of our nodes, and their English words; look at
the difference before you commit it, because inputs may only ever be appended.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from comfyui_server import Server
from install_server import DEFAULT_FOLDER, HERE, REPOSITORY
from shipped_workflows import WORKFLOWS
from workflow_graphs import api_prompt, page_workflow

OBJECT_INFO = HERE / "object_info.json"
LOCALES = REPOSITORY / "locales"


def file_stem(title: str) -> str:
    """Name of the API form's file."""
    return title.lower().replace(",", "").replace(" ", "_")


def our_nodes(definitions: dict[str, Any]) -> dict[str, Any]:
    """Definitions of the pack's nodes without what depends on the machine: lists of files."""
    ours = {name: entry for name, entry in definitions.items() if name.startswith("C2GM")}
    ours = json.loads(json.dumps(ours))
    for name in ("C2GMLoadSGDM", "C2GMLoadImagery", "C2GMLoadTileset", "C2GMJobs"):
        for key in ("file", "base", "job"):
            if key in ours[name]["input"]["required"]:
                ours[name]["input"]["required"][key][1].pop("options")
    for entry in ours.values():
        entry.pop("python_module")
    return ours


def english(ours: dict[str, Any]) -> dict[str, Any]:
    """The words of our nodes as a locale, of their definitions; other languages translate it."""
    return {name: _words(entry) for name, entry in ours.items()}


def _words(entry: dict[str, Any]) -> dict[str, Any]:
    inputs = {**entry["input"].get("required", {}), **entry["input"].get("optional", {})}
    words = {
        "display_name": entry["display_name"],
        "description": entry["description"],
        "inputs": {
            name: {"name": name.replace("_", " "), "tooltip": options["tooltip"]}
            for name, (_, options) in inputs.items()
        },
    }
    tooltips = entry.get("output_tooltips") or [None] * len(entry["output_name"])
    outputs = {
        str(slot): {"name": name, **({"tooltip": tooltip} if tooltip else {})}
        for slot, (name, tooltip) in enumerate(zip(entry["output_name"], tooltips, strict=True))
    }
    return {**words, "outputs": outputs} if outputs else words


def write_all(definitions: dict[str, Any]) -> None:
    """Write every file."""
    ours = our_nodes(definitions)
    _write(OBJECT_INFO, ours)
    _write(LOCALES / "en" / "nodeDefs.json", english(ours))
    for title, make in WORKFLOWS.items():
        graph = make()
        _write(REPOSITORY / "workflows" / f"{title}.json", page_workflow(graph, definitions))
        _write(HERE / "api" / f"{file_stem(title)}.json", api_prompt(graph))


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as base:
        folder = Path(os.environ.get("C2GM_COMFYUI", DEFAULT_FOLDER))
        server = Server(folder, Path(base))
        try:
            write_all(server.get_json("/object_info"))
        finally:
            server.stop()
