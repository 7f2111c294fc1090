"""A map traced back to vectors: no cracks, roads that meet, the right place."""

from __future__ import annotations

import json
from pathlib import Path

import mercantile
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from mercantile import Tile
from rasterio.features import shapes
from scipy.ndimage import gaussian_filter

from c2gm.cartography.map_objects import MapObjects
from c2gm.cartography.pyramid import draw_pyramid
from c2gm.errors import TilesetError
from c2gm.grid import Area, PixelBox, TileRange, bounds_of, mercator_resolution
from c2gm.legend import CLASS_ID
from c2gm.tilesets.open import create_tileset, open_tileset
from c2gm.tracing.areas import trace_areas as trace_rings
from c2gm.tracing.lines import trace_lines as trace_points
from c2gm.tracing.read_classes import NOTHING, Classes, read_classes
from c2gm.tracing.simplify import Borders
from c2gm.tracing.thinning import thinned
from c2gm.tracing.vector_files import write_traced

ZOOM = 17
SIZE = mercator_resolution(ZOOM)
EXTENT = TileRange(ZOOM, 70000, 44000, 70001, 44001)
LEFT, _, _, TOP = EXTENT.box.mercator_bounds()
SIDE = 512


def at(column: float, row: float) -> tuple[float, float]:
    """Metres of a pixel of the test ground."""
    return LEFT + column * SIZE, TOP - row * SIZE


def trace_areas(classes: Classes) -> dict[str, np.ndarray]:
    """Areas as shapely's polygons."""
    return {
        name: np.array([shapely.Polygon(rings[0], rings[1:]) for rings in polygons], dtype=object)
        for name, polygons in trace_rings(classes).items()
    }


def trace_lines(classes: Classes) -> dict[str, np.ndarray]:
    """Lines as shapely's."""
    return {
        name: np.array([shapely.LineString(line) for line in lines], dtype=object)
        for name, lines in trace_points(classes).items()
    }


def box(left: float, top: float, right: float, bottom: float) -> shapely.Geometry:
    return shapely.box(*at(left, bottom), *at(right, top))


@pytest.fixture(scope="session")
def crossing(tmp_path_factory) -> Path:
    """Water in the west, a wood in the east, and two streets that cross on a tile border."""
    path = tmp_path_factory.mktemp("tracing") / "crossing.mbtiles"
    objects = MapObjects(
        areas={
            "water": np.array([box(-50, -50, 200, 600)], dtype=object),
            "wood": np.array([box(200, -50, 600, 600)], dtype=object),
        },
        lines={
            "street": np.array(
                [
                    shapely.LineString([at(-50, 256), at(600, 256)]),
                    shapely.LineString([at(330, -50), at(330, 600)]),
                ],
                dtype=object,
            )
        },
    )
    with create_tileset(path, {"attribution": "nobody"}) as tileset:
        draw_pyramid(objects, Area(bounds_of(EXTENT), (ZOOM,)), tileset.put)
    return path


@pytest.fixture(scope="session")
def read(crossing) -> Classes:
    with open_tileset(crossing) as tileset:
        return read_classes(tileset, ZOOM)


def test_areas_go_on_under_roads_and_share_their_border(read):
    areas = trace_areas(read)
    assert set(areas) == {"water", "wood"}
    whole = shapely.union_all(np.concatenate(list(areas.values())))
    assert whole.symmetric_difference(box(0, 0, SIDE, SIDE)).area < 1e-6 * whole.area
    (water,), (wood,) = areas["water"], areas["wood"]
    assert water.intersection(wood).area == pytest.approx(0)
    assert water.area == pytest.approx(200 * SIDE * SIZE**2, rel=0.02)


def test_roads_are_four_lines_that_meet_where_they_cross(read):
    lines = trace_lines(read)
    assert set(lines) == {"street"}
    assert len(lines["street"]) == 4
    ends = np.array([line.coords[end] for line in lines["street"] for end in (0, -1)])
    crossing = np.array(at(330, 256))
    distances = np.hypot(*(ends - crossing).T) / SIZE
    assert np.sum(distances < 3) == 4
    assert sum(line.length for line in lines["street"]) == pytest.approx(2 * SIDE * SIZE, rel=0.03)


