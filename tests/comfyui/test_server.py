"""The pack in a real server: it loads, quickly, and its nodes are the ones that graphs rely on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from build_workflows import OBJECT_INFO, our_nodes
from comfyui_server import PACK, Server
from install_server import REPOSITORY, server_python
from shipped_workflows import WORKFLOWS

LIBRARY_ONLY = ("diffusers", "open_clip", "matplotlib", "typer", "pyogrio", "shapely")


def test_the_pack_is_imported_without_failure(server: Server) -> None:
    log = server.printed()
    assert "IMPORT FAILED" not in log
    assert "Error while calling comfy_entrypoint" not in log
    seconds = re.search(rf"([\d.]+) seconds: \S*custom_nodes\S{PACK}\s", log)
    # On a quiet machine 0.1 at most, which test_agreement holds in processor time.
    assert seconds is not None and float(seconds[1]) < 3


def test_node_definitions_are_frozen(server: Server) -> None:
    known = json.loads(OBJECT_INFO.read_text(encoding="utf-8"))
    assert our_nodes(server.get_json("/object_info")) == known


def test_every_input_of_every_node_has_a_tooltip(server: Server) -> None:
    for name, node in our_nodes(server.get_json("/object_info")).items():
        assert node["description"], name
        for group in ("required", "optional"):
            for key, (_, options) in node["input"].get(group, {}).items():
                assert options.get("tooltip"), f"{name}.{key}"


def test_bundled_model_and_scene_come_first_in_their_lists(server: Server) -> None:
    info = server.get_json("/object_info")
    files = info["C2GMLoadSGDM"]["input"]["required"]["file"][1]["options"]
    assert files[0] == "c2gm-mini (bundled)"
    scenes = info["C2GMLoadImagery"]["input"]["required"]["file"][1]["options"]
    assert scenes[0] == "procedural town (bundled)"


def test_files_that_a_user_adds_appear_in_the_lists(server: Server) -> None:
    (server.base / "input" / "fields").mkdir()
    (server.base / "input" / "fields" / "scene.tif").write_bytes(b"")
    (server.base / "models" / "sgdm" / "my model.safetensors").write_bytes(b"")
    (server.base / "models" / "sgdm" / "notes.txt").write_bytes(b"")
    (server.base / "models" / "checkpoints" / "sd 2.1.safetensors").write_bytes(b"")
    (server.base / "models" / "checkpoints" / "old.ckpt").write_bytes(b"")
    info = server.get_json("/object_info")
    scenes = info["C2GMLoadImagery"]["input"]["required"]["file"][1]["options"]
    assert "fields/scene.tif" in scenes
    models = info["C2GMLoadSGDM"]["input"]["required"]["file"][1]["options"]
    assert "my model.safetensors" in models
    assert "notes.txt" not in models
    assert "checkpoints/sd 2.1.safetensors" in models
    assert "checkpoints/old.ckpt" not in models, "pickles are not read"
    bases = info["C2GMLoadSGDM"]["input"]["required"]["base"][1]["options"]
    assert "none" in bases and "sd 2.1.safetensors" in bases and "old.ckpt" not in bases


def test_the_page_offers_the_shipped_workflows(server: Server) -> None:
    assert sorted(server.get_json("/api/workflow_templates")[PACK]) == sorted(WORKFLOWS)


def test_the_server_has_none_of_the_librarys_own_packages(comfyui_folder: Path) -> None:
    code = (
        "import importlib.util as u, sys;"
        "print([name for name in sys.argv[1:] if u.find_spec(name) is not None])"
    )
    found = subprocess.run(
        [str(server_python(comfyui_folder)), "-c", code, *LIBRARY_ONLY],
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == "[]"


def test_pytest_does_not_take_the_pack_for_its_own_package() -> None:
    roots = [name for name, module in sys.modules.items() if _file(module) == "__init__.py"]
    assert roots == []
    assert "nodes" not in sys.modules


def _file(module: object) -> str:
    """Path below the repository of a module that lies in its root."""
    file = getattr(module, "__file__", None)
    if file is None or Path(file).parent != REPOSITORY:
        return ""
    return Path(file).name
