"""Write the help page of every node, web/docs/<NodeId>.md, from the nodes' own words.

    python docs/make_node_reference.py

ComfyUI shows the page in the node's help panel. The source is tests/comfyui/object_info.json, the
definitions as a real server tells them; tests compare both the server and the pages with it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
DEFINITIONS = REPOSITORY / "tests" / "comfyui" / "object_info.json"
PAGES = REPOSITORY / "web" / "docs"
LISTED_OPTIONS = 6  # longer lists are ComfyUI's own or depend on the user's files


def node_pages() -> dict[str, str]:
    """Text of every help page, by node id."""
    definitions = json.loads(DEFINITIONS.read_text(encoding="utf-8"))
    return {node: _page(definition) for node, definition in definitions.items()}


def _page(node: dict[str, Any]) -> str:
    lines = [f"# {node['display_name']}", "", node["description"], ""]
    for title, group in (("Inputs", "required"), ("Optional inputs", "optional")):
        names = node["input_order"].get(group, [])
        if names:
            lines += [f"## {title}", "", "| input | takes | default | |", "|---|---|---|---|"]
            lines += [_input_row(name, node["input"][group][name]) for name in names]
            lines.append("")
    if node["output"]:
        lines += ["## Outputs", "", "| output | is | |", "|---|---|---|"]
        tooltips = node.get("output_tooltips") or [None] * len(node["output"])
        for name, kind, tooltip in zip(node["output_name"], node["output"], tooltips, strict=True):
            lines.append(f"| {name} | {kind} | {_cell(tooltip)} |")
        lines.append("")
    return "\n".join(lines)


def _input_row(name: str, definition: list[Any]) -> str:
    kind = definition[0]
    options: dict[str, Any] = definition[1] if len(definition) > 1 else {}
    choices = kind if isinstance(kind, list) else options.get("options", [])
    if choices or kind == "COMBO":
        few = 0 < len(choices) <= LISTED_OPTIONS
        kind = ", ".join(map(str, choices)) if few else "one of a list"
    elif {"min", "max"} <= set(options):
        kind = f"{kind}, {options['min']} to {options['max']}"
    default = options.get("default", choices[0] if choices else None)
    return f"| {name} | {_cell(kind)} | {_cell(default)} | {_cell(options.get('tooltip'))} |"


def _cell(value: Any) -> str:
    return "" if value is None else " ".join(str(value).split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGES.mkdir(parents=True, exist_ok=True)
    for node_id, text in node_pages().items():
        (PAGES / f"{node_id}.md").write_text(text, encoding="utf-8")
    print(f"{PAGES}: {len(node_pages())} pages are written.")
