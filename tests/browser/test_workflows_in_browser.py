"""The shipped workflows in the page, as a person runs them: two front ends, both kinds of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from comfyui_page import TITLES, ComfyPage
from comfyui_server import Server
from install_frontend import VERSION, install_frontend
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.slow

OWN = "of the server's age"
SEEDS = iter(range(101, 200))  # every run paints: no map of an earlier one is there


@pytest.fixture(scope="module", params=[OWN, VERSION])
def front_end(
    request: pytest.FixtureRequest, comfyui_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with one of the two front ends."""
    options = []
    if request.param != OWN:
        options = ["--front-end-root", str(install_frontend(comfyui_folder))]
    running = Server(comfyui_folder, tmp_path_factory.mktemp("comfyui"), options)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module", params=["classic", "vue"])
def page(
    request: pytest.FixtureRequest, front_end: Server, browser: Browser, shots: Path
) -> Iterator[ComfyPage]:
    """The first workflow, with a small part of its cascade to draw."""
    name = "old" if "--front-end-root" not in front_end.options else "new"
    page = ComfyPage(
        browser,
        f"http://127.0.0.1:{front_end.port}",
        is_vue=request.param == "vue",
        shots=shots,
        prefix=f"{name}-{request.param}-",
    )
    page.open_template(TITLES[0])
    yield page
    page.close()


def test_it_opens_without_a_missing_node(page: ComfyPage) -> None:
    assert page.missing_nodes() == []
    page.show_all()
    page.shot("1-opened")


def test_a_box_is_drawn_and_zooms_are_chosen(page: ComfyPage) -> None:
    page.show("C2GMPickArea")
    box = page.page.locator(".c2gm-pick-area")
    expect(box.locator(".c2gm-imagery img").first).to_be_visible()
    box.get_by_text("Draw area").click()
    page.drag(page.map_of("c2gm-pick-area"), (0.42, 0.4), (0.58, 0.6))
    assert page.widgets("C2GMPickArea")["west"] < 0
    for zoom in (14, 15, 18):
        box.get_by_title(f"Zoom {zoom}", exact=True).click()
    widgets = page.widgets("C2GMPickArea")
    assert (widgets["zoom_min"], widgets["zoom_max"]) == (16, 17)
    expect(box.locator(".c2gm-sum")).to_contain_text("windows to paint:")
    page.shot("2-area")


def test_a_run_is_cancelled_and_goes_on_with_a_growing_map(page: ComfyPage) -> None:
    page.set_widget("C2GMCascadeSampler", "edges", "open")
    page.set_widget("C2GMCascadeSampler", "seed", next(SEEDS))
    page.show("C2GMPreviewMap")
    page.queue()
    page.wait_for_tiles(1)
    page.cancel()
    assert page.wait_for_end() == "interrupted"
    page.queue()
    page.wait_for_tiles(2)
    page.shot("3-growing")
    assert page.wait_for_end() == "success"
    assert page.seen("previews") > 0
    preview = page.page.locator(".c2gm-preview-map")
    expect(preview.locator(".c2gm-credit")).to_contain_text("not surveyed")
    expect(preview.locator("img.c2gm-loaded").first).to_be_visible()
    page.show("C2GMCascadeSampler")
    expect(page.page.locator(".c2gm-words", has_text="tiles reused").first).to_be_visible()
    page.shot("4-sampler")


def test_the_map_is_panned_swiped_and_faded(page: ComfyPage) -> None:
    page.show("C2GMPreviewMap")
    preview = page.page.locator(".c2gm-preview-map")
    drawn = preview.locator(".leaflet-map-pane")
    before = drawn.get_attribute("style")
    page.drag(page.map_of("c2gm-preview-map"), (0.6, 0.6), (0.4, 0.5))
    assert drawn.get_attribute("style") != before
    preview.get_by_text("Swipe").click()
    layer = preview.locator(".c2gm-drawn")
    half = layer.evaluate("(layer) => layer.style.clip")
    page.shot("5-swiped")
    page.drag(page.map_of("c2gm-preview-map"), (0.5, 0.5), (0.25, 0.5))
    assert layer.evaluate("(layer) => layer.style.clip") not in ("", half)
    preview.get_by_text("Swipe").click()
    preview.locator(".c2gm-slider").fill("30")
    assert layer.evaluate("(layer) => layer.style.opacity") == "0.3"
    preview.get_by_text("Legend").click()
    expect(preview.get_by_text("water", exact=True)).to_be_visible()
    page.show_all()
    page.shot("6-all")


