"""Make the pictures of docs/comfyui-*.md and of the nodes' help, and the workflows' thumbnails.

    python docs/make_comfyui_pictures.py [--thumbnails] [TITLE ...]

Runs the shipped workflows (all, or those whose titles begin so) in headless Chromium on a real
ComfyUI server, as tests/browser does, and cuts nodes and results out of the page; --thumbnails
makes the workflows' cards alone, as is due after every new model. Takes some minutes; look at
every picture before you commit it.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import urllib.parse
from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests" / name) for name in ("browser", "comfyui")]

# ruff: noqa: E402
from comfyui_page import TITLES, ComfyPage
from comfyui_server import Server
from install_frontend import install_frontend
from install_server import install_server
from playwright.sync_api import sync_playwright

PICTURES = REPOSITORY / "docs" / "images"
HELP = REPOSITORY / "web" / "docs" / "images"
THUMBNAILS = REPOSITORY / "workflows"
THUMBNAIL_SIZE = (640, 360)
CORNER = (100, 150)  # of the window, clear of its bars
LAST_PICTURE = """() => {
  const kinds = ["PreviewImage", "SaveImage"];
  const shown = app.graph._nodes.filter((node) => kinds.includes(node.type));
  const last = shown.sort((one, other) => one.pos[0] - other.pos[0]).at(-1);
  return last && app.nodeOutputs[last.id]?.images?.[0];
}"""


# Corners of the graph in the window.
GRAPH_BOX = """() => {
  const nodes = [...document.querySelectorAll("[data-node-id]")];
  const boxes = nodes.map((node) => node.getBoundingClientRect());
  const least = (side) => Math.min(...boxes.map((box) => box[side]));
  const most = (side) => Math.max(...boxes.map((box) => box[side]));
  return [least("left") - 20, least("top") - 12, most("right") + 12, most("bottom") + 12];
}"""


def save_webp(picture: Image.Image, path: Path, width: int, quality: int = 72) -> None:
    """Save a picture, no wider than `width`."""
    path.parent.mkdir(exist_ok=True)
    if picture.width > width:
        picture = picture.resize((width, round(picture.height * width / picture.width)))
    picture.convert("RGB").save(path, "WEBP", quality=quality, method=6)


def node_picture(page: ComfyPage, kind: str) -> Image.Image:
    """A node as it looks, with what it shows."""
    page.show(kind, margin=CORNER)
    number = page.page.evaluate(
        "(kind) => app.graph._nodes.find((node) => node.comfyClass === kind).id", kind
    )
    page.page.mouse.move(800, 1)
    page.page.wait_for_timeout(800)
    node = page.page.locator(f'[data-node-id="{number}"]').first
    return Image.open(io.BytesIO(node.screenshot()))


def graph_picture(page: ComfyPage) -> Image.Image:
    """The whole graph."""
    page.show_all()
    left, top, right, bottom = page.page.evaluate(GRAPH_BOX)
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return Image.open(io.BytesIO(page.page.screenshot(clip=clip)))


def save_thumbnail(page: ComfyPage, server: Server, title: str) -> None:
    """What a workflow makes, as the template browser shows it."""
    entry = page.page.evaluate(LAST_PICTURE)
    if entry and title not in SHOWN_ON_A_MAP:
        picture = Image.open(io.BytesIO(server.get("/view?" + urllib.parse.urlencode(entry))))
    else:
        page.show("C2GMPreviewMap", margin=CORNER)
        shown = page.page.locator(".c2gm-preview-map .c2gm-map").first
        picture = Image.open(io.BytesIO(shown.screenshot()))
    width, height = THUMBNAIL_SIZE
    scale = max(width / picture.width, height / picture.height)
    if scale * picture.width > 1.6 * width:  # a row of panels: all of them, on a ground
        scale = width / picture.width
    picture = picture.convert("RGB").resize(
        (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
    )
    card = Image.new("RGB", THUMBNAIL_SIZE, (238, 240, 242))
    card.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    card.save(THUMBNAILS / f"{title}.jpg", quality=82, optimize=True)


def run(page: ComfyPage, title: str) -> None:
    """Run a workflow to its end; on the one with an editor, paint and run it again."""
    for number in range(2 if title == EDITED else 1):
        if number:
            page.show("C2GMRepaint", margin=CORNER)
            page.paint("C2GMRepaint", [(0.2, 0.75), (0.35, 0.7), (0.45, 0.8)])
        page.queue()
        if page.wait_for_end(1800) != "success":
            raise RuntimeError(f"{title} did not end well.")
        page.page.wait_for_timeout(2000)


def draw_first(page: ComfyPage) -> None:
    """The pictures of the tutorial, taken while the first workflow runs."""
    page.show("C2GMPickArea", margin=CORNER)
    page.page.wait_for_timeout(1500)
    page.drag(page.map_of("c2gm-pick-area"), (0.35, 0.4), (0.7, 0.8), shift=True)
    page.page.wait_for_timeout(1500)
    save_webp(node_picture(page, "C2GMPickArea"), PICTURES / "comfyui-pick-area.webp", 420)
    page.page.locator(".c2gm-pick-area").get_by_text("Whole imagery").click()
    page.show("C2GMPreviewMap", margin=CORNER)
    page.queue()
    page.wait_for_tiles(17)
    save_webp(node_picture(page, "C2GMPreviewMap"), PICTURES / "comfyui-growing.webp", 520)
    if page.wait_for_end(1800) != "success":
        raise RuntimeError("The first workflow did not end well.")
    page.page.wait_for_timeout(2000)
    save_webp(graph_picture(page), PICTURES / "comfyui-graph.webp", 1000)
    swipe(page)
    save_webp(node_picture(page, "C2GMPreviewMap"), PICTURES / "comfyui-swipe.webp", 520)


def swipe(page: ComfyPage) -> None:
    """Zoom 17 of the first workflow's map beside its imagery."""
    preview = page.page.locator(".c2gm-preview-map")
    page.show("C2GMPreviewMap", margin=CORNER)
    preview.get_by_title("Show zoom 17").click()
    preview.get_by_text("Swipe").click()
    page.page.wait_for_timeout(1500)