def test_a_part_is_what_the_whole_has_there(read, crossing):
    with open_tileset(crossing) as tileset:
        part = read_classes(tileset, ZOOM, bounds_of(TileRange(ZOOM, 70001, 44000, 70001, 44000)))
    assert part.areas.shape == (256, 256)
    assert np.array_equal(part.areas, read.areas[:256, 256:])
    assert np.mean(part.lines != read.lines[:256, 256:]) < 0.001


@pytest.mark.parametrize(
    ("zoom", "bounds", "says"),
    [(12, None, "no zoom 12; it has 17"), (ZOOM, (0, 0, 0.01, 0.01), "no tile of zoom 17")],
)
def test_what_is_not_there_is_told(crossing, zoom, bounds, says):
    with open_tileset(crossing) as tileset, pytest.raises(TilesetError, match=says):
        read_classes(tileset, zoom, bounds)


def test_too_large_an_area_is_refused_before_it_is_read(tmp_path):
    pixels = np.zeros((256, 256, 3), np.uint8)
    with create_tileset(tmp_path / "far.mbtiles", {}) as tileset:
        for tile in (Tile(0, 0, 10), Tile(200, 200, 10)):
            tileset.put(tile, pixels)
    with open_tileset(tmp_path / "far.mbtiles") as tileset:
        with pytest.raises(TilesetError, match="too many to trace"):
            read_classes(tileset, 10)


def drawn(areas: np.ndarray, lines: np.ndarray | None = None) -> Classes:
    height, width = areas.shape
    grid = PixelBox(ZOOM, 0, 0, width, height)
    return Classes(grid, areas, np.zeros_like(areas) if lines is None else lines)


