from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from c2gm.cartography.map_objects import MapObjects
from c2gm.cartography.osm_kinds import area_kind, line_kind
from c2gm.cartography.vectors import VectorSource, read_source, read_vectors, to_mercator
from c2gm.errors import AreaError, VectorError

from .conftest import shapes
from .ground_files import BOUNDS, LAT, LON, Feature, write_geojson, write_gpkg, write_pbf

OSM_FILE = """<?xml version='1.0'?>
<osm version="0.6">
  <bounds minlat="47.10" minlon="9.50" maxlat="47.20" maxlon="9.60"/>
  {nodes}
  <way id="100"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
    <tag k="building" v="house"/></way>
  <way id="101"><nd ref="1"/><nd ref="3"/><tag k="highway" v="service"/>
    <tag k="service" v="driveway"/></way>
  <way id="102"><nd ref="2"/><nd ref="4"/><tag k="highway" v="primary"/>
    <tag k="tunnel" v="yes"/></way>
  <way id="103"><nd ref="2"/><nd ref="5"/><tag k="highway" v="residential"/></way>
  <way id="104"><nd ref="4"/><nd ref="5"/><tag k="railway" v="rail"/>
    <tag k="service" v="siding"/></way>
  <way id="105"><nd ref="5"/><nd ref="6"/><nd ref="7"/><nd ref="8"/><nd ref="5"/>
    <tag k="landuse" v="forest"/></way>
</osm>
"""
NODES = [(0, 0), (20, 0), (20, 20), (0, 20), (40, 40), (60, 40), (60, 60), (40, 60), (5, 70)]


def osm_file(folder: Path) -> Path:
    nodes = "\n".join(
        f'<node id="{i}" lat="{LAT + 1e-5 * y}" lon="{LON + 1e-5 * x}">'
        + ('<tag k="natural" v="tree"/>' if i == 9 else "")
        + "</node>"
        for i, (x, y) in enumerate(NODES, start=1)
    )
    path = folder / "town.osm"
    path.write_text(OSM_FILE.format(nodes=nodes), encoding="utf-8")
    return path


def write_layer(
    path: Path, layer: str, geometries: list[object], crs: str = "EPSG:4326", **tags: list[str]
) -> None:
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(geometry) for geometry in geometries], dtype=object),
        [np.array(values, dtype=object) for values in tags.values()],
        list(tags),
        layer=layer,
        driver="GPKG",
        geometry_type=shapely.get_type_id(geometries[0]) == 3 and "Polygon" or "LineString",
        crs=crs,
        append=path.exists(),
    )


def test_an_openstreetmap_file_gives_its_kinds(tmp_path: Path) -> None:
    objects = read_vectors(osm_file(tmp_path))
    assert {kind: len(areas) for kind, areas in objects.areas.items()} == {"building": 1, "wood": 1}
    assert {kind: len(lines) for kind, lines in objects.lines.items()} == {
        "driveway": 1,
        "street": 1,
        "rail_yard": 1,
    }
    assert np.allclose(
        objects.trees, to_mercator(np.array([[LON + 5e-5, LAT + 7e-4]]), "EPSG:4326")
    )


def test_a_geopackage_with_tags_as_columns_gives_its_kinds(tmp_path: Path) -> None:
    path = tmp_path / "town.gpkg"
    square = shapely.box(LON, LAT, LON + 0.001, LAT + 0.001)
    way = shapely.LineString([(LON, LAT), (LON + 0.001, LAT)])
    write_layer(path, "roads", [way, way, way], highway=["trunk_link", "track", "proposed"])
    write_layer(path, "buildings", [square], name=["town hall"])
    write_layer(path, "green", [square, square], landuse=["farmland", ""], leisure=["", "pitch"])
    write_layer(path, "barriers", [way], natural=["tree_row"])
    objects = read_vectors(path)
    assert {kind: len(areas) for kind, areas in objects.areas.items()} == {
        "building": 1,
        "farmland": 1,
        "park": 1,
    }
    assert {kind: len(lines) for kind, lines in objects.lines.items()} == {
        "motorway": 1,
        "track": 1,
    }
    length = 0.001 * 111_320 * np.cos(np.radians(LAT))
    assert len(objects.trees) == round(length / 8)


