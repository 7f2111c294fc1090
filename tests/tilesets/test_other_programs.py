"""Our files in the programs that people open them with: plain Leaflet, GDAL, a PMTiles reader.

Positions are checked against the grid's own arithmetic, bytes against the specifications.
"""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from importlib import resources

import mercantile
import numpy as np
import pytest
import rasterio
from mercantile import Tile
from PIL import Image
from pmtiles.reader import MmapSource, Reader
from pmtiles.tile import Compression, TileType, tileid_to_zxy

from c2gm.grid import mercator_resolution
from c2gm.tilesets.export import export_tileset
from c2gm.tilesets.open import open_tileset

PLAIN_LEAFLET = """<!DOCTYPE html><meta charset="utf-8">
<style>@import url("leaflet.css"); #map {{ position: absolute; inset: 0; }}</style>
<div id="map"></div><script src="leaflet.js"></script><script>
const map = L.map("map", {{ zoomAnimation: false, fadeAnimation: false }});
map.setView([{latitude}, {longitude}], {zoom});
const layer = L.tileLayer("town/{{z}}/{{x}}/{{y}}.png", {{
  minZoom: 3, maxNativeZoom: 4, bounds: {bounds}, noWrap: true }});
layer.on("load", () => {{ document.documentElement.dataset.ready = "yes"; }});
layer.addTo(map);
</script>"""


@pytest.mark.browser
@pytest.mark.parametrize("zoom", [3, 4])
def test_a_plain_leaflet_page_shows_a_folder_at_its_place(zoom, town_folder, tmp_path, open_page):
    """The page that a web developer writes: z/x/y, the bounds of tiles.json, nothing of ours."""
    told = json.loads((town_folder / "tiles.json").read_text("utf-8"))
    west, south, east, north = told["bounds"]
    for name in ("leaflet.js", "leaflet.css"):
        asset = resources.files("c2gm") / "assets" / "leaflet" / name
        (tmp_path / name).write_text(asset.read_text("utf-8"), "utf-8")
    place = mercantile.lnglat(*np.mean([mercantile.xy(west, south), mercantile.xy(east, north)], 0))
    page_file = tmp_path / "page.html"
    page_file.write_text(
        PLAIN_LEAFLET.format(
            latitude=place.lat,
            longitude=place.lng,
            zoom=zoom,
            bounds=json.dumps([[south, west], [north, east]]),
        ),
        "utf-8",
    )
    page = open_page(page_file, width=1200, height=1200)
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), dtype=int)
    # The middle of the page is the middle of the map: a corner of four tiles.
    column, row = {3: (5, 3), 4: (10, 6)}[zoom]
    with open_tileset(town_folder) as tileset:
        for x, left in ((column - 1, 600 - 256), (column, 600)):
            for y, top in ((row - 1, 600 - 256), (row, 600)):
                expected = tileset.get(Tile(x, y, zoom))
                seen = shot[top : top + 256, left : left + 256]
                assert np.abs(seen[60:200, 60:200] - expected[60:200, 60:200]).max() <= 2


def test_gdal_opens_every_zoom_of_mbtiles_at_its_place(town_mbtiles, make_picture):
    for zoom, first, side in ((3, (4, 2), 2), (4, (8, 4), 4)):
        with rasterio.open(town_mbtiles, ZOOM_LEVEL=zoom) as raster:
            assert raster.crs.to_epsg() == 3857
            assert raster.res == pytest.approx((mercator_resolution(zoom),) * 2)
            left, top = mercantile.xy_bounds(*first, zoom)[0], mercantile.xy_bounds(*first, zoom)[3]
            row, column = raster.index(left + 1, top - 1)
            pixels = raster.read((1, 2, 3))[:, row : row + 256 * side, column : column + 256 * side]
            last = Tile(first[0] + side - 1, first[1] + side - 1, zoom)
            corner = pixels.transpose(1, 2, 0)[-256:, -256:]
            assert np.array_equal(corner, make_picture(last))