def draw_loose(page: ComfyPage) -> None:
    """Nodes that no workflow has, by themselves."""
    page.page.evaluate(
        "async (kinds) => { app.graph.clear(); await app.refreshComboInNodes();"
        " kinds.forEach((kind, place) => { const node = LiteGraph.createNode(kind);"
        " node.pos = [500 * place, 0]; app.graph.add(node); node.setSize([340, 120]); }); }",
        list(LOOSE),
    )
    page.queue()
    page.wait_for_end()
    for kind in LOOSE:
        save_webp(node_picture(page, kind), HELP / f"{kind}.webp", 360, 60)


def main(wanted: list[str], *, only_thumbnails: bool) -> None:
    """Run the workflows and take the pictures."""
    titles = [title for title in TITLES if not wanted or title.startswith(tuple(wanted))]
    folder = install_server()
    front_end = ["--front-end-root", str(install_frontend(folder))]
    with tempfile.TemporaryDirectory() as base, sync_playwright() as playwright:
        server = Server(folder, Path(base), front_end)
        try:
            flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
            address = f"http://127.0.0.1:{server.port}"
            page = ComfyPage(browser, address, is_vue=True, shots=Path(base))
            page.page.set_viewport_size({"width": 1700, "height": 1300})
            page.hide_minimap()
            for title in titles:
                page.open_template(title)
                if title == TITLES[0] and not only_thumbnails:
                    draw_first(page)
                else:
                    run(page, title)
                    if title == TITLES[0]:
                        swipe(page)
                save_thumbnail(page, server, title)
                if not only_thumbnails:
                    save_nodes(page, title)
                sys.stdout.write(f"{title}\n")
            if not wanted and not only_thumbnails:
                draw_loose(page)
            page.close()
        finally:
            server.stop()


def save_nodes(page: ComfyPage, title: str) -> None:
    """The pictures of the help pages that are missing, or best taken in this workflow."""
    for kind in page.own_kinds():
        if not (HELP / f"{kind}.webp").exists() or kind in SPECIAL.get(title[0], ()):
            save_webp(node_picture(page, kind), HELP / f"{kind}.webp", 360, 60)


EDITED = TITLES[7]
SHOWN_ON_A_MAP = (TITLES[0], TITLES[3], EDITED)  # their thumbnails are Preview Map's
# Nodes that no workflow has; and those whose picture is best taken in a certain workflow.
LOOSE = ("C2GMJobs", "C2GMLoadTileset")
SPECIAL = {
    "1": (
        "C2GMLoadSGDM",
        "C2GMLoadImagery",
        "C2GMPickArea",
        "C2GMCascadeSampler",
        "C2GMSaveTileset",
    ),
    "2": ("C2GMScaleTextEncode", "C2GMCascadeReferenceEncode", "C2GMApplyFeatures"),
    "7": ("C2GMRecolourMap", "C2GMCompareZooms"),
    "8": ("C2GMRepaint", "C2GMVectorize"),
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the pictures of the ComfyUI pages.")
    parser.add_argument("--thumbnails", action="store_true", help="the workflows' cards alone")
    parser.add_argument("titles", nargs="*", metavar="TITLE", help="how wanted titles begin")
    given = parser.parse_args()
    main(given.titles, only_thumbnails=given.thumbnails)