def test_specks_take_the_class_around_them_and_holes_of_the_map_stay_open():
    ids = np.full((64, 64), CLASS_ID["wood"], dtype=np.uint8)
    ids[20:22, 20:22] = CLASS_ID["water"]
    ids[40:60, 40:60] = NOTHING
    areas = trace_areas(drawn(ids))
    assert set(areas) == {"wood"}
    assert sum(shape.area for shape in areas["wood"]) == pytest.approx(
        (64 * 64 - 400) * SIZE**2, rel=1e-6
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_whatever_the_classes_are_areas_neither_overlap_nor_leave_gaps(seed):
    rng = np.random.default_rng(seed)
    coarse = rng.choice([1, 2, 3, 4, 7], (8, 8))
    ids = np.kron(coarse, np.ones((16, 16))).astype(np.uint8)
    areas = np.concatenate(list(trace_areas(drawn(ids)).values()))
    assert shapely.is_valid(areas).all()
    assert shapely.coverage_is_valid(areas)
    total = sum(shape.area for shape in areas)
    assert total == pytest.approx(shapely.union_all(areas).area)
    assert total == pytest.approx(128 * 128 * SIZE**2, rel=0.02)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_even_raggedest_borders_never_cross(seed):
    """Classes pixel by pixel: thin slivers, islands in islands, corners that touch."""
    rng = np.random.default_rng(seed)
    ids = rng.choice([0, 1, 2, 3, NOTHING], (24, 24)).astype(np.uint8)
    borders = Borders(ids, 2.0)
    polygons = []
    for shape, value in shapes(ids, connectivity=4):
        rings = [borders.ring(np.array(ring, dtype=np.int64)) for ring in shape["coordinates"]]
        if value != NOTHING:
            polygons.append(shapely.Polygon(rings[0], rings[1:]))
    found = np.array(polygons, dtype=object)
    assert shapely.is_valid(found).all()
    assert sum(shape.area for shape in found) == pytest.approx(shapely.union_all(found).area)
    for number in shapely.STRtree(found).query(found, predicate="overlaps").T:
        raise AssertionError(f"areas {number} overlap")


def test_borders_lose_their_steps_and_stay_where_they_were():
    rows, columns = np.indices((256, 256))
    ids = np.where(np.hypot(rows - 128, columns - 128) < 90, 1, 2).astype(np.uint8)
    ids[(rows > 0.6 * columns + 100) & (ids == 2)] = 3
    areas = trace_areas(drawn(ids))
    (lake,) = areas["water"]
    assert len(lake.exterior.coords) < 120, "565 pixels' sides"
    circle = shapely.Point(128 * SIZE, -128 * SIZE).buffer(90 * SIZE, 64)
    left, _, _, top = PixelBox(ZOOM, 0, 0, 256, 256).mercator_bounds()
    moved = shapely.transform(circle, lambda points: points + np.array([left, top]))
    assert shapely.hausdorff_distance(lake.exterior, moved.exterior) < 2.5 * SIZE


def test_thinning_is_scikit_images():
    from skimage.morphology import thin

    rng = np.random.default_rng(3)
    for width in (1, 2, 4):
        mask = gaussian_filter(rng.normal(size=(120, 90)), width) > 0
        assert np.array_equal(thinned(mask), thin(mask))


def test_hairs_are_dropped_rings_closed_and_classes_kept():
    lines = np.zeros((120, 120), dtype=np.uint8)
    lines[60, 5:115] = CLASS_ID["street"]
    lines[54:60, 50] = CLASS_ID["street"]  # a hair of six pixels
    lines[10:31, 20] = lines[10:31, 40] = CLASS_ID["main road"]
    lines[10, 20:41] = lines[30, 20:41] = CLASS_ID["main road"]
    found = trace_lines(drawn(np.zeros_like(lines), lines))
    assert {name: len(shapes) for name, shapes in found.items()} == {"main road": 1, "street": 1}
    ring = found["main road"][0]
    assert ring.is_closed
    assert ring.length == pytest.approx(80 * SIZE, rel=0.1)
    assert found["street"][0].length == pytest.approx(109 * SIZE, rel=0.02)


def test_gdal_opens_both_kinds_at_the_right_place(read, tmp_path):
    import pyogrio

    areas, lines = trace_rings(read), trace_points(read)
    about = {"attribution": "nobody", "notice": "Generated map, not surveyed"}
    for name in ("town.gpkg", "town.geojson"):
        count = write_traced(tmp_path / name, areas, lines, about)
        assert count == sum(map(len, (*areas.values(), *lines.values())))
    expected = np.array(EXTENT.box.mercator_bounds())
    info = pyogrio.read_info(tmp_path / "town.gpkg", layer="areas")
    assert info["crs"] == "EPSG:3857"
    assert np.allclose(info["total_bounds"], expected, atol=2 * SIZE)
    _, _, wkb, fields = pyogrio.raw.read(tmp_path / "town.gpkg", layer="lines")
    assert len(wkb) == 4
    assert set(fields[0]) == {"street"}
    info = pyogrio.read_info(tmp_path / "town.geojson")
    west, south, east, north = info["total_bounds"]
    assert np.allclose([*mercantile.xy(west, south), *mercantile.xy(east, north)], expected, atol=3)
    collection = json.loads((tmp_path / "town.geojson").read_text())
    assert collection["notice"] == "Generated map, not surveyed"
    assert {f["properties"]["class"] for f in collection["features"]} == {"water", "wood", "street"}


@pytest.mark.parametrize("name", ["town.gpkg", "town.geojson"])
def test_what_cannot_be_written_is_one_sentence_and_leaves_the_old_file(
    read, tmp_path, monkeypatch, name
):
    from c2gm.errors import DiskFull
    from c2gm.tracing import vector_files

    path = tmp_path / name
    areas, lines = trace_rings(read), trace_points(read)
    write_traced(path, areas, lines, {})
    before = path.read_bytes()

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vector_files.os, "replace", full)
    with pytest.raises(DiskFull, match=name):
        write_traced(path, areas, lines, {})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_geopackage_that_gdal_cannot_write_is_told(read, tmp_path, monkeypatch):
    import pyogrio

    def fails(*_arguments, **_options):
        raise pyogrio.errors.DataSourceError("no")

    monkeypatch.setattr(pyogrio.raw, "write", fails)
    with pytest.raises(TilesetError, match="cannot be written: no"):
        write_traced(tmp_path / "town.gpkg", trace_rings(read), {}, {})
    assert list(tmp_path.iterdir()) == []
