"""The pack's widgets in the page of a real server: what is seen before anything is queued."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from comfyui_page import TITLES, ComfyPage
from comfyui_server import Server
from mercantile import Tile
from PIL import Image
from playwright.sync_api import Browser, expect

from c2gm.tilesets.open import create_tileset

EDGES = ("west", "south", "east", "north")
SAMPLE_BOUNDS = (-0.01099, 0.12634, -0.00549, 0.13184)  # of the bundled town


@pytest.fixture(scope="module")
def page(browser: Browser, server: Server, shots: Path) -> Iterator[ComfyPage]:
    """The first workflow, opened from the template browser, on the classic canvas."""
    page = ComfyPage(browser, f"http://127.0.0.1:{server.port}", is_vue=False, shots=shots)
    page.open_template(TITLES[0])
    yield page
    page.close()


def test_the_first_workflow_opens_without_a_missing_node(page: ComfyPage) -> None:
    assert page.missing_nodes() == []
    page.show_all()
    page.shot("widgets-graph")


def test_a_box_drawn_on_the_map_goes_into_the_number_fields(page: ComfyPage) -> None:
    page.show("C2GMPickArea")
    box = page.page.locator(".c2gm-pick-area")
    expect(box.locator(".c2gm-imagery img").first).to_be_visible()
    expect(box.locator(".c2gm-sum")).to_contain_text("Tiles: 23")
    page.drag(page.map_of("c2gm-pick-area"), (0.4, 0.4), (0.6, 0.6), shift=True)
    expect(box.locator(".c2gm-sum")).not_to_contain_text("Tiles: 23")
    west, south, east, north = (page.widgets("C2GMPickArea")[edge] for edge in EDGES)
    assert SAMPLE_BOUNDS[0] < west < east < SAMPLE_BOUNDS[2]
    assert SAMPLE_BOUNDS[1] < south < north < SAMPLE_BOUNDS[3]
    page.shot("widgets-pick-area")


def test_zooms_are_chosen_by_their_numbers(page: ComfyPage) -> None:
    page.show("C2GMPickArea")
    zooms = page.page.locator(".c2gm-pick-area .c2gm-zooms")
    zooms.get_by_title("Zoom 19").click()
    assert page.widgets("C2GMPickArea")["zoom_max"] == 19
    zooms.get_by_title("Zoom 19").click()
    zooms.get_by_title("Zoom 14").click()
    widgets = page.widgets("C2GMPickArea")
    assert (widgets["zoom_min"], widgets["zoom_max"]) == (15, 18)


def test_the_whole_imagery_is_four_zeros(page: ComfyPage) -> None:
    page.show("C2GMPickArea")
    page.page.locator(".c2gm-pick-area").get_by_text("Whole imagery").click()
    assert [page.widgets("C2GMPickArea")[edge] for edge in EDGES] == [0, 0, 0, 0]


def test_an_area_beside_the_imagery_is_told_of_before_it_is_queued(page: ComfyPage) -> None:
    page.show("C2GMPickArea")
    for edge, value in zip(EDGES, (10.0, 10.0, 10.01, 10.01), strict=True):
        page.set_widget("C2GMPickArea", edge, value)
    expect(page.page.locator(".c2gm-pick-area .c2gm-sum")).to_contain_text("imagery")
    expect(page.page.locator(".c2gm-pick-area .c2gm-problem")).to_be_visible()


def test_the_sentence_follows_the_fields_of_scale_text_encode(page: ComfyPage) -> None:
    page.page.evaluate(
        "() => { const node = LiteGraph.createNode('C2GMScaleTextEncode');"
        " node.pos = [2400, 100]; app.graph.add(node); }"
    )
    page.show("C2GMScaleTextEncode")
    words = page.page.locator(".c2gm-words", has_text="geographical map tile")
    expect(words).to_contain_text("tile zoom level 16, reference zoom level 15")
    page.set_widget("C2GMScaleTextEncode", "zoom", 18)
    expect(words).to_contain_text("map scale 1:2000")
    page.set_widget("C2GMScaleTextEncode", "map_scale", "1:2500")
    expect(words).to_contain_text("map scale 1:2500")
    page.set_widget("C2GMScaleTextEncode", "map_scale", "large")
    expect(page.page.locator(".c2gm-words.c2gm-problem")).to_contain_text("'large'")
    page.shot("widgets-scale-text")


def test_new_seeds_are_made_by_a_button(page: ComfyPage) -> None:
    before = page.widgets("C2GMCascadeSampler")["seed"]
    page.press_button("C2GMCascadeSampler", "New seed")
    assert page.widgets("C2GMCascadeSampler")["seed"] != before


def test_the_last_seed_comes_back(page: ComfyPage) -> None:
    first = page.widgets("C2GMCascadeSampler")["seed"]
    queued = (
        "() => { const node = app.graph._nodes.find((one) => one.comfyClass ==="
        " 'C2GMCascadeSampler'); node.widgets.forEach((widget) => widget.afterQueued?.()); }"
    )
    page.page.evaluate(queued)
    page.press_button("C2GMCascadeSampler", "New seed")
    page.page.evaluate(queued)
    page.press_button("C2GMCascadeSampler", "Use last seed")
    assert page.widgets("C2GMCascadeSampler")["seed"] == first


def test_imagery_is_uploaded_and_chosen(page: ComfyPage, server: Server, tmp_path: Path) -> None:
    picture = tmp_path / "from the air.png"
    Image.new("RGB", (32, 32), (90, 120, 60)).save(picture)
    with page.page.expect_file_chooser() as chooser:
        page.press_button("C2GMLoadImagery", "Upload imagery")
    chooser.value.set_files(picture)
    page.page.wait_for_function(
        "() => app.graph._nodes.find((node) => node.comfyClass === 'C2GMLoadImagery')"
        ".widgets[0].value === 'from the air.png'"
    )
    assert (server.base / "input" / "from the air.png").is_file()
    # Without position it cannot be shown, and Pick Area says what to give.
    page.show("C2GMPickArea")
    hint = page.page.locator(".c2gm-pick-area .c2gm-hint")
    expect(hint).to_contain_text("picture_bounds")
    page.set_widget("C2GMLoadImagery", "picture_bounds", "7,46,7.01,46.01")
    expect(hint).to_be_hidden()


def test_our_sockets_have_colours_of_their_own(page: ComfyPage) -> None:
    colours = page.page.evaluate(
        "() => ['C2GM_SGDM', 'C2GM_IMAGERY', 'C2GM_AREA', 'C2GM_TILESET']"
        ".map((type) => app.canvas.default_connection_color_byType[type])"
    )
    assert None not in colours and len(set(colours)) == 4


def test_widgets_that_show_something_are_not_saved(page: ComfyPage) -> None:
    saved = page.page.evaluate("() => app.graph.serialize().nodes")
    areas = [node["widgets_values"] for node in saved if node["type"] == "C2GMPickArea"]
    assert [len(values) for values in areas] == [6]


def test_texts_of_strangers_stay_texts(page: ComfyPage, server: Server) -> None:
    path = server.base / "output" / "c2gm" / "stranger.mbtiles"
    path.parent.mkdir(parents=True, exist_ok=True)
    attack = "<img src=x onerror='window.attacked=1'><svg/onload=window.attacked=1>by me"
    with create_tileset(path, {"name": attack, "attribution": attack}) as tileset:
        tileset.put(Tile(3, 2, 3), np.full((256, 256, 3), 90, dtype=np.uint8))
    page.page.evaluate(
        "async () => { app.graph.clear(); await app.refreshComboInNodes();"
        " const load = LiteGraph.createNode('C2GMLoadTileset'); app.graph.add(load);"
        " load.widgets[0].value = 'stranger.mbtiles';"
        " const preview = LiteGraph.createNode('C2GMPreviewMap'); preview.pos = [400, 0];"
        " app.graph.add(preview); preview.setSize([520, 560]); load.connect(0, preview, 0); }"
    )
    page.show("C2GMPreviewMap")
    page.queue()
    assert page.wait_for_end() == "success"
    preview = page.page.locator(".c2gm-preview-map")
    expect(preview.locator(".c2gm-credit")).to_contain_text("by me")
    expect(preview.locator("img.c2gm-loaded").first).to_be_visible()
    page.shot("widgets-stranger")
    assert page.page.evaluate("() => window.attacked") is None


def test_the_page_has_nothing_to_complain_of(page: ComfyPage) -> None:
    assert page.complaints == []