def test_mbtiles_are_as_specification_1_3_says(town_mbtiles):
    content = town_mbtiles.read_bytes()
    assert content[:16] == b"SQLite format 3\x00"
    assert content[68:72] == b"MPBX"
    assert content[18:20] == b"\x01\x01"  # no write-ahead log to leave behind
    db = sqlite3.connect(town_mbtiles)
    columns = {
        table: [(row[1], row[2]) for row in db.execute(f"PRAGMA table_info({table})")]
        for table in ("metadata", "tiles")
    }
    assert columns["metadata"] == [("name", "TEXT"), ("value", "TEXT")]
    assert columns["tiles"] == [
        ("zoom_level", "INTEGER"),
        ("tile_column", "INTEGER"),
        ("tile_row", "INTEGER"),
        ("tile_data", "BLOB"),
    ]
    unique = {row[1] for row in db.execute("PRAGMA index_list(tiles)") if row[2]}
    assert unique == {"tile_index"}
    told = dict(db.execute("SELECT name, value FROM metadata"))
    assert {"name", "format", "bounds", "center", "minzoom", "maxzoom"} <= set(told)
    assert {"attribution", "description", "type", "version"} <= set(told)
    assert told["type"] in ("overlay", "baselayer")
    float(told["version"])  # the specification wants a number
    assert all(isinstance(value, str) for value in told.values())
    assert len([float(part) for part in told["bounds"].split(",")]) == 4
    db.close()


def test_pmtiles_are_as_specification_3_says(town_mbtiles, tmp_path):
    path = tmp_path / "town.pmtiles"
    export_tileset(town_mbtiles, path)
    content = path.read_bytes()
    assert content[:8] == b"PMTiles\x03"
    numbers = [int.from_bytes(content[at : at + 8], "little") for at in range(8, 96, 8)]
    root, metadata, leaves, data = (tuple(numbers[at : at + 2]) for at in (0, 2, 4, 6))
    assert root[0] == 127
    assert sum(root) <= 16_384
    assert metadata[0] == sum(root)
    assert leaves == (sum(metadata), 0)
    assert data == (leaves[0], len(content) - leaves[0])
    assert numbers[8:] == [20, 20, 20]  # addressed tiles, entries, different pictures
    assert content[96] == 1  # clustered
    assert content[97] == Compression.GZIP.value
    assert content[98] == Compression.NONE.value
    assert content[99] == TileType.PNG.value
    assert tuple(content[100:102]) == (3, 4)
    corners = np.frombuffer(content[102:118], "<i4") / 1e7
    assert corners == pytest.approx([0, 0, 90, 66.5132604], abs=1e-7)
    assert content[118] == 3
    with path.open("rb") as file:
        reader = Reader(MmapSource(file))
        assert isinstance(reader.metadata(), dict)
    with open_tileset(path) as tileset:
        places = [tileid_to_zxy(number) for number in tileset.entries.ids.tolist()]
        starts = tileset.entries.offsets.tolist()
        assert starts == sorted(starts)
        for z, x, y in places:
            at = data[0] + starts[places.index((z, x, y))]
            assert content[at : at + 4] == b"\x89PNG"


@pytest.mark.parametrize("name", ["copy.mbtiles", "copy.pmtiles", "copy"])
def test_every_form_says_that_the_map_is_generated_and_whose_the_imagery_is(
    name, town_mbtiles, tmp_path
):
    export_tileset(town_mbtiles, tmp_path / name)
    shutil.move(tmp_path / name, tmp_path / f"moved-{name}")
    with open_tileset(tmp_path / f"moved-{name}") as tileset:
        told = tileset.metadata
    assert told["notice"] == "Generated map, not surveyed"
    assert told["description"] == "Generated map, not surveyed."
    assert told["attribution"] == "Photos: the town"
    assert told["generator"].startswith("c2gm ")
    assert told["model"] == "abc123"
