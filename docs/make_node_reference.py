"""Write the help pages of every node from the nodes' own words.

    python docs/make_node_reference.py

ComfyUI shows web/docs/<NodeId>.md in the node's help panel, and web/docs/<NodeId>/zh.md where the
page speaks Chinese. Sources: tests/comfyui/object_info.json, the definitions as a real server tells
them (tests compare both the server and the pages with it), and locales/zh/nodeDefs.json. Pictures
in web/docs/images come from make_comfyui_pictures.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
DEFINITIONS = REPOSITORY / "tests" / "comfyui" / "object_info.json"
CHINESE = REPOSITORY / "locales" / "zh" / "nodeDefs.json"
PAGES = REPOSITORY / "web" / "docs"
LISTED_OPTIONS = 6  # longer lists are ComfyUI's own or depend on the user's files


@dataclass(frozen=True)
class Words:
    """Headings of a language."""

    inputs: str
    optional: str
    outputs: str
    input_columns: str
    output_columns: str
    to: str
    one_of_a_list: str


ENGLISH_WORDS = Words(
    inputs="Inputs",
    optional="Optional inputs",
    outputs="Outputs",
    input_columns="| input | takes | default | |",
    output_columns="| output | is | |",
    to="to",
    one_of_a_list="one of a list",
)
CHINESE_WORDS = Words(
    inputs="输入",
    optional="可选输入",
    outputs="输出",
    input_columns="| 输入 | 类型 | 默认值 | |",
    output_columns="| 输出 | 类型 | |",
    to="至",
    one_of_a_list="列表之一",
)


def node_pages() -> dict[str, str]:
    """Text of every help page, by its name below web/docs without `.md`."""
    definitions = json.loads(DEFINITIONS.read_text(encoding="utf-8"))
    pages = {name: _page(name, node, {}, ENGLISH_WORDS) for name, node in definitions.items()}
    if CHINESE.is_file():
        translated = json.loads(CHINESE.read_text(encoding="utf-8"))
        for name, node in definitions.items():
            pages[f"{name}/zh"] = _page(name, node, translated.get(name, {}), CHINESE_WORDS)
    return pages


def _page(name: str, node: dict[str, Any], said: Mapping[str, Any], words: Words) -> str:
    title = said.get("display_name", node["display_name"])
    lines = [f"# {title}", "", said.get("description", node["description"]), ""]
    if (PAGES / "images" / f"{name}.webp").is_file():
        lines += [f"![{title}](images/{name}.webp)", ""]
    inputs = said.get("inputs", {})
    for heading, group in ((words.inputs, "required"), (words.optional, "optional")):
        names = node["input_order"].get(group, [])
        if names:
            lines += [f"## {heading}", "", words.input_columns, "|---|---|---|---|"]
            lines += [
                _input_row(key, node["input"][group][key], inputs.get(key, {}), words)
                for key in names
            ]
            lines.append("")
    if node["output"]:
        lines += [f"## {words.outputs}", "", words.output_columns, "|---|---|---|"]
        outputs = said.get("outputs", {})
        tooltips = node.get("output_tooltips") or [None] * len(node["output"])
        rows = zip(node["output_name"], node["output"], tooltips, strict=True)
        for number, (label, kind, tooltip) in enumerate(rows):
            own = outputs.get(str(number), {})
            lines.append(
                f"| {own.get('name', label)} | {kind} | {_cell(own.get('tooltip', tooltip))} |"
            )
        lines.append("")
    return "\n".join(lines)


def _input_row(name: str, definition: list[Any], said: Mapping[str, Any], words: Words) -> str:
    kind = definition[0]
    options: dict[str, Any] = definition[1] if len(definition) > 1 else {}
    choices = kind if isinstance(kind, list) else options.get("options", [])
    if choices or kind == "COMBO":
        few = 0 < len(choices) <= LISTED_OPTIONS
        kind = ", ".join(map(str, choices)) if few else words.one_of_a_list
    elif {"min", "max"} <= set(options):
        kind = f"{kind}, {options['min']} {words.to} {options['max']}"
    default = options.get("default", choices[0] if choices else None)
    label, tooltip = said.get("name", name), said.get("tooltip", options.get("tooltip"))
    return f"| {_cell(label)} | {_cell(kind)} | {_cell(default)} | {_cell(tooltip)} |"


def _cell(value: Any) -> str:
    return "" if value is None else " ".join(str(value).split()).replace("|", "\\|")


if __name__ == "__main__":
    for page, text in node_pages().items():
        (PAGES / page).parent.mkdir(parents=True, exist_ok=True)
        (PAGES / f"{page}.md").write_text(text, encoding="utf-8")
    print(f"{PAGES}: {len(node_pages())} pages are written.")