def test_other_coordinate_systems_land_on_the_same_place(tmp_path: Path) -> None:
    from rasterio.warp import transform

    degrees = np.array([[LON, LAT], [LON + 0.01, LAT], [LON + 0.01, LAT + 0.01]])
    utm = np.stack(transform("EPSG:4326", "EPSG:32632", *degrees.T), axis=1)
    write_layer(tmp_path / "a.gpkg", "water", [shapely.Polygon(degrees)], name=[""])
    write_layer(tmp_path / "b.gpkg", "water", [shapely.Polygon(utm)], crs="EPSG:32632", name=[""])
    (first,) = read_vectors(tmp_path / "a.gpkg").areas["water"]
    (second,) = read_vectors(tmp_path / "b.gpkg").areas["water"]
    assert shapely.hausdorff_distance(first, second) < 0.01


def test_degrees_become_the_metres_of_the_tile_grid() -> None:
    import mercantile

    places = np.array([[0.0, 0.0], [LON, LAT], [-179.9, -80.0]])
    expected = [mercantile.xy(*place) for place in places]
    assert np.allclose(to_mercator(places, "EPSG:4326"), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"highway": "motorway_link"}, "motorway"),
        ({"highway": "tertiary"}, "main_road"),
        ({"highway": "living_street"}, "street"),
        ({"highway": "service", "service": "alley"}, "service"),
        ({"highway": "service", "service": "parking_aisle"}, "driveway"),
        ({"highway": "service", "tunnel": "building_passage"}, "service"),
        ({"highway": "footway", "footway": "sidewalk"}, None),
        ({"highway": "construction"}, None),
        ({"highway": "residential", "tunnel": "yes"}, None),
        ({"railway": "subway", "tunnel": "yes"}, None),
        ({"railway": "rail"}, "railway"),
        ({"railway": "tram"}, None),
        ({"waterway": "stream"}, "stream"),
        ({"waterway": "stream", "tunnel": "culvert"}, None),
        ({"waterway": "dam"}, None),
        ({}, None),
    ],
)
def test_tags_of_lines(tags: dict[str, str], kind: str | None) -> None:
    assert line_kind(tags) == kind


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"building": "yes", "amenity": "school"}, "building"),
        ({"building": "no"}, None),
        ({"natural": "water"}, "water"),
        ({"natural": "bare_rock"}, "sand"),
        ({"amenity": "parking"}, "sand"),
        ({"landuse": "residential"}, "built_up"),
        ({"landuse": "orchard"}, "farmland"),
        ({"landuse": "residential", "natural": "wood"}, "wood"),
        ({"highway": "pedestrian"}, "road_area"),
        ({"boundary": "administrative"}, None),
    ],
)
def test_tags_of_areas(tags: dict[str, str], kind: str | None) -> None:
    assert area_kind(tags) == kind


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(VectorError, match=r"no vector file .*nowhere\.gpkg"):
        read_vectors(tmp_path / "nowhere.gpkg")


def test_a_file_that_is_no_vector_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.gpkg"
    path.write_text("no vectors", encoding="utf-8")
    with pytest.raises(VectorError, match=r"notes\.gpkg cannot be read"):
        read_vectors(path)


def test_a_file_without_anything_to_draw_is_refused(tmp_path: Path) -> None:
    write_layer(tmp_path / "a.gpkg", "lines", [shapely.LineString([(0, 0), (1, 1)])], note=["x"])
    with pytest.raises(VectorError, match="nothing that a map shows"):
        read_vectors(tmp_path / "a.gpkg")


def test_a_coast_makes_the_sea(tmp_path: Path) -> None:
    path = tmp_path / "coast.gpkg"
    # Eastwards with the land on the left: the sea is in the south.
    coast = shapely.LineString([(LON - 0.1, LAT), (LON, LAT + 0.005), (LON + 0.1, LAT)])
    harbour = shapely.box(LON, LAT - 0.02, LON + 0.001, LAT + 0.02)
    write_layer(path, "coast", [coast], natural=["coastline"])
    write_layer(path, "buildings", [harbour], name=[""])
    objects = read_vectors(path)
    assert isinstance(objects, MapObjects)
    sea = shapely.union_all(shapes(*objects.areas["water"]))
    south, north = to_mercator(np.array([[LON, LAT - 0.01], [LON, LAT + 0.01]]), "EPSG:4326")
    assert sea.contains(shapely.Point(south)) and not sea.contains(shapely.Point(north))


@pytest.fixture(scope="module")
def all_three(tmp_path_factory: pytest.TempPathFactory) -> list[VectorSource]:
    """The same ground read from an extract, GeoJSON and GeoPackage."""
    folder = tmp_path_factory.mktemp("ground")
    return [
        read_source(write_pbf(folder / "ground.osm.pbf")),
        read_source(write_geojson(folder / "ground.geojson")),
        read_source(write_gpkg(folder / "ground.gpkg")),
    ]


