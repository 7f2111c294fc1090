"""The files of the shipped workflows are those of their graphs, in both of ComfyUI's forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from build_workflows import file_stem
from comfyui_server import Server
from install_server import HERE, REPOSITORY
from shipped_workflows import WORKFLOWS
from workflow_graphs import api_prompt, has_control, input_types, is_widget, page_workflow


def prompt_of(title: str) -> dict[str, Any]:
    file = HERE / "api" / f"{file_stem(title)}.json"
    prompt: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return prompt


@pytest.mark.parametrize("title", WORKFLOWS)
def test_files_of_a_workflow_are_those_of_its_graph(server: Server, title: str) -> None:
    graph = WORKFLOWS[title]()
    definitions = server.get_json("/object_info")
    page = json.loads((REPOSITORY / "workflows" / f"{title}.json").read_text(encoding="utf-8"))
    assert page == page_workflow(graph, definitions)
    assert prompt_of(title) == api_prompt(graph)


@pytest.mark.parametrize("title", WORKFLOWS)
def test_the_page_makes_the_api_prompt_of_a_workflow(server: Server, title: str) -> None:
    page = json.loads((REPOSITORY / "workflows" / f"{title}.json").read_text(encoding="utf-8"))
    assert _as_the_page_would(page, server.get_json("/object_info")) == prompt_of(title)


def _as_the_page_would(page: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The API prompt that the page sends: links by socket, widgets by their order."""
    links = {link[0]: [str(link[1]), link[2]] for link in page["links"]}
    prompt = {}
    for node in page["nodes"]:
        values = iter(node["widgets_values"])
        inputs: dict[str, Any] = {}
        for name, (kind, options) in input_types(definitions[node["type"]]).items():
            if is_widget(kind, options):
                inputs[name] = next(values)
                if has_control(name, kind, options):
                    next(values)
        for socket in node["inputs"]:
            if socket["link"] is not None:
                inputs[socket["name"]] = links[socket["link"]]
        assert next(values, None) is None
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt
