import base64
import hashlib
import io
import json
import re
from importlib import resources

import numpy as np
import pytest
from hostile_texts import HOSTILE
from mercantile import Tile
from PIL import Image

from c2gm.errors import DiskFull, TilesetError
from c2gm.grid import PixelBox
from c2gm.legend import LEGEND
from c2gm.tilesets import preview
from c2gm.tilesets.credits import credit_parts
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tilesets.preview import write_preview_page

DRAWN = (200, 40, 40)
PHOTO = (40, 90, 200)


class PlainImagery:
    """Blue ground; nothing west of a column of pixels at zoom 4."""

    name = "plain"
    bounds = (0.0, 0.0, 90.0, 66.0)
    native_zoom = 4
    attribution = "Photos: the state"
    fingerprint = "plain"

    def __init__(self, first_column: int = 0) -> None:
        self.first_column = first_column

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        rgb = np.zeros((box.height, box.width, 3), dtype=np.uint8)
        valid = np.zeros((box.height, box.width), dtype=bool)
        valid[:, np.arange(box.left, box.right) >= self.first_column << box.zoom >> 4] = True
        rgb[valid] = PHOTO
        return rgb, valid

    def close(self) -> None:
        pass


def page_data(path):
    text = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8"), re.S
    )
    return json.loads(text.group(1))


@pytest.fixture
def red_town(tmp_path, pyramid):
    """A map in one colour, so that screenshots can be read."""
    with create_tileset(tmp_path / "red.mbtiles", {"name": "Red town"}) as tileset:
        for tile in pyramid:
            tileset.put(tile, np.full((256, 256, 3), DRAWN, dtype=np.uint8))
    return tmp_path / "red.mbtiles"


def write(source, out, **options):
    with open_tileset(source) as tileset:
        return write_preview_page(tileset, out, **options)


# ---- what is in the page


def test_the_page_holds_every_tile_byte_for_byte(town, pyramid, tmp_path):
    written = write(town, tmp_path / "map.html")
    data = page_data(written.path)
    assert written.zooms == (3, 4)
    assert written.left_out == ()
    assert written.size == written.path.stat().st_size
    assert data["map"]["type"] == "image/png"
    with open_tileset(town) as tileset:
        assert {
            address: base64.b64decode(picture) for address, picture in data["map"]["tiles"].items()
        } == {f"{t.z}/{t.x}/{t.y}": tileset.get_bytes(t) for t in pyramid}


def test_the_page_says_what_and_whose_it_is(town_mbtiles, tmp_path):
    write(town_mbtiles, tmp_path / "map.html", imagery=PlainImagery())
    data = page_data(tmp_path / "map.html")
    assert data["title"] == "Town"
    assert data["notice"] == "Generated map, not surveyed"
    credit = "".join(part["text"] for part in data["credits"])
    assert credit == "Photos: the town · Imagery: Photos: the state"
    assert [entry["name"] for entry in data["legend"]] == [entry.name for entry in LEGEND]
    assert [entry["zoom"] for entry in data["zooms"]] == [3, 4]
    assert [entry["tiles"] for entry in data["zooms"]] == [4, 16]


def test_a_map_of_strangers_gets_no_legend_of_ours(tmp_path):
    (tmp_path / "map" / "0" / "0").mkdir(parents=True)
    Image.new("RGB", (256, 256)).save(tmp_path / "map" / "0" / "0" / "0.png")
    write(tmp_path / "map", tmp_path / "map.html")
    assert page_data(tmp_path / "map.html")["legend"] == []


def test_imagery_lies_under_tiles_that_have_some(town_folder, tmp_path):
    write(town_folder, tmp_path / "map.html", imagery=PlainImagery(10 * 256 + 128))
    data = page_data(tmp_path / "map.html")["imagery"]
    columns = {int(address.split("/")[1]) for address in data["tiles"] if address[0] == "4"}
    assert columns == {10, 11}
    picture = base64.b64decode(data["tiles"]["4/10/5"])
    pixels = np.asarray(Image.open(io.BytesIO(picture)), dtype=int)
    assert abs(pixels[:, 140:] - PHOTO).max() < 12
    assert abs(pixels[:, :110] - preview._PAPER).max() < 12


def noisy(path, zooms=(3, 4)):
    random = np.random.default_rng(0)
    with create_tileset(path, {"model": "abc"}) as tileset:
        for zoom in zooms:
            for x in range(4 if zoom == 4 else 2):
                pixels = random.integers(0, 255, (256, 256, 3), dtype=np.uint8)
                tileset.put(Tile(x, 2, zoom), pixels)
    return path


def test_a_large_map_is_compressed_and_the_page_says_so(tmp_path):
    write(noisy(tmp_path / "map.mbtiles"), tmp_path / "map.html", max_bytes=1_400_000)
    data = page_data(tmp_path / "map.html")
    assert data["map"]["type"] == "image/webp"
    assert len(data["map"]["tiles"]) == 6
    assert any("compressed for this page" in note for note in data["notes"])
    assert (tmp_path / "map.html").stat().st_size < 1_400_000


def test_zooms_that_do_not_fit_are_left_out_and_the_page_says_so(tmp_path):
    source = noisy(tmp_path / "map.mbtiles")
    written = write(source, tmp_path / "map.html", max_bytes=550_000)
    data = page_data(tmp_path / "map.html")
    assert (written.zooms, written.left_out) == ((3,), (4,))
    assert {address[0] for address in data["map"]["tiles"]} == {"3"}
    assert any("left out: zoom 4 of map.mbtiles" in note for note in data["notes"])
    assert written.size < 550_000


def test_a_map_that_does_not_fit_at_all_is_an_error(tmp_path):
    with pytest.raises(TilesetError, match=r"Zoom 3 of map\.mbtiles alone does not fit"):
        write(noisy(tmp_path / "map.mbtiles"), tmp_path / "map.html", max_bytes=350_000)
    assert not (tmp_path / "map.html").exists()


def test_imagery_that_does_not_fit_is_enlarged_or_left_out(red_town, tmp_path):
    class Noise(PlainImagery):
        def read(self, box):
            random = np.random.default_rng(0)
            shape = (box.height, box.width)
            return random.integers(0, 255, (*shape, 3), dtype=np.uint8), np.ones(shape, bool)

    write(red_town, tmp_path / "a.html", imagery=Noise(), max_bytes=900_000)
    data = page_data(tmp_path / "a.html")
    assert data["imagery"]["finest"] == 3
    assert "Imagery beyond zoom 3 is enlarged." in data["notes"]
    write(red_town, tmp_path / "b.html", imagery=Noise(), max_bytes=350_000)
    data = page_data(tmp_path / "b.html")
    assert data["imagery"] is None
    assert "The imagery does not fit into this page." in data["notes"]


def test_a_map_across_the_antimeridian_is_framed_tightly(tmp_path, make_picture):
    with create_tileset(tmp_path / "map", {}) as tileset:
        for tile in (Tile(15, 5, 4), Tile(0, 5, 4), Tile(1, 6, 4)):
            tileset.put(tile, make_picture(tile))
    write(tmp_path / "map", tmp_path / "map.html")
    (_, west), (_, east) = page_data(tmp_path / "map.html")["bounds"]
    assert (west, east) == (157.5, 225.0)


def test_a_damaged_tile_is_named(town_folder, tmp_path):
    (town_folder / "4" / "9" / "5.png").write_bytes(b"nothing")
    with pytest.raises(TilesetError, match="4/9/5 of town"):
        write(town_folder, tmp_path / "map.html")


def test_a_taken_name_is_refused_unless_told(town_folder, tmp_path, monkeypatch):
    out = tmp_path / "map.html"
    out.write_text("mine")
    with pytest.raises(TilesetError, match="exists already"):
        write(town_folder, out)
    assert out.read_text() == "mine"

    def no_room(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(preview.os, "fsync", no_room)
        with pytest.raises(DiskFull):
            write(town_folder, out, overwrite=True)
    assert out.read_text() == "mine"
    write(town_folder, out, overwrite=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["map.html", "town"]


@pytest.mark.parametrize(
    ("attribution", "parts"),
    [
        ("", []),
        ("© us & them", [{"text": "© us & them"}]),
        ("&copy; us", [{"text": "© us"}]),
        (
            'Map by <a href="https://example.org/x?a=1&amp;b=2">them</a>, 2024',
            [
                {"text": "Map by "},
                {"text": "them", "link": "https://example.org/x?a=1&b=2"},
                {"text": ", 2024"},
            ],
        ),
        ('<a href="javascript:alert(1)">x</a>', [{"text": "x"}]),
        ('<a href="http://example.org">x</a>', [{"text": "x"}]),
        ("a<script>alert(1)</script>b", [{"text": "ab"}]),
        ("1 < 2", [{"text": "1 < 2"}]),
    ],
)
def test_attribution_becomes_text_and_https_links(attribution, parts):
    assert credit_parts(attribution) == parts


def test_endless_attribution_is_cut():
    assert sum(len(part["text"]) for part in credit_parts("x<b>" * 100_000)) <= 2000


def test_leaflet_is_the_released_one_and_its_licence_is_in_the_page(town_folder, tmp_path):
    released = {
        "leaflet.js": "db49d009c841f5ca34a888c96511ae936fd9f5533e90d8b2c4d57596f4e5641a",
        "leaflet.css": "337bfca5cabd03b39815b2700febe2b3b7edf55921c59cd49f88ecb328212303",
    }
    folder = resources.files("c2gm") / "assets" / "leaflet"
    for name, expected in released.items():
        text = (folder / name).read_text("utf-8").replace("\r\n", "\n")
        assert hashlib.sha256(text.encode("utf-8")).hexdigest() == expected
    write(town_folder, tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text("utf-8")
    assert "BSD 2-Clause License" in page
    assert "Copyright (c) 2010-2023, Volodymyr Agafonkin" in page


# ---- what the page does in a browser

browser = pytest.mark.browser


@browser
def test_the_page_opens_by_double_click_without_a_request_or_complaint(town, tmp_path, open_page):
    write(town, tmp_path / "map.html", imagery=PlainImagery())
    page = open_page(tmp_path / "map.html")
    page.wait("document.querySelectorAll('.drawn img').length > 0")
    assert page.requests() == [(tmp_path / "map.html").as_uri()]
    assert page.complaints() == []
    assert page.ask("document.title") == "Town"
    assert page.ask("document.querySelector('h1').textContent") == "Town"
    assert page.ask("document.querySelectorAll('img:not([src^=\"data:\"])').length") == 0


@browser
def test_each_zoom_shows_its_own_tiles_at_their_places(town_mbtiles, tmp_path, open_page):
    write(town_mbtiles, tmp_path / "map.html")
    page = open_page(tmp_path / "map.html", width=1500, height=1200)
    with open_tileset(town_mbtiles) as tileset:
        for zoom in (3, 4):
            page.ask(
                f"[...document.querySelectorAll('#zooms button')]"
                f".find((b) => b.textContent === '{zoom}').click()"
            )
            count = len(list(tileset.tiles(zoom)))
            page.wait(
                f"document.querySelector('#zooms [aria-current=true]').textContent === '{zoom}'"
            )
            page.wait(f"document.querySelectorAll('.drawn img').length === {count}")
            page.wait(
                "[...document.querySelectorAll('.drawn img')]"
                ".every((tile) => tile.getBoundingClientRect().width === 256)"
            )
            places = page.ask(
                "[...document.querySelectorAll('.drawn img')].map((tile) => {"
                "const box = tile.getBoundingClientRect();"
                "return [tile.src, box.x, box.y, box.width, tile.naturalWidth]})"
            )
            shown = set()
            for source, x, y, width, natural in places:
                assert width == natural == 256
                page.mouse("mouseMoved", x + 100, y + 100)
                text = page.ask("document.getElementById('position').textContent")
                z, column, row = map(int, text.rsplit(" ", 1)[1].split("/"))
                picture = tileset.get_bytes(Tile(column, row, z))
                assert z == zoom
                assert source == "data:image/png;base64," + base64.b64encode(picture).decode()
                shown.add((column, row))
            assert len(shown) == count
    assert page.complaints() == []


@browser
def test_coordinates_are_those_under_the_mouse(town_mbtiles, tmp_path, open_page):
    write(town_mbtiles, tmp_path / "map.html")
    page = open_page(tmp_path / "map.html")
    page.wait("document.querySelectorAll('.drawn img').length === 4")
    x, y = page.ask(
        "(() => {const boxes = [...document.querySelectorAll('.drawn img')]"
        ".map((tile) => tile.getBoundingClientRect());"
        "return [Math.min(...boxes.map((b) => b.x)), Math.min(...boxes.map((b) => b.y))]})()"
    )
    # The map's upper left corner is 0 E and the latitude of half a quarter of the world.
    page.mouse("mouseMoved", x + 128, y + 256)
    text = page.ask("document.getElementById('position').textContent")
    north, east = (float(part) for part in re.findall(r"([\d.]+)°", text))
    assert east == pytest.approx(22.5, abs=0.2)
    degrees = np.degrees(2 * np.arctan(np.exp(np.pi / 4)) - np.pi / 2)
    assert north == pytest.approx(degrees, abs=0.2)


def pixel(screenshot, x, y):
    return np.asarray(Image.open(io.BytesIO(screenshot)).convert("RGB"), dtype=int)[int(y), int(x)]


@browser
def test_the_slider_shows_the_imagery_through_the_map(red_town, tmp_path, open_page):
    write(red_town, tmp_path / "map.html", imagery=PlainImagery())
    page = open_page(tmp_path / "map.html")
    page.wait("document.querySelectorAll('.drawn img').length > 0")
    page.wait("document.querySelectorAll('.imagery img').length > 0")
    for value, expected in ((100, DRAWN), (0, PHOTO), (50, (120, 65, 120))):
        page.ask(
            f"(() => {{const slider = document.getElementById('opacity');"
            f"slider.value = {value}; slider.dispatchEvent(new Event('input'))}})()"
        )
        page.wait(f"document.querySelector('.drawn').style.opacity === '{value / 100:g}'")
        assert abs(pixel(page.screenshot(), 600, 370) - expected).max() < 8


@browser
def test_the_divider_parts_map_and_imagery_and_can_be_dragged(red_town, tmp_path, open_page):
    write(red_town, tmp_path / "map.html", imagery=PlainImagery())
    page = open_page(tmp_path / "map.html")
    page.wait("document.querySelectorAll('.imagery img').length > 0")
    page.ask("document.querySelector('input[value=swipe]').click()")
    page.wait("!document.getElementById('divider').hidden")
    middle = page.screenshot()
    assert abs(pixel(middle, 560, 500) - DRAWN).max() < 8
    assert abs(pixel(middle, 640, 500) - PHOTO).max() < 8
    page.mouse("mouseMoved", 600, 300)
    page.mouse("mousePressed", 600, 300)
    page.mouse("mouseMoved", 500, 300)
    page.mouse("mouseReleased", 500, 300)
    assert page.ask("document.getElementById('divider').getAttribute('aria-valuenow')") == "42"
    assert abs(pixel(page.screenshot(), 560, 500) - PHOTO).max() < 8
    page.ask("document.querySelector('input[value=opacity]').click()")
    assert abs(pixel(page.screenshot(), 640, 500) - DRAWN).max() < 8
    assert page.complaints() == []


@browser
@pytest.mark.parametrize("size", [(1200, 760), (360, 640)])
def test_the_notice_is_always_in_view(town_mbtiles, tmp_path, open_page, size):
    write(town_mbtiles, tmp_path / "map.html", title="A long name of a town " * 4)
    page = open_page(tmp_path / "map.html", *size)
    text, top, bottom, covered = page.ask(
        "(() => {const notice = document.getElementById('notice');"
        "const box = notice.getBoundingClientRect();"
        "const above = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);"
        "return [notice.textContent, box.top, box.bottom, above !== notice]})()"
    )
    assert text == "Generated map, not surveyed"
    assert 0 < top < bottom <= size[1]
    assert not covered


@browser
def test_the_legend_shows_every_class_in_its_colour(town_mbtiles, tmp_path, open_page):
    write(town_mbtiles, tmp_path / "map.html")
    page = open_page(tmp_path / "map.html")
    entries = page.ask(
        "[...document.querySelectorAll('#classes li')].map((item) => "
        "[item.textContent, getComputedStyle(item.firstChild).backgroundColor])"
    )
    assert entries == [[entry.name, "rgb({}, {}, {})".format(*entry.colour)] for entry in LEGEND]


@browser
def test_a_zoom_without_tiles_says_so(tmp_path, make_pyramid, open_page):
    source = make_pyramid(tmp_path / "map.mbtiles", [Tile(2, 1, 2), Tile(8, 4, 4)])
    write(source, tmp_path / "map.html")
    page = open_page(tmp_path / "map.html")
    page.ask("document.querySelector('#zooms button').click()")
    page.wait("document.querySelector('#zooms button').ariaCurrent === 'true'")
    page.wait("!document.querySelector('.leaflet-zoom-anim')")
    page.ask("document.querySelector('.leaflet-control-zoom-in').click()")
    page.wait("!document.getElementById('empty').hidden")
    text = page.ask("document.getElementById('empty').textContent")
    assert text == "This page holds no map of zoom 3."


# What a page that is filled in from a template has to fear besides.
HOSTILE_TO_TEMPLATES = (
    "\u2028window.hacked=1\u2029",
    "\ud800 lone half",
    "$title $data ${page_js}",
)


@browser
@pytest.mark.parametrize("text", (*HOSTILE, *HOSTILE_TO_TEMPLATES))
def test_metadata_of_strangers_is_only_text(text, tmp_path, pyramid, open_page, make_picture):
    with create_tileset(tmp_path / "map.mbtiles", {"name": "x"}) as tileset:
        tileset.put(pyramid[0], make_picture(pyramid[0]))
    with open_tileset(tmp_path / "map.mbtiles") as tileset:
        keys = ("name", "attribution", "notice", "generator", "description")
        tileset._metadata.update(dict.fromkeys(keys, text))
        write_preview_page(tileset, tmp_path / "map.html")
    page = open_page(tmp_path / "map.html")
    page.wait("document.querySelectorAll('.drawn img').length === 1")
    page.ask("document.querySelectorAll('#credits a').forEach((link) => link.onclick)")
    assert page.ask("window.hacked") is None
    assert page.complaints() == []
    assert page.requests() == [(tmp_path / "map.html").as_uri()]
    assert page.ask("document.querySelector('h1').textContent") == text
    assert page.ask(
        "[...document.querySelectorAll('#credits a')].every((a) => a.href.startsWith('https://'))"
    )
    assert page.ask("document.querySelectorAll('script').length") == 3