def outlines(objects: MapObjects) -> dict[str, list[str]]:
    """Every object by kind, in whole decimetres, in an order of its own."""
    return {
        kind: sorted(
            shapely.to_wkt(part.normalize(), rounding_precision=1)
            for part in shapely.get_parts(array)
        )
        for kind, array in {**objects.areas, **objects.lines}.items()
    }


def test_an_extract_geojson_and_geopackage_of_the_same_ground_are_read_the_same(
    all_three: list[VectorSource],
) -> None:
    extract, *others = (source.objects for source in all_three)
    assert {kind: len(array) for kind, array in {**extract.areas, **extract.lines}.items()} == {
        "building": 2,
        "sand": 1,
        "wood": 1,
        "water": 1,
        "farmland": 1,
        "road_area": 1,
        "main_road": 1,
        "street": 1,
        "driveway": 1,
        "stream": 1,
        "railway": 1,
        "rail_yard": 1,
    }
    for objects in others:
        assert outlines(objects) == outlines(extract)
        assert np.allclose(objects.trees, extract.trees, atol=0.02)


def test_an_extract_tells_its_bounds_and_whose_it_is(all_three: list[VectorSource]) -> None:
    extract, geojson, geopackage = all_three
    assert np.allclose(extract.bounds, BOUNDS)
    assert extract.attribution == "(c) OpenStreetMap contributors"
    for source in (geojson, geopackage):
        # From the first house to the end of the main road; the stream does not count.
        built = (LON - 50e-5, LAT - 20e-5, LON + 250e-5, LAT + 90e-5)
        assert np.allclose(source.bounds, built, atol=1e-7)
        assert source.attribution == ""


def test_openstreetmap_numbers_in_a_file_show_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "export.gpkg"
    way = shapely.LineString([(LON, LAT), (LON + 0.001, LAT)])
    write_layer(path, "lines", [way], highway=["track"], osm_id=["123"])
    assert read_source(path).attribution == "(c) OpenStreetMap contributors"


@pytest.mark.parametrize("writer", [write_pbf, write_geojson, write_gpkg])
def test_a_file_without_tags_is_refused_in_every_format(
    tmp_path: Path, writer: Callable[..., Path]
) -> None:
    name = {write_pbf: "a.osm.pbf", write_geojson: "a.geojson", write_gpkg: "a.gpkg"}[writer]
    nameless = [Feature(((0, 0), (10, 10)), {"note": "a line"})]
    with pytest.raises(VectorError, match="nothing that a map shows"):
        read_source(writer(tmp_path / name, nameless))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_an_extract_that_ends_too_soon_is_refused(tmp_path: Path, share: float) -> None:
    path = write_pbf(tmp_path / "cut.osm.pbf")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(VectorError, match=r"cut\.osm\.pbf"):
        read_source(path)


@pytest.mark.parametrize(
    "packed", ['"surface"=>"as\\"phalt","tunnel"=>"yes"', '{"surface": "asphalt", "tunnel": "yes"}']
)
def test_tags_that_were_packed_into_one_column_count(tmp_path: Path, packed: str) -> None:
    path = tmp_path / "packed.gpkg"
    way = shapely.LineString([(LON, LAT), (LON + 0.001, LAT)])
    write_layer(path, "lines", [way, way], highway=["residential"] * 2, other_tags=[packed, ""])
    assert len(read_vectors(path).lines["street"]) == 1


def test_an_area_without_objects_is_refused_and_told_where_they_are(tmp_path: Path) -> None:
    source = read_source(write_geojson(tmp_path / "ground.geojson"))
    source.check_inside((LON, LAT, LON + 1, LAT + 1))
    with pytest.raises(AreaError, match=r"from 9\.51950,47\.13980"):
        source.check_inside((LON + 1, LAT, LON + 2, LAT + 1))


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"amenity": "parking", "parking": "underground"}, None),
        ({"natural": "water", "location": "underground"}, None),
        ({"leisure": "swimming_pool", "indoor": "yes"}, None),
        ({"building": "roof", "covered": "yes"}, "building"),
        ({"highway": "footway", "area": "yes"}, "road_area"),
        ({"aeroway": "apron"}, "sand"),
    ],
)
def test_what_is_not_seen_from_above_is_no_area(tags: dict[str, str], kind: str | None) -> None:
    assert area_kind(tags) == kind


def test_paths_through_buildings_are_not_drawn_and_roads_are() -> None:
    for hidden in ({"tunnel": "building_passage"}, {"covered": "yes"}, {"indoor": "yes"}):
        assert line_kind({"highway": "footway", **hidden}) is None
        assert line_kind({"highway": "service", **hidden}) == "service"