def test_the_map_fills_a_taller_node_and_compares_only_with_imagery(page: ComfyPage) -> None:
    page.page.evaluate(
        "() => { const node = app.graph._nodes.find((one) => one.comfyClass === 'C2GMPreviewMap');"
        " node.setSize([560, 900]); app.canvas.setDirty(true, true); }"
    )
    page.show("C2GMPreviewMap")
    preview = page.page.locator(".c2gm-preview-map")
    page.page.wait_for_function(  # a Vue node takes its new size a moment later
        "() => document.querySelector('.c2gm-preview-map').offsetHeight > 600"
    )
    expect(preview.get_by_text("Swipe")).to_be_visible()
    page.page.evaluate(
        "() => app.graph._nodes.find((one) => one.comfyClass === 'C2GMPreviewMap')"
        ".disconnectInput(1)"
    )
    expect(preview.get_by_text("Swipe")).to_be_hidden()
    expect(preview.locator(".c2gm-slider")).to_be_hidden()
    page.shot("7-taller")


def test_the_sampler_shows_its_picture_once(page: ComfyPage) -> None:
    page.show("C2GMCascadeSampler", margin=(120, -500))
    number = page.page.evaluate(
        "() => app.graph._nodes.find((one) => one.comfyClass === 'C2GMCascadeSampler').id"
    )
    pictures = page.page.locator(f'[data-node-id="{number}"] img')
    assert pictures.count() <= 1, "Vue nodes; the classic canvas draws it without an element"
    page.shot("4-sampler-once")


def test_the_page_has_nothing_to_complain_of(page: ComfyPage) -> None:
    assert page.complaints == []


@pytest.fixture(scope="module")
def tab(front_end: Server, browser: Browser, shots: Path) -> Iterator[ComfyPage]:
    """A tab for the other workflows."""
    address = f"http://127.0.0.1:{front_end.port}"
    page = ComfyPage(browser, address, is_vue=False, shots=shots)
    yield page
    page.close()


@pytest.fixture(scope="module")
def editing(page: ComfyPage) -> ComfyPage:
    """The last workflow with two zooms to draw, in every front end and kind of nodes."""
    page.open_template(TITLES[7])
    page.set_widget("C2GMPickArea", "zoom_max", 17)
    page.set_widget("C2GMCascadeSampler", "edges", "open")
    page.set_widget("C2GMCascadeSampler", "seed", next(SEEDS))
    page.set_widget("C2GMVectorize", "zoom", 17)
    return page


def test_a_zoom_is_painted_on_in_the_mask_editor_and_repainted(editing: ComfyPage) -> None:
    page = editing
    assert page.missing_nodes() == []
    page.show("C2GMRepaint")
    words = page.page.locator(".c2gm-words", has_text="Nothing is edited yet")
    page.press_button("C2GMRepaint", "Paint on the map")
    expect(page.page.locator(".c2gm-words", has_text="Queue once").first).to_be_visible()
    page.queue()
    assert page.wait_for_end() == "success"
    expect(words.first).to_be_visible()
    page.paint("C2GMRepaint", [(0.2, 0.7), (0.4, 0.75), (0.5, 0.6)])
    saved = page.widgets("C2GMRepaint")["image"]
    assert "clipspace-painted-masked-" in saved
    expect(page.page.locator(".c2gm-words", has_text="The edit is saved").first).to_be_visible()
    page.queue()
    assert page.wait_for_end() == "success"
    expect(page.page.locator(".c2gm-words", has_text="1 of 5 tiles reused").first).to_be_visible()
    page.shot("8-repainted")
    page.press_button("C2GMRepaint", "Clear the edit")
    assert page.widgets("C2GMRepaint")["image"] == ""
    assert page.complaints == []


@pytest.mark.parametrize("front_end", [VERSION], indirect=True)
@pytest.mark.parametrize("title", TITLES[1:])
def test_the_other_workflows_run_in_the_page(tab: ComfyPage, title: str) -> None:
    tab.open_template(title)
    assert tab.missing_nodes() == []
    tab.queue()
    assert tab.wait_for_end(1200) == "success"
    tab.show_all()
    tab.shot(f"workflow-{title.split()[0]}")
    assert tab.complaints == []
